"""One server, spoken to in the words of the memory: changes and records go in, texts and turns come out.

Everything here is harmless to repeat (see `redis_scripts`). What is written here was on disk before; Redis never holds
anything alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from channels.messages import TurnRecord
from harry.memory.shared_state.live_state import MAX_TEXTS, Change
from harry.memory.shared_state.redis_client import ANSWERED_WITHIN, RedisLink
from harry.memory.shared_state.redis_keys import CONVERSATION, MARKS, SOC, stream_key, user_pattern, variable_key
from harry.memory.shared_state.redis_scripts import APPLY, LOAD, PUBLISH
from harry.memory.store.records import Record, parse_record, serialize_record

MAX_STREAM_ENTRIES = 10_000
"""Entries that a stream keeps, about: followers that were away longer ask the store."""

WRITTEN_WITHIN = 3.0
"""Seconds a batch may take."""

STALE = -1
"""What a write is answered with that was read before an erasure."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Who writes: the file's name, and the number of the newest erasure it knew before it read what it writes."""

    name: str
    erasure: int

    def field(self, log: str) -> str:
        """Return the field of the mark of one of its logs."""
        return f"{self.name}:{log}"


class RedisStore:
    """Live state, conversation and stream of consciousness on one Redis server. Every method raises `StoreError`."""

    def __init__(self, link: RedisLink) -> None:
        self._link = link

    async def read_marks(self, name: str, logs: Sequence[str]) -> list[int | None]:
        """Return how far a file has shared each of its logs; None: nothing is known of it."""
        found = await self._link.call("HMGET", MARKS, *(f"{name}:{log}" for log in logs))
        return [None if mark is None else int(mark) for mark in found]

    async def apply(self, sender: Sender, log: str, base: int, changes: Sequence[Change]) -> int:
        """Apply changes to the live state; return the mark after them, or `STALE`."""
        arguments = [
            value
            for change in changes
            for value in (change.seq, change.kind, variable_key(change.user, change.variable), change.value)
        ]
        return await self._write(APPLY, (sender, log, base), MAX_TEXTS, arguments)

    async def publish(self, sender: Sender, log: str, base: int, records: Sequence[tuple[int, Record]]) -> int:
        """Append turns or thoughts to their users' streams; returns the mark after them, or `STALE`."""
        arguments: list[str | int] = []
        for seq, record in records:
            identity, kind = (record.turn, CONVERSATION) if isinstance(record, TurnRecord) else (record.id, SOC)
            arguments += [seq, stream_key(record.user, kind), identity, serialize_record(record).decode("ascii")]
        return await self._write(PUBLISH, (sender, log, base), MAX_STREAM_ENTRIES, arguments)

    async def _write(
        self, script: str, head: tuple[Sender, str, int], most: int, arguments: Sequence[str | int]
    ) -> int:
        sender, log, base = head
        before = (sender.field(log), base, sender.field("erased"), sender.erasure, most)
        answer: int = await self._link.script(script, [MARKS], [*before, *arguments], within=WRITTEN_WITHIN)
        return answer

    async def read_entries(
        self, user: str, variable: str, field: str, *, within: float = ANSWERED_WITHIN
    ) -> tuple[int | None, list[str]]:
        """Read a variable's texts, oldest first, and the mark `field` as it was at that moment."""
        mark, *texts = await self._link.call(
            "EVAL", LOAD, 2, MARKS, variable_key(user, variable), field, MAX_TEXTS, within=within
        )
        return (int(mark) if mark else None), texts

    async def read_turns(self, user: str, *, limit: int, within: float = ANSWERED_WITHIN) -> list[TurnRecord]:
        """Read the newest turns of a user's stream, oldest first; what cannot be read is left out."""
        found = await self._link.call(
            "XREVRANGE", stream_key(user, CONVERSATION), "+", "-", "COUNT", max(limit, 1), within=within
        )
        records = [record for record in map(read_record, read_fields(found)) if isinstance(record, TurnRecord)]
        return records[::-1]

    async def erase(self, sender: Sender, user: str, erasure: int) -> int:
        """Delete everything of a user; return how many keys. Older writes of this file are refused from now on."""
        await self._link.call("HSET", MARKS, sender.field("erased"), erasure)
        return await erase_keys(self._link, user)


async def erase_keys(link: RedisLink, user: str) -> int:
    """Delete all keys of a user; return how many there were. Raises `StoreError`."""
    gone, cursor = 0, "0"
    while True:
        cursor, keys = await link.call("SCAN", cursor, "MATCH", user_pattern(user), "COUNT", 1000)
        if keys:
            gone += await link.call("DEL", *keys)
        if str(cursor) == "0":
            return gone


def read_fields(entries: Any) -> list[dict[str, str]]:
    """Return the fields of stream entries; none of one that was trimmed away meanwhile."""
    return [dict(zip(fields[::2], fields[1::2], strict=True)) if fields else {} for _, fields in entries]


def read_record(fields: dict[str, str]) -> Record | None:
    """Read the turn or thought of a stream entry; None where a stranger wrote something else."""
    try:
        return parse_record(fields["data"].encode())
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
