"""Live state and history that several Harrys share: each keeps his own on disk, and Redis holds what all of them wrote.

A write is done when it is on disk here; one task then sends to Redis, in order, whatever lies above its mark there.
The queue is the tables themselves: it outlives this process, is bounded by what they keep, and is sent once. A read
asks Redis, briefly, and falls back to what is known here.
"""

from __future__ import annotations

import math
import os
import random
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import structlog
import trio

from channels.backoff import Backoff
from channels.messages import Exchange, Source, Thought, TurnRecord
from channels.signals import Latch
from harry.errors import StoreError
from harry.memory.conversations.window import Row, merge_amended
from harry.memory.shared_state.live_state import Change, SqliteLiveState
from harry.memory.shared_state.redis_client import RedisLink, open_link
from harry.memory.shared_state.redis_store import MAX_STREAM_ENTRIES, STALE, RedisStore, Sender
from harry.memory.store.database import Database
from harry.memory.store.records import Record, parse_tools, serialize_tools

READ_WITHIN = 0.05
"""Seconds a read waits for Redis."""

TICK = 5.0
"""Seconds after which other processes' writes to the file are looked for."""

_BATCH = 256
_BATCH_CHARACTERS = 2_000_000
_FLUSH = 2.0  # seconds for what waits at the end

_STATE, _TURN, _THOUGHT = LOGS = ("state", "turn", "thought")
_TURN_COLUMNS = ", ".join(("id", *(column.name for column in fields(TurnRecord) if column.name != "turn")))
_THOUGHT_COLUMNS = ", ".join(column.name for column in fields(Thought))

log = structlog.get_logger(__name__)


def _ignore(*_: object) -> None:
    pass


@dataclass(frozen=True, slots=True)
class _Instance:
    name: str
    bases: tuple[int, int, int]  # of LOGS


