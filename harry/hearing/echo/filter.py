"""The echo's path from the loudspeaker to the microphone, learned as a long Kalman filter in the frequency domain.

G. Enzner and P. Vary, "Frequency-domain adaptive Kalman filter for acoustic echo control in hands-free telephones",
Signal Processing 86 (2006), with partitioned blocks as F. Kuech, E. Mabande and G. Enzner, "State-space architecture of
the partitioned-block-based acoustic echo controller", ICASSP 2014. It needs no double-talk detector: the step of each
frequency follows from how uncertain the filter is there and how much else sounds in the microphone.
"""

from __future__ import annotations

import numpy as np

from actors.protocols import Samples
from harry.hearing.echo.spectra import Powers, Spectra, compute_power, invert, transform

BLOCK = 256
"""Samples the filter takes at a time: 16 ms."""

SIZE = 2 * BLOCK
BINS = BLOCK + 1

_START = 0.3
"""Variance of the first partition's weights before anything is known: an echo about as loud as the reference."""

_OVERLAP = np.float32(0.5)
"""Half of each transform is kept (overlap-save), so a weight explains half of what it would."""


class PathFilter:
    """Covers `partitions` blocks of echo; `memory` is how much of the path lasts from one block to the next.

    `weights` has shape (partitions, BINS). `doubt` is the power of the echo, a value for each bin, that it expects to
    get wrong in the present block, because the path is not known well enough yet.
    """

    def __init__(self, partitions: int, memory: float) -> None:
        self.partitions = partitions
        self._keep = np.float32(memory * memory)
        self._renew = np.float32(1.0 - memory * memory)
        self._start = (_START * 10 ** (-0.15 * np.arange(partitions)))[:, None].astype(np.float32)
        self.weights: Spectra = np.zeros((partitions, BINS), np.complex64)
        self._uncertainty: Powers = np.repeat(self._start, BINS, axis=1)
        self._played: Spectra = np.zeros((2 * partitions, BINS), np.complex64)
        self._at = partitions
        self._before: Samples = np.zeros(BLOCK, np.float32)
        self._padded: Samples = np.zeros(SIZE, np.float32)
        self._other: Powers = np.full(BINS, 1e-4, np.float32)
        self.doubt: Powers = np.zeros(BINS, np.float32)

    def forget(self) -> None:
        """Know nothing of the path any more."""
        self.weights[:] = 0
        self._uncertainty[:] = self._start

    def unsettle(self, share: float) -> None:
        """Know the path less well than before: by `share` (0..1) of each weight's own power."""
        self._uncertainty += np.float32(share) * compute_power(self.weights)

    def push_silence(self) -> None:
        """Take in silence: nothing was played for longer than the filter is."""
        self._played[:] = 0
        self._before = np.zeros(BLOCK, np.float32)
        self.doubt = np.zeros(BINS, np.float32)

    def process(self, microphone: Samples, reference: Samples) -> Samples:
        """Predict the echo in a block of the microphone from what was played, and learn from what it got wrong.

        All three have shape (BLOCK,). About 0.1 ms for 12 partitions.
        """
        played = self._push(reference)
        predicted = invert((self.weights * played).sum(axis=0))[BLOCK:]
        self._padded[BLOCK:] = microphone - predicted
        error = transform(self._padded)
        loudness = compute_power(played)
        self.doubt = _OVERLAP * (loudness * self._uncertainty).sum(axis=0)
        self._other = np.float32(0.6) * self._other + np.float32(0.4) * compute_power(error)
        step = self._uncertainty / (self.doubt + self._other + np.float32(1e-6))
        change = invert(step * played.conj() * error)
        change[:, BLOCK:] = 0  # a partition is a block long; without this the blocks' ends would wrap around
        self.weights += transform(change)
        self._uncertainty *= self._keep * (1 - _OVERLAP * step * loudness)
        self._uncertainty += self._renew * compute_power(self.weights)
        return predicted

    def _push(self, reference: Samples) -> Spectra:
        """Take in a block of what was played. Returns the spectra of all partitions, newest first."""
        self._at -= 1
        if self._at < 0:
            self._played[self.partitions + 1 :] = self._played[: self.partitions - 1]
            self._at = self.partitions
        self._played[self._at] = transform(np.concatenate((self._before, reference)))
        self._before = reference
        return self._played[self._at : self._at + self.partitions]
