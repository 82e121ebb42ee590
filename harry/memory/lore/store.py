"""Where lore is kept: tables of its own in Harry's one database, written while Harry runs, too.

Every change raises one counter in the same transaction, so that a knowledge base sees with one small read whether to
read the books again. An entry's number is its row's, never given twice.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection
from dataclasses import fields
from typing import Any, Protocol, TypeVar

from harry.errors import ConfigurationError
from harry.memory.lore.model import Book, Entry, Scope, refuse_too_large
from harry.memory.store.database import Database
from harry.memory.text.surrogates import repair_surrogates

T = TypeVar("T")

_APART = frozenset({"content", "enabled", "number"})
"""Fields of an entry that stand in columns of their own; the others are JSON."""

_OF_BOOK = ("description", "scan_depth", "token_budget", "recursive_scanning", "extensions", "extra")

_BOOKS = "SELECT seq, name, fields FROM lore_book WHERE ns = ? AND persona = ? ORDER BY seq"
_ENTRIES = "SELECT seq, enabled, content, fields FROM lore_entry WHERE book = ? ORDER BY seq"
_INSERT_BOOK = "INSERT INTO lore_book (ns, persona, name, fields) VALUES (?, ?, ?, ?) RETURNING seq"
_INSERT_ENTRY = "INSERT INTO lore_entry (book, enabled, content, fields) VALUES (?, ?, ?, ?) RETURNING seq"
_NAMED = "SELECT seq FROM lore_book WHERE ns = ? AND persona = ? AND name = ?"
_OWN = """
    SELECT e.seq FROM lore_entry AS e JOIN lore_book AS b ON b.seq = e.book
    WHERE b.ns = ? AND b.persona = ? AND e.seq = ?
"""


class LoreSource(Protocol):
    """Where a knowledge base gets its books."""

    in_memory: bool
    """Whether loading is so quick that no thread is needed."""

    async def version(self) -> int:
        """Return a number that differs after every change."""
        ...

    async def load(self, scope: Scope) -> tuple[int, list[Book]]:
        """Return the version and the books of a persona as of that version."""
        ...


class LoreStore:
    """The books in the process's one database. Every method raises `StoreError` when the file cannot be used."""

    in_memory = False

    def __init__(self, database: Database) -> None:
        self._database = database

    async def version(self) -> int:
        """Read the counter of changes."""
        return await self._read(_version)

    async def load(self, scope: Scope) -> tuple[int, list[Book]]:
        """Read a persona's books, oldest first, in one moment with the version."""
        return await self._read(_load, scope)

    async def add_book(self, scope: Scope, book: Book, *, replace: bool = False) -> int:
        """Store a book with its entries; return how many entries of an earlier book it replaced.

        Raises `ConfigurationError` if there is one of that name and not `replace`, or if it all becomes too much.
        """
        return await self._change(_add_book, scope, book, replace)

    async def add(self, scope: Scope, entry: Entry, *, book: str) -> int:
        """Store an entry in the book of that name, which is created if needed; return its number."""
        return await self._change(_add_entry, scope, entry, book)

    async def enable(self, scope: Scope, numbers: Collection[int], *, enabled: bool) -> None:
        """Enable or disable entries. Raises `ConfigurationError` for a number that is not one of the persona's."""
        await self._change(_enable, scope, numbers, enabled)

    async def delete(self, scope: Scope, numbers: Collection[int]) -> None:
        """Delete entries; a book that has none left goes too. Errors as in `enable`."""
        await self._change(_delete, scope, numbers)

    async def delete_book(self, scope: Scope, name: str) -> int:
        """Delete a book with its entries; returns how many. Raises `ConfigurationError` if there is none."""
        return await self._change(_delete_book, scope, name)

    async def erase(self, namespace: str) -> int:
        """Delete all books of a namespace, of every persona; returns how many entries went."""
        return await self._change(_erase, namespace)

    async def _read(self, work: Callable[..., T], *args: Any) -> T:
        return await self._database.read(lambda connection: work(connection, *args))

    async def _change(self, work: Callable[..., T], *args: Any) -> T:
        def change(connection: sqlite3.Connection) -> T:
            result = work(connection, *args)
            connection.execute("UPDATE lore_change SET number = number + 1")
            return result

        return await self._database.transaction(change)


def _version(connection: sqlite3.Connection) -> int:
    number: int = connection.execute("SELECT number FROM lore_change").fetchone()[0]
    return number


def _load(connection: sqlite3.Connection, scope: Scope) -> tuple[int, list[Book]]:
    connection.execute("BEGIN")
    try:
        return _version(connection), _books(connection, scope)
    finally:
        connection.execute("ROLLBACK")


