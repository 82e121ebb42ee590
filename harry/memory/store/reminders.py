"""Timers, alarms and reminders in the store: kept from the moment they are made until they were told or cancelled."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Literal, TypeAlias

from channels.turn import new_id
from harry.memory.store.database import Database

ReminderKind: TypeAlias = Literal["timer", "alarm", "reminder"]

MOST = 200
"""Reminders that one user may have at once."""

_COLUMNS = "id, user, kind, made_at, due, text"


@dataclass(frozen=True, slots=True)
class Reminder:
    """`made_at` and `due` are seconds since the epoch; `text` is what to tell, "" for a timer or an alarm."""

    id: str
    user: str
    kind: ReminderKind
    made_at: float
    due: float
    text: str = ""


class Reminders:
    """Those in one database. What returns has been made durable; all of it raises `StoreError`."""

    def __init__(self, tables: Database) -> None:
        self._tables = tables

    async def add(self, user: str, kind: ReminderKind, made_at: float, due: float, text: str = "") -> Reminder | None:
        """Keep one; None where there are too many."""
        made = Reminder(new_id(), user, kind, made_at, due, text[:2000])

        def work(connection: sqlite3.Connection) -> bool:
            held = connection.execute("SELECT count(*) FROM reminder WHERE user = ?", (user,)).fetchone()[0]
            if held >= MOST:
                return False
            values = (made.id, made.user, made.kind, made.made_at, made.due, made.text)
            connection.execute(f"INSERT INTO reminder ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)", values)  # noqa: S608
            return True

        return made if await self._tables.transaction(work) else None

    async def of(self, user: str) -> list[Reminder]:
        """A user's, the next first."""
        query = f"SELECT {_COLUMNS} FROM reminder WHERE user = ? ORDER BY due"  # noqa: S608  (constants)
        rows = await self._tables.read(lambda connection: connection.execute(query, (user,)).fetchall())
        return [Reminder(*row) for row in rows]

    async def next(self, beside: frozenset[str] = frozenset()) -> Reminder | None:
        """The next of all users', but those in `beside`."""
        query = f"SELECT {_COLUMNS} FROM reminder ORDER BY due LIMIT ?"  # noqa: S608  (constants)
        limit = len(beside) + 1
        rows = await self._tables.read(lambda connection: connection.execute(query, (limit,)).fetchall())
        return next((made for made in (Reminder(*row) for row in rows) if made.id not in beside), None)

    async def remove(self, user: str, ids: list[str]) -> int:
        """Forget some; returns how many there were."""

        def work(connection: sqlite3.Connection) -> int:
            gone = 0
            for each in ids:
                gone += connection.execute("DELETE FROM reminder WHERE user = ? AND id = ?", (user, each)).rowcount
            return gone

        return await self._tables.transaction(work)
