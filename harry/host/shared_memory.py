"""Long-term memory as a session has it: asked while somebody speaks, and given vectors for what was kept meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Collection

import structlog

from harry.config.loading import Config
from harry.errors import StoreError
from harry.memory.conversations.rotation import Rotation
from harry.memory.longterm.opening import load_memory
from harry.memory.longterm.service import LongTermMemory
from harry.memory.lore.model import Scope
from harry.memory.lore.service import KnowledgeBase
from harry.memory.lore.store import LoreStore
from harry.memory.store.database import Database
from harry.memory.store.opening import NAMESPACE
from harry.session.recall import SessionMemory

log = structlog.get_logger(__name__)


class SharedMemory:
    """The memory and the lore that all sessions ask; `run` makes the vectors, once for all of them."""

    def __init__(self, memory: LongTermMemory, lore: LoreStore, rotation: Rotation) -> None:
        self.memory = memory
        self._rotation = rotation
        self.lore = lore

    def of(self, config: Config, present: Callable[[], Collection[str]] = frozenset) -> SessionMemory:
        """Give the configured user's share of it to one session; `present` tells which turns its prompt holds."""
        names = {"char": config.persona.name, "user": config.user.name}
        lore = KnowledgeBase(self.lore, Scope(NAMESPACE, config.persona.name), names=names)
        return SessionMemory(self.memory, lore, self._rotation, user=config.user.name, present=present)

    async def run(self) -> None:
        """Give vectors to what was kept, until cancelled; where there is no embedder, return."""
        if self.memory.embedder is not None:
            await self.memory.run()


async def shared_memory(config: Config, database: Database) -> SharedMemory | None:
    """Open the long-term memory in the process's database; None, logged, where it cannot be opened."""
    try:
        opened = await load_memory(database)
    except StoreError as error:
        log.warning("long-term memory is not used", cause=str(error))
        return None
    if opened.without:
        log.info("memories are found by words alone", cause=opened.without)
    return SharedMemory(opened.memory, LoreStore(database), Rotation(database))
