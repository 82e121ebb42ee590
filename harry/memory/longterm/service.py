"""Long-term memory: items of six kinds for each namespace, kept for good, found by words and by meaning.

The store is the truth. What answers a question is held in memory for each namespace and kind, read from the store when
it is first needed and brought up to date before each search, whichever process wrote. Text is found by its words as
soon as it is committed; its vector follows.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, NoReturn, TypeVar

import structlog
import trio

from channels.backoff import Backoff
from channels.signals import Latch
from harry.errors import StoreError
from harry.memory.longterm.embedding_jobs import BATCH_VECTORS, count_pending, embed, list_pending, store_vectors
from harry.memory.longterm.forgetting import Forgotten, forget
from harry.memory.longterm.forgetting_day import DayForgotten, forget_day
from harry.memory.search.embedding import Embedder
from harry.memory.search.index import SearchIndex
from harry.memory.search.ranking import Question, rank
from harry.memory.store.backup import scrub_all
from harry.memory.store.database import Database
from harry.memory.store.items import (
    COLUMNS,
    KINDS,
    Item,
    Kind,
    clean,
    delete,
    forget_origins,
    put,
    read_row,
    trim_changes,
)
from harry.memory.store.records import day_bounds

T = TypeVar("T")

SEARCHED: tuple[Kind, ...] = ("memory", "journal", "book", "note", "soc")
"""The kinds that are searched when none is named: all that are not for tests."""

_HELD = 64  # indexes in memory at once
_SLICE = 500  # rows of a large read

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Found:
    """An item that was found. `strength` says how much it has to do with the question by itself, 0 to about 1.3."""

    item: Item
    score: float
    strength: float


@dataclass(frozen=True, slots=True)
class Answer:
    """What a search found, best first. `tier` is `words` while the meaning was not asked, else `both`."""

    tier: str
    found: tuple[Found, ...]


SETTLES, SETTLED_WITHIN = 0.5, 60.0
"""Seconds without anything new before vectors are computed, and seconds after which they are in any case."""


class _Abandoned(Exception):  # noqa: N818  nothing went wrong
    """Nobody waits for the search any more."""


class LongTermMemory:
    """The memory in one store. `embedder` None finds by words alone. Errors as of the store: `StoreError`."""

    def __init__(self, tables: Database, embedder: Embedder | None = None) -> None:
        self._tables = tables
        self.embedder = embedder
        self._searching = tables.searching
        self._indexes: dict[tuple[str, str], SearchIndex] = {}
        self._seen = -1
        self._new = Latch()

    # Writing

    async def upsert(self, items: Sequence[Item]) -> list[int]:
        """Store items, all or none; return their numbers once they are on disk.

        An item whose id its namespace knows takes the place of what stood there, in the same place of the conversation.
        Raises `ValueError` for one that can never be kept.
        """
        cleaned = [clean(item) for item in items]

        def work(connection: sqlite3.Connection) -> list[int]:
            numbers = [put(connection, item) for item in cleaned]
            trim_changes(connection)
            return numbers

        return await self._tables.transaction(work)

    async def delete(self, namespace: str, ids: Sequence[str]) -> int:
        """Delete items, all that was derived from them, and their words in turns, thoughts, journal and summaries.

        Returns how many items there were.
        """

        def work(connection: sqlite3.Connection) -> int:
            connection.execute("PRAGMA secure_delete = ON")
            gone = delete(connection, namespace, ids)
            forget_origins(connection, namespace, {*ids, *gone})
            trim_changes(connection)
            return len(gone)

        return await self._tables.transaction(work)

    async def forget(self, namespace: str, ids: Sequence[str]) -> Forgotten:
        """Forget items for good: with the turns that told, confirmed or repeated them, and to their bytes in the file.

        Raises `StoreError`; where another program reads the file all the time, after everything else was done.
        """
        forgotten = await self._tables.transaction(lambda connection: forget(connection, namespace, ids))
        if forgotten.items:
            await trio.to_thread.run_sync(scrub_all, self._tables.path)
        return forgotten

    async def forget_day(self, namespace: str, day: str) -> DayForgotten:
        """Forget all of a local day (YYYY-MM-DD) for good, to its bytes in the file. Errors as of `forget`."""
        begin, end = day_bounds(day, self._tables.zone)
        gone = await self._tables.transaction(lambda connection: forget_day(connection, namespace, day, begin, end))
        if gone.anything:
            await trio.to_thread.run_sync(scrub_all, self._tables.path)
        return gone

    def notice(self) -> None:
        """Announce that something was written, so that `run` computes its vectors. Never waits."""
        self._new.set()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> NoReturn:
        """Compute missing vectors, now and soon after each `notice`, using at most half of a processor.

        What cannot be read or kept now is tried again.
        """
        task_status.started()
        backoff = Backoff()
        while True:
            self._new.clear()
            try:
                await self.embed_missing(gently=True)
            except StoreError as error:
                log.warning("no vectors are made", cause=str(error))
                await backoff.sleep()
                continue
            backoff.reset()
            await self._new.wait()
            await self._settled()

    async def _settled(self) -> None:
        """Wait until nothing new has come for a moment: while somebody talks, the processor is for the talk."""
        with trio.move_on_after(SETTLED_WITHIN):
            quiet = False
            while not quiet:
                self._new.clear()
                with trio.move_on_after(SETTLES) as patience:
                    await self._new.wait()
                quiet = patience.cancelled_caught

    async def embed_missing(
        self,
        *,
        namespace: str | None = None,
        everywhere: bool = False,
        gently: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> int:
        """Compute the vectors of all items that have none; return how many. Calls `progress(done, of)`.

        `everywhere` uses all processors, for imports; `gently` rests as long as it works, beside a conversation.
        """
        if self.embedder is None:
            return 0
        total = await self._tables.read(lambda connection: count_pending(connection, namespace))
        done, after = 0, -(2**63)
        while rows := await self._tables.read(partial(list_pending, namespace=namespace, after=after)):
            for first in range(0, len(rows), BATCH_VECTORS):
                chosen = rows[first : first + BATCH_VECTORS]
                began = trio.current_time()
                vectors = await trio.to_thread.run_sync(embed, self.embedder, chosen, everywhere)
                kept = [
                    (item.seq, item.namespace, item.kind, vector) for item, vector in zip(chosen, vectors, strict=True)
                ]
                await self._tables.transaction(lambda connection, kept=kept: store_vectors(connection, kept))  # type: ignore[misc]
                if gently:
                    await trio.sleep(trio.current_time() - began)
                done += len(chosen)
                if progress is not None:
                    progress(done, max(total, done))
            after = rows[-1].seq
        return done

    # Reading

    async def get(self, namespace: str, identity: str) -> Item | None:
        """Return an item, valid or not."""
        found = await self._tables.read(
            lambda connection: connection.execute(
                f"SELECT {COLUMNS} FROM item WHERE ns = ? AND id = ?",  # noqa: S608  (a constant)
                (namespace, identity),
            ).fetchone()
        )
        return read_row(found) if found is not None else None

    async def list_items(
        self, namespace: str, *, kind: Kind | None = None, after: int | None = None
    ) -> list[tuple[int, Item]]:
        """Return a namespace's items after number `after` (None: all) as (number, item), in order; [] at the end."""

        def work(connection: sqlite3.Connection) -> list[Any]:
            return connection.execute(
                f"SELECT seq, {COLUMNS} FROM item WHERE ns = ? AND seq > ? AND (? IS NULL OR kind = ?)"  # noqa: S608
                " ORDER BY seq LIMIT ?",
                (namespace, -(2**63) if after is None else after, kind, kind, _SLICE),
            ).fetchall()

        return [(row[0], read_row(row[1:])) for row in await self._tables.read(work)]

    async def around(self, namespace: str, identity: str, *, before: int, after: int) -> list[tuple[int, Item]]:
        """Give a memory that holds with those said before and after it, with their numbers, in order."""
        row = f"SELECT seq, {COLUMNS} FROM item WHERE ns = ?1 AND kind = 'memory' AND valid_to IS NULL"  # noqa: S608
        here = "(SELECT seq FROM item WHERE ns = ?1 AND id = ?2)"

        def work(connection: sqlite3.Connection) -> list[Any]:
            earlier = connection.execute(
                f"{row} AND seq < {here} ORDER BY seq DESC LIMIT ?3", (namespace, identity, before)
            )
            later = connection.execute(
                f"{row} AND seq >= {here} ORDER BY seq LIMIT ?3", (namespace, identity, after + 1)
            )
            return [*reversed(earlier.fetchall()), *later.fetchall()]

        return [(row[0], read_row(row[1:])) for row in await self._tables.read(work)]

    async def count_items(self, namespace: str | None = None) -> list[dict[str, Any]]:
        """Count the items of each namespace and kind: all, those replaced, those with a vector, their characters."""

        def work(connection: sqlite3.Connection) -> list[Any]:
            return connection.execute(
                "SELECT ns, kind, count(*), count(valid_to), count(vec.seq), sum(length(text)) FROM item"
                " LEFT JOIN vec USING (seq) WHERE ?1 IS NULL OR ns = ?1 GROUP BY ns, kind ORDER BY ns, kind",
                (namespace,),
            ).fetchall()

        names = ("namespace", "kind", "items", "replaced", "with_vector", "characters")
        return [dict(zip(names, row, strict=True)) for row in await self._tables.read(work)]

    async def warm(self, namespace: str, kinds: Sequence[Kind] = SEARCHED) -> None:
        """Read the indexes of a namespace, so that the first question need not wait for it."""
        await trio.to_thread.run_sync(
            self._searching.use,
            lambda connection: self._current(connection, namespace, kinds),
            abandon_on_cancel=True,
            limiter=self._searching.limiter,
        )

    async def search(
        self,
        text: str,
        *,
        namespace: str,
        kinds: Sequence[Kind] | None = None,
        count: int = 10,
        offer: Callable[[Answer], None] | None = None,
    ) -> Answer:
        """Find the `count` most relevant items for a text within a namespace.

        `offer` is called, in trio's thread, with each complete tier: first by words, then by words and meaning.
        A cancelled search leaves its thread at the next step.
        """
        kinds = tuple(kinds) if kinds else SEARCHED
        unwanted = threading.Event()
        token = trio.lowlevel.current_trio_token()

        def pass_on(answer: Answer) -> None:
            if offer is not None and not unwanted.is_set():
                offer(answer)

        def tell(answer: Answer) -> None:
            with suppress(trio.RunFinishedError):  # nobody is left who could wait
                token.run_sync_soon(pass_on, answer)

        def work(connection: sqlite3.Connection) -> Answer | None:
            try:
                return self._search(connection, text, namespace, kinds, count, tell if offer else None, unwanted)
            except _Abandoned:
                return None

        try:
            answer = await trio.to_thread.run_sync(
                self._searching.use, work, abandon_on_cancel=True, limiter=self._searching.limiter
            )
        finally:
            unwanted.set()
        if answer is None:
            raise AssertionError("a search was abandoned by nobody")
        return answer

    def _search(  # noqa: PLR0917  (all of these are the search)
        self,
        connection: sqlite3.Connection,
        text: str,
        namespace: str,
        kinds: Sequence[Kind],
        count: int,
        tell: Callable[[Answer], None] | None,
        unwanted: threading.Event,
    ) -> Answer:
        _go_on(unwanted)
        indexes = self._current(connection, namespace, kinds)
        _go_on(unwanted)
        by_meaning = self.embedder is not None and any(index.has_vectors for index in indexes)
        question = Question.read(text)
        if self.embedder is None or not by_meaning:
            return _answer(connection, "words", question, indexes, count)
        if tell is not None:
            tell(_answer(connection, "words", question, indexes, count))
        vector = self.embedder.encode([text])[0]
        _go_on(unwanted)
        return _answer(connection, "both", Question(text, question.terms, vector), indexes, count)

    def _current(self, connection: sqlite3.Connection, namespace: str, kinds: Sequence[Kind]) -> list[SearchIndex]:
        """Return the indexes, brought up to date; those not in memory yet are read."""
        with _snapshot(connection):
            self._follow(connection)
            requested = []
            for kind in kinds:
                key = (namespace, kind)
                index = self._indexes.pop(key, None)
                if index is None:
                    index = SearchIndex(namespace, kind)
                    index.read(connection)
                self._indexes[key] = index  # the newest last
                requested.append(index)
            while len(self._indexes) > max(_HELD, len(requested)):
                del self._indexes[next(iter(self._indexes))]
            return requested

    def _follow(self, connection: sqlite3.Connection) -> None:
        oldest, newest = connection.execute(
            "SELECT (SELECT min(seq) FROM change), (SELECT max(seq) FROM change)"
        ).fetchone()
        oldest, newest = oldest or 0, newest or 0
        if newest == self._seen:
            return
        seen, self._seen = self._seen, newest
        if seen < 0 or seen > newest or seen < oldest - 1:
            self._indexes.clear()
            return
        changed: dict[tuple[str, str], set[int]] = {}
        for namespace, kind, item in connection.execute(
            "SELECT ns, kind, item FROM change WHERE seq > ?", (seen,)
        ).fetchall():
            changed.setdefault((namespace, kind), set()).add(item)
        for key, items in changed.items():
            if key in self._indexes:
                self._indexes[key].follow(connection, items)


def _go_on(unwanted: threading.Event) -> None:
    if unwanted.is_set():
        raise _Abandoned


@contextmanager
def _snapshot(connection: sqlite3.Connection) -> Iterator[None]:
    """Read one state of the store for the length of the block, whatever is written meanwhile."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        if connection.in_transaction:
            connection.execute("COMMIT")


def _answer(
    connection: sqlite3.Connection, tier: str, question: Question, indexes: Sequence[SearchIndex], count: int
) -> Answer:
    found = []
    for hit in rank(question, indexes, count):
        row = connection.execute(f"SELECT {COLUMNS} FROM item WHERE seq = ?", (hit.seq,)).fetchone()  # noqa: S608
        # It may have been deleted since the indexes were brought up to date.
        if row is not None:
            found.append(Found(read_row(row), hit.score, hit.strength))
    return Answer(tier, tuple(found))


__all__ = ["KINDS", "Answer", "Found", "Item", "Kind", "LongTermMemory"]
