"""What was played, kept for two seconds and read as late as it arrives in the microphone.

The delay may be a fraction of a sample and may creep: the clocks of a loudspeaker and a microphone seldom agree.
"""

from __future__ import annotations

import math

import numpy as np

from actors.protocols import Samples

TAPS = 16
_PHASES = 64
_KEPT = 1 << 16


def _interpolators() -> Samples:
    """Make one windowed sinc for each fraction of a sample, shape (_PHASES + 1, TAPS), as `np.convolve` wants them."""
    taps = np.arange(1 - TAPS // 2, TAPS // 2 + 1)
    distance = taps - np.arange(_PHASES + 1)[:, None] / _PHASES
    table = np.sinc(distance) * np.cos(np.pi * distance / (TAPS + 2)) ** 2
    return np.ascontiguousarray(table[:, ::-1], dtype=np.float32)


_TABLE = _interpolators()


class History:
    """The last seconds of a stream at 16 kHz, oldest first."""

    def __init__(self) -> None:
        self._kept: Samples = np.zeros(_KEPT, np.float32)
        self._end = _KEPT // 2

    def push(self, samples: Samples) -> None:
        """Add the newest samples, shape (n,)."""
        if self._end + len(samples) > _KEPT:
            half = _KEPT // 2
            self._kept[:half] = self._kept[self._end - half : self._end].copy()
            self._end = half
        self._kept[self._end : self._end + len(samples)] = samples
        self._end += len(samples)

    def read_newest(self, count: int) -> Samples:
        """Return the newest `count` samples, as a view that the next push may change."""
        return self._kept[self._end - count : self._end]

    def read(self, count: int, back: int, delay: float) -> Samples:
        """Read `count` samples, the first of them `back` + `delay` before the end; `delay` is at least `TAPS` / 2."""
        place = self._end - back - delay
        floor = math.floor(place)
        first = floor - TAPS // 2 + 1
        interpolator = _TABLE[round((place - floor) * _PHASES)]
        read: Samples = np.convolve(self._kept[first : first + count + TAPS - 1], interpolator, "valid")
        return read
