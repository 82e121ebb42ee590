"""From 16-bit PCM to samples: what ears and echo cancellers are given."""

from __future__ import annotations

import numpy as np

from actors.protocols import Samples

_FULL_SCALE = np.float32(32768)


def to_samples(pcm: bytes | memoryview) -> Samples:
    """Turn 16-bit mono PCM into float32 in -1..1, shape (samples,)."""
    return np.frombuffer(pcm, np.int16).astype(np.float32) / _FULL_SCALE
