"""Keeps what was forgotten out of a conversation that goes on: out of its history, its thoughts and what it writes.

A person may have something forgotten in the middle of a conversation, by a word to Harry, on the page or from another
process. What the conversation remembers of it is let go; what was under way then is written without it.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import replace

import structlog
import trio

from channels.messages import Exchange, TurnRecord
from harry.errors import StoreError
from harry.memory.longterm.forgetting import Forgotten
from harry.session.history import MAX_EXCHANGES

FORGOTTEN = 16
"""Things forgotten last, of which turns that are not kept yet may still tell."""

THINKING = 120.0
"""Seconds after which no thought begun before can come any more."""

LOOK_WITHIN = 1.0
"""Seconds that the look at what was deleted may take; then the answer goes on without it."""

Gone = Callable[[Collection[str]], Awaitable[Collection[str]]]
"""Tells which turns, of those that were kept, hold nothing any more."""

log = structlog.get_logger(__name__)


class Forgetting:
    """One session's. `history()` gives its exchanges, `let_go(turns)` takes some out; `kept` are turns on disk already.

    `on_gone(forgotten)` is called where something was let go, with None where nothing more is known of it. Without
    `gone` nothing is kept on disk.
    """

    def __init__(
        self,
        *,
        history: Callable[[], tuple[Exchange, ...]],
        let_go: Callable[[Collection[str]], None],
        on_gone: Callable[[Forgotten | None], None] = lambda _: None,
        gone: Gone | None = None,
        kept: Iterable[str] = (),
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._history = history
        self._let_go = let_go
        self._on_gone = on_gone
        self._gone = gone
        self._kept = deque(kept, maxlen=2 * MAX_EXCHANGES)
        self._wall = wall
        self._forgotten = deque[tuple[float, Forgotten]](maxlen=FORGOTTEN)

    def forget(self, forgotten: Forgotten) -> None:
        """Take out of the conversation what was forgotten, also of turns that are still to be kept."""
        self._forgotten.append((self._wall(), forgotten))
        told = {each.turn for each in self._history() if forgotten.told_in(each.said, each.heard)}
        self._let_go(told.union(forgotten.turns))
        self._on_gone(forgotten)

    def was_kept(self, turn: str) -> None:
        """Note that a turn is on disk: when it is there no more, it was deleted."""
        self._kept.append(turn)

    def shines_through(self, thought: str) -> bool:
        """Whether a thought may come of what was told before it was forgotten."""
        now = self._wall()
        return any(now - at < THINKING and forgotten.told_of(thought) for at, forgotten in self._forgotten)

    def without_it(self, record: TurnRecord) -> TurnRecord:
        """Take the words out of a turn that began before something it told was forgotten, and ended after."""
        for at, forgotten in self._forgotten:
            if record.started_at <= at and forgotten.told_in(record.said, record.spoken):
                self._let_go({record.turn})
                return replace(record, said="", spoken="", heard="", tools=())
        return record

    async def leave_out_deleted(self) -> None:
        """Let go of turns that were deleted meanwhile, by whatever process. A store that fails is logged."""
        turns = {each.turn for each in self._history()}.intersection(self._kept)
        if self._gone is None or not turns:
            return
        try:
            with trio.move_on_after(LOOK_WITHIN):
                gone = await self._gone(turns)
                if gone:
                    self._let_go(gone)
                    self._on_gone(None)
        except StoreError as error:
            log.warning("it is not known whether something was deleted", cause=str(error))
