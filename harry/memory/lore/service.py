"""The knowledge base as a running Harry uses it: asked on every partial transcript, it answers from memory.

`run` keeps the index up to date: once a second at most, and only while questions come, it looks whether the store's
counter has moved, and builds the next index in a thread while the old one goes on answering. A question that may take
longer than a millisecond goes to a thread, too; all others are answered where they are asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

import structlog
import trio

from channels.signals import Latch
from harry.engines.worker_threads import WorkerThreads
from harry.errors import StoreError
from harry.memory.lore.activation import Budget, Moment, judge
from harry.memory.lore.matching import GrowingSearch, Hits
from harry.memory.lore.model import Book, Count, Fired, Reason, Scope, Verdict, bound_tokens
from harry.memory.lore.patterns import PATTERN_SECONDS, Trials
from harry.memory.lore.rules import LoreIndex
from harry.memory.lore.store import LoreSource

log = structlog.get_logger(__name__)

CHECKED_EVERY = 1.0
"""Seconds between two looks at the store's counter, at least."""

_DEADLINE = 2.0  # seconds for one question in a thread; the patterns alone have a hundredth of that
_BUILDING = 60.0  # seconds for building an index
_SMALL = 2_000  # characters that are searched without a thread
_FEW = 64  # entries that are judged, or made ready, without a thread
_REMEMBERED = 256  # texts whose keys are known

EXPLAINING = 1.0
"""Seconds for all patterns where a person waits for an explanation."""


@dataclass(frozen=True, slots=True)
class _Ready:
    """An index with what goes with it: the store's version, texts searched before, and the transcript in the making."""

    version: int
    index: LoreIndex
    searched: dict[str, Hits]
    counted: dict[str, int]
    growing: GrowingSearch


