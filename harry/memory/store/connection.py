"""One way to open Harry's database file, and one place where SQLite's errors become sentences.

The file is created for its owner alone before SQLite sees it, because its `-wal` and `-shm` take over its mode. Nobody
but SQLite may ever open it: closing any descriptor of a file lets go of all the locks the process has on it
(https://www.sqlite.org/howtocorrupt.html, 2.2).
"""

from __future__ import annotations

import errno
import fcntl
import os
import sqlite3
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from harry.errors import StoreDamaged, StoreError
from harry.memory.store.migrations.registry import MIGRATIONS, Step, migrate, refuse_newer, version

BACKUPS = "backups"
"""The folder of automatic backups, in the data folder."""

WRITABLE = "Make the folder and its files writable for you, or set HARRY_HOME to another folder."

_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_FORBIDDEN = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_AUTH)
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def explain(error: sqlite3.Error, path: Path) -> StoreError:
    """Translate an error of SQLite into a sentence with a remedy."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF  # the rest says where it happened
    if code in _BUSY:
        return StoreError(f"Another program keeps {path} locked.", remedy="Close the other program that uses the file.")
    if code == sqlite3.SQLITE_FULL:
        return _full(path)
    if code in _FORBIDDEN:
        return StoreError(f"{path} cannot be opened for writing.", remedy=WRITABLE)
    if code in _DAMAGED:
        return StoreDamaged(f"{path} is damaged ({error}).", remedy=way_back(path))
    if code == sqlite3.SQLITE_IOERR:
        return StoreError(f"The disk failed at {path} ({error}).", remedy="Check the disk and the space left on it.")
    return StoreError(f"{path} could not be used ({error}).", remedy="Run `harry doctor` to see what is wrong.")


def way_back(path: Path) -> str:
    """Say what to do about a damaged store: put back the newest automatic backup, or save what can be read."""
    newest = max(list_backups(path.parent), default=None)
    restore = f"harry restore {newest}" if newest else "harry restore BACKUP"
    return f"End Harry, then put a backup back ({restore}), or save what can still be read: harry salvage."


def list_backups(folder: Path) -> list[Path]:
    """List the automatic backups of a data folder; their names are in the order of their days."""
    return sorted((folder / BACKUPS).glob("harry-*.sqlite3"))


def _full(path: Path) -> StoreError:
    return StoreError(f"The disk is full, so nothing can be kept in {path}.", remedy="Free some space on the disk.")


@contextmanager
def errors_of(path: Path) -> Iterator[None]:
    """Turn SQLite's and the system's errors into `StoreError`."""
    try:
        yield
    except sqlite3.Error as error:
        raise explain(error, path) from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise _full(path) from error
        raise StoreError(f"{path} cannot be used: {error.strerror}.", remedy=WRITABLE) from error


def connect(path: Path, *, patience: float, writing: bool, steps: Sequence[Step] = MIGRATIONS) -> sqlite3.Connection:
    """Open the database, brought up to date; blocking. `patience` is how long a lock is waited for, in seconds.

    The connection is in autocommit mode and may be used by one thread after another. Raises `StoreError`.
    """
    with errors_of(path):
        _make_private(path)
        connection = sqlite3.connect(path, timeout=patience, isolation_level=None, check_same_thread=False)
        with _closed_on_error(connection):
            with _alone(path.parent):
                refuse_newer(connection, path)
                connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            migrate(connection, steps)
            if writing:
                # A file that may be read but not written would otherwise show itself at the first entry only: SQLite
                # begins even an immediate transaction on it, and refuses the first change.
                connection.execute("BEGIN IMMEDIATE")
                connection.execute(f"PRAGMA user_version = {version(connection)}")
                connection.execute("ROLLBACK")
            else:
                connection.execute("PRAGMA query_only = ON")
        return connection


def _make_private(path: Path) -> None:
    try:
        os.mknod(path, stat.S_IFREG | 0o600)
    except FileExistsError:
        if path.stat().st_mode & 0o077:
            path.chmod(0o600)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Let one after the other pass: SQLite does not wait for the lock with which a new file is switched to WAL."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def _closed_on_error(connection: sqlite3.Connection) -> Iterator[None]:
    try:
        yield
    except BaseException:
        connection.close()
        raise
