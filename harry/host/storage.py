"""Opens what a process keeps, once: the data folder's hold, and the one database that everything is handed.

A store that cannot be used at the start is no other store: it is the same one, out of reach, and tried again. Nothing
is acknowledged until it has been reached.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass

import structlog

from harry.config.loading import Config
from harry.errors import StoreError
from harry.memory.store.access import Access, nothing
from harry.memory.store.connection_thread import PATIENCE
from harry.memory.store.data_folder import FolderHold, prepare_folder
from harry.memory.store.database import Database
from harry.memory.store.in_memory import InMemoryStore
from harry.memory.store.opening import STORE_FILE, KeepingStore

log = structlog.get_logger(__name__)

NOT_IN_ORDER = (
    "The last time, Harry did not end in order: he crashed, was killed, or the computer went off. "
    "What was kept by then is still there."
)


@dataclass(frozen=True, slots=True)
class Storage:
    """The store of turns and thoughts, and the database behind it; `database` is None where nothing is kept on disk.

    `notes` are sentences about what went wrong, for the person. `prepare` makes and holds the data folder, blocking, or
    raises `StoreError`: nothing else may be written there before.
    """

    store: KeepingStore
    database: Database | None = None
    notes: tuple[str, ...] = ()
    prepare: Callable[[], None] = nothing

    @classmethod
    def of(cls, store: KeepingStore) -> Storage:
        """Keep everything where the turns are kept: in the database that `store` is, else in memory."""
        return cls(store, store if isinstance(store, Database) else None)

    @property
    def trouble(self) -> StoreError | None:
        """What keeps the store from being used now; None if nothing does, as far as is known."""
        return self.database.access.trouble if self.database is not None else None


@asynccontextmanager
async def open_storage(config: Config, *, alone: bool = True, patience: float = PATIENCE) -> AsyncIterator[Storage]:
    """Open the store, hold the folder (`alone`), and let both go at the end. A lock is waited for `patience` seconds.

    A store that cannot be used now is a note and no end. Raises `FolderInUse` when another Harry runs on the folder.
    """
    if config.memory.store == "memory":
        yield Storage.of(InMemoryStore())
        return
    async with AsyncExitStack() as held:
        prepare: Callable[[], None]
        notes: tuple[str, ...] = ()
        if alone:
            hold = FolderHold(config.data_folder)
            held.callback(hold.release)

            def prepare() -> None:
                hold.prepare()
                if config.memory_folder != config.data_folder:
                    prepare_folder(config.memory_folder)

            with suppress(StoreError):  # `prepare` meets it again, and is asked until it succeeds
                prepare_folder(config.data_folder)
                hold.take()
            if hold.left_behind:
                notes = (NOT_IN_ORDER,)
        else:

            def prepare() -> None:
                prepare_folder(config.memory_folder)

        database = Database(config.memory_folder / STORE_FILE, patience=patience, access=Access(prepare))
        held.push_async_callback(database.aclose)
        trouble = await database.try_again()
        if trouble is not None:
            log.warning("nothing can be kept now", cause=str(trouble))
            notes += (f"{trouble} Until then nothing is kept for good: what is said waits, and it is tried again.",)
        yield Storage(database, database, notes, prepare)
