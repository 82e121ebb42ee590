"""Is the utterance over: a pure state machine over voice probabilities, one window at a time.

Rules:
1. Speech starts at `ONSET` seconds of voice (probability >= `VOICED`) within one run; it began at the run's first window.
2. While speaking, a window below `SILENT` is silence; a window from it up to `VOICED` neither ends nor feeds a pause.
3. `endpoint_silence` seconds of silence end the utterance; it ended where the silence began.
4. `PROBE` seconds of silence ask for an early transcript of what may be the whole.
5. An utterance of `longest` seconds is ended as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

VOICED = 0.5
SILENT = 0.35
ONSET = 0.064
PROBE = 0.16


class Sign(StrEnum):
    """What a window changed."""

    NONE = "none"
    STARTED = "started"
    PAUSED = "paused"
    STOPPED = "stopped"


@dataclass(slots=True)
class Endpointing:
    """Times are in seconds on the session's clock."""

    endpoint_silence: float = 0.4
    longest: float = 90.0
    speaking: bool = False
    began_at: float = 0.0
    voice_ended_at: float = 0.0
    _run: float = 0.0
    _probed: bool = False

    def hear(self, probability: float, start: float, end: float) -> Sign:
        """Take in one window that lasted from `start` to `end`."""
        if not self.speaking:
            return self._before(probability, start, end)
        if probability >= SILENT:
            self.voice_ended_at = end
            self._probed = False
            if end - self.began_at >= self.longest:
                return self._stop()
            return Sign.NONE
        silence = end - self.voice_ended_at
        if silence >= self.endpoint_silence:
            return self._stop()
        if silence >= PROBE and not self._probed:
            self._probed = True
            return Sign.PAUSED
        return Sign.NONE

    def _before(self, probability: float, start: float, end: float) -> Sign:
        if probability < VOICED:
            self._run = 0.0
            return Sign.NONE
        if self._run == 0.0:
            self.began_at = start
        self._run += end - start
        if self._run < ONSET - 1e-9:
            return Sign.NONE
        self.speaking, self._run, self._probed = True, 0.0, False
        self.voice_ended_at = end
        return Sign.STARTED

    def _stop(self) -> Sign:
        self.speaking, self._run = False, 0.0
        return Sign.STOPPED
