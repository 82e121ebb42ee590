"""The stream of consciousness by days: today, yesterday, any day and any stretch of days, with times.

An entry belongs to the local day on which it was thought, fixed when it was written: so each local day has one stream,
whatever the clock does at midnight, in March and in October, or when the clock is set.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any, Protocol

from channels.messages import Thought, TurnRecord
from channels.turn import new_id

MAX_ENTRIES = 10_000
"""Entries of a stretch of days that are given at most: the newest."""


class DayStore(Protocol):
    """What is needed of a store (see `actors.protocols.Store`)."""

    async def write(self, records: Sequence[TurnRecord | Thought]) -> list[int]:
        """Keep records durably."""
        ...

    async def thoughts(self, persona: str, day: str, *, limit: int | None = None) -> list[dict[str, Any]]:
        """Return a day's entries."""
        ...

    async def days(self, persona: str) -> list[str]:
        """List the days that have entries."""
        ...


@dataclass(frozen=True, slots=True)
class Entry:
    """One thought: its number in the store, its local day (YYYY-MM-DD), its time in seconds since the epoch."""

    sequence: int
    day: str
    at: float
    text: str


class SocDays:
    """The stream of one persona. `user`, `session` and `namespace` are written beside what is appended."""

    def __init__(
        self,
        store: DayStore,
        persona: str,
        *,
        user: str,
        session: str = "",
        namespace: str = "harry",
        zone: tzinfo | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._persona = persona
        self._who = (user, session, namespace)
        self._zone = zone
        self._wall = wall

    async def append(self, text: str, *, entry: str | None = None) -> int:
        """Store a thought; return its number once it is durable. The same `entry` (an id) again changes nothing.

        Raises `StoreError`.
        """
        user, session, namespace = self._who
        now = self._wall()
        thought = Thought(entry or new_id(now), user, session, namespace, self._persona, now, text)
        (sequence,) = await self._store.write([thought])
        return sequence

    async def read_today(self) -> list[Entry]:
        """Read today's entries, oldest first; yesterday's while today has none."""
        today = self._date()
        return await self.read_day(today.isoformat()) or await self.read_day((today - timedelta(days=1)).isoformat())

    async def read_yesterday(self) -> list[Entry]:
        """Read the entries of the calendar day before today, oldest first."""
        return await self.read_day((self._date() - timedelta(days=1)).isoformat())

    async def read_day(self, day: str, *, limit: int | None = None) -> list[Entry]:
        """Read a local day's (YYYY-MM-DD) entries, oldest first; the newest `limit` of them."""
        found = await self._store.thoughts(self._persona, day, limit=limit)
        return [Entry(thought["sequence"], day, thought["at"], thought["text"]) for thought in found]

    async def read_range(self, first: str, last: str, *, limit: int = MAX_ENTRIES) -> list[Entry]:
        """Read the entries of the days from `first` to `last`, both included, oldest first; the newest `limit`.

        Raises `ValueError` for what is no day, or where `first` comes after `last`.
        """
        if date.fromisoformat(first) > date.fromisoformat(last):
            raise ValueError(f"{first} comes after {last}")
        entries: list[Entry] = []
        for day in reversed(await self._store.days(self._persona)):
            if first <= day <= last and len(entries) < limit:
                entries[:0] = await self.read_day(day, limit=limit - len(entries))
        return entries

    async def list_days(self) -> list[str]:
        """List the local days on which something was thought, oldest first."""
        return await self._store.days(self._persona)

    def _date(self) -> date:
        return datetime.fromtimestamp(self._wall(), tz=UTC).astimezone(self._zone).date()
