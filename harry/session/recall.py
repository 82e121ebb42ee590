"""What one conversation recalls: summaries of earlier ones, lore that words call up, and memories.

While somebody still speaks, memory is already asked about the words so far. Every source has the retriever's deadline;
a store that fails is noted, and remembers nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from typing import NoReturn

import structlog
import trio

from actors.retriever import DEADLINE, Recall
from channels.messages import Exchange
from harry.errors import StoreError
from harry.memory.conversations.recent import recall_earlier
from harry.memory.conversations.rotation import Rotation
from harry.memory.longterm.selection import CANDIDATES, render_memories
from harry.memory.longterm.service import Answer, LongTermMemory
from harry.memory.lore.activation import Moment
from harry.memory.lore.service import KnowledgeBase

log = structlog.get_logger(__name__)

LORE_TOKENS = 500
"""Tokens of lore in a prompt, in addition to what is always there."""


class SessionMemory:
    """One session's. `present()` tells which turns the prompt holds already; `user` is whose indexes are warmed."""

    def __init__(
        self,
        memory: LongTermMemory,
        lore: KnowledgeBase,
        rotation: Rotation,
        *,
        user: str,
        present: Callable[[], Collection[str]] = frozenset,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._memory = memory
        self._rotation = rotation
        self._lore = lore
        self._user = user
        self._present = present
        self._wall = wall
        self._summed_up: frozenset[str] = frozenset()  # conversations that the prompt tells of in short
        self._words = Recall(self._search)
        self.foresee = self._words.foresee
        """Tell whose words are so far what; see `Recall.foresee`."""
        self.forget = self._words.forget
        """Let go of what was found already; see `Recall.forget`."""
        self.history: Callable[[], Sequence[Exchange]] = tuple
        """What was said before in this conversation, oldest first: lore looks back at it."""
        self._fired: set[int] = set()  # entries that joined a prompt of an earlier turn
        self._fired_now: tuple[tuple[str, ...], frozenset[int]] = ((), frozenset())

    def notice(self) -> None:
        """Tell that something was kept, so that it can soon be found by its meaning too. Never waits."""
        self._memory.notice()

    async def recall(self, user: str, words: str) -> list[str]:
        """Return what bears on a user's words, for a prompt: earlier conversations in short, lore, then memories."""
        before: list[str] = []
        known: list[str] = []

        async def look_back() -> None:
            before.extend(await self._before(user))

        async def look_up() -> None:
            known.extend(await self._known(words))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(look_back)
            nursery.start_soon(look_up)
            found = await self._words.recall(user, words)
        return [*before, *known, *found]

    async def _search(self, user: str, words: str, offer: Callable[[Sequence[str]], None]) -> list[str]:
        def lines(answer: Answer) -> list[str]:
            return render_memories(answer, present=self._summed_up.union(self._present()), now=self._wall())

        try:
            answer = await self._memory.search(
                words, namespace=user, count=CANDIDATES, offer=lambda answer: offer(lines(answer))
            )
        except StoreError as error:
            log.warning("memory cannot be searched", reason=str(error))
            return []
        return lines(answer)

    async def _before(self, user: str) -> list[str]:
        try:
            with trio.move_on_after(DEADLINE):
                summaries = await recall_earlier(self._rotation, user)
                self._summed_up = frozenset(summaries)
                return list(summaries.values())
        except StoreError as error:
            log.warning("earlier conversations are not recalled", cause=str(error))
        return []

    async def _known(self, words: str) -> list[str]:
        try:
            with trio.move_on_after(DEADLINE):
                return await self._called_up(words)
        except StoreError as error:
            log.warning("lore is not recalled", cause=str(error))
        return []

    async def _called_up(self, words: str) -> list[str]:
        """Return the lore that the newest texts call up, each by what it asks of the conversation so far."""
        history = self.history()
        turns = tuple(exchange.turn for exchange in history)
        before, fired = self._fired_now
        if before != turns:
            # Only what joined the prompt of a turn that came to be has fired: a guess may have been taken back.
            self._fired |= fired
        texts = [text for exchange in history for text in (exchange.said, exchange.heard) if text.strip()]
        replies = sum(bool(exchange.heard.strip()) for exchange in history)
        found = await self._lore.fire(
            [*texts, words], LORE_TOKENS, moment=Moment(replies, frozenset(self._fired)), within=DEADLINE * 0.8
        )
        self._fired_now = turns, frozenset(fired.entry.number for fired in found)
        return [f"Known: {fired.text}" for fired in found]

    async def run(self) -> NoReturn:
        """Look ahead until cancelled."""
        try:
            await self._memory.warm(self._user)
        except StoreError as error:
            log.warning("memory is not warm", cause=str(error))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._words.run)
            nursery.start_soon(self._lore.run)
            await trio.sleep_forever()
