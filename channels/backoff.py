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
        self._wait = MIN_SECONDS

    def reset(self) -> None:
        """Begin with the shortest wait again: an attempt succeeded."""
        self._wait = MIN_SECONDS

    async def sleep(self) -> None:
        """Wait half to all of the time that is due now; the next wait is twice as long, up to `MAX_SECONDS`."""
        wait, self._wait = self._wait, min(self._wait * 2, MAX_SECONDS)
        await trio.sleep(wait * random.uniform(0.5, 1.0))  # noqa: S311  jitter, not a secret
