"""What a turn is answered from: the conversation so far, memories, today's thoughts, and what Harry has in mind.

Whose they are is the turn's to say, not the session's: each source is asked for a turn, and takes the person from it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import structlog

from actors.protocols import Store
from channels.messages import Exchange
from channels.turn import Turn
from harry.errors import StoreError
from harry.session.recall import SessionMemory

log = structlog.get_logger(__name__)

State = tuple[tuple[str, str], ...]
"""What Harry has in mind, as (name, text)."""


class TurnSources:
    """One session's. `history(turn)` gives the conversation that a turn answers; `limit` bounds today's thoughts.

    `leave_out_deleted()` is to be awaited before a turn is answered from them: what somebody had deleted meanwhile, by
    whatever process, is then in none of them.
    """

    def __init__(
        self,
        store: Store,
        persona: str,
        *,
        history: Callable[[Turn], tuple[Exchange, ...]],
        memory: SessionMemory | None,
        state: Callable[[], State],
        today: Callable[[], str],
        limit: int,
        leave_out_deleted: Callable[[], Awaitable[None]],
    ) -> None:
        self.history = history
        self.leave_out_deleted = leave_out_deleted
        self._store = store
        self._persona = persona
        self._memory = memory
        self._state = state
        self._today = today
        self._limit = limit

    async def recall(self, turn: Turn) -> Sequence[str]:
        """Recall what bears on the turn's words; nothing where there is no long-term memory."""
        return await self._memory.recall(turn.user, turn.utterance.text) if self._memory is not None else ()

    async def read_thoughts(self, turn: Turn) -> list[str]:
        """Give the newest thoughts of today, oldest first; none where the store fails, for that is told elsewhere."""
        if not self._limit:
            return []
        try:
            entries = await self._store.thoughts(self._persona, self._today(), limit=self._limit, user=turn.user)
        except StoreError as error:
            # A memory that fails is told by the writer, and is no reason to be silent.
            log.warning("nothing is remembered", cause=str(error))
            return []
        return [str(entry["text"]) for entry in entries]

    def describe_state(self, turn: Turn) -> State:
        """Tell what Harry has in mind while he answers the turn."""
        del turn  # one mind, whoever speaks
        return self._state()