class SharedLiveState:
    """`LiveState` over a file and a server. Made by `SharedLiveState.open`; `run` is the task that shares.

    `keys_erased` counts the keys of erased users that were taken away.
    """

    def __init__(
        self,
        tables: Database,
        link: RedisLink,
        instance: _Instance,
        *,
        on_trouble: Callable[[str], None] = _ignore,
        on_recovered: Callable[[], None] = _ignore,
        read_within: float = READ_WITHIN,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._tables = tables
        self._own = SqliteLiveState(tables)
        self._redis = RedisStore(link)
        self._on_trouble = on_trouble
        self._on_recovered = on_recovered
        self._read_within = read_within
        self._jitter = jitter
        self.keys_erased = 0
        self._instance = instance
        self._shared = dict.fromkeys(LOGS, 0)
        self._up = False
        self._failing = False
        self._sharing = trio.Lock()
        self._woken = Latch()

    @classmethod
    async def open(
        cls,
        tables: Database,
        link: RedisLink,
        *,
        on_trouble: Callable[[str], None] = _ignore,
        on_recovered: Callable[[], None] = _ignore,
        read_within: float = READ_WITHIN,
    ) -> SharedLiveState:
        """Use the file `tables` and the server behind `link`, which need not be there yet. Raises `StoreError`.

        `on_trouble(message)` is called once when Redis goes away, `on_recovered()` once when it is back.
        """
        instance = await tables.transaction(lambda connection: _adopt(connection, tables.path))
        return cls(tables, link, instance, on_trouble=on_trouble, on_recovered=on_recovered, read_within=read_within)

    @property
    def is_up(self) -> bool:
        """Whether Redis answered when it was last asked."""
        return self._up

    # What the conversation asks.

    async def save(self, user: str, variable: str, value: str) -> None:
        """Store it in the file; it is shared a moment later."""
        await self._own.save(user, variable, value)
        self.wake()

    async def append(self, user: str, variable: str, value: str, *, entry: str | None = None) -> None:
        """Store it in the file; it is shared a moment later."""
        await self._own.append(user, variable, value, entry=entry)
        self.wake()

    async def delete(self, user: str, variable: str) -> None:
        """Delete it in the file; in Redis a moment later."""
        await self._own.delete(user, variable)
        self.wake()

    async def erase(self, user: str) -> None:
        """Delete a user's live state in the file; all of the user's keys in Redis a moment later."""
        await self._own.erase_everywhere(user)
        self.wake()

    async def load(self, user: str, variable: str) -> str | None:
        """Read the variable, its texts joined."""
        texts = await self.entries(user, variable)
        return "\n".join(texts) if texts else None

    async def entries(self, user: str, variable: str) -> list[str]:
        """Read the variable's texts as all Harrys wrote them; as this one did while Redis is away or behind."""
        if self._up and await self._own.find_newest_change(user, variable) <= self._shared[_STATE]:
            try:
                field = f"{self._instance.name}:{_STATE}"
                mark, texts = await self._redis.read_entries(user, variable, field, within=self._read_within)
            except StoreError as error:
                self._lost(error)
            else:
                if (mark or 0) >= self._shared[_STATE]:
                    return texts
                self.wake()  # the server has lost something: it is sent again
        return await self._own.entries(user, variable)

    async def history(self, user: str, *, limit: int) -> list[Exchange]:
        """Recall the newest exchanges of a user with any Harry, oldest first; with this one while Redis is away."""
        own = await self._tables.history(user, limit=limit)
        if not self._up or limit <= 0:
            return own
        try:
            turns = await self._redis.read_turns(user, limit=2 * limit, within=self._read_within)
        except StoreError as error:
            self._lost(error)
            return own
        rows = {
            turn.turn: Row(
                0, turn.turn, turn.said, turn.heard, turn.interrupted, turn.amends, serialize_tools(turn.tools)
            )
            for turn in turns
        }
        overtaken = {row.amends for row in rows.values()}
        for exchange in own:
            if exchange.turn not in overtaken:
                used = serialize_tools(exchange.tools)
                rows.setdefault(
                    exchange.turn,
                    Row(0, exchange.turn, exchange.said, exchange.heard, exchange.interrupted, None, used),
                )
        # The ids of turns sort by the time at which they began.
        return merge_amended(sorted(rows.values(), key=lambda row: row.id))[-limit:]

    # Sharing.

    def wake(self) -> None:
        """Announce that something was stored: it is shared now."""
        self._woken.set()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Share until cancelled, and then what still waits, for at most two seconds."""
        backoff = Backoff()
        task_status.started()
        try:
            while True:
                self._woken.clear()
                try:
                    await self.share()
                    backoff.reset()
                    with trio.move_on_after(TICK):
                        await self._woken.wait()
                except StoreError as error:
                    self._lost(error)
                    await trio.sleep(backoff.advance() * (0.5 + self._jitter() / 2))
        finally:
            if trio.current_effective_deadline() == -math.inf and not self._failing:
                with trio.move_on_after(_FLUSH, shield=True):
                    try:
                        await self.share()
                    except StoreError as error:
                        log.info("the rest is shared at the next start", reason=str(error))

    async def share(self) -> None:
        """Send everything that is not shared yet. Raises `StoreError`; what was sent stays sent."""
        async with self._sharing:
            marks = await self._redis.read_marks(self._instance.name, LOGS)
            for name, mark, base in zip(LOGS, marks, self._instance.bases, strict=True):
                await self._share_log(name, base if mark is None else mark, fresh=mark is None)
        self._found()

    async def _share_log(self, name: str, mark: int, *, fresh: bool) -> None:
        self._shared[name] = mark
        while True:
            erasure, start, batch = await self._tables.read(
                lambda connection: _batch(connection, name, self._shared[name], fresh)
            )
            self._shared[name] = max(self._shared[name], start)
            if not batch:
                return
            sender = Sender(self._instance.name, erasure)
            if name == _STATE:
                done = await self._share_state(sender, batch)
            else:
                done = await self._redis.publish(sender, name, self._shared[name], batch)
            if done != STALE:
                self._shared[name] = done

    async def _share_state(self, sender: Sender, changes: Sequence[Change]) -> int:
        first = changes[0]
        if first.kind == "erase":
            self.keys_erased += await self._redis.erase(sender, first.user, first.seq)
            done = await self._redis.apply(sender, _STATE, self._shared[_STATE], [first])
            if done != STALE:
                await self._own.finish_erasure(first)
            return done
        # What comes after an erasure waits until that was done.
        before = changes[: next((n for n, change in enumerate(changes) if change.kind == "erase"), len(changes))]
        return await self._redis.apply(sender, _STATE, self._shared[_STATE], before)

    def _lost(self, error: StoreError) -> None:
        self._up = False
        self.wake()
        if not self._failing:
            self._failing = True
            log.warning("redis is away", reason=str(error))
            self._on_trouble(str(error))

    def _found(self) -> None:
        self._up = True
        if self._failing:
            self._failing = False
            log.info("redis is back")
            self._on_recovered()


async def erase_shared(tables: Database, url: str, user: str) -> int:
    """Erase a user's live state here and all of the user's keys in Redis, now; returns how many keys there were.

    To be called after everything else of the user was deleted. Raises `StoreError` while Redis is away: the keys then
    go when Harry next shares.
    """
    async with open_link(url) as link:
        live = await SharedLiveState.open(tables, link)
        await live.erase(user)
        await live.share()
        return live.keys_erased


def _adopt(connection: sqlite3.Connection, path: Path) -> _Instance:
    """Return this file's identity. A copy of another file takes a new name, and shares only what comes from now on."""
    inode = os.stat(path).st_ino  # noqa: PTH116  (as everywhere in the store)
    (known,) = connection.execute("SELECT inode FROM instance").fetchone()
    if known is None:
        connection.execute("UPDATE instance SET inode = ?", (inode,))
    elif known != inode:
        connection.execute(
            """
            UPDATE instance SET inode = ?, name = lower(hex(randomblob(8))),
                turn_base = (SELECT coalesce(max(seq), 0) FROM turn),
                thought_base = (SELECT coalesce(max(seq), 0) FROM thought),
                state_base = (SELECT coalesce(max(seq), 0) FROM live_state)
            """,
            (inode,),
        )
    name, *bases = connection.execute("SELECT name, state_base, turn_base, thought_base FROM instance").fetchone()
    return _Instance(name, (bases[0], bases[1], bases[2]))


def _batch(connection: sqlite3.Connection, name: str, mark: int, fresh: bool) -> tuple[int, int, list[Any]]:
    """Read what comes after the mark: the newest erasure (first, see `redis_scripts`), the mark, the records."""
    (erasure,) = connection.execute("SELECT erasure FROM instance").fetchone()
    if name == _STATE:
        query = "SELECT seq, change, user, variable, value FROM live_state WHERE seq > ? ORDER BY seq LIMIT ?"
        changes = [Change(*row) for row in connection.execute(query, (mark, _BATCH))]
        return erasure, mark, _bounded(changes, lambda change: len(change.value))
    columns = _TURN_COLUMNS if name == _TURN else _THOUGHT_COLUMNS
    if fresh:
        # A server that knows nothing is told what its streams have room for.
        (newest,) = connection.execute(f"SELECT coalesce(max(seq), 0) FROM {name}").fetchone()  # noqa: S608
        mark = max(mark, newest - MAX_STREAM_ENTRIES)
    query = f"SELECT seq, {columns} FROM {name} WHERE seq > ? ORDER BY seq LIMIT ?"  # noqa: S608 (constants)
    records = [(seq, _record(name, values)) for seq, *values in connection.execute(query, (mark, _BATCH))]
    return erasure, mark, _bounded(records, lambda numbered: _size(numbered[1]))


def _record(name: str, values: list[Any]) -> Record:
    if name == _THOUGHT:
        return Thought(*values)
    turn = TurnRecord(*values)
    return TurnRecord(**{
        **{field.name: getattr(turn, field.name) for field in fields(TurnRecord)},
        "source": Source(turn.source), "interrupted": bool(turn.interrupted), "tools": parse_tools(values[-1]),
    })  # fmt: skip


def _size(record: Record) -> int:
    if not isinstance(record, TurnRecord):
        return len(record.text)
    return len(record.said) + len(record.spoken) * 2 + len(serialize_tools(record.tools))


def _bounded(items: list[Any], size: Callable[[Any], int]) -> list[Any]:
    """Return as many items from the front as fit into one batch; at least one."""
    total = 0
    for number, item in enumerate(items):
        total += size(item)
        if total > _BATCH_CHARACTERS and number:
            return items[:number]
    return items
