"""Looking for damage in the store's file, without changing anything.

SQLite notices a damaged page only when it reads it, which for an old conversation may be after months.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import trio

from harry.errors import StoreDamaged
from harry.memory.store.connection import errors_of, way_back
from harry.memory.store.database import Database
from harry.memory.store.migrations.registry import refuse_newer

PATIENCE = 2.0
"""Seconds that a lock of another process is waited for."""


def check_integrity(path: Path) -> None:
    """Look through the whole file; blocking. Raises `StoreDamaged`; `StoreError` where it cannot be looked through."""
    # Where no log lies beside the file, nothing needs to be made to read it.
    how = "mode=ro" if path.with_name(f"{path.name}-wal").exists() else "mode=ro&immutable=1"
    with errors_of(path), closing(_connect(path, how)) as connection:
        refuse_newer(connection, path)
        _judge(connection.execute("PRAGMA quick_check(1)").fetchone()[0], path)


async def check_integrity_beside(database: Database) -> None:
    """Look through the file of a running Harry, table by table, so that no search has to wait long. Raises as above.

    It goes by a connection that there is already: SQLite closes a further one only when all others have ended.
    """
    query = "SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0"
    tables = await database.read(lambda connection: connection.execute(query).fetchall())
    for (table,) in [("sqlite_schema",), *tables]:

        def check(connection: sqlite3.Connection, table: str = table) -> None:
            _judge(connection.execute(f'PRAGMA quick_check("{table}")').fetchone()[0], database.path)

        searching = database.searching
        await trio.to_thread.run_sync(searching.use, check, abandon_on_cancel=True, limiter=searching.limiter)


def _judge(found: str, path: Path) -> None:
    if found != "ok":
        raise StoreDamaged(f"{path} is damaged ({' '.join(found.split())}).", remedy=way_back(path))


def check_writable(path: Path) -> None:
    """Find out whether the file could be written now, without writing; blocking. Raises `StoreError`."""
    with errors_of(path), closing(_connect(path, "mode=rw")) as connection:
        connection.execute("BEGIN IMMEDIATE")
        # A file that may only be read refuses the first change, and not the transaction.
        connection.execute(f"PRAGMA user_version = {connection.execute('PRAGMA user_version').fetchone()[0]}")
        connection.execute("ROLLBACK")


def _connect(path: Path, how: str) -> sqlite3.Connection:
    return sqlite3.connect(
        f"file:{quote(str(path.absolute()))}?{how}", uri=True, timeout=PATIENCE, isolation_level=None
    )
