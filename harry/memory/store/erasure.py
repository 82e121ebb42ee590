"""Forgetting for good: every row of a user, what was derived from them, and the bytes they leave behind in the files.

Rows are found by the columns that every table has for the purpose: `user`, or `ns`. A freed page keeps its bytes, so
they are overwritten, the file is written anew without them, and the write-ahead log is emptied.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from harry.errors import StoreError
from harry.files.fsync import sync_folder
from harry.memory.store.connection import connect, errors_of
from harry.memory.store.items import whole

PATIENCE = 10.0
"""Seconds that a lock of another process is waited for."""

_TRIES = 40
_PAUSE = 0.25  # seconds


@dataclass
class Erasure:
    """What is gone: rows by table, entries by file; and the backups, by path, that still hold something of the user."""

    rows: dict[str, int] = field(default_factory=dict)
    spilled: int = 0
    keys: int = 0
    tokens: int = 0
    backups: list[str] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Open the store to write, for the length of the block, so that what is deleted is overwritten. `StoreError`."""
    connection = connect(path, patience=PATIENCE, writing=True)
    try:
        with errors_of(path):
            connection.execute("PRAGMA secure_delete = ON")
            yield connection
    finally:
        connection.close()


def erase_rows(connection: sqlite3.Connection, user: str) -> dict[str, int]:
    """Delete every row of a user, in one transaction; returns how many of each table."""
    user = whole(user)
    connection.execute("BEGIN IMMEDIATE")
    try:
        counts = {}
        for table, column in _tables(connection):
            # Names of tables and columns of the file's own schema.
            statement = f'DELETE FROM "{table}" WHERE "{column}" = ?'  # noqa: S608
            counts[table] = connection.execute(statement, (user,)).rowcount
        # Whoever follows the changes finds a gap, and reads everything anew.
        connection.execute("DELETE FROM change")
        connection.execute("INSERT INTO change (ns, kind, item, op) VALUES ('', '', 0, 'gone')")
        connection.execute("UPDATE sqlite_sequence SET seq = seq + 1 WHERE name = 'change'")
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    return {table: count for table, count in counts.items() if count}


def _tables(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    """List the tables that hold what belongs to a user, with the column that says whose it is."""
    found = []
    for (table,) in connection.execute(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name"
    ).fetchall():
        columns = {row[1] for row in connection.execute("SELECT * FROM pragma_table_info(?)", (table,)).fetchall()}
        columns |= {name for _, name, *_ in connection.execute("SELECT * FROM pragma_table_info(?)", (table,))}
        if table != "change":
            found += [(table, column) for column in ("user", "ns") if column in columns]
    return found


def scrub(connection: sqlite3.Connection, path: Path) -> None:
    """Leave no byte of what was deleted: write the file anew, and empty the log. Raises `StoreError`."""
    for last in [False] * (_TRIES - 1) + [True]:
        try:
            connection.execute("VACUUM")
            if connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0:
                return
        except sqlite3.OperationalError as error:
            if last or error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise
        time.sleep(_PAUSE)  # blocking, in a thread: SQLite tells nobody when a reader has gone
    raise StoreError(
        f"What was deleted may still be read in {path.name}-wal, because another program reads the file all the time.",
        remedy="Close it and run the same command again.",
    )


def scrub_file(path: Path) -> None:
    """Open the store and `scrub` it."""
    with opened(path) as connection:
        scrub(connection, path)


def users_in(connection: sqlite3.Connection) -> set[str]:
    """Name everybody of whom something is in a store."""
    return {
        user
        for table, column in _tables(connection)
        for (user,) in connection.execute(f'SELECT DISTINCT "{column}" FROM "{table}"')  # noqa: S608
    }


def holds(connection: sqlite3.Connection, user: str) -> bool:
    """Whether anything of a user is in a store or a backup."""
    return any(
        connection.execute(f'SELECT 1 FROM "{table}" WHERE "{column}" = ? LIMIT 1', (whole(user),)).fetchone()  # noqa: S608
        for table, column in _tables(connection)
    )


def erase_spilled(path: Path, user: str) -> int:
    """Take a user's entries out of the spill; returns how many. Only for the holder of the data folder."""
    return _erase_lines(path, lambda line: _of_user(line, user))


def erase_unreadable(path: Path, user: str) -> int:
    """Take the lines that name a user out of what was laid aside as unreadable; returns how many, as above."""
    name = json.dumps(user).encode()
    return _erase_lines(path, lambda line: name in line)


def _erase_lines(path: Path, gone: Callable[[bytes], bool]) -> int:
    if not path.exists():
        return 0
    with errors_of(path):
        lines = path.read_bytes().splitlines(keepends=True)
        kept = [line for line in lines if not gone(line)]
        if len(kept) != len(lines):
            with path.open("r+b") as file:
                rest = b"".join(kept)
                file.write(rest + b"\n" * (sum(map(len, lines)) - len(rest)))  # over the old bytes
                file.flush()
                os.fsync(file.fileno())  # the old bytes are gone before the file gets shorter
                file.truncate(len(rest))
                os.fsync(file.fileno())
            if not kept:
                path.unlink()
                sync_folder(path.parent)
        return len(lines) - len(kept)


def _of_user(line: bytes, user: str) -> bool:
    try:
        read = json.loads(line)
    except (ValueError, RecursionError):
        return False
    values = read.values() if isinstance(read, dict) else read if isinstance(read, list) else ()
    return any(isinstance(each, dict) and each.get("user") == user for each in (read, *values))


Forget = Callable[[str], Awaitable[int]]
"""Erases a user from another place, a Redis server, say; returns how many keys are gone."""
