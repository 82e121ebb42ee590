"""Harry's journal: an entry for each day, with a sentiment, tags and a long-term goal.

There is one entry for a persona, a user and a local day; writing it again takes the place of what stood there. Looking
for words reads every entry: a year has 366. Each entry is an item of long-term memory too, written and deleted with it.
"""

from __future__ import annotations

import json
import math
import re
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any

from channels.turn import new_id
from harry.errors import StoreError
from harry.memory.store import items
from harry.memory.store.database import Database
from harry.memory.store.records import MAX_TEXT_CHARACTERS, local_day
from harry.memory.text.surrogates import repair_surrogates

_COLUMNS = "id, user, persona, day, at, text, sentiment, tags, long_term_goal"
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """What stands in the journal of a local `day` (YYYY-MM-DD); `at` is when it was written, in seconds since 1970."""

    id: str
    user: str
    persona: str
    day: str
    at: float
    text: str
    sentiment: str = ""
    tags: tuple[str, ...] = ()
    long_term_goal: str = ""

    @property
    def searchable_text(self) -> str:
        """Everything that can be searched."""
        return " ".join([self.text, self.sentiment, *self.tags, self.long_term_goal])


class Journal:
    """The journal that one persona keeps about one user. `wall` tells seconds since the epoch, `zone` what a day is."""

    def __init__(
        self,
        tables: Database,
        persona: str,
        user: str,
        *,
        zone: tzinfo | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._tables = tables
        self._persona = persona
        self._user = user
        self._zone = zone or tables.zone
        self._wall = wall

    async def write(
        self,
        text: str,
        *,
        sentiment: str = "",
        tags: Sequence[str] = (),
        long_term_goal: str = "",
        day: str | None = None,
        derived_from: Sequence[str] = (),
    ) -> JournalEntry:
        """Keep the entry of a day (today, if none is named); it is on disk when this returns.

        It goes when one of the items that it is `derived_from` is deleted.
        Raises `ValueError` for what is no day or too long, `StoreError` where it cannot be kept.
        """
        now = self._wall()
        on = date.fromisoformat(day).isoformat() if day else local_day(now, self._zone)
        if len(text) > MAX_TEXT_CHARACTERS:
            raise ValueError(f"the entry is longer than {MAX_TEXT_CHARACTERS} characters")
        entry = JournalEntry(
            new_id(now), self._user, self._persona, on, now, repair_surrogates(text), repair_surrogates(sentiment),
            tuple(map(repair_surrogates, tags)), repair_surrogates(long_term_goal),
        )  # fmt: skip
        values = (
            entry.id, entry.user, entry.persona, on, now, entry.text, entry.sentiment,
            json.dumps(entry.tags, ensure_ascii=False), entry.long_term_goal,
        )  # fmt: skip

        def put(connection: sqlite3.Connection) -> JournalEntry:
            row = connection.execute(
                f"""
                INSERT INTO journal ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT (persona, user, day) DO UPDATE SET at = excluded.at, text = excluded.text,
                    sentiment = excluded.sentiment, tags = excluded.tags, long_term_goal = excluded.long_term_goal
                RETURNING id
                """,  # noqa: S608 (constants)
                values,
            ).fetchone()
            items.delete(connection, self._user, [_item_id(self._persona, on)])
            if entry.text.strip():
                items.put(connection, items.clean(_item(entry, tuple(derived_from))))
            items.trim_changes(connection)
            return replace(entry, id=row[0])

        return await self._tables.transaction(put)

    async def read(self, day: str) -> JournalEntry | None:
        """Read the entry of a local day (YYYY-MM-DD); None where there is none."""
        found = await self._select("AND day = ?", day)
        return found[0] if found else None

    async def read_newest(self) -> JournalEntry | None:
        """Read the entry of the latest day that has one, whenever it was written."""
        found = await self._select("ORDER BY day DESC LIMIT 1")
        return found[0] if found else None

    async def read_yesterday(self) -> JournalEntry | None:
        """Read the entry of the calendar day before today."""
        today = datetime.fromtimestamp(self._wall(), tz=UTC).astimezone(self._zone).date()
        return await self.read((today - timedelta(days=1)).isoformat())

    async def search(self, words: str, *, limit: int = 5) -> list[JournalEntry]:
        """Find the entries that hold the words, the best first: rare words count more, whole words only."""
        searched = set(_words(words))
        entries = await self._select("ORDER BY day DESC") if searched else []
        held = [Counter(_words(entry.searchable_text)) for entry in entries]
        rarity = {word: math.log(1 + len(held) / (1 + sum(word in counted for counted in held))) for word in searched}
        scores = [
            sum(rarity[word] * counted[word] / (counted[word] + 1) for word in searched if counted[word])
            for counted in held
        ]
        # Sorting keeps the newest first among equals.
        best = sorted((number for number, score in enumerate(scores) if score), key=lambda number: -scores[number])
        return [entries[number] for number in best[: max(limit, 0)]]

    async def delete(self, day: str) -> bool:
        """Take the entry of a day away for good; False where there was none."""

        def work(connection: sqlite3.Connection) -> bool:
            connection.execute("PRAGMA secure_delete = ON")
            where = (self._persona, self._user, day)
            gone = connection.execute("DELETE FROM journal WHERE persona = ? AND user = ? AND day = ?", where)
            items.delete(connection, self._user, [_item_id(self._persona, day)])
            items.trim_changes(connection)
            return gone.rowcount > 0

        return await self._tables.transaction(work)

    async def _select(self, rest: str, *values: str) -> list[JournalEntry]:
        query = f"SELECT {_COLUMNS} FROM journal WHERE persona = ? AND user = ? {rest}"  # noqa: S608 (constants)
        parameters = (self._persona, self._user, *values)
        rows = await self._tables.read(lambda connection: connection.execute(query, parameters).fetchall())
        return [_entry(row) for row in rows]


def _item_id(persona: str, day: str) -> str:
    return f"journal/{persona}/{day}"


def _item(entry: JournalEntry, derived_from: tuple[str, ...]) -> items.Item:
    """Build the item under which the entry is found, without its goal and tags."""
    return items.Item(
        _item_id(entry.persona, entry.day), entry.text, entry.user, "journal", entry.persona, entry.at,
        source="journal", derived_from=derived_from,
    )  # fmt: skip


def _entry(row: tuple[Any, ...]) -> JournalEntry:
    entry = JournalEntry(*row)
    try:
        return replace(entry, tags=tuple(map(str, json.loads(row[7]))))
    except ValueError as error:
        raise StoreError(f"The journal of {entry.day} is damaged: its tags cannot be read.") from error


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())
