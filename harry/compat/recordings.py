"""Recordings that are being made: a portion at a time, by their name; bounded, and forgotten when nobody ends them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

MAX_RECORDINGS = 16
"""Recordings at once; the oldest is let go for another."""

MAX_RECORDING_BYTES = 20 * 1024 * 1024
"""Bytes of one recording: ten minutes at 16,000 Hz. What comes later is not taken."""

STALE_SECONDS = 300.0
"""Seconds after which a recording that nobody ended is forgotten."""


@dataclass(slots=True)
class _Recording:
    began: float
    sound: bytearray = field(default_factory=bytearray)


class Recordings:
    """May be used from any thread. `clock` tells seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._open: dict[str, _Recording] = {}

    def begin(self, name: str) -> None:
        """Begin one; what was recorded under this name is forgotten."""
        with self._lock:
            now = self._clock()
            self._open = {
                key: recording for key, recording in self._open.items() if now - recording.began < STALE_SECONDS
            }
            self._open.pop(name, None)
            while len(self._open) >= MAX_RECORDINGS:
                del self._open[next(iter(self._open))]
            self._open[name] = _Recording(now)

    def add(self, name: str, sound: bytes) -> bool:
        """Add to one. False: there is none of this name, or it is full."""
        with self._lock:
            recording = self._open.get(name)
            if recording is None or len(recording.sound) + len(sound) > MAX_RECORDING_BYTES:
                return False
            recording.sound += sound
            return True

    def end(self, name: str) -> bytes | None:
        """End one and give what was recorded; None where there is none, or it is too old."""
        with self._lock:
            recording = self._open.pop(name, None)
            if recording is None or self._clock() - recording.began >= STALE_SECONDS:
                return None
            return bytes(recording.sound)
