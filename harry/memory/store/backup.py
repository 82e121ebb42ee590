"""Backups of the store, taken while Harry runs, and put back while he does not.

A backup is a store by itself: one file, written by SQLite from a single state of the store. Where backups were written
is remembered, so that after an erasure it can be said which of them still hold what was erased. A damaged store is laid
aside, never written over, before a backup takes its place.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from harry.errors import ConfigurationError, StoreDamaged, StoreError
from harry.files.fsync import sync_folder
from harry.memory.store.connection import BACKUPS, errors_of, list_backups
from harry.memory.store.data_folder import prepare_folder
from harry.memory.store.erasure import holds, opened, scrub_file
from harry.memory.store.integrity import check_integrity
from harry.memory.store.migrations.registry import MIGRATIONS, migrate, refuse_newer, version
from harry.memory.store.records import local_day

Progress = Callable[[int, int], None]
"""Called with (done, of)."""

_MAGIC = b"SQLite format 3\x00"  # with which every such database begins
_NOT_OURS = "Name a file that `harry backup` wrote."
_PAGES = 1024  # copied at a time


def _nothing(_done: int, _of: int) -> None:
    pass


def back_up(store: Path, target: Path, progress: Progress = _nothing) -> None:
    """Write a copy of the store to a new file, for its owner alone. Raises `ConfigurationError`, `StoreError`.

    A copy that holds what was erased while it was made does not get its name.
    """
    target = target.absolute()
    part = target.with_name(f"{target.name}.part")
    if target.exists():
        raise ConfigurationError(f"{target} exists already.", remedy="Name a file that does not.")
    stale = StoreError(f"Something was erased while {target} was written.", remedy="Take another backup.")

    def told(_: int, left: int, of: int) -> None:
        if not part.exists():
            raise stale  # and let go of the store, whose log cannot be emptied while it is read
        progress(of - left, of)

    with opened(store) as source:
        try:
            with errors_of(target):
                part.unlink(missing_ok=True)
                os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
                copy = sqlite3.connect(f"file:{_quoted(part)}?mode=rw", uri=True, isolation_level=None)
                try:
                    copy.execute("PRAGMA synchronous = FULL")
                    # One read transaction: what is written meanwhile does not make it begin again.
                    source.execute("BEGIN")
                    written = source.execute("PRAGMA schema_version").fetchone()
                    source.backup(copy, pages=_PAGES, progress=told)
                    source.execute("COMMIT")
                    copy.execute("PRAGMA journal_mode = DELETE")
                    _examine(copy, part)
                except sqlite3.Error as error:
                    if not part.exists():
                        raise stale from error
                    raise
                finally:
                    copy.close()
                _sync(part)
                # Nobody erases between this look and the name. An erasure writes the file anew: a new version.
                source.execute("BEGIN IMMEDIATE")
                if not part.exists() or source.execute("PRAGMA schema_version").fetchone() != written:
                    raise stale
                os.rename(part, target)  # noqa: PTH104  (never over a file: checked above)
                sync_folder(target.parent)
                source.execute("INSERT OR REPLACE INTO backup VALUES (?, ?)", (str(target), time.time()))
                source.execute("COMMIT")
        finally:
            part.unlink(missing_ok=True)


def back_up_daily(store: Path, most: int, now: float, progress: Progress = _nothing) -> Path | None:
    """Write the day's backup beside the store unless it is there, and let go of all but the newest `most`; blocking.

    Returns the new backup, None if there was one already. `now` is seconds since the epoch. Raises `StoreError`.
    """
    folder = store.parent / BACKUPS
    target = folder / f"harry-{local_day(now)}.sqlite3"
    if target.exists():
        return None
    prepare_folder(folder)
    back_up(store, target, progress)
    older = list_backups(store.parent)[:-most]
    with errors_of(folder):
        for path in older:
            path.unlink(missing_ok=True)
        sync_folder(folder)
    return target


def drop_daily_backups(store: Path) -> int:
    """Delete the automatic backups, which hold what has just been erased; returns how many. Raises `StoreError`."""
    folder = store.parent / BACKUPS
    with errors_of(folder):
        # First the one that is being written: either it is found here, or below by the name that it has got.
        parts = list(folder.glob("harry-*.sqlite3.part*"))
        for path in parts:
            path.unlink(missing_ok=True)
        found = list_backups(store.parent)
        for path in found:
            path.unlink(missing_ok=True)
        if parts or found:
            sync_folder(folder)
    return len(found)


def scrub_all(store: Path) -> None:
    """Leave no byte of what was deleted, in the store or in its daily backups; blocking. Raises `StoreError`.

    The backups go even if a reader is in the way of the store's own bytes.
    """
    drop_daily_backups(store)
    try:
        scrub_file(store)
    finally:
        drop_daily_backups(store)  # one that was made meanwhile has copied the freed pages


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def lay_aside(store: Path) -> Path:
    """Move the store's files out of the way, and return the new name of the first. Raises `StoreError`."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    with errors_of(store):
        # The log goes first: without its file it is nothing, and beside a new one it would be taken for its own.
        for end in ("-wal", "-shm", ""):
            path = store.with_name(f"{store.name}{end}")
            if path.exists():
                path.rename(store.with_name(f"{store.name}.damaged-{stamp}{end}"))
        sync_folder(store.parent)
    return store.with_name(f"{store.name}.damaged-{stamp}")


