"""What one conversation recalls: summaries of earlier ones, lore that words call up, and memories."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import NoReturn

import structlog
import trio

from actors.retriever import DEADLINE, Recall
from harry.errors import StoreError
from harry.memory.conversations.recent import earlier
from harry.memory.conversations.rotation import Rotation
from harry.memory.longterm.selection import MemorySearch
from harry.memory.longterm.service import LongTermMemory
from harry.memory.lore.service import KnowledgeBase

log = structlog.get_logger(__name__)


LORE_TOKENS = 500
"""Tokens of lore in a prompt, beside what is always there."""


class SessionMemory:
    """One session's. `present` tells which turns the prompt holds already; the session sets it."""

    def __init__(self, memory: LongTermMemory, namespace: str, lore: KnowledgeBase, rotation: Rotation) -> None:
        self._memory = memory
        self._rotation = rotation
        self._lore = lore
        self._namespace = namespace
        self._summed_up: frozenset[str] = frozenset()  # conversations that the prompt tells of in short
        self.present: Callable[[], Collection[str]] = frozenset
        self.recall = Recall(MemorySearch(memory, namespace, present=self._present).search)

    def _present(self) -> Collection[str]:
        return self._summed_up.union(self.present())

    def notice(self) -> None:
        """Tell that something was kept, so that it can soon be found by its meaning too. Never waits."""
        self._memory.notice()

    async def remember(self, words: str) -> list[str]:
        """What earlier conversations were about, and what bears on some words: lore that they call up, then memories.

        Each keeps a deadline of its own, and a store that fails is noted and remembers nothing.
        """
        before: list[str] = []

        async def look_back() -> None:
            nonlocal before
            before = await self._before()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(look_back)
            known = await self._known(words)
            found = await self.recall.recall(words)
        return [*before, *known, *found]

    async def _before(self) -> list[str]:
        try:
            with trio.move_on_after(DEADLINE):
                told = await earlier(self._rotation, self._namespace)
                self._summed_up = frozenset(told)
                return list(told.values())
        except StoreError as error:
            log.warning("earlier conversations are not recalled", cause=str(error))
        return []

    async def _known(self, words: str) -> list[str]:
        try:
            with trio.move_on_after(DEADLINE):
                return [f"Known: {fired.text}" for fired in await self._lore.fire([words], LORE_TOKENS)]
        except StoreError as error:
            log.warning("lore is not recalled", cause=str(error))
        return []

    async def run(self) -> NoReturn:
        """Look ahead until cancelled."""
        await self._memory.warm(self._namespace)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.recall.run)
            nursery.start_soon(self._lore.run)
            await trio.sleep_forever()
