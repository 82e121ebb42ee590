"""The morning's ritual and the evening's journal.

The first start of a local day reads yesterday's thoughts and journal, resets what was summed up for the short term,
and writes the morning's first thought. Each step may be the last before a crash and may be taken again: the thought has
an id of its own for each day, and the day is marked last. Without a mind, or with one that fails, plain words stand in.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta, tzinfo

import structlog

from actors.protocols import Request
from harry.errors import EngineError
from harry.inner_life.reflection import (
    ENTRY,
    HOW_TO_THINK,
    HOW_TO_WRITE,
    REFLECTION,
    answered,
    line,
    question,
    reflected,
)
from harry.memory.conversations.by_day import read_exchanges
from harry.memory.conversations.summary import extract
from harry.memory.diary.journal import Journal, JournalEntry
from harry.memory.diary.stream import SocDays
from harry.memory.shared_state.live_state import LiveState
from harry.memory.store.database import Database
from harry.memory.store.items import name_turn_items
from harry.memory.store.records import local_day

Ask = Callable[[Request], Awaitable[str]]
"""Asks a mind, within a deadline; raises `EngineError` where there is none, or it may not be asked."""

SHORT_TERM = ("short_term", "short_term_summary")
"""Live state that lasts a day."""

LOOKED_BACK = 7
"""Days back for which a missing journal entry is written."""

_TOLD = 40  # newest thoughts or exchanges of a day that a mind is told

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Rituals:
    """One persona's, with one user. `who` is the persona as a mind is told when it thinks."""

    tables: Database
    soc: SocDays
    journal: Journal
    live: LiveState
    user: str
    persona: str
    who: str
    ask: Ask
    zone: tzinfo | None = None
    wall: Callable[[], float] = time.time

    @property
    def today(self) -> str:
        """The local day, YYYY-MM-DD."""
        return local_day(self.wall(), self.zone or self.tables.zone)

    async def wake_up(self) -> bool:
        """Do what the first start of a day does; False if it was done today. Raises `StoreError`."""
        today, marker = self.today, f"woke_up:{self.persona}"
        if await self.live.load(self.user, marker) == today:
            return False
        await self._write_what_is_missing(today)
        for variable in SHORT_TERM:
            await self.live.delete(self.user, variable)
        thought = await self._first_thought()
        await self.soc.append(thought, entry=f"morning:{self.persona}:{self.user}:{today}")
        await self.live.save(self.user, marker, today)
        return True

    async def write_journal(self, day: str) -> JournalEntry | None:
        """Write the entry of a day from the day itself; None if it has one, or nothing happened on it.

        Raises `StoreError`.
        """
        if await self.journal.read(day) is not None:
            return None
        thoughts = [entry.text for entry in await self.soc.read_day(day, limit=_TOLD)]
        exchanges = await read_exchanges(self.tables, self.user, day, zone=self.zone)
        if not exchanges and not thoughts:
            return None
        said = [f"{self.user}: {exchange.said} {self.persona}: {exchange.heard}" for exchange in exchanges[-_TOLD:]]
        known = [("What was said and heard today:", said), ("What you thought today:", thoughts)]
        told = answered(await self._asked(question(self.who, HOW_TO_WRITE, known, schema=ENTRY)))
        left = await read_exchanges(self.tables, self.user, day, zone=self.zone)
        if any(each not in left for each in exchanges):
            # Some of the day was forgotten while the mind wrote, and its words may tell of it.
            told, exchanges, thoughts = {}, left, []
            if not left:
                return None
        text = line(told.get("entry"))
        if not text:
            spoken = extract(exchanges) if exchanges else ""
            text = " ".join(filter(None, [spoken, *thoughts[-2:]]))
        tags = told.get("tags")
        return await self.journal.write(
            text,
            sentiment=line(told.get("sentiment")),
            tags=[line(tag) for tag in tags[:8]] if isinstance(tags, list) else (),
            long_term_goal=line(told.get("long_term_goal")),
            day=day,
            derived_from=[item for exchange in exchanges for item in name_turn_items(exchange.turn)],
        )

    async def _write_what_is_missing(self, today: str) -> None:
        """Write the journal of the last day on which something happened, if the evening did not come to it."""
        for back in range(1, LOOKED_BACK + 1):
            day = (date.fromisoformat(today) - timedelta(days=back)).isoformat()
            if await self.journal.read(day) is not None or await self.write_journal(day) is not None:
                return

    async def _first_thought(self) -> str:
        yesterday = [entry.text for entry in await self.soc.read_yesterday()][-_TOLD:]
        entry = await self.journal.read_newest()
        if not yesterday and entry is None:
            return f"This is my first day with {self.user}. I do not know much yet."
        known = [
            ("What you thought yesterday:", yesterday),
            (f"Your journal of {entry.day}:" if entry else "", [entry.text] if entry else []),
        ]
        how = f"It is morning, and you wake up. What is your first thought? {HOW_TO_THINK}"
        reflection = reflected(await self._asked(question(self.who, how, known, schema=REFLECTION)))
        return reflection.thought or _plainly(entry, yesterday)

    async def _asked(self, request: Request) -> str:
        try:
            return await self.ask(request)
        except EngineError as error:
            log.info("plain words stand in for the mind", cause=str(error))
            return ""


def _plainly(entry: JournalEntry | None, yesterday: Sequence[str]) -> str:
    if entry is not None:
        return f"A new morning. In my journal of {entry.day} stands: {entry.text[:400]}"
    return f"A new morning. My last thought yesterday was: {yesterday[-1][:400]}"
