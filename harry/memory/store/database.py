"""The store on disk, opened also to the modules that keep tables of their own in the same file.

There is one writing thread and one reading connection, whoever asks: so a change of any table is one transaction in
one order, and a read never waits for it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import tzinfo
from pathlib import Path
from typing import Any, TypeVar, cast

import trio

from harry.memory.store.connection_thread import PATIENCE, Interruptible
from harry.memory.store.sqlite_store import SqliteStore

T = TypeVar("T")


class Database(SqliteStore):
    """`SqliteStore` with a way to run a change or a look of one's own. Made by `Database.open`."""

    @property
    def zone(self) -> tzinfo | None:
        """The zone whose days count; None: the system's."""
        return self._zone

    @classmethod
    async def open(cls, path: Path, *, zone: tzinfo | None = None, patience: float = PATIENCE) -> Database:
        """Open or create the file, as `SqliteStore.open` does."""
        return cast("Database", await super().open(path, zone=zone, patience=patience))

    async def change(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` in the writing thread as one transaction, on disk when this returns. Raises `StoreError`.

        Whatever `work` raises undoes all of it. A cancelled change may have happened.
        """

        def transaction(connection: sqlite3.Connection) -> T:
            connection.execute("BEGIN IMMEDIATE")
            try:
                result = work(connection)
                connection.execute("COMMIT")
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
            return result

        return await trio.to_thread.run_sync(
            self._writing.use, transaction, abandon_on_cancel=True, limiter=self._writing.limiter
        )

    async def look(self, work: Callable[[sqlite3.Connection], T]) -> T:
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
