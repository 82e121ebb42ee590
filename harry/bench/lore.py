"""How long the knowledge base takes for one partial transcript, with ten thousand entries and a conversation behind it.

The books lie in a real store; utterances of up to thirty words grow word by word, every tenth word being a key. A third
of the entries have two keys, a tenth a phrase too, and in a second round one in a thousand has a pattern.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import trio

from harry.bench.figures import percentiles
from harry.memory.lore.model import Book, Entry, Scope
from harry.memory.lore.rules import LoreIndex
from harry.memory.lore.service import KnowledgeBase
from harry.memory.lore.store import LoreStore
from harry.memory.store.database import Database

ENTRIES = 10_000
"""Entries in the books."""

_SCOPE = Scope("bench", "Harry")
_BUDGET = 500  # tokens
_WORDS = 30


def _word(dice: random.Random) -> str:
    return "".join(dice.choice("bcdfghklmnprstvw") + dice.choice("aeiou") for _ in range(dice.randint(2, 4)))


def _filler(dice: random.Random) -> str:
    # Words of everyday speech, of which none is a key.
    return f"x{_word(dice)}"


def _entries(dice: random.Random, count: int, *, patterns: bool) -> list[Entry]:
    entries = []
    for number in range(count):
        keys = [_word(dice) for _ in range(dice.choice((1, 1, 2)))]
        if number % 10 == 0:
            keys.append(f"{_word(dice)} {_word(dice)}")
        if patterns and number % 1000 == 0:
            keys.append(f"/{_word(dice)}(s|'s)?\\b/i")
        content = " ".join(_word(dice) for _ in range(25))
        entries.append(Entry(keys=tuple(keys), content=content, insertion_order=dice.randint(0, 1000)))
    return entries


def _partials(dice: random.Random, entries: list[Entry], count: int) -> Iterator[list[str]]:
    """Yield texts, the newest last: three utterances that were, and one that grows."""
    said: list[str] = []
    while count > 0:
        words = [
            dice.choice(dice.choice(entries).keys[:2]) if dice.random() < 0.1 else _filler(dice) for _ in range(_WORDS)
        ]
        for end in range(1, min(_WORDS, count) + 1):
            yield [*said[-3:], " ".join(words[:end])]
        count -= _WORDS
        said.append(" ".join(words))


async def _ask(base: KnowledgeBase, partials: list[list[str]]) -> dict[str, Any]:
    wall, cpu, fired = [], [], 0
    await base.fire(["warm"], _BUDGET)
    for texts in partials:
        began, worked = time.perf_counter(), time.process_time()
        fired += len(await base.fire(texts, _BUDGET))
        cpu.append(time.process_time() - worked)
        wall.append(time.perf_counter() - began)
    return {"wall_ms": percentiles(wall), "cpu_ms": percentiles(cpu), "fired": fired}


async def _measure(n: int, folder: Path) -> dict[str, Any]:
    dice = random.Random(1)  # noqa: S311  (the same books each time)
    figures: dict[str, Any] = {"entries": ENTRIES, "partials": n}
    for name, patterns in (("partial", False), ("partial_with_10_patterns", True)):
        entries = _entries(dice, ENTRIES, patterns=patterns)
        book = Book("bench", tuple(entries))
        database = await Database.open(folder / f"{name}.sqlite3")
        store = LoreStore(database)
        await store.add_book(_SCOPE, book)
        began = time.perf_counter()
        index = LoreIndex([book])
        figures.setdefault("build_ms", round((time.perf_counter() - began) * 1000, 1))
        figures.setdefault("keys", len(index.of_key))
        base = KnowledgeBase(store, _SCOPE)
        try:
            figures[name] = await _ask(base, list(_partials(dice, entries, n)))
            began = time.perf_counter()
            await base.refresh()
            figures.setdefault("version_check_ms", round((time.perf_counter() - began) * 1000, 3))
        finally:
            await database.aclose()
    return figures


def run(n: int) -> dict[str, Any]:
    """Ask `n` times."""
    with tempfile.TemporaryDirectory() as folder:
        return trio.run(_measure, n, Path(folder))
