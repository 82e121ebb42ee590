"""The live state: small named texts of a user that change all the time, such as a mood or the summaries of today.

A variable holds one text, or several that were appended to one another. Every variable belongs to a user: there are no
global ones. What is kept is a log without what was overtaken, so that it can be shared in the order in which it was
written (`redis_sync`) and stays small.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from channels.messages import Exchange
from channels.turn import new_id
from harry.memory.store.database import Database
from harry.memory.text.surrogates import repair_surrogates

Kind: TypeAlias = Literal["save", "append", "delete", "erase"]

MAX_TEXTS = 1000
"""Texts that one variable keeps; of more, the newest."""

MAX_TEXT_CHARACTERS = 1_000_000
"""Characters of one text."""

MAX_NAME_CHARACTERS = 1000
"""Characters of a user's or a variable's name."""

MAX_VARIABLES = 10_000
"""Variables of one user."""

_HELD = "FROM live_state WHERE user = ? AND variable = ? AND change IN ('save', 'append')"


@dataclass(frozen=True, slots=True)
class Change:
    """A change of the live state as it is shared; `seq` grows by the order of writing in one file."""

    seq: int
    kind: Kind
    user: str
    variable: str
    value: str


class LiveState(Protocol):
    """What every store of live state can do. Raises `StoreError` where it cannot, `ValueError` for what it never can.

    Names have 1 to `MAX_NAME_CHARACTERS`, texts at most `MAX_TEXT_CHARACTERS`. A call that returns has made its change
    durable.
    """

    async def save(self, user: str, variable: str, value: str) -> None:
        """Set the variable to this one text."""
        ...

    async def append(self, user: str, variable: str, value: str, *, entry: str | None = None) -> None:
        """Add a text to what the variable holds, saved or appended. The same `entry` (an id) again changes nothing."""
        ...

    async def load(self, user: str, variable: str) -> str | None:
        r"""Read the variable, its texts joined by "\n"; None where it holds none."""
        ...

    async def entries(self, user: str, variable: str) -> list[str]:
        """Read the variable's texts, oldest first."""
        ...

    async def delete(self, user: str, variable: str) -> None:
        """Delete the variable."""
        ...

    async def erase(self, user: str) -> None:
        """Delete everything of a user."""
        ...

    async def history(self, user: str, *, limit: int) -> list[Exchange]:
        """Recall the newest `limit` exchanges of a user, oldest first; an amended one as what amends it."""
        ...


