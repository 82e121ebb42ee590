"""The store on disk: SQLite in WAL mode, every commit synced before it is acknowledged.

One thread at a time writes and one reads, each on a connection of its own, so that a read never waits for a commit.
A connection that met an error is closed and opened again at the next call: once the cause is gone the store works.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import astuple, fields, replace
from datetime import tzinfo
from pathlib import Path
from typing import Any, TypeVar

import trio

from channels.messages import Exchange, Thought, TurnRecord
from harry.errors import StoreError
from harry.memory.store.access import Access
from harry.memory.store.connection_thread import PATIENCE, ConnectionThread, Interruptible
from harry.memory.store.items import index_records
from harry.memory.store.records import Record, clean, local_day, parse_tools, serialize_tools

T = TypeVar("T")

_CLOSING = 2.0
"""Seconds that closing may wait for a call that is still busy."""

_TURN = ("id", *(column.name for column in fields(TurnRecord) if column.name != "turn"))
_THOUGHT = (*(column.name for column in fields(Thought)), "day")


def _insert(table: str, columns: tuple[str, ...]) -> str:
    places = ", ".join("?" * len(columns))
    # The names are constants of this module; the values are bound.
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places}) RETURNING seq"  # noqa: S608


_INSERT_TURN = _insert("turn", _TURN)
_INSERT_THOUGHT = _insert("thought", _THOUGHT)

# A root is a turn that amends no earlier one; it is shown as the latest turn that amends it, directly or in a chain.
# (SQLite takes the bare columns of a row group from the row that holds max().)
_HISTORY = """
    WITH RECURSIVE
    root AS (
        SELECT id, seq FROM turn AS t
        WHERE user = :user AND seq > 0 AND NOT EXISTS (  -- below zero: held elsewhere, and imported
            SELECT 1 FROM turn AS e WHERE e.id = t.amends AND e.user = t.user AND e.seq < t.seq)
        ORDER BY seq DESC LIMIT :limit
    ),
    shown (place, id, seq) AS (
        SELECT seq, id, seq FROM root
        UNION ALL
        SELECT s.place, t.id, t.seq FROM shown AS s JOIN turn AS t ON t.amends = s.id
        WHERE t.user = :user AND t.seq > s.seq
    )
    SELECT id, said, heard, interrupted, tools, reason = 'failed', max(turn.seq)
    FROM shown JOIN turn USING (id) GROUP BY place ORDER BY place
"""

_THOUGHTS = """
    SELECT seq, at, text FROM (
        SELECT seq, at, text FROM thought
        WHERE persona = :persona AND day = :day AND (:user IS NULL OR user = :user)
        ORDER BY seq DESC LIMIT :limit)
    ORDER BY seq
"""


class SqliteStore:
    """Turns and thoughts in one SQLite file. Made by `SqliteStore.open`; implements `actors.protocols.Store`."""

    durable = True

    def __init__(
        self, path: Path, *, zone: tzinfo | None = None, patience: float = PATIENCE, access: Access | None = None
    ) -> None:
        self.path = path
        self.access = access or Access()
        self._zone = zone
        self._writing = ConnectionThread(path, patience, writing=True, access=self.access)
        self._reading = ConnectionThread(path, patience, writing=False, access=self.access)

    @classmethod
    async def open(cls, path: Path, *, zone: tzinfo | None = None, patience: float = PATIENCE) -> SqliteStore:
        """Open or create the file, bringing its schema up to date. `zone` decides the local day (None: the system's).

        Raises `StoreError` where nothing can be written, or where the file is damaged or a newer Harry's.
        """
        store = cls(path, zone=zone, patience=patience)
        await trio.to_thread.run_sync(store._writing.try_open, limiter=store._writing.limiter)
        return store

    async def try_again(self) -> StoreError | None:
        """Open the file. What keeps it from being used shuts it until the next try, and is returned."""
        try:
            await trio.to_thread.run_sync(self._writing.try_open, abandon_on_cancel=True, limiter=self._writing.limiter)
        except StoreError as error:
            self.access.trouble = error
        else:
            self.access.trouble = None
        return self.access.trouble

    async def write(self, records: Sequence[Record]) -> list[int]:
        """Keep records in one transaction, on disk when this returns; returns their sequence numbers.

        A record whose id is known already keeps its number and its first wording. Raises `StoreError`, and then none
        was kept; `ValueError` for a record that never can be. A cancelled write may have happened: write it again.
        """
        cleaned = [clean(record) for record in records]
        rows = [self._row(record) for record in cleaned]

        def insert(connection: sqlite3.Connection) -> list[int]:
            connection.execute("BEGIN IMMEDIATE")
            try:
                sequences = [_keep(connection, *row) for row in rows]
                index_records(connection, cleaned)
                connection.execute("COMMIT")
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
            return sequences

        return await trio.to_thread.run_sync(
            self._writing.use, insert, abandon_on_cancel=True, limiter=self._writing.limiter
        )

    async def history(self, user: str, *, limit: int) -> list[Exchange]:
        """Recall the newest `limit` exchanges of a user, oldest first; an amended turn is shown as what amends it."""
        rows = await self._read(_HISTORY, {"user": user, "limit": limit})
        return [
            Exchange(turn, said, heard, bool(cut), parse_tools(used), bool(failed))
            for turn, said, heard, cut, used, failed, _ in rows
        ]

    async def thoughts(
        self, persona: str, day: str, *, limit: int | None = None, user: str | None = None
    ) -> list[dict[str, Any]]:
        """Return a local day's entries as `{"sequence", "at", "text"}`, oldest first; the newest `limit` of them."""
        given = {"persona": persona, "day": day, "user": user, "limit": -1 if limit is None else limit}
        rows = await self._read(_THOUGHTS, given)
        return [{"sequence": sequence, "at": at, "text": text} for sequence, at, text in rows]

    async def days(self, persona: str) -> list[str]:
        """List the local days (YYYY-MM-DD) on which a persona thought something, oldest first."""
        rows = await self._read("SELECT DISTINCT day FROM thought WHERE persona = ? ORDER BY day", (persona,))
        return [day for (day,) in rows]

    async def aclose(self) -> None:
        """Let go of the file. A call that is still stuck after two seconds is left behind."""
        with trio.move_on_after(_CLOSING, shield=True):
            for connection in self._connections():
                await trio.to_thread.run_sync(connection.close, abandon_on_cancel=True, limiter=connection.limiter)

    def _connections(self) -> Iterator[ConnectionThread]:
        yield from (self._reading, self._writing)

    def _row(self, record: Record) -> tuple[str, str, tuple[Any, ...]]:
        if isinstance(record, TurnRecord):
            return "turn", _INSERT_TURN, (*astuple(replace(record, tools=()))[:-1], serialize_tools(record.tools))
        return "thought", _INSERT_THOUGHT, (*astuple(record), local_day(record.at, self._zone))

    async def _read(self, query: str, parameters: dict[str, Any] | tuple[Any, ...]) -> list[Any]:
        call = Interruptible(lambda connection: connection.execute(query, parameters).fetchall())
        try:
            rows: list[Any] = await trio.to_thread.run_sync(
                self._reading.use, call, abandon_on_cancel=True, limiter=self._reading.limiter
            )
        except trio.Cancelled:
            call.interrupt()
            raise
        return rows


def _keep(connection: sqlite3.Connection, table: str, insert: str, values: tuple[Any, ...]) -> int:
    known = connection.execute(f"SELECT seq FROM {table} WHERE id = ?", values[:1]).fetchone()  # noqa: S608 (a constant)
    sequence: int = (known or connection.execute(insert, values).fetchone())[0]
    return sequence
