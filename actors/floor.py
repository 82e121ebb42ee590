"""Who has the floor: a pure state machine that decides when a voice takes it from Harry.

Rules:
1. While Harry does not have the floor, nothing is decided here.
2. A window counts as voiced when the voice's probability is at least `VOICED`.
3. Voice adds up over windows; a gap longer than `GAP` seconds forgets it.
4. `barge_in_voice` seconds of voice while Harry has the floor: cut. Once cut, nothing more until Harry has it again.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

VOICED = 0.5
"""Probability from which a window counts as voice."""

GAP = 0.2
"""Seconds without voice after which an attempt to take the floor is forgotten."""


class Verdict(StrEnum):
    """What the floor decides."""

    NONE = "none"
    CUT = "cut"


@dataclass(slots=True)
class Floor:
    """Times are in seconds. `barge_in_voice` is how much voice takes the floor."""

    barge_in_voice: float = 0.25
    _voiced: float = 0.0
    _since_voice: float = 0.0

    def hear(self, probability: float, seconds: float, *, harry_has_it: bool) -> Verdict:
        """Take in one window of `seconds` and say what follows."""
        if probability >= VOICED:
            self._voiced += seconds
            self._since_voice = 0.0
        else:
            self._since_voice += seconds
            if self._since_voice > GAP:
                self._voiced = 0.0
        if harry_has_it and self._voiced >= self.barge_in_voice:
            self._voiced = 0.0
            return Verdict.CUT
        return Verdict.NONE
