"""Opens the long-term memory of a data folder, with or without its embedder."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import trio

from harry.config.loading import Config
from harry.errors import EngineUnavailable
from harry.memory.longterm.service import LongTermMemory
from harry.memory.search.embedding import Embedder
from harry.memory.store.data_folder import prepare_folder
from harry.memory.store.database import Database
from harry.memory.store.opening import STORE_FILE, require_disk_store


@dataclass(frozen=True, slots=True)
class OpenMemory:
    """An open memory; `without` says why meaning cannot be asked, "" if it can."""

    memory: LongTermMemory
    database: Database
    without: str = ""


async def load_memory(database: Database, *, by_meaning: bool = True) -> OpenMemory:
    """Open the memory in a database that is open already; the embedder is loaded in a thread."""
    embedder, without = None, ""
    if by_meaning:
        try:
            embedder = await trio.to_thread.run_sync(Embedder.load)
        except EngineUnavailable as error:
            without = str(error)
    return OpenMemory(LongTermMemory(database, embedder), database, without)


@asynccontextmanager
async def open_memory(config: Config, *, by_meaning: bool = True) -> AsyncIterator[OpenMemory]:
    """Open the store and its memory for the length of the block. Raises `ConfigurationError`, `StoreError`."""
    require_disk_store(config)
    prepare_folder(config.memory_folder)
    database = await Database.open(config.memory_folder / STORE_FILE)
    try:
        yield await load_memory(database, by_meaning=by_meaning)
    finally:
        await database.aclose()
