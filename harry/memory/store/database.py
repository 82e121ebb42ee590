"""The store on disk, opened once for a process and handed to every module that keeps tables in the same file.

There is one writing connection and two reading ones, shared by all callers: a change of any table is one transaction
in one order, a read never waits for it, and a search of long-term memory never holds up a read of history.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from datetime import tzinfo
from pathlib import Path
from typing import Any, TypeVar, cast

import trio

from harry.memory.store.access import Access
from harry.memory.store.connection_thread import PATIENCE, ConnectionThread, Interruptible
from harry.memory.store.sqlite_store import SqliteStore

T = TypeVar("T")


class Database(SqliteStore):
    """`SqliteStore` with a way to run a transaction or a read of one's own. Made by `Database.open`."""

    def __init__(
        self, path: Path, *, zone: tzinfo | None = None, patience: float = PATIENCE, access: Access | None = None
    ) -> None:
        super().__init__(path, zone=zone, patience=patience, access=access)
        self.searching = ConnectionThread(path, patience, writing=False, access=self.access)
        """The second reading connection, for searches: an abandoned one must not interrupt a read, nor wait for it."""

    @property
    def zone(self) -> tzinfo | None:
        """The zone whose days count; None: the system's."""
        return self._zone

    @classmethod
    async def open(cls, path: Path, *, zone: tzinfo | None = None, patience: float = PATIENCE) -> Database:
        """Open or create the file, as `SqliteStore.open` does."""
        return cast("Database", await super().open(path, zone=zone, patience=patience))

    def _connections(self) -> Iterator[ConnectionThread]:
        yield self.searching
        yield from super()._connections()

    async def transaction(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` in the writing thread as one transaction, on disk when this returns. Raises `StoreError`.

        Whatever `work` raises undoes all of it. A cancelled transaction may have happened.
        """

        def run(connection: sqlite3.Connection) -> T:
            connection.execute("BEGIN IMMEDIATE")
            try:
                result = work(connection)
                connection.execute("COMMIT")
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
            return result

        return await trio.to_thread.run_sync(
            self._writing.use, run, abandon_on_cancel=True, limiter=self._writing.limiter
        )

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work`, which only reads, in the reading thread; cancelling interrupts it. Raises `StoreError`."""
        call = Interruptible(work)
        try:
            found: Any = await trio.to_thread.run_sync(
                self._reading.use, call, abandon_on_cancel=True, limiter=self._reading.limiter
            )
        except trio.Cancelled:
            call.interrupt()
            raise
        return cast("T", found)
