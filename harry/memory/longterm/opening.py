"""Opens the long-term memory of the configured data folder, with or without its embedder."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import trio

from harry.config.loading import Config
from harry.errors import EngineUnavailable
from harry.memory.longterm.service import LongTermMemory
from harry.memory.search.embedding import Embedder
from harry.memory.store.data_folder import prepare_folder
from harry.memory.store.database import Database
from harry.memory.store.opening import STORE_FILE, must_keep


@dataclass
class OpenMemory:
    """An open memory; `without` says why meaning cannot be asked, "" if it can."""

    memory: LongTermMemory
    tables: Database
    without: str = ""


@asynccontextmanager
async def open_memory(config: Config, *, by_meaning: bool = True) -> AsyncIterator[OpenMemory]:
    """Open the long-term memory for the length of the block. Raises `ConfigurationError`, `StoreError`."""
    must_keep(config)
    prepare_folder(config.data_folder)
    async with AsyncExitStack() as stack:
        embedder, without = None, ""
        if by_meaning:
            try:
                embedder = await trio.to_thread.run_sync(Embedder.load)
            except EngineUnavailable as error:
                without = str(error)
        tables = await Database.open(config.data_folder / STORE_FILE)
        stack.push_async_callback(tables.aclose)
        memory = LongTermMemory(tables, embedder)
        stack.push_async_callback(memory.aclose)
        yield OpenMemory(memory, tables, without)
