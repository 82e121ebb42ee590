"""What was said on a local day: the turns that began on it, whether they were rotated into a conversation or not."""

from __future__ import annotations

from datetime import date, datetime, timedelta, tzinfo
from datetime import time as clock_time

from channels.messages import Exchange
from harry.memory.conversations.window import Row, merge_amended
from harry.memory.store.database import Database

MAX_TURNS = 500
"""Turns of a day that are read: the newest."""


async def read_exchanges(tables: Database, user: str, day: str, *, zone: tzinfo | None = None) -> list[Exchange]:
    """Read a user's exchanges of a local day (YYYY-MM-DD), oldest first. Raises `StoreError`."""
    first = _midnight(date.fromisoformat(day), zone or tables.zone)
    last = _midnight(date.fromisoformat(day) + timedelta(days=1), zone or tables.zone)
    query = """
        SELECT seq, id, said, heard, interrupted, amends FROM turn
        WHERE user = ? AND started_at >= ? AND started_at < ? ORDER BY seq DESC LIMIT ?
    """
    rows = await tables.read(lambda connection: connection.execute(query, (user, first, last, MAX_TURNS)).fetchall())
    return merge_amended(Row(*row) for row in reversed(rows))


def _midnight(day: date, zone: tzinfo | None) -> float:
    local = datetime.combine(day, clock_time())
    return (local.replace(tzinfo=zone) if zone is not None else local.astimezone()).timestamp()
