"""Saving what can still be read of a damaged store: row by row into a new one, around the pages that are lost.

A table is read from both ends towards the damage, and in growing strides beyond it. The new store has the schema of the
damaged one until all is in it, and is brought up to date then. What was derived and cannot be read, such as vectors, is
made again while Harry runs.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import quote

from harry.errors import StoreError
from harry.files.fsync import sync_folder
from harry.memory.store.backup import lay_aside
from harry.memory.store.connection import connect, errors_of
from harry.memory.store.migrations.registry import MIGRATIONS, Step, migrate, refuse_newer, version

_HIGHEST = 2**62
"""No row has a higher number: the strides end there."""

_BATCH = 500
_PATIENCE = 5.0

Row: TypeAlias = tuple[Any, ...]


@dataclass(slots=True)
class Salvage:
    """What was saved: rows by table, the tables of which some rows are lost, and where the damaged file lies."""

    rows: dict[str, int] = field(default_factory=dict)
    torn: list[str] = field(default_factory=list)
    aside: Path = field(default_factory=Path)


def salvage(store: Path) -> Salvage:
    """Put what can be read of the store in its place, and the damaged file aside. The caller holds the data folder.

    Blocking. Raises `StoreError` where nothing at all can be read, or it is a newer Harry's; then nothing is changed.
    """
    fresh = store.with_name(f"{store.name}.salvaged")
    _remove(fresh)
    saved = Salvage()
    try:
        with (
            closing(_opened(store)) as source,
            closing(connect(fresh, patience=_PATIENCE, writing=True, steps=_steps(source, store))) as target,
        ):
            target.execute("PRAGMA foreign_keys = OFF")
            for table, columns in _tables(target):
                _copy(source, target, table, columns, saved)
            if not any(saved.rows.values()):
                raise _nothing_of(store)
            with errors_of(fresh):
                migrate(target)
                target.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                target.execute("PRAGMA journal_mode = DELETE")
        saved.aside = lay_aside(store)
        with errors_of(store):
            fresh.rename(store)
            sync_folder(store.parent)
    finally:
        _remove(fresh)
    return saved


def _opened(store: Path) -> sqlite3.Connection:
    with errors_of(store):
        if not store.is_file():
            raise StoreError(f"There is no store {store}.")
        return sqlite3.connect(f"file:{quote(str(store.absolute()))}?mode=rw", uri=True, isolation_level=None)


def _steps(source: sqlite3.Connection, store: Path) -> Sequence[Step]:
    """Return the steps that the damaged store has taken: a column that it has not would be read as its own name."""
    try:
        refuse_newer(source, store)
        return MIGRATIONS[: version(source)]
    except sqlite3.DatabaseError as error:
        raise _nothing_of(store) from error


def _nothing_of(store: Path) -> StoreError:
    return StoreError(f"Nothing can be read of {store}.", remedy="Put a backup back: harry restore BACKUP.")


def _remove(fresh: Path) -> None:
    for end in ("", "-wal", "-shm", "-journal"):
        fresh.with_name(f"{fresh.name}{end}").unlink(missing_ok=True)


def _tables(target: sqlite3.Connection) -> list[tuple[str, list[str]]]:
    """List the tables of a new store, each with its columns."""
    names = target.execute(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY rowid"
    ).fetchall()
    return [(name, [row[1] for row in target.execute(f'PRAGMA table_info("{name}")')]) for (name,) in names]


def _copy(
    source: sqlite3.Connection, target: sqlite3.Connection, table: str, columns: list[str], saved: Salvage
) -> None:
    # In brackets: SQLite takes a name in double quotes for a text where there is no such column.
    named = ", ".join(f"[{column}]" for column in columns)
    insert = f'INSERT OR IGNORE INTO "{table}" ({named}) VALUES ({", ".join("?" * len(columns))})'  # noqa: S608
    whole = _Whole()
    count, waiting = 0, list[Row]()

    def write() -> None:
        nonlocal count
        target.execute("BEGIN IMMEDIATE")
        if waiting and not count:
            target.execute(f'DELETE FROM "{table}"')  # noqa: S608  (what a new store begins with)
        count += target.executemany(insert, waiting).rowcount
        target.execute("COMMIT")
        waiting.clear()

    for row in _rows(source, table, named, whole):
        waiting.append(row)
        if len(waiting) == _BATCH:
            write()
    write()
    saved.rows[table] = count
    if not whole.yes:
        saved.torn.append(table)


@dataclass(slots=True)
class _Whole:
    yes: bool = True


def _rows(source: sqlite3.Connection, table: str, named: str, whole: _Whole) -> Iterator[Row]:
    """Read a table around its damage; what cannot be read makes it less than `whole`."""

    def read(query: str, *values: int) -> Iterator[Row]:
        return iter(source.execute(f"SELECT {query}", values))

    if not _has_rowid(source, table):
        yield from _until_damage(lambda: read(f'{named} FROM "{table}"'), whole)
        return
    # What was imported has numbers below zero, and is read around its damage by itself.
    for last, end in ((_first(source, table) - 1, -1), (-1, _HIGHEST)):
        yield from _rows_between(read, table, named, whole, last, end)


def _first(source: sqlite3.Connection, table: str) -> int:
    """Return the lowest number of a table, as far as that can be read."""
    query = f'SELECT min(rowid) FROM "{table}"'  # noqa: S608  (a name of the schema)
    (lowest,) = next(_until_damage(lambda: iter(source.execute(query)), _Whole()), (None,))
    return min(int(lowest), 0) if lowest is not None else -_HIGHEST


def _rows_between(  # noqa: PLR0917  (all of these are the place)
    read: Callable[..., Iterator[Row]], table: str, named: str, whole: _Whole, last: int, end: int
) -> Iterator[Row]:
    # Without an index: a damaged one must not hide the rows themselves.
    numbered = f'rowid, {named} FROM "{table}" NOT INDEXED WHERE rowid'
    stride = 1
    while last < end:
        seen, found = last, _Whole()
        for number, *row in _until_damage(
            partial(read, f"{numbered} > ? AND rowid <= ? ORDER BY rowid", last, end), found
        ):
            seen = number
            yield tuple(row)
        if found.yes:
            return
        whole.yes = False
        stride = 1 if seen > last else stride * 2
        last = min(seen + stride, end)
        # What the stride leapt over behind the damage is read backwards.
        back = partial(read, f"{numbered} > ? AND rowid <= ? ORDER BY rowid DESC", seen, last)
        for _, *row in _until_damage(back, found):
            yield tuple(row)


def _until_damage(read: Callable[[], Iterator[Row]], whole: _Whole) -> Iterator[Row]:
    try:
        yield from read()
    except sqlite3.DatabaseError:
        whole.yes = False


def _has_rowid(source: sqlite3.Connection, table: str) -> bool:
    try:
        return bool(source.execute("SELECT wr FROM pragma_table_list(?)", (table,)).fetchone() == (0,))
    except sqlite3.DatabaseError:
        return True
