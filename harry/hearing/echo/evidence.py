"""Is there more in the residual than the echo explains? A score over critical bands, and the gain that follows from it.

A canceller leaves two things behind: what its filter does not know yet, which the Kalman filter itself foretells, and
what no linear filter can know (distortion, the tail of the reverberation), which is a share of the predicted echo in
the same bands and, less, in all others. A person's voice stands above both in many bands at once.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from actors.protocols import Samples
from channels.messages import EAR_RATE
from harry.hearing.echo.filter import BLOCK, SIZE
from harry.hearing.echo.spectra import Powers, compute_power, invert, transform

_EDGES_HZ = (100, 200, 300, 400, 510, 630, 770, 920, 1080, 1270, 1480, 1720, 2000, 2320, 2700, 3150, 3700, 4400, 5300)
_EDGES = np.round(np.array([*_EDGES_HZ, 6400, 7700]) * SIZE / EAR_RATE).astype(np.intp)
"""Where Zwicker's critical bands begin, in bins; the last entry is the end."""

BANDS = len(_EDGES) - 1

_DOUBT = 4.0
"""The expected power of what the filter does not know is exceeded by as much now and then."""

_LEAK = 0.05
_SPREAD = 0.3
"""A twentieth (-13 dB) of the predicted echo may remain, in its band and, by 0.3 of the mean, in all bands."""

_LINGER = 0.6
"""What is left of a band's echo after another block, at the least: the reverberation beyond the filter."""

_NOISE = 4.0
_NOISE_WINDOW = 48
"""Noise is what a band has at its quietest in the last 0.8 to 1.5 s (R. Martin's minimum statistics, 2001); what it is
on average lies above that.
"""

_DECADES = 2.0
"""A band counts for no more than this, so that one whistle makes no voice."""

_GRID = 128
_RESPONSE = 64
_POINTS = np.arange(_GRID // 2 + 1) * EAR_RATE / _GRID
_CENTRES = (_EDGES[:-1] + _EDGES[1:]) * EAR_RATE / (2 * SIZE)
_FOLD = np.concatenate(([1.0], np.full(_GRID // 2 - 1, 2.0), [1.0], np.zeros(_GRID // 2 - 1))).astype(np.float32)

Bands = npt.NDArray[np.float32]


class Evidence:
    """One session's judge. `weigh` takes the blocks in turn."""

    def __init__(self) -> None:
        self._window = np.hanning(SIZE + 1)[:SIZE].astype(np.float32)
        self._residual: Samples = np.zeros(BLOCK, np.float32)
        self._predicted: Samples = np.zeros(BLOCK, np.float32)
        self._echo: Bands = np.zeros(BANDS, np.float32)
        self._noise: Bands = np.full(BANDS, 1e-3, np.float32)
        self._smooth: Bands = np.full(BANDS, 1e-3, np.float32)
        self._quietest: Bands = self._smooth
        self._quietest_before: Bands = self._smooth
        self._until_window = _NOISE_WINDOW
        self._left: Bands = np.zeros(BANDS, np.float32)
        self._power: Bands = np.ones(BANDS, np.float32)

    def weigh(self, residual: Samples, predicted: Samples, doubt: Powers) -> float:
        """Return by how many decades the last 32 ms exceed what echo and noise explain, on average over the bands.

        `residual` and `predicted` have shape (BLOCK,); `doubt` is the filter's. 0 is nothing, 2 the most.
        """
        left = self._banded(self._residual, residual)
        np.maximum(self._banded(self._predicted, predicted), self._echo * np.float32(_LINGER), out=self._echo)
        self._residual, self._predicted = residual, predicted
        self._note_noise(left)
        self._power = left
        self._left = _LEAK * (self._echo + _SPREAD * self._echo.mean()) + _DOUBT * _summed(doubt)
        explained = self._left + _NOISE * self._noise + np.float32(1e-6)
        return float(np.clip(np.log10((left + np.float32(1e-12)) / explained), 0.0, _DECADES).mean())

    def overhear(self, microphone: Samples) -> None:
        """Learn the noise from a frame in which Harry is silent: shape (n,), n at least SIZE / 2."""
        before = microphone[-SIZE:-BLOCK] if len(microphone) >= SIZE else self._residual
        self._note_noise(self._banded(before, microphone[-BLOCK:]))
        self._residual = microphone[-BLOCK:]

    def gains(self, least: float) -> Bands:
        """Wiener's gain for each band after the last `weigh`, at least `least`: little where mostly echo is left."""
        gains: Bands = np.clip(1 - self._left / (self._power + np.float32(1e-12)), least, 1).astype(np.float32)
        return gains

    def _note_noise(self, power: Bands) -> None:
        self._smooth = np.float32(0.7) * self._smooth + np.float32(0.3) * power
        self._quietest = np.minimum(self._quietest, self._smooth)
        self._until_window -= 1
        if self._until_window <= 0:
            self._until_window = _NOISE_WINDOW
            self._quietest_before, self._quietest = self._quietest, self._smooth
        self._noise = np.minimum(self._quietest_before, self._quietest)

    def _banded(self, before: Samples, now: Samples) -> Bands:
        return _summed(compute_power(transform(np.concatenate((before, now)) * self._window)))


def _summed(powers: Powers) -> Bands:
    summed: Bands = np.add.reduceat(powers, _EDGES)[:-1]
    return summed


class Equaliser:
    """Applies gains without delay: each block is filtered by the minimum-phase response that has them.

    After H. W. Löllmann and P. Vary, "Low delay filter-banks for speech and audio processing" (2008): the gains shape a
    filter in the time domain, so that no block has to wait for the next.
    """

    def __init__(self) -> None:
        self._past: Samples = np.zeros(_RESPONSE - 1, np.float32)
        self._response: Samples | None = None
        self._fade = np.linspace(0.0, 1.0, BLOCK, dtype=np.float32)

    def apply(self, samples: Samples, gains: Bands | None) -> Samples:
        """Filter a block, fading over from the gains before; None is unity, and twice None returns `samples` itself."""
        extended = np.concatenate((self._past, samples))
        self._past = extended[-(_RESPONSE - 1) :]
        before, self._response = self._response, None if gains is None else _minimum_phase(gains)
        if before is None and self._response is None:
            return samples
        old = samples if before is None else np.convolve(extended, before, "valid")
        new = samples if self._response is None else np.convolve(extended, self._response, "valid")
        faded: Samples = old + self._fade * (new - old)
        return faded


def _minimum_phase(gains: Bands) -> Samples:
    """Make the response of `_RESPONSE` taps with these gains, by the folded cepstrum (Oppenheim and Schafer)."""
    level = np.log(np.interp(_POINTS, _CENTRES, gains)).astype(np.float32)
    folded = invert(level.astype(np.complex64)) * _FOLD
    return invert(np.exp(transform(folded)))[:_RESPONSE]
