"""The recorder hears the microphone and hands frames to the listener.

It never waits: when the listener is more than a second behind, the oldest frames are dropped, counted. It also keeps
the level for a display.
"""

from __future__ import annotations

import math

import numpy as np

from actors.protocols import Microphone
from channels.messages import Frame
from channels.ports import Port


class Recorder:
    """Microphone -> inbox of the listener."""

    def __init__(self, microphone: Microphone, inbox: Port[Frame]) -> None:
        self._microphone = microphone
        self._inbox = inbox
        self._silence: bytes = b""
        self._newest: bytes = b""
        self.muted = False

    @property
    def level(self) -> float:
        """Loudness of the newest frame in decibels below full scale, -90 when silent."""
        # Worked out when somebody asks: few do, and a frame comes every 32 ms.
        samples = np.frombuffer(self._newest, np.int16).astype(np.float32)
        loudness = math.sqrt(float(np.dot(samples, samples)) / samples.size) if samples.size else 0.0
        return max(-90.0, 20 * math.log10(loudness / 32768)) if loudness > 0 else -90.0

    async def run(self) -> None:
        """Record until cancelled. Raises what the microphone raises."""
        await self._microphone.capture(self._hear)

    def _hear(self, frame: Frame) -> None:
        if self.muted:
            self._silence = self._silence if len(self._silence) == len(frame.pcm) else bytes(len(frame.pcm))
            frame = Frame(self._silence, frame.start)
        self._newest = frame.pcm
        self._inbox.offer(frame)
