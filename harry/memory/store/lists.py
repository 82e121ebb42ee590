"""Lists in the store, of shopping and of anything else: kept until what stands on them is taken off."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from harry.memory.store.database import Database

MOST = 500
"""Entries that one user may have at once, on all lists together."""

LONGEST_ENTRY = 200
LONGEST_NAME = 60


class Lists:
    """Those in one database. What returns has been made durable; all of it raises `StoreError`."""

    def __init__(self, tables: Database) -> None:
        self._tables = tables

    async def add(self, user: str, name: str, entries: Sequence[str], now: float) -> list[str] | None:
        """Put entries on a list and return those that were not on it yet; None where there is no room for them.

        What is longer than `LONGEST_ENTRY` is cut.
        """
        wanted = list(dict.fromkeys(entry[:LONGEST_ENTRY] for entry in entries))
        name = name[:LONGEST_NAME]

        def work(connection: sqlite3.Connection) -> list[str] | None:
            held = connection.execute("SELECT list, text FROM list_entry WHERE user = ?", (user,)).fetchall()
            there = {text.casefold() for each, text in held if each == name}
            new = [entry for entry in wanted if entry.casefold() not in there]
            if len(held) + len(new) > MOST:
                return None
            connection.executemany(
                "INSERT INTO list_entry (user, list, text, added_at) VALUES (?, ?, ?, ?)",
                [(user, name, entry, now) for entry in new],
            )
            return new

        return await self._tables.transaction(work)

    async def of(self, user: str, name: str) -> list[str]:
        """Return what is on a list, in the order in which it was added."""
        query = "SELECT text FROM list_entry WHERE user = ? AND list = ? ORDER BY seq"
        rows = await self._tables.read(
            lambda connection: connection.execute(query, (user, name[:LONGEST_NAME])).fetchall()
        )
        return [text for (text,) in rows]

    async def names(self, user: str) -> dict[str, int]:
        """Return how many entries each list of a user's has, the oldest list first."""
        query = "SELECT list, count(*) FROM list_entry WHERE user = ? GROUP BY list ORDER BY min(seq)"
        rows = await self._tables.read(lambda connection: connection.execute(query, (user,)).fetchall())
        return dict(rows)

    async def remove(self, user: str, name: str, entries: Sequence[str] | None = None) -> int:
        """Take entries off a list, all where none are named; return how many there were."""
        name = name[:LONGEST_NAME]

        def work(connection: sqlite3.Connection) -> int:
            if entries is None:
                return connection.execute("DELETE FROM list_entry WHERE user = ? AND list = ?", (user, name)).rowcount
            statement = "DELETE FROM list_entry WHERE user = ? AND list = ? AND text = ?"
            return sum(connection.execute(statement, (user, name, entry)).rowcount for entry in entries)

        return await self._tables.transaction(work)
