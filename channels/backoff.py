"""The wait between two attempts at something that fails: from 0.1 to 5 seconds, doubled each time, with jitter.

Jitter keeps those that failed together from coming back together.
"""

from __future__ import annotations

import random

import trio

MIN_SECONDS, MAX_SECONDS = 0.1, 5.0


class Backoff:
    """One series of attempts."""

    def __init__(self) -> None:
        self._pause = MIN_SECONDS

    def reset(self) -> None:
        """Begin with the shortest pause again: an attempt succeeded."""
        self._pause = MIN_SECONDS

    def advance(self) -> float:
        """Return the seconds that are due now; the next pause is twice as long, up to `MAX_SECONDS`."""
        pause, self._pause = self._pause, min(self._pause * 2, MAX_SECONDS)
        return pause

    async def sleep(self) -> None:
        """Wait half to all of the time that is due now."""
        await trio.sleep(self.advance() * random.uniform(0.5, 1.0))  # noqa: S311  jitter, not a secret
