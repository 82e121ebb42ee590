"""Following what happens: turns and thoughts of some users, as they are shared, through Redis' consumer groups.

Each entry goes to one consumer of a group, and again to another one if it was not done with in a minute; so it may come
twice, with the same id, and never not at all. (A blocking pop would lose entries when it is cancelled.)
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import NoReturn

import structlog
import trio

from harry.errors import StoreError
from harry.memory.shared_state.redis_client import RedisLink
from harry.memory.shared_state.redis_keys import CONVERSATION, SOC, stream
from harry.memory.shared_state.redis_store import fields_of, record_of
from harry.memory.store.records import Record

ABANDONED = 60_000
"""Milliseconds after which an entry that a consumer has not done with goes to another."""

DELIVERIES = 5
"""Times an entry is given out; one that never could be handled is then let go, with a word in the log."""

_BLOCK = 5_000  # milliseconds a read waits
_COUNT = 64
_SHORTEST, _LONGEST = 0.1, 5.0  # seconds between two attempts while Redis is away

log = structlog.get_logger(__name__)


class Follower:
    """One consumer of a group. `users` are those whose `kinds` of streams it follows, from their beginning."""

    def __init__(
        self,
        link: RedisLink,
        users: Sequence[str],
        *,
        group: str,
        consumer: str,
        kinds: Sequence[str] = (CONVERSATION, SOC),
        abandoned: int = ABANDONED,
    ) -> None:
        self._link = link
        self._streams = [stream(user, kind) for user in users for kind in kinds]
        self._group = group
        self._consumer = consumer
        self._abandoned = abandoned

    async def run(self, handle: Callable[[Record], Awaitable[None]]) -> NoReturn:
        """Hand each turn and thought to `handle`, until cancelled. An entry is done with once `handle` returns.

        While Redis is away this waits. What `handle` raises ends the run, and the entry comes again.
        """
        pause = _SHORTEST
        while True:
            try:
                await self._prepare()
                while True:
                    await self._take_over(handle)
                    await self._read(handle)
                    pause = _SHORTEST
            except StoreError as error:
                log.warning("following pauses", reason=str(error))
                await trio.sleep(pause)
                pause = min(pause * 2, _LONGEST)

    async def _prepare(self) -> None:
        for name in self._streams:
            try:
                await self._link.call("XGROUP", "CREATE", name, self._group, "0", "MKSTREAM")
            except StoreError as error:
                if "BUSYGROUP" not in str(error):
                    raise

    async def _take_over(self, handle: Callable[[Record], Awaitable[None]]) -> None:
        """Take what other consumers, or this one before it was cancelled, have left undone."""
        for name in self._streams:
            mine = await self._link.call("XPENDING", name, self._group, "IDLE", self._abandoned, "-", "+", _COUNT)
            spent = [entry for entry, _, _, times in mine if int(times) >= DELIVERIES]
            if spent:
                log.error("entries that could not be handled are let go", entries=len(spent), stream=name)
                await self._link.call("XACK", name, self._group, *spent)
            if mine:
                answer = await self._link.call(
                    "XAUTOCLAIM", name, self._group, self._consumer, self._abandoned, "0", "COUNT", _COUNT
                )
                await self._handle(name, answer[1], handle)

    async def _read(self, handle: Callable[[Record], Awaitable[None]]) -> None:
        places = [">"] * len(self._streams)
        answer = await self._link.wait(
            "XREADGROUP", "GROUP", self._group, self._consumer, "COUNT", _COUNT, "BLOCK", _BLOCK,
            "STREAMS", *self._streams, *places,
        )  # fmt: skip
        for name, entries in answer or []:
            await self._handle(name, entries, handle)

    async def _handle(self, name: str, entries: Sequence[object], handle: Callable[[Record], Awaitable[None]]) -> None:
        for entry, fields in zip(entries, fields_of(entries), strict=True):
            record = record_of(fields)
            if record is not None:
                await handle(record)
            await self._link.call("XACK", name, self._group, entry[0])  # type: ignore[index]  # (id, fields)
