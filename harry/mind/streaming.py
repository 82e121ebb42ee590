"""Replies out of a thread: `Offload.stream` with a cancel scope for each item, since trio lets a scope be entered once.

Without it the second token of a reply fails. When `harry.offload` does the same, this module has done its work.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import TypeVar

import trio

from harry.errors import EngineTimeout
from harry.offload import Emit, Offload

T = TypeVar("T")


class Streaming(Offload):
    """The threads of one engine instance that answers item by item."""

    async def stream(self, work: Callable[[Emit[T]], None], send: Callable[[T], Awaitable[None]]) -> None:
        """Do blocking `work(emit)` in a thread, and `await send(item)` in trio for each item it emits."""
        sending: list[trio.CancelScope] = []
        with trio.CancelScope(deadline=trio.current_time() + self.deadline) as scope:

            async def pass_on(item: T) -> None:
                # It runs in a system task, which may begin after the caller has gone.
                if emit.stopped:
                    return
                scope.deadline = math.inf
                with trio.CancelScope() as sending_one:
                    sending[:] = [sending_one]
                    await send(item)
                scope.deadline = trio.current_time() + self.deadline

            emit = Emit(pass_on)
            try:
                await trio.to_thread.run_sync(
                    self._guarded, work, (emit,), abandon_on_cancel=True, limiter=self._limiter
                )
            finally:
                emit.stop()
                for each in sending:
                    each.cancel()
        if scope.cancelled_caught:
            self.retired = True
            raise EngineTimeout(f"{self.name} said nothing for {self.deadline:g} seconds.")
