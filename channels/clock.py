"""The session's audio clock: seconds since its engines were ready, by trio's clock, so virtual time works too."""

from __future__ import annotations

import trio


class AudioClock:
    """Zero until `start()`; then seconds since. Both WAV devices and every event share one instance a session."""

    def __init__(self) -> None:
        self._zero: float | None = None

    def start(self) -> None:
        """Begin counting now. A second call changes nothing."""
        if self._zero is None:
            self._zero = trio.current_time()

    def now(self) -> float:
        """Return the seconds since `start()`; 0.0 before it."""
        return 0.0 if self._zero is None else trio.current_time() - self._zero

    def to_trio_time(self, at: float) -> float:
        """Return the trio time at which this clock shows `at` seconds, for `trio.sleep_until`."""
        if self._zero is None:
            raise RuntimeError("the session's clock has not been started")
        return self._zero + at
