"""What was said on a local day: the turns that began on it, whether they were rotated into a conversation or not."""

from __future__ import annotations

from datetime import tzinfo

from channels.messages import Exchange
from harry.memory.conversations.window import Row, merge_amended
from harry.memory.store.database import Database
from harry.memory.store.records import day_bounds

MAX_TURNS = 500
"""Turns of a day that are read: the newest."""


async def read_exchanges(tables: Database, user: str, day: str, *, zone: tzinfo | None = None) -> list[Exchange]:
    """Read a user's exchanges of a local day (YYYY-MM-DD), oldest first. Raises `StoreError`."""
    first, last = day_bounds(day, zone or tables.zone)
    query = """
        SELECT seq, id, said, heard, interrupted, amends FROM turn
        WHERE user = ? AND started_at >= ? AND started_at < ? ORDER BY seq DESC LIMIT ?
    """
    rows = await tables.read(lambda connection: connection.execute(query, (user, first, last, MAX_TURNS)).fetchall())
    return merge_amended(Row(*row) for row in reversed(rows))
