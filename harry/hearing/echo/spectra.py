"""Transforms in single precision: NumPy 2 keeps float32, which its type stubs do not know yet."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from actors.protocols import Samples

Spectra = npt.NDArray[np.complex64]
"""Spectra of real sound along the last axis."""

Powers = npt.NDArray[np.float32]
"""One power for each bin of a spectrum."""


def transform(samples: Samples) -> Spectra:
    """Transform along the last axis: n samples become n / 2 + 1 bins."""
    transformed: Any = np.fft.rfft(samples)
    return transformed  # type: ignore[no-any-return]  # the stubs say complex128


def invert(spectra: Spectra) -> Samples:
    """Transform back: the inverse of `transform`."""
    transformed: Any = np.fft.irfft(spectra)
    return transformed  # type: ignore[no-any-return]  # the stubs say float64


def compute_power(spectra: Spectra) -> Powers:
    """Return the squared magnitude of each bin."""
    squared: Powers = spectra.real**2 + spectra.imag**2
    return squared
