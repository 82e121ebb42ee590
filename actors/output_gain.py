"""What every loudspeaker does with what it pulls: set its volume, soften it at a voice, and hand on what will sound.

It stands behind the gate, in the sink's thread, so that the gate's lock is held for a copy only. The gain moves over
one block, without a click.
"""

from __future__ import annotations

import numpy as np

from channels.gate import Gate
from channels.messages import SAMPLE_BYTES

DUCKED_GAIN = 0.25
"""12 dB down: a person hears at once that Harry has noticed them."""


class Ducking:
    """One sink's way of pulling from a gate."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._gain = 1.0

    def pull(self, into: memoryview) -> int:
        """Fill a buffer of bytes as `Gate.pull` does. Any thread; returns samples of speech."""
        gate = self._gate
        speech = gate.pull(into)
        gain = gate.volume * (DUCKED_GAIN if gate.ducked else 1.0)
        if speech and (gain != 1.0 or self._gain != 1.0):
            samples = np.frombuffer(into, np.int16)
            gains = np.linspace(self._gain, gain, len(samples), dtype=np.float32)
            samples[:] = np.clip(samples * gains, -32768, 32767).astype(np.int16)
        self._gain = gain
        if gate.tap is not None:
            gate.tap(bytes(into) if speech else len(into) // SAMPLE_BYTES)
        return speech
