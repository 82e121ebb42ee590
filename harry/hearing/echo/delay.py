"""How long a sound takes from the reference to the microphone: generalised cross-correlation with phase transform.

C. H. Knapp and G. C. Carter, "The generalized correlation method for estimation of time delay", IEEE Trans. ASSP 24
(1976). It looks at the last second, needs no earlier knowledge, and says nothing rather than something doubtful.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from actors.protocols import Samples
from channels.messages import EAR_RATE

MAX_DELAY_SAMPLES = 8192
"""Samples of delay that can be found: 0.5 s."""

_WINDOW = 2 * MAX_DELAY_SAMPLES
_LOWEST = 150 * _WINDOW // EAR_RATE
_HIGHEST = 6000 * _WINDOW // EAR_RATE
_AGREE = 16
"""Samples by which two looks may differ and still mean the same delay."""

CLEAR = 9.0
"""A peak must stand this many times above the RMS of the correlation."""


class DelayFinder:
    """Fed with the last `WINDOW` samples of both streams now and then; `delay` is what two looks agreed on."""

    WINDOW = _WINDOW

    def __init__(self) -> None:
        self._cross: npt.NDArray[np.complex64] = np.zeros(_HIGHEST - _LOWEST, np.complex64)
        self._last: int | None = None
        self.clearness = 0.0

    def look(self, microphone: Samples, reference: Samples) -> int | None:
        """Find the delay in samples, 0 to `MAX_DELAY_SAMPLES`, once this look and the one before agree; about 0.6 ms.

        Both arrays have shape (WINDOW,) and end at the same instant; of the microphone only the newer half is used.
        """
        newer = np.zeros(_WINDOW, np.float32)
        newer[MAX_DELAY_SAMPLES:] = microphone[MAX_DELAY_SAMPLES:]
        band = slice(_LOWEST, _HIGHEST)
        cross = np.fft.rfft(newer)[band] * np.fft.rfft(reference)[band].conj()
        # Not quite the full transform: half the weight stays with the loud frequencies, where noise matters less.
        self._cross = np.float32(0.75) * self._cross + cross / (np.abs(cross) ** np.float32(0.75) + np.float32(1e-9))
        spectrum = np.zeros(MAX_DELAY_SAMPLES + 1, np.complex64)
        spectrum[band] = self._cross
        correlation = np.abs(np.fft.irfft(spectrum)[:MAX_DELAY_SAMPLES])
        peak = int(correlation.argmax())
        self.clearness = float(correlation[peak] / max(float(np.sqrt(np.square(correlation).mean())), 1e-12))
        found = peak if self.clearness >= CLEAR else None
        agreed = found if found is not None and self._last is not None and abs(found - self._last) <= _AGREE else None
        self._last = found
        return agreed

    def forget(self) -> None:
        """Start over."""
        self._cross[:] = 0
        self._last = None