def _books(connection: sqlite3.Connection, scope: Scope) -> list[Book]:
    found = connection.execute(_BOOKS, (scope.namespace, scope.persona)).fetchall()
    return [
        Book(
            name=name,
            number=number,
            entries=tuple(_entry(*row) for row in connection.execute(_ENTRIES, (number,))),
            **json.loads(written),
        )
        for number, name, written in found
    ]


def _entry(number: int, enabled: int, content: str, written: str) -> Entry:
    values = json.loads(written)
    for name in ("keys", "secondary_keys"):
        values[name] = tuple(values.get(name, ()))
    return Entry(number=number, enabled=bool(enabled), content=content, **values)


def _add_book(connection: sqlite3.Connection, scope: Scope, book: Book, in_place: bool) -> int:
    known = connection.execute(_NAMED, (scope.namespace, scope.persona, book.name)).fetchone()
    gone = 0
    if known is not None:
        if not in_place:
            raise ConfigurationError(
                f"There is a book {book.name!r} already.", remedy="Say --replace to put this one in its place."
            )
        gone = _delete_book(connection, scope, book.name)
    refuse_too_large([*_books(connection, scope), book])
    number = _insert_book(connection, scope, book)
    for entry in book.entries:
        _insert_entry(connection, number, entry)
    return gone


def _add_entry(connection: sqlite3.Connection, scope: Scope, entry: Entry, name: str) -> int:
    name = repair_surrogates(name)
    refuse_too_large([*_books(connection, scope), Book(name, (entry,))])
    known = connection.execute(_NAMED, (scope.namespace, scope.persona, name)).fetchone()
    book = known[0] if known else _insert_book(connection, scope, Book(name))
    return _insert_entry(connection, book, entry)


def _insert_book(connection: sqlite3.Connection, scope: Scope, book: Book) -> int:
    written = json.dumps({name: getattr(book, name) for name in _OF_BOOK})
    row = (scope.namespace, scope.persona, book.name, written)
    number: int = connection.execute(_INSERT_BOOK, row).fetchone()[0]
    return number


def _insert_entry(connection: sqlite3.Connection, book: int, entry: Entry) -> int:
    # ASCII escapes carry halves of surrogate pairs too; the content stands in a column, which cannot.
    values = {column.name: getattr(entry, column.name) for column in fields(Entry) if column.name not in _APART}
    row = (book, entry.enabled, repair_surrogates(entry.content), json.dumps(values))
    number: int = connection.execute(_INSERT_ENTRY, row).fetchone()[0]
    return number


def _enable(connection: sqlite3.Connection, scope: Scope, numbers: Collection[int], enabled: bool) -> None:
    _refuse_strangers(connection, scope, numbers)
    connection.executemany("UPDATE lore_entry SET enabled = ? WHERE seq = ?", [(enabled, number) for number in numbers])


def _delete(connection: sqlite3.Connection, scope: Scope, numbers: Collection[int]) -> None:
    _refuse_strangers(connection, scope, numbers)
    connection.executemany("DELETE FROM lore_entry WHERE seq = ?", [(number,) for number in numbers])
    connection.execute(
        "DELETE FROM lore_book WHERE ns = ? AND persona = ? AND NOT EXISTS "
        "(SELECT 1 FROM lore_entry WHERE book = lore_book.seq)",
        (scope.namespace, scope.persona),
    )


def _refuse_strangers(connection: sqlite3.Connection, scope: Scope, numbers: Collection[int]) -> None:
    for number in numbers:
        known = abs(number) < 2**63 and connection.execute(_OWN, (scope.namespace, scope.persona, number)).fetchone()
        if not known:
            raise ConfigurationError(
                f"There is no entry {number}.", remedy="`harry lore list` shows the entries with their numbers."
            )


def _delete_book(connection: sqlite3.Connection, scope: Scope, name: str) -> int:
    known = connection.execute(_NAMED, (scope.namespace, scope.persona, name)).fetchone()
    if known is None:
        raise ConfigurationError(f"There is no book {name!r}.", remedy="`harry lore list` shows the books.")
    gone = connection.execute("DELETE FROM lore_entry WHERE book = ?", known).rowcount
    connection.execute("DELETE FROM lore_book WHERE seq = ?", known)
    return gone


def _erase(connection: sqlite3.Connection, namespace: str) -> int:
    gone = connection.execute(
        "DELETE FROM lore_entry WHERE book IN (SELECT seq FROM lore_book WHERE ns = ?)", (namespace,)
    ).rowcount
    connection.execute("DELETE FROM lore_book WHERE ns = ?", (namespace,))
    return gone
