"""kill -9 at any moment: what was acknowledged is on disk, whole, once, under the number that was told.

A child process writes thoughts of many sizes through the real writer, store and spill, and says on its standard output
which it knows to be kept; the test kills it after a random number of these, and starts the next on the same files.
In every second life the store fails now and then, so that the spill is killed too.
"""

from __future__ import annotations

import hashlib
import logging
import os
import random
import sqlite3
import subprocess
import sys
from contextlib import closing
from itertools import islice
from pathlib import Path

import pytest
import structlog
import trio

from actors.soc_writer import Record, SocWriter
from channels.messages import Thought
from harry.errors import StoreError
from harry.memory.store.spill import FileSpill
from harry.memory.store.sqlite_store import SqliteStore

SENDERS = 3
AT_ONCE = 40
MOST_ACKNOWLEDGED = 400


def text_of(name: str, size: int) -> str:
    """A text that shows by itself whether it is whole, and whose it is."""
    body = f"{name} " * (size // len(name) + 1)
    return f"{hashlib.sha256(body.encode()).hexdigest()} {body}"


def is_whole(name: str, text: str) -> bool:
    digest, _, body = text.partition(" ")
    return body.startswith(f"{name} ") and hashlib.sha256(body.encode()).hexdigest() == digest


class Store(SqliteStore):
    """Fails one commit in ten, before or after it happened."""

    async def write(self, records: list[Record]) -> list[int]:  # type: ignore[override]
        chance = random.random()
        if chance < 1 / 20:
            raise StoreError("fails before the commit")
        numbers = await super().write(records)
        if chance < 1 / 10:
            raise StoreError("fails after the commit")
        return numbers


async def live(folder: Path, life: int) -> None:
    """Write until killed. This is the child, whose standard output is for acknowledgements only."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    path = folder / "harry.db"
    store = await (SqliteStore if life % 2 else Store).open(path)
    writer = SocWriter(store, FileSpill(folder / "spill.jsonl"), failure=StoreError, capacity=30)

    async def send(sender: int) -> None:
        count = 0
        while True:
            receipts = []
            for _ in range(random.randint(1, AT_ONCE)):
                name = f"{life}-{sender}-{count}"
                text = text_of(name, random.choice([10, 100, 5_000]))
                receipts.append((name, writer.submit(Thought(name, "u", "s", "n", "harry", 0.0, text))))
                count += 1
            for name, receipt in receipts:
                os.write(1, f"{await receipt.wait_committed()} {name}\n".encode())

    async with trio.open_nursery() as nursery:
        await nursery.start(writer.run)
        for sender in range(SENDERS):
            nursery.start_soon(send, sender)


def one_life(folder: Path, life: int) -> dict[int, str]:
    """Start a child, kill it, and return what it acknowledged: the name under each number."""
    command = [sys.executable, __file__, str(folder), str(life)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.stdout is not None
        lines = list(islice(child.stdout, random.randint(0, MOST_ACKNOWLEDGED)))
        child.kill()
        lines += child.stdout
        assert child.stderr is not None
        assert b"Traceback" not in child.stderr.read()
    told = [line.split() for line in lines if line.endswith(b"\n")]
    return {int(number): name.decode() for number, name in told}


def kept_names(database: sqlite3.Connection) -> dict[int, str]:
    """The name under each number; every text must be whole."""
    found = {}
    for number, name, text in database.execute("SELECT seq, id, text FROM thought ORDER BY seq"):
        assert is_whole(name, text), f"entry {number} is torn"
        found[number] = name
    return found


def in_order(names: list[str]) -> bool:
    """Whether each sender's entries of each life stand in the order in which they were sent, without a gap."""
    following: dict[str, int] = {}
    for name in names:
        sender, _, count = name.rpartition("-")
        if int(count) != following.get(sender, 0):
            return False
        following[sender] = int(count) + 1
    return True


def kill_again_and_again(folder: Path, lives: int) -> int:
    """Returns how many entries were acknowledged in all."""
    acknowledged: dict[int, str] = {}
    for life in range(lives):
        told = one_life(folder, life)
        assert not told.keys() & acknowledged.keys(), "a number was given twice"
        acknowledged |= told
        with closing(sqlite3.connect(folder / "harry.db")) as database:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            if life % 50 == 49 or life == lives - 1:
                kept = kept_names(database)
                assert acknowledged.items() <= kept.items(), "an acknowledged entry is gone"
                assert in_order(list(kept.values()))
    return len(acknowledged)


def test_twenty_lives_ended_by_kill_nine_lose_nothing_that_was_acknowledged(tmp_path):
    assert kill_again_and_again(tmp_path, 20) > 0


@pytest.mark.acceptance
@pytest.mark.timeout(3600)
def test_five_hundred_lives_ended_by_kill_nine_lose_nothing_that_was_acknowledged(tmp_path):
    assert kill_again_and_again(tmp_path, 500) > 10_000


if __name__ == "__main__":
    trio.run(live, Path(sys.argv[1]), int(sys.argv[2]))
