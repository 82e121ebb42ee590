"""What happens again and again, to be waited for: `trio.Event` without the replacing that every such use needs.

A `Signal` is not remembered: a waiter looks at what it waits for before it waits, and after. A `Latch` stays set until
it is cleared.
"""

from __future__ import annotations

import trio


class Signal:
    """Wakes every task that waits. The idiom is `while not condition: await signal.wait()`."""

    __slots__ = ("_event",)

    def __init__(self) -> None:
        # Made by who waits: most signals find nobody, and an Event takes longer to make than all else in a publish.
        self._event: trio.Event | None = None

    def notify(self) -> None:
        """Wake every task that waits now; one that waits later waits for the next signal. In trio's thread."""
        if self._event is not None:
            self._event.set()
            self._event = None

    async def wait(self) -> None:
        """Wait for the next signal."""
        if self._event is None:
            self._event = trio.Event()
        await self._event.wait()


class Latch:
    """Wakes the tasks that wait for it, stays set, and can be cleared to be waited for once more.

    A task that clears it, works and then waits misses nothing that was signalled while it worked.
    """

    def __init__(self) -> None:
        self._event = trio.Event()

    def set(self) -> None:
        """Wake every task that waits, and let those that come pass, until `clear`."""
        self._event.set()

    def clear(self) -> None:
        """Let the next wait last until the next `set`. Tasks that wait already go on waiting."""
        if self._event.is_set():
            self._event = trio.Event()

    async def wait(self) -> None:
        """Wait until it is set; return at once if it is."""
        await self._event.wait()
