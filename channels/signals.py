"""A signal that can be given again and again: `trio.Event` without the replacing that every such use needs.

Nothing is remembered between two signals, so a waiter looks at what it waits for before it waits, and after.
"""

from __future__ import annotations

import trio


class Signal:
    """Wakes every task that waits. The idiom is `while not condition: await signal.wait()`."""

    __slots__ = ("_event",)

    def __init__(self) -> None:
        self._event = trio.Event()

    def notify(self) -> None:
        """Wake every task that waits now; one that waits later waits for the next signal. In trio's thread."""
        self._event.set()
        self._event = trio.Event()

    async def wait(self) -> None:
        """Wait for the next signal."""
        await self._event.wait()
