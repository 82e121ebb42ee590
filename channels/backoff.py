"""Growing pauses between attempts at something that fails."""

from __future__ import annotations

FIRST_SECONDS, MAX_SECONDS = 0.1, 5.0
"""The shortest and the longest pause."""


class Backoff:
    """Doubles the pause with every failure, from `FIRST_SECONDS` to `MAX_SECONDS`."""

    def __init__(self) -> None:
        self._pause = FIRST_SECONDS

    def reset(self) -> None:
        """Begin with the shortest pause: an attempt went well."""
        self._pause = FIRST_SECONDS

    def advance(self) -> float:
        """Return the seconds to pause now; the next pause is twice as long."""
        pause, self._pause = self._pause, min(2 * self._pause, MAX_SECONDS)
        return pause
