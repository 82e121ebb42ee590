"""Timers, alarms and reminders in the store: kept from the moment they are made until they were told or cancelled.

A change returns once it is on disk, so that nothing is said to be set that a loss of power would undo.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from typing import Literal, TypeAlias

from harry.memory.store.database import Database

ReminderKind: TypeAlias = Literal["timer", "alarm", "reminder"]

MOST = 200
"""Reminders that one user may have at once."""

MAX_TEXT = 2000
"""Characters of a text that are kept."""


@dataclass(frozen=True, slots=True)
class Reminder:
    """`made_at`, `due` and `rang_at` are seconds since the epoch; `text` is what to tell, "" for a timer or an alarm.

    `length` is the seconds it was set for, 0 for a time of day. What counts down is due when the steady clock of the
    computer's start `boot` shows `boot_due`; while it is paused, `left_over` seconds are left. A time of day is kept as
    the local time `local`; `days` are the weekdays on which it comes again ("01234": Monday to Friday). `session` is
    the conversation in which it was set; `rang_at` is set while it rings.
    """

    id: str
    user: str
    kind: ReminderKind
    made_at: float
    due: float
    text: str = ""
    name: str = ""
    session: str = ""
    length: float = 0.0
    boot: str = ""
    boot_due: float | None = None
    left_over: float | None = None
    local: str = ""
    days: str = ""
    rang_at: float | None = None

    @property
    def paused(self) -> bool:
        """Whether it stands still."""
        return self.left_over is not None


_NAMES = tuple(each.name for each in fields(Reminder))
_SELECT = f"SELECT {', '.join(_NAMES)} FROM reminder"  # noqa: S608  (constants)
_INSERT = f"INSERT INTO reminder ({', '.join(_NAMES)}) VALUES ({', '.join('?' * len(_NAMES))})"  # noqa: S608
_UPDATE = f"UPDATE reminder SET {', '.join(f'{name} = ?' for name in _NAMES)} WHERE user = ? AND id = ?"  # noqa: S608


class Reminders:
    """Those in one database. What returns has been made durable; all of it raises `StoreError`."""

    def __init__(self, tables: Database) -> None:
        self._tables = tables

    async def put(self, user: str, *, gone: Sequence[str] = (), made: Sequence[Reminder] = ()) -> int | None:
        """Take some of a user's away and keep others: all of it or nothing.

        Returns how many of `gone` there were; None, and nothing has changed, where there would be too many.
        """

        def work(connection: sqlite3.Connection) -> int | None:
            taken = 0
            for identity in gone:
                taken += connection.execute("DELETE FROM reminder WHERE user = ? AND id = ?", (user, identity)).rowcount
            for each in made:
                connection.execute(_INSERT, astuple(each))
            held = connection.execute("SELECT count(*) FROM reminder WHERE user = ?", (user,)).fetchone()[0]
            if made and held > MOST:
                raise _TooManyError
            return taken

        try:
            return await self._tables.transaction(work)
        except _TooManyError:
            return None

    async def change(self, changed: Reminder) -> bool:
        """Write one that is kept as it is now; False where it is not there any more."""

        def work(connection: sqlite3.Connection) -> bool:
            return connection.execute(_UPDATE, (*astuple(changed), changed.user, changed.id)).rowcount > 0

        return await self._tables.transaction(work)

    async def of(self, user: str) -> list[Reminder]:
        """Give a user's, in the order in which they were made."""
        rows = await self._tables.read(
            lambda connection: connection.execute(f"{_SELECT} WHERE user = ? ORDER BY seq", (user,)).fetchall()
        )
        return [Reminder(*row) for row in rows]

    async def all(self) -> list[Reminder]:
        """Give those of all users, in the order in which they were made."""
        rows = await self._tables.read(lambda connection: connection.execute(f"{_SELECT} ORDER BY seq").fetchall())
        return [Reminder(*row) for row in rows]

    async def version(self) -> int:
        """Give a number that changes whenever anybody, another process too, has written to the file."""
        row = await self._tables.read(lambda connection: connection.execute("PRAGMA data_version").fetchone())
        return int(row[0])


class _TooManyError(Exception):
    """One more would be too many: undo the whole change."""
