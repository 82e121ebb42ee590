"""How long it takes to find something in a large memory: a question's processor time and wall time, and a cold start.

The rows are made up: words as frequent as in a language, some hundred topics that share words, and vectors that lie
about their topic's. A question is made of words of a row behind the words of a question, ten in all. What is timed is
the whole search, the embedding of the question included, in the process that answers; nothing is scripted.
"""

from __future__ import annotations

import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import trio
from rich.console import Console
from rich.progress import Progress

from harry.bench.figures import percentiles
from harry.errors import EngineUnavailable
from harry.memory.longterm.service import LongTermMemory
from harry.memory.search.embedding import MODEL, Embedder
from harry.memory.search.vectors import DIMENSIONS
from harry.memory.search.wordpiece import VOCABULARY
from harry.memory.store.database import Database
from harry.memory.store.items import Item, keep_vectors, put, trim_changes

_NAMESPACE = "bench"
_TOPICS = 500
_QUESTIONS = 200
_TOGETHER = 2000
_COLD_START = (
    sys.executable,
    "-c",
    "import sys, pathlib; from harry.bench import memory; print(memory.cold_start(pathlib.Path(sys.argv[1])))",
)
_ASKING = (
    "What did we say about",
    "When did you go to the",
    "Who told me about",
    "Do you remember the",
    "Where is the",
)


class _Talk:
    """Made-up rows: words with Zipf's frequencies, a third of them the topic's own."""

    def __init__(self, rows: int) -> None:
        self._random = np.random.default_rng(7)
        # Whole words of a real vocabulary, the frequent ones first, so that a question has as many pieces as it would.
        lines = files("harry.memory.search").joinpath(VOCABULARY).read_text("utf-8").split("\n")
        self._known = [word for word in lines if word.isascii() and word.isalpha() and len(word) > 1]
        weights = 1 / np.arange(1, len(self._known) + 1)
        self._weights = weights / weights.sum()
        self._topics = self._random.standard_normal((_TOPICS, DIMENSIONS)).astype(np.float32)
        self.topic = self._random.integers(0, _TOPICS, rows)
        self.words: list[list[str]] = []

    def texts(self, first: int, last: int) -> Iterator[str]:
        lengths = self._random.integers(6, 36, last - first)
        drawn = self._random.choice(len(self._known), int(lengths.sum()), p=self._weights)
        ends = np.cumsum(lengths)
        for row, end, length in zip(range(first, last), ends, lengths, strict=True):
            numbers = drawn[end - length : end]
            words = [self._known[int(number)] for number in numbers]
            words[::3] = [self._known[100 + int(self.topic[row]) * 40 + int(number) % 40] for number in numbers[::3]]
            self.words.append(words)
            yield " ".join(words)

    def vectors(self, first: int, last: int) -> list[bytes]:
        near = self._random.standard_normal((last - first, DIMENSIONS)).astype(np.float32)
        vectors = self._topics[self.topic[first:last]] + near
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return [vector.astype(np.float16).tobytes() for vector in vectors]

    def questions(self) -> list[str]:
        asked = []
        for number in range(_QUESTIONS):
            words = self.words[int(self._random.integers(len(self.words)))]
            some = self._random.choice(len(words), min(4, len(words)), replace=False)
            asked.append(f"{_ASKING[number % len(_ASKING)]} {' '.join(words[place] for place in sorted(some))}?")
        return asked


async def _fill(tables: Database, rows: int, progress: Callable[[int], None]) -> _Talk:
    talk = _Talk(rows)
    for first in range(0, rows, _TOGETHER):
        last = min(first + _TOGETHER, rows)
        texts = list(talk.texts(first, last))
        vectors = talk.vectors(first, last)

        def work(
            connection: sqlite3.Connection, first: int = first, texts: list[str] = texts, v: list[bytes] = vectors
        ) -> None:
            numbers = [
                put(connection, Item(f"{row}", text, _NAMESPACE, "memory", ("Ann", "Bob")[row % 2], 1.6e9 + row * 60))
                for row, text in enumerate(texts, start=first)
            ]
            keep_vectors(
                connection, MODEL, [(seq, _NAMESPACE, "memory", vec) for seq, vec in zip(numbers, v, strict=True)]
            )
            trim_changes(connection)

        await tables.transaction(work)
        progress(last)
    return talk


async def _measure(rows: int, folder: Path, progress: Callable[[int], None]) -> dict[str, Any]:
    path = folder / "harry.sqlite3"
    tables = await Database.open(path)
    began = time.perf_counter()
    talk = await _fill(tables, rows, progress)
    filled = time.perf_counter() - began
    await tables.aclose()
    try:
        embedder: Embedder | None = Embedder.load()
    except EngineUnavailable:
        embedder = None

    cold = float((await trio.run_process([*_COLD_START, str(path)], capture_stdout=True)).stdout)
    tables = await Database.open(path)
    memory = LongTermMemory(tables, embedder)
    walls, cpus = [], []
    try:
        for number, question in enumerate([*talk.questions()[:10], *talk.questions()]):
            wall, cpu = time.perf_counter(), time.process_time()
            await memory.search(question, namespace=_NAMESPACE, kinds=["memory"])
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            if number >= 10:
                walls.append(wall)
                cpus.append(cpu)
    finally:
        await tables.aclose()
    return {
        "rows": rows,
        "questions": len(walls),
        "by": "words and meaning" if embedder else "words",
        "cpu_ms": percentiles(cpus),
        "wall_ms": percentiles(walls),
        "cold_start_s": round(cold, 3),
        "rows_kept_per_s": round(rows / filled),
        "store_mb": round(path.stat().st_size / 1e6, 1),
    }


async def _start(path: Path) -> float:
    began = time.perf_counter()
    tables = await Database.open(path)
    memory = LongTermMemory(tables, None)
    await memory.warm(_NAMESPACE)
    took = time.perf_counter() - began
    await tables.aclose()
    return took


def cold_start(path: Path) -> float:
    """Return the seconds from opening the store to indexes that are ready, in a process that has done nothing else."""
    return trio.run(_start, path)


def run(rows: int) -> dict[str, Any]:
    """Fill a memory with `rows` rows in a folder of its own, and ask it."""
    with (
        tempfile.TemporaryDirectory(prefix="harry-bench-") as folder,
        Progress(console=Console(stderr=True), transient=True) as progress,
    ):
        task = progress.add_task("Filling a memory", total=rows)
        return trio.run(_measure, rows, Path(folder), lambda done: progress.update(task, completed=done))
