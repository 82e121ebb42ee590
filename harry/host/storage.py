"""Opens what a process keeps: the data folder's lock, the store, and the conversation that goes on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import structlog

from channels.messages import Exchange
from harry.config.loading import Config
from harry.errors import StoreError
from harry.memory.conversations.recent import recent
from harry.memory.store.data_folder import lock_folder, prepare_folder
from harry.memory.store.in_memory import InMemoryStore
from harry.memory.store.opening import KeepingStore, open_store

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Kept:
    """Where the conversation goes: the store, what it remembers, and what went wrong."""

    store: KeepingStore
    history: tuple[Exchange, ...] = ()
    notes: list[str] = field(default_factory=list)


@asynccontextmanager
async def keeping(config: Config, *, alone: bool = True) -> AsyncIterator[Kept]:
    """Open the store, hold the folder (`alone`), and close both at the end.

    A folder that cannot be written is a note and no end. Raises `FolderInUse` when another Harry runs on the folder.
    """
    async with AsyncExitStack() as held:
        try:
            kept = await _kept(config, held, alone=alone)
        except StoreError as error:
            log.warning("nothing will be kept", cause=str(error))
            kept = Kept(InMemoryStore(), notes=[f"{error} Until then nothing is kept."])
        yield kept


async def _kept(config: Config, held: AsyncExitStack, *, alone: bool) -> Kept:
    if config.memory.store != "memory" and alone:
        prepare_folder(config.data_folder)
        held.enter_context(lock_folder(config.data_folder))
    store = await open_store(config)
    held.push_async_callback(store.aclose)
    return Kept(store, await recent(config, store, None, config.user.name))
