"""The store that forgets: the same behaviour as on disk, without a file or a thread.

It serves `memory.store=memory`, a folder that cannot be written, and tests under a virtual clock, where no thread may
run. What it returns has not been made durable: `durable` says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo
from typing import Any

import trio

from channels.messages import Exchange, Thought, TurnRecord
from harry.memory.store.records import Record, clean, local_day


class InMemoryStore:
    """Turns and thoughts for as long as the process lives. Implements `actors.protocols.Store`."""

    durable = False

    def __init__(self, *, zone: tzinfo | None = None) -> None:
        self._zone = zone
        self._turns: dict[str, tuple[int, TurnRecord]] = {}
        self._thoughts: dict[str, tuple[int, str, Thought]] = {}

    async def write(self, records: Sequence[Record]) -> list[int]:
        """Keep records, all or none; returns their sequence numbers. Raises `ValueError` as on disk."""
        await trio.lowlevel.checkpoint()
        cleaned = [clean(record) for record in records]
        days = [local_day(record.at, self._zone) if isinstance(record, Thought) else "" for record in cleaned]
        return [self._keep(record, day) for record, day in zip(cleaned, days, strict=True)]

    def _keep(self, record: Record, day: str) -> int:
        if isinstance(record, Thought):
            return self._thoughts.setdefault(record.id, (len(self._thoughts) + 1, day, record))[0]
        return self._turns.setdefault(record.turn, (len(self._turns) + 1, record))[0]

    async def history(self, user: str, *, limit: int) -> list[Exchange]:
        """Recall the newest `limit` exchanges of a user, oldest first; an amended turn is shown as what amends it."""
        await trio.lowlevel.checkpoint()
        place: dict[str, str] = {}
        shown: dict[str, TurnRecord] = {}
        for _, turn in self._turns.values():
            if turn.user == user:
                place[turn.turn] = place.get(turn.amends or "", turn.turn)
                shown[place[turn.turn]] = turn
        newest = list(shown.values())[-limit:] if limit > 0 else []
        return [
            Exchange(turn.turn, turn.said, turn.heard, turn.interrupted, turn.tools, turn.reason == "failed")
            for turn in newest
        ]

    async def thoughts(
        self, persona: str, day: str, *, limit: int | None = None, user: str | None = None
    ) -> list[dict[str, Any]]:
        """Return a local day's entries as `{"sequence", "at", "text"}`, oldest first; the newest `limit` of them."""
        await trio.lowlevel.checkpoint()
        found = [
            {"sequence": sequence, "at": thought.at, "text": thought.text}
            for sequence, on, thought in self._thoughts.values()
            if thought.persona == persona and on == day and user in (None, thought.user)
        ]
        return found if limit is None else found[max(len(found) - limit, 0) :]

    async def days(self, persona: str) -> list[str]:
        """List the local days (YYYY-MM-DD) on which a persona thought something, oldest first."""
        await trio.lowlevel.checkpoint()
        return sorted({on for _, on, thought in self._thoughts.values() if thought.persona == persona})

    async def aclose(self) -> None:
        """Do nothing: there is nothing to let go of."""
        await trio.lowlevel.checkpoint()