def restore_backup(backup: Path, store: Path, progress: Progress = _nothing) -> Path | None:
    """Replace the store's content by a backup's, whole or not at all. The caller holds the data folder.

    Returns where a damaged store was laid aside, None where there was no need. Raises as `back_up`.
    """
    if not backup.is_file():
        raise ConfigurationError(f"There is no backup {backup}.", remedy=_NOT_OURS)
    _refuse_strangers(backup)
    with errors_of(backup):
        source = sqlite3.connect(f"file:{_quoted(backup)}?mode=ro", uri=True, isolation_level=None)
        try:
            _prove(source, backup)
            aside = _lay_aside_if_damaged(store)
            with opened(store) as target:
                known = target.execute("SELECT path, at FROM backup").fetchall()
                source.backup(target, pages=_PAGES, progress=lambda _, left, of: progress(of - left, of))
            with opened(store) as target:
                # The backup of a backup knows less of the others.
                target.executemany("INSERT OR IGNORE INTO backup VALUES (?, ?)", [*known, (str(backup.absolute()), 0)])
        finally:
            source.close()
    return aside


def _lay_aside_if_damaged(store: Path) -> Path | None:
    if not store.exists():
        return None
    try:
        check_integrity(store)
    except StoreDamaged:
        return lay_aside(store)
    return None


def _refuse_strangers(path: Path) -> None:
    """Refuse a file that is no backup: that it is no database is no trouble of the store."""
    try:
        with path.open("rb") as file:
            begins = file.read(len(_MAGIC))
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}.", remedy=_NOT_OURS) from error
    if begins != _MAGIC:
        raise StoreError(f"{path} is no backup of Harry's store.", remedy=_NOT_OURS)


def _examine(connection: sqlite3.Connection, path: Path) -> None:
    try:
        found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.DatabaseError as error:
        found = str(error)
    if found != "ok":
        raise StoreError(f"{path} is damaged ({found}).", remedy="Take another backup.")


def _prove(connection: sqlite3.Connection, path: Path) -> None:
    """Raise `StoreError` unless the file is a whole store of Harry's, with nothing else in it.

    Another program's database may have any version number, and a trigger or a view in it would act on what is kept.
    """
    foreign = StoreError(f"{path} is no backup of Harry's.", remedy="Name a file that `harry backup` wrote.")
    try:
        refuse_newer(connection, path)
        if version(connection) < 1 or _schema(connection) != _own_schema(version(connection)):
            raise foreign
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_NOTADB:
            raise foreign from error
        raise
    _examine(connection, path)


def _schema(connection: sqlite3.Connection) -> set[tuple[str, str, str]]:
    query = "SELECT type, name, coalesce(sql, '') FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
    return set(connection.execute(query).fetchall())


def _own_schema(steps: int) -> set[tuple[str, str, str]]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as fresh:
        migrate(fresh, MIGRATIONS[:steps])
        return _schema(fresh)


def list_backups_holding(store: Path, user: str) -> tuple[list[str], list[str]]:
    """List the known backups that still hold something of a user, and those that could not be looked into."""
    with opened(store) as connection:
        known = [path for (path,) in connection.execute("SELECT path FROM backup ORDER BY at").fetchall()]
    # What was laid aside as damaged can be read by whoever wants to.
    known += [
        str(path)
        for path in sorted(store.parent.glob(f"{store.name}.damaged-*"))
        if not path.name.endswith(("-wal", "-shm"))
    ]
    holding, unseen = [], []
    for path in known:
        if not Path(path).exists():
            continue
        try:
            connection = sqlite3.connect(f"file:{_quoted(Path(path))}?mode=ro&immutable=1", uri=True)
        except sqlite3.Error:
            unseen.append(path)
            continue
        try:
            if holds(connection, user):
                holding.append(path)
        except sqlite3.Error:
            unseen.append(path)
        finally:
            connection.close()
    return holding, unseen


def _quoted(path: Path) -> str:
    from urllib.parse import quote  # noqa: PLC0415  (only here)

    return quote(str(path.absolute()))
