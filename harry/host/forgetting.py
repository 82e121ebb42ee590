"""Forgetting for good: in what is kept, and in the conversations that go on."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import trio

from harry.host.shared_memory import SharedMemory
from harry.memory.longterm.forgetting import Forgotten
from harry.memory.longterm.forgetting_day import DayForgotten
from harry.session.session import Session

KEPT_WITHIN = 5.0
"""Seconds for which a deletion waits for what was said before to be kept."""


class Forgetting:
    """Of all users. `memory` is None where nothing is kept; `sessions_of` gives a user's conversations."""

    def __init__(self, memory: SharedMemory | None, sessions_of: Callable[[str], Sequence[Session]]) -> None:
        self._memory = memory
        self._sessions_of = sessions_of

    async def forget(self, user: str, identity: str) -> Forgotten:
        """Forget an item of a user's for good, also in his conversations that go on. Raises `StoreError`."""
        if self._memory is None:
            return Forgotten()
        await self._kept(user)
        forgotten = await self._memory.memory.forget(user, [identity])
        for session in self._sessions_of(user):
            session.forget(forgotten)
        return forgotten

    async def forget_day(self, user: str, day: str) -> DayForgotten:
        """Forget a local day (YYYY-MM-DD) of a user's for good, also in his conversations. Raises `StoreError`."""
        if self._memory is None:
            return DayForgotten()
        await self._kept(user)
        gone = await self._memory.memory.forget_day(user, day)
        for session in self._sessions_of(user):
            session.forget(gone.forgotten)
        return gone

    async def _kept(self, user: str) -> None:
        """Wait until what was said is on disk: it may tell what is to be forgotten."""
        # A store that does not take it now takes the deletion no better.
        with trio.move_on_after(KEPT_WITHIN):
            for session in self._sessions_of(user):
                await session.conductor.acknowledged()
