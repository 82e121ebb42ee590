"""kill -9 at each named write point: whatever was acknowledged before is kept, whole and once, in the next life.

The points lie before and after each commit, before and after each write to the spill, and within the transactions of
journal and live state. (Rotation's points: test_rotation.py. Random moments: test_kill_nine.py.)
"""

from __future__ import annotations

import logging
import os
import random
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
import structlog
import trio

from actors.soc_writer import Record, SocWriter
from channels.messages import Thought
from harry.errors import StoreError
from harry.memory.diary.journal import Journal
from harry.memory.shared_state.live_state import SqliteLiveState
from harry.memory.store.database import Database
from harry.memory.store.spill import FileSpill
from tests.memory.store.test_kill_nine import in_order, kept_names, text_of

POINTS = (
    "before a commit", "after a commit", "before laying aside", "after laying aside", "before forgetting",
    "after forgetting", "in a transaction", "after a transaction",
)  # fmt: skip
FAILING = 0.3  # how often the store fails, so that the spill is used


class Deadly:
    """Ends the process, by kill -9, at a point, after it was passed some times."""

    def __init__(self, point: str) -> None:
        self._point = point
        self._left = random.randint(0, 12)

    def reached(self, point: str) -> None:
        if point == self._point:
            self._left -= 1
            if self._left < 0:
                os.kill(os.getpid(), signal.SIGKILL)


class Store(Database):
    deadly: Deadly

    async def write(self, records: Sequence[Record]) -> list[int]:
        self.deadly.reached("before a commit")
        if random.random() < FAILING:
            raise StoreError("fails")
        numbers = await super().write(records)
        self.deadly.reached("after a commit")
        return numbers

    async def transaction(self, work):
        def deadly(connection: sqlite3.Connection):
            done = work(connection)
            self.deadly.reached("in a transaction")
            return done

        done = await super().transaction(deadly)
        self.deadly.reached("after a transaction")
        return done


class Spill(FileSpill):
    deadly: Deadly

    async def append(self, records: Sequence[Record]) -> None:
        self.deadly.reached("before laying aside")
        await super().append(records)
        self.deadly.reached("after laying aside")

    async def forget(self, count: int) -> None:
        self.deadly.reached("before forgetting")
        await super().forget(count)
        self.deadly.reached("after forgetting")


async def live(folder: Path, life: int, point: str) -> None:
    """Write everything that can be written until the point is reached. This is the child."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    store = await Store.open(folder / "harry.db")
    spill = Spill(folder / "spill.jsonl")
    store.deadly = spill.deadly = Deadly(point)  # type: ignore[attr-defined]
    writer = SocWriter(store, spill, failure=StoreError, capacity=4)
    state, journal = SqliteLiveState(store), Journal(store, "Harry", "ann")

    async def think() -> None:
        for count in range(100_000):
            receipts = []
            for part in range(8):
                name = f"{life}-0-{count * 8 + part}"
                receipts.append((name, writer.submit(Thought(name, "u", "s", "n", "harry", 0.0, text_of(name, 100)))))
            for name, receipt in receipts:
                os.write(1, f"thought {name} {await receipt.wait_committed()}\n".encode())

    async def note() -> None:
        for count in range(100_000):
            await state.append("ann", f"log {life} {count // 500}", f"{count}")  # a variable keeps 1000
            os.write(1, f"state {life} {count}\n".encode())
            await journal.write(text_of(f"{life}", 300), day=f"{2000 + count % 1000:04d}-01-01")
            os.write(1, f"journal {2000 + count % 1000:04d}-01-01 {life}\n".encode())

    async with trio.open_nursery() as nursery:
        await nursery.start(writer.run)
        nursery.start_soon(think)
        nursery.start_soon(note)


def one_life(folder: Path, life: int, point: str) -> list[list[str]]:
    command = [sys.executable, "-m", "tests.memory.store.test_kill_points", str(folder), str(life), point]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()[-2000:]
    return [line.decode().split() for line in done.stdout.splitlines(keepends=True) if line.endswith(b"\n")]


def kill_at_each_point(folder: Path, lives: int) -> int:
    """Returns how much was acknowledged in all."""
    numbers: dict[int, str] = {}
    told = 0
    for life in range(lives):
        lines = one_life(folder, life, POINTS[life % len(POINTS)])
        told += len(lines)
        numbers |= {int(number): name for kind, name, number in lines if kind == "thought"}
        counts = [int(count) for kind, _, count in lines if kind == "state"]
        days = [day for kind, day, _ in lines if kind == "journal"]
        with closing(sqlite3.connect(folder / "harry.db")) as database:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            kept = kept_names(database)
            assert numbers.items() <= kept.items(), "an acknowledged thought is gone"
            assert in_order(list(kept.values()))
            state = database.execute(
                "SELECT value FROM live_state WHERE variable LIKE ? ORDER BY seq", (f"log {life} %",)
            ).fetchall()
            held = [int(value) for (value,) in state]
            assert held == list(range(len(held))), "an append was done twice, or is torn"
            assert len(held) >= len(counts), "an acknowledged append is gone"
            written = dict(database.execute("SELECT day, text FROM journal").fetchall())
            assert all(written[day] == text_of(f"{life}", 300) for day in days), "an acknowledged entry is gone"
    return told


def test_a_life_ended_at_each_write_point_loses_nothing_that_was_acknowledged(tmp_path):
    assert kill_at_each_point(tmp_path, len(POINTS)) > 0


@pytest.mark.acceptance
@pytest.mark.timeout(3600)
def test_five_hundred_lives_ended_at_each_write_point_lose_nothing_that_was_acknowledged(tmp_path):
    assert kill_at_each_point(tmp_path, 500) > 1000


if __name__ == "__main__":
    trio.run(live, Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