class KnowledgeBase:
    """One persona's lore. `count` counts the tokens of a text with the model's tokenizer (None: a cautious bound).

    `names` are what `{{char}}` and `{{user}}` stand for: `{"char": ..., "user": ...}`.
    """

    def __init__(
        self,
        source: LoreSource,
        scope: Scope,
        *,
        count: Count | None = None,
        names: dict[str, str] | None = None,
        pattern_limit: float = PATTERN_SECONDS,
    ) -> None:
        self.scope = scope
        self._source = source
        self._count = count or bound_tokens
        self._names = names
        self._pattern_limit = pattern_limit
        self._ready: _Ready | None = None
        self._asked = Latch()
        self._refreshing = trio.Lock()
        self._questions = WorkerThreads("The knowledge base", deadline=_DEADLINE)
        self._builds = WorkerThreads("The knowledge base", deadline=_BUILDING)

    @property
    def books(self) -> tuple[Book, ...]:
        """The books as they were last read."""
        return self._ready.index.books if self._ready else ()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> NoReturn:
        """Keep the books up to date until cancelled. A store that fails leaves those that are known."""
        failing = False
        task_status.started()
        while True:
            try:
                await self.refresh()
                failing = False
            except StoreError as error:
                if not failing:
                    log.warning("the knowledge base cannot be read", reason=str(error))
                failing = True
            await trio.sleep(CHECKED_EVERY)
            await self._asked.wait()
            self._asked.clear()

    async def refresh(self) -> bool:
        """Read the books if they have changed; True if they had. Raises `StoreError`."""
        async with self._refreshing:
            if self._ready is not None and await self._source.version() == self._ready.version:
                return False
            version, books = await self._source.load(self.scope)
            if self._source.in_memory or sum(len(book.entries) for book in books) <= _FEW:
                index = LoreIndex(books, names=self._names)
            else:
                index = await self._builds.run(self._build, books)
            self._ready = _Ready(version, index, {}, {}, index.keys.start_growing())
            return True

    async def fire(
        self,
        texts: Sequence[str],
        budget_tokens: int,
        *,
        moment: Moment | None = None,
        within: float | None = None,
    ) -> list[Fired]:
        """Return the entries for the prompt, in its order: constant ones, and those whose keys stand in `texts`.

        `texts` are the messages, the newest last; `budget_tokens` is for what is not constant. Cancellable. The first
        call reads the store and may raise `StoreError`; later ones never wait for it. `within` is in seconds: patterns
        that need longer are left out, and what plain keys call up is returned.
        """
        ready = await self._current()
        newest_first = _newest_first(ready, texts)
        moment = moment or Moment()
        if within is None or not ready.index.patterned:
            verdicts = await self._judged(ready, newest_first, budget_tokens, moment)
        else:
            end = trio.current_time() + within
            verdicts = await self._judged(ready, newest_first, budget_tokens, moment, plain=True)
            with trio.move_on_at(end):
                verdicts = await self._judged(ready, newest_first, budget_tokens, moment)
        return [
            Fired(
                verdict.entry,
                verdict.why,
                verdict.text,
                verdict.tokens,
                verdict.reason is Reason.CONSTANT,
                verdict.depth,
            )
            for verdict in verdicts
            if verdict.fires
        ]

    async def explain(self, texts: Sequence[str], budget_tokens: int, *, moment: Moment | None = None) -> list[Verdict]:
        """Return for every entry whether it fires on `texts` and why, those that fire first. Slower than `fire`."""
        ready = await self._current()
        newest_first = _newest_first(ready, texts)

        def work() -> list[Verdict]:
            hits = [ready.index.keys.find(text) for text in newest_first]
            return judge(
                ready.index,
                newest_first,
                hits,
                budget=Budget(budget_tokens, self._count),
                moment=moment,
                trials=Trials(limit=EXPLAINING),
                explain=True,
            )

        return work() if self._source.in_memory else await self._builds.run(work)

    async def _current(self) -> _Ready:
        self._asked.set()
        if self._ready is None:
            await self.refresh()
        else:
            await trio.lowlevel.checkpoint()
        if self._ready is None:
            raise StoreError("The knowledge base could not be read.")
        return self._ready

    async def _judged(
        self, ready: _Ready, texts: list[str], budget: int, moment: Moment, *, plain: bool = False
    ) -> list[Verdict]:
        index = ready.index

        def count(text: str) -> int:
            known = ready.counted.get(text)
            if known is None:
                known = ready.counted[text] = self._count(text)
            return known

        def work(hits: list[Hits] | None = None) -> list[Verdict]:
            return judge(
                index,
                texts,
                hits if hits is not None else [_search(ready, text) for text in texts],
                budget=Budget(budget, count),
                moment=moment,
                trials=Trials(limit=0 if plain else self._pattern_limit),
                plain=plain,
            )

        if self._source.in_memory:
            return work()
        if sum(len(text) for text in texts if text not in ready.searched) <= _SMALL:
            hits = [_search(ready, text, newest=at == 0) for at, text in enumerate(texts)]
            always = index.plainly_always if plain else index.always
            asked = len(always) + sum(len(index.of_key.get(number, ())) for text_hits in hits for number in text_hits)
            if asked <= _FEW and (plain or not index.patterned) and not index.recursive:
                return work(hits)
            return await self._questions.run(work, hits)
        return await self._questions.run(work)

    def _build(self, books: Sequence[Book]) -> LoreIndex:
        return LoreIndex(books, names=self._names)


def _newest_first(ready: _Ready, texts: Sequence[str]) -> list[str]:
    """Return as many texts as any entry looks at."""
    return list(texts[max(0, len(texts) - ready.index.deepest) :])[::-1]


def _search(ready: _Ready, text: str, *, newest: bool = False) -> Hits:
    """Find the keys of a text. The newest text may still grow; the others are searched once.

    Threads may do this at once: what they lay down is the same, and the growing search is trio's thread's alone.
    """
    known = ready.searched.get(text)
    if known is not None:
        return known
    if newest:
        return ready.growing.find(text)
    found = ready.index.keys.find(text)
    if len(ready.searched) >= _REMEMBERED:
        ready.searched.clear()
    ready.searched[text] = found
    return found
