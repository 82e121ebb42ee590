"""A `trio.Event` for something that happens again and again."""

from __future__ import annotations

import trio


class Signal:
    """Wakes the tasks that wait for it, and can be cleared to be waited for once more.

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
