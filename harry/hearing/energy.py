"""Voice activity by loudness alone: no model, no package, the same answer for the same sound on every machine.

It serves the benches, and the ear where Silero is not installed. It takes any loud noise for a voice.
"""

from __future__ import annotations

import math

import numpy as np
from pydantic import Field

from actors.protocols import Samples
from harry.engines.registry import EngineSettings


class EnergySettings(EngineSettings):
    """`threshold` is in dBFS (RMS of a window; full scale is 0)."""

    threshold: float = Field(-40.0, ge=-100.0, lt=0.0)


class EnergyStream:
    """Has no memory: a window over the threshold is a voice, at once."""

    def __init__(self, threshold: float) -> None:
        self._least = math.pow(10.0, threshold / 10.0)

    def probability(self, window: Samples) -> float:
        """1.0 when the window's mean square is over the threshold, else 0.0. About 3 us."""
        return 1.0 if float(np.dot(window, window)) > self._least * len(window) else 0.0


class Energy:
    """The factory of energy detectors."""

    Settings = EnergySettings

    def __init__(self, name: str, settings: EnergySettings) -> None:
        self.name = name
        self._settings = settings

    @staticmethod
    def load(name: str, settings: EnergySettings) -> Energy:
        """Build it; cannot fail."""
        return Energy(name, settings)

    def open_stream(self) -> EnergyStream:
        """Start a stream for one session."""
        return EnergyStream(self._settings.threshold)

    def describe(self) -> str:
        """Return one line for the startup report."""
        return "loudness"

    async def aclose(self) -> None:
        """Do nothing: there is nothing to let go of."""