class SqliteLiveState:
    """The live state in the store's own file. Implements `LiveState`."""

    def __init__(self, tables: Database, *, wall: Callable[[], float] = time.time) -> None:
        self._tables = tables
        self._wall = wall

    async def save(self, user: str, variable: str, value: str) -> None:
        """Set the variable to this one text."""
        await self._put("save", user, variable, value)

    async def append(self, user: str, variable: str, value: str, *, entry: str | None = None) -> None:
        """Add a text; beyond `MAX_TEXTS` the oldest goes."""
        await self._put("append", user, variable, value, entry)

    async def load(self, user: str, variable: str) -> str | None:
        """Read the variable, its texts joined."""
        texts = await self.entries(user, variable)
        return "\n".join(texts) if texts else None

    async def entries(self, user: str, variable: str) -> list[str]:
        """Read the variable's texts, oldest first."""
        query = (
            "SELECT value FROM live_state WHERE user = ? AND variable = ? AND change IN ('save', 'append') ORDER BY seq"
        )
        rows = await self._tables.read(lambda connection: connection.execute(query, (user, variable)).fetchall())
        return [value for (value,) in rows]

    async def delete(self, user: str, variable: str) -> None:
        """Delete the variable. The deletion is recorded, so that it can be shared; its texts are not."""
        await self._put("delete", user, variable, "")

    async def erase(self, user: str) -> None:
        """Delete everything of a user."""
        _checked(user, "-", "")
        await self._tables.transaction(
            lambda connection: connection.execute("DELETE FROM live_state WHERE user = ?", (user,))
        )

    async def erase_everywhere(self, user: str) -> None:
        """Delete everything of a user here and, later, in Redis; until then the user's name remains."""
        _checked(user, "-", "")

        def forget(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM live_state WHERE user = ?", (user,))
            _insert(connection, new_id(), Change(0, "erase", user, "", ""), self._wall())
            connection.execute("UPDATE instance SET erasure = (SELECT max(seq) FROM live_state)")

        await self._tables.transaction(forget)

    async def finish_erasure(self, change: Change) -> None:
        """Forget an erasure that was done everywhere, the user's name with it."""
        await self._tables.transaction(
            lambda connection: connection.execute("DELETE FROM live_state WHERE seq = ?", (change.seq,))
        )

    async def history(self, user: str, *, limit: int) -> list[Exchange]:
        """Recall the newest exchanges from the turns that the store keeps."""
        return await self._tables.history(user, limit=limit)

    async def find_newest_change(self, user: str, variable: str) -> int:
        """Return the number of the variable's newest change; 0 without one."""
        query = "SELECT coalesce(max(seq), 0) FROM live_state WHERE user = ? AND variable IN (?, '')"
        found: int = await self._tables.read(
            lambda connection: connection.execute(query, (user, variable)).fetchone()[0]
        )
        return found

    async def read_changes(self, seq: int, *, limit: int) -> list[Change]:
        """Return the changes after number `seq` that were not overtaken, in order; at most `limit`."""
        query = "SELECT seq, change, user, variable, value FROM live_state WHERE seq > ? ORDER BY seq LIMIT ?"
        rows = await self._tables.read(lambda connection: connection.execute(query, (seq, limit)).fetchall())
        return [Change(*row) for row in rows]

    async def _put(self, kind: Kind, user: str, variable: str, value: str, entry: str | None = None) -> None:
        change = Change(0, kind, user, variable, _checked(user, variable, value))

        def put(connection: sqlite3.Connection) -> None:
            _apply(connection, entry or new_id(), change, self._wall())

        await self._tables.transaction(put)


def _apply(connection: sqlite3.Connection, entry: str, change: Change, at: float) -> None:
    if connection.execute("SELECT 1 FROM live_state WHERE id = ?", (entry,)).fetchone():
        return
    where = (change.user, change.variable)
    if change.kind != "append":
        overtaken = connection.execute("DELETE FROM live_state WHERE user = ? AND variable = ?", where).rowcount
    else:
        overtaken = _make_room(connection, *where)
    if not overtaken:
        _refuse_too_many(connection, change.user)
    _insert(connection, entry, change, at)


def _make_room(connection: sqlite3.Connection, user: str, variable: str) -> int:
    """Delete the oldest text where there are too many; return how many there were."""
    query = f"SELECT seq {_HELD} ORDER BY seq"
    rows = connection.execute(query, (user, variable)).fetchall()
    if len(rows) >= MAX_TEXTS:
        connection.execute("DELETE FROM live_state WHERE seq = ?", rows[0])
        # Whoever gets the log from here on must not append to what they had before it.
        connection.execute("UPDATE live_state SET change = 'save' WHERE seq = ?", rows[1])
    return len(rows)


def _refuse_too_many(connection: sqlite3.Connection, user: str) -> None:
    query = "SELECT count(DISTINCT variable) FROM live_state WHERE user = ?"
    if connection.execute(query, (user,)).fetchone()[0] < MAX_VARIABLES:
        return
    # What is remembered of variables taken away is for sharing, and gives way.
    connection.execute("DELETE FROM live_state WHERE user = ? AND change = 'delete'", (user,))
    if connection.execute(query, (user,)).fetchone()[0] >= MAX_VARIABLES:
        raise ValueError(f"there are {MAX_VARIABLES} variables of this user already")


def _insert(connection: sqlite3.Connection, entry: str, change: Change, at: float) -> None:
    connection.execute(
        "INSERT INTO live_state (id, user, variable, change, value, at) VALUES (?, ?, ?, ?, ?, ?)",
        (entry, change.user, change.variable, change.kind, change.value, at),
    )


def _checked(user: str, variable: str, value: str) -> str:
    """Return the text as it can be kept. Raises `ValueError` for names and texts that cannot."""
    for what, name in (("user", user), ("variable", variable)):
        if not 1 <= len(name) <= MAX_NAME_CHARACTERS:
            raise ValueError(f"the {what}'s name must have 1 to {MAX_NAME_CHARACTERS} characters")
        try:
            name.encode()
        except UnicodeEncodeError:
            raise ValueError(f"the {what}'s name holds half a character") from None
    if len(value) > MAX_TEXT_CHARACTERS:
        raise ValueError(f"the text is longer than {MAX_TEXT_CHARACTERS} characters")
    return repair_surrogates(value)
