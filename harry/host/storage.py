"""Opens what a process keeps, once: the data folder's lock, and the one database that everything is handed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import structlog

from harry.config.loading import Config
from harry.errors import StoreError
from harry.memory.store.data_folder import lock_folder, prepare_folder
from harry.memory.store.database import Database
from harry.memory.store.in_memory import InMemoryStore
from harry.memory.store.opening import STORE_FILE, KeepingStore

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Storage:
    """The store of turns and thoughts, and the database behind it; `database` is None where nothing is kept on disk.

    `notes` are sentences about what went wrong, for the person.
    """

    store: KeepingStore
    database: Database | None = None
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, store: KeepingStore) -> Storage:
        """Keep everything where the turns are kept: in the database that `store` is, else in memory."""
        return cls(store, store if isinstance(store, Database) else None)


@asynccontextmanager
async def open_storage(config: Config, *, alone: bool = True) -> AsyncIterator[Storage]:
    """Open the store, hold the folder (`alone`), and let both go at the end.

    A folder that cannot be written is a note and no end. Raises `FolderInUse` when another Harry runs on the folder.
    """
    async with AsyncExitStack() as held:
        try:
            storage = await _opened(config, held, alone=alone)
        except StoreError as error:
            log.warning("nothing will be kept", cause=str(error))
            storage = Storage(InMemoryStore(), notes=(f"{error} Until then nothing is kept.",))
        yield storage


async def _opened(config: Config, held: AsyncExitStack, *, alone: bool) -> Storage:
    if config.memory.store == "memory":
        return Storage.of(InMemoryStore())
    prepare_folder(config.data_folder)
    if alone:
        held.enter_context(lock_folder(config.data_folder))
    database = await Database.open(config.data_folder / STORE_FILE)
    held.push_async_callback(database.aclose)
    return Storage.of(database)
