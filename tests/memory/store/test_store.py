"""What a store promises, asked of both stores; and what the one on disk promises beyond it."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.messages import Source, Thought, TurnRecord
from harry.errors import StoreError
from harry.memory.store import connection as connection_module
from harry.memory.store.connection import connect
from harry.memory.store.connection_thread import Interruptible
from harry.memory.store.in_memory import InMemoryStore
from harry.memory.store.migrations.registry import MIGRATIONS, migrate, version
from harry.memory.store.records import local_day
from harry.memory.store.sqlite_store import SqliteStore

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC).timestamp()
ENDLESS = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"


def thought(name: str, text: str = "a thought", *, at: float = NOON, persona: str = "harry") -> Thought:
    return Thought(name, "ann", "kitchen", "home", persona, at, text)


def turn(name: str, *, said: str = "hello", amends: str | None = None, user: str = "ann") -> TurnRecord:
    return TurnRecord(
        name, user, "kitchen", "home", Source.VOICE, 1.0, 2.5, said, " Good day.", " Good", True, "barge_in", amends
    )


@pytest.fixture(params=["sqlite", "memory"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SqliteStore | InMemoryStore]:
    if request.param == "memory":
        yield InMemoryStore(zone=UTC)
    else:
        opened = await SqliteStore.open(tmp_path / "harry.db", zone=UTC)
        yield opened
        await opened.aclose()


@pytest.fixture
async def on_disk(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    opened = await SqliteStore.open(tmp_path / "harry.db", zone=UTC, patience=0.2)
    yield opened
    await opened.aclose()


# Both stores


async def test_sequence_numbers_come_in_the_order_of_the_records(store):
    assert await store.write([thought("a"), thought("b")]) == [1, 2]
    assert await store.write([thought("c")]) == [3]
    assert [entry["sequence"] for entry in await store.thoughts("harry", "2026-03-04")] == [1, 2, 3]


async def test_the_same_id_again_gets_the_number_it_had_and_keeps_its_first_wording(store):
    await store.write([thought("a", "first"), turn("t")])
    again = [thought("b"), thought("a", "second"), thought("b"), turn("t", said="other")]
    assert await store.write(again) == [2, 1, 2, 1]
    assert await store.write([thought("c")]) == [3], "a repetition used up a number"
    assert (await store.thoughts("harry", "2026-03-04"))[0]["text"] == "first"
    assert [exchange.said for exchange in await store.history("ann", limit=9)] == ["hello"]


async def test_a_record_that_can_never_be_kept_takes_its_whole_batch_with_it(store):
    for at in (float("nan"), float("inf"), 1e300, -1e15):
        with pytest.raises(ValueError, match=r".+"):
            await store.write([thought("good"), thought("bad", at=at)])
    assert await store.thoughts("harry", "2026-03-04") == []


async def test_history_is_the_newest_exchanges_of_one_user_oldest_first(store):
    await store.write([turn("1"), turn("2", user="bob"), turn("3"), turn("4")])
    assert [exchange.turn for exchange in await store.history("ann", limit=2)] == ["3", "4"]
    assert [exchange.turn for exchange in await store.history("ann", limit=99)] == ["1", "3", "4"]
    assert await store.history("ann", limit=0) == []
    (exchange,) = await store.history("bob", limit=1)
    assert (exchange.said, exchange.heard, exchange.interrupted) == ("hello", " Good", True)


async def test_an_amended_turn_is_shown_as_the_one_that_amends_it_in_its_old_place(store):
    await store.write([turn("1", said="I would"), turn("2"), turn("3", said="I would like tea", amends="1")])
    assert [exchange.turn for exchange in await store.history("ann", limit=9)] == ["3", "2"]
    await store.write([turn("4", said="I would like green tea", amends="3")])
    assert [exchange.turn for exchange in await store.history("ann", limit=9)] == ["4", "2"]
    assert await store.write([turn("1")]) == [1], "the amended turn itself is still kept"


async def test_thoughts_are_of_one_persona_and_one_day_and_the_newest_at_most(store):
    day = 86_400
    await store.write([thought(f"{n}", f"{n}", at=NOON + n) for n in range(5)])
    await store.write([thought("later", at=NOON + day), thought("other", persona="eve")])
    assert [entry["text"] for entry in await store.thoughts("harry", "2026-03-04", limit=2)] == ["3", "4"]
    assert len(await store.thoughts("harry", "2026-03-04")) == 5
    assert await store.thoughts("harry", "2026-03-04", limit=0) == []
    assert await store.days("harry") == ["2026-03-04", "2026-03-05"]
    assert await store.days("nobody") == []
    assert (await store.thoughts("eve", "2026-03-04"))[0] == {"sequence": 7, "at": NOON, "text": "a thought"}


async def test_texts_come_back_as_they_were_whatever_they_hold(store):
    texts = ["", "two\nlines\r\n", "a\0nul\0", "\ufeff\u202e עברית 🙂", "'; DROP TABLE thought; --", "x" * 1_000_000]
    await store.write([thought(f"{n}", text) for n, text in enumerate(texts)])
    assert [entry["text"] for entry in await store.thoughts("harry", "2026-03-04")] == texts


async def test_half_a_surrogate_pair_is_replaced_and_a_whole_one_joined(store):
    await store.write([thought("a", "lone \ud83d here"), thought("b", "pair \ud83d\ude42")])
    assert [entry["text"] for entry in await store.thoughts("harry", "2026-03-04")] == ["lone \ufffd here", "pair 🙂"]


async def test_the_day_is_the_one_on_the_wall_in_the_given_zone(tmp_path):
    east = timezone(timedelta(hours=13, minutes=45))
    before = datetime(2026, 6, 1, 23, 59, 59, tzinfo=east).timestamp()
    for store in (InMemoryStore(zone=east), await SqliteStore.open(tmp_path / "harry.db", zone=east)):
        await store.write([thought("a", at=before), thought("b", at=before + 1)])
        assert await store.days("harry") == ["2026-06-01", "2026-06-02"]
        await store.aclose()


def test_days_of_23_and_of_25_hours_are_one_day_each(monkeypatch):
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")  # central Europe's rule, without a database of zones
    time.tzset()
    try:
        for day, hours in (("2026-03-29", 23), ("2026-10-25", 25)):
            start = datetime.fromisoformat(day).timestamp()
            assert {local_day(start + hour * 3600) for hour in range(hours)} == {day}
            assert local_day(start - 1) < day < local_day(start + hours * 3600)
    finally:
        monkeypatch.undo()
        time.tzset()


names = st.sampled_from("abcdefgh")
turns = st.builds(
    lambda name, amends, user: turn(name, amends=amends, user=user),
    names,
    st.none() | names,
    st.sampled_from(["ann", "bob"]),
)
thoughts = st.builds(
    lambda name, text, at: thought(name, text, at=at),
    names,
    st.text(st.characters(codec=None, categories=None), max_size=20),
    st.floats(NOON, NOON + 3 * 86_400),
)


@settings(max_examples=60, deadline=None)
@given(batches=st.lists(st.lists(turns | thoughts, max_size=8), max_size=5), limit=st.integers(0, 9))
def test_both_stores_tell_the_same_whatever_was_written(batches, limit):
    async def scenario() -> None:
        with tempfile.TemporaryDirectory() as folder:
            disk = await SqliteStore.open(Path(folder) / "harry.db", zone=UTC)
            memory = InMemoryStore(zone=UTC)
            for batch in batches:
                assert await disk.write(batch) == await memory.write(batch)
            for user in ("ann", "bob"):
                assert await disk.history(user, limit=limit) == await memory.history(user, limit=limit)
            assert await disk.days("harry") == await memory.days("harry")
            for day in await memory.days("harry"):
                assert await disk.thoughts("harry", day) == await memory.thoughts("harry", day)
            await disk.aclose()

    trio.run(scenario)


def test_only_the_store_on_disk_calls_itself_durable():
    assert SqliteStore.durable
    assert not InMemoryStore.durable


# The store on disk


async def test_what_was_written_is_there_at_the_next_opening(on_disk):
    await on_disk.write([thought("a", "kept"), turn("t")])
    again = await SqliteStore.open(on_disk.path, zone=UTC)
    assert (await again.thoughts("harry", "2026-03-04"))[0]["text"] == "kept"
    assert (await again.history("ann", limit=1))[0].turn == "t"
    await again.aclose()


async def test_every_file_is_its_owners_alone_even_if_it_was_not(tmp_path):
    path = tmp_path / "harry.db"
    path.touch(0o644)
    path.chmod(0o644)
    store = await SqliteStore.open(path)
    await store.write([thought("a")])
    assert {each.name: each.stat().st_mode & 0o777 for each in tmp_path.iterdir()} == {
        "harry.db": 0o600,
        "harry.db-wal": 0o600,
        "harry.db-shm": 0o600,
    }
    await store.aclose()


async def test_commits_are_synced_in_wal_mode(on_disk):
    pragmas = [on_disk._writing.use(lambda c, p=p: c.execute(f"PRAGMA {p}").fetchone()[0]) for p in PRAGMAS]
    assert pragmas == list(PRAGMAS.values())


PRAGMAS = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 200}


@contextmanager
def held_lock(path: Path) -> Iterator[None]:
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


async def test_a_lock_held_too_long_is_told_and_the_store_works_after_it(on_disk):
    with held_lock(on_disk.path), pytest.raises(StoreError, match=r"locked\. Close the other program"):
        await on_disk.write([thought("a")])
    assert await on_disk.write([thought("a")]) == [1]


async def test_a_read_waits_neither_for_a_commit_nor_to_open_its_connection(tmp_path):
    store = await SqliteStore.open(tmp_path / "harry.db", zone=UTC, patience=60)
    await store.write([thought("a")])
    with trio.fail_after(30), held_lock(store.path):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(store.write, [thought("b")])
            for _ in range(3):
                assert len(await store.thoughts("harry", "2026-03-04")) == 1
            nursery.cancel_scope.cancel()
    await store.aclose()


async def test_a_cancelled_write_returns_at_once_and_can_be_written_again(tmp_path):
    store = await SqliteStore.open(tmp_path / "harry.db", zone=UTC, patience=60)
    with trio.fail_after(30):
        with held_lock(store.path), trio.move_on_after(0.05) as scope:
            await store.write([thought("a")])
        assert scope.cancelled_caught
        assert await store.write([thought("a"), thought("b")]) == [1, 2]
    await store.aclose()


async def test_a_cancelled_read_interrupts_the_query(on_disk):
    with trio.fail_after(30):
        with trio.move_on_after(0.05) as scope:
            await on_disk._read(ENDLESS, ())
        assert scope.cancelled_caught
        assert await on_disk.days("harry") == [], "the thread of the endless read is still busy"


def test_an_interrupt_that_comes_too_late_or_too_early_hits_no_other_read():
    connection = sqlite3.connect(":memory:")
    ended = Interruptible(lambda c: c.execute("SELECT 1").fetchall())
    assert ended(connection) == [(1,)]
    ended.interrupt()
    early = Interruptible(lambda c: c.execute(ENDLESS).fetchall())
    early.interrupt()
    assert early(connection) is None
    assert connection.execute("SELECT 2").fetchall() == [(2,)]
    connection.close()


async def test_a_damaged_file_is_told_and_a_good_copy_put_back_works_without_a_restart(on_disk):
    await on_disk.write([thought("a", "kept")])
    await on_disk.aclose()
    store = await SqliteStore.open(on_disk.path, zone=UTC)
    good = on_disk.path.with_suffix(".copy")
    shutil.copyfile(on_disk.path, good)
    damaged = on_disk.path.with_suffix(".damaged")
    damaged.write_bytes(b"no database at all" * 1000)
    damaged.replace(on_disk.path)
    with pytest.raises(StoreError, match=r"is damaged .*\. End Harry"):
        await store.write([thought("b")])
    with pytest.raises(StoreError, match="is damaged"):
        await store.days("harry")
    for side in ("-wal", "-shm"):
        on_disk.path.with_name(on_disk.path.name + side).unlink(missing_ok=True)
    good.replace(on_disk.path)
    assert await store.write([thought("b")]) == [2]
    assert (await store.thoughts("harry", "2026-03-04"))[0]["text"] == "kept"
    await store.aclose()


async def test_a_file_that_was_moved_away_is_not_written_to_any_more(on_disk, tmp_path):
    await on_disk.write([thought("a")])
    shutil.rmtree(tmp_path)
    tmp_path.mkdir()
    assert await on_disk.write([thought("b", "found again")]) == [1]
    again = await SqliteStore.open(on_disk.path, zone=UTC)
    assert [entry["text"] for entry in await again.thoughts("harry", "2026-03-04")] == ["found again"]
    await again.aclose()


async def test_a_full_database_keeps_what_it_acknowledged_and_works_again_with_room(on_disk):
    await on_disk.write([thought("a", "kept")])
    pages = on_disk._writing.use(lambda c: c.execute("PRAGMA page_count").fetchone()[0])
    on_disk._writing.use(lambda c: c.execute(f"PRAGMA max_page_count = {pages}"))
    with pytest.raises(StoreError, match=r"The disk is full.*\. Free some space"):
        await on_disk.write([thought("b"), thought("c", "x" * 100_000)])
    assert [entry["text"] for entry in await on_disk.thoughts("harry", "2026-03-04")] == ["kept"]
    assert await on_disk.write([thought("b"), thought("c", "x" * 100_000)]) == [2, 3]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(tmp_path)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("a small file system can be mounted by root only")
    yield tmp_path
    subprocess.run(["umount", "-l", str(tmp_path)], check=True)


async def test_a_full_disk_is_told_and_freed_space_is_used(small_disk):
    store = await SqliteStore.open(small_disk / "harry.db", zone=UTC)
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(500_000))
    kept = []
    with pytest.raises(StoreError, match=r"The disk is full"):  # noqa: PT012 (how many fit is not known)
        for n in range(100):
            kept += await store.write([thought(f"{n}", "x" * 50_000)])
    assert kept
    assert [entry["sequence"] for entry in await store.thoughts("harry", "2026-03-04")] == kept
    ballast.unlink()
    assert await store.write([thought("after")]) == [len(kept) + 1]
    await store.aclose()


@contextmanager
def ordinary_folder() -> Iterator[Path]:
    """A folder of a user whom its modes bind: root, for whom they mean nothing, becomes nobody for a while."""
    folder = Path(tempfile.mkdtemp())
    root = os.geteuid() == 0
    try:
        if root:
            os.chown(folder, 65534, 65534)
            os.seteuid(65534)
        yield folder
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(0o700)
        shutil.rmtree(folder)


async def test_a_read_only_folder_or_file_is_told_at_the_opening():
    with ordinary_folder() as folder:
        path = folder / "harry.db"
        store = await SqliteStore.open(path)
        await store.aclose()
        path.chmod(0o400)
        with pytest.raises(StoreError, match=r"cannot be opened for writing\. Make the folder"):
            await SqliteStore.open(path)
        for each in folder.iterdir():
            each.unlink()
        folder.chmod(0o500)
        with pytest.raises(StoreError, match=r"cannot be used: Permission denied\. Make the folder"):
            await SqliteStore.open(path)
        assert list(folder.iterdir()) == []
        folder.chmod(0o700)
        path.touch(0o600)
        folder.chmod(0o500)
        with pytest.raises(StoreError, match=r"cannot be opened for writing\. Make the folder"):
            await SqliteStore.open(path)


async def test_a_closed_store_says_so(on_disk):
    await on_disk.aclose()
    with pytest.raises(StoreError, match="has been closed"):
        await on_disk.write([thought("a")])
    with pytest.raises(StoreError, match="has been closed"):
        await on_disk.days("harry")
    await on_disk.aclose()


async def test_closing_does_not_wait_for_ever_for_a_stuck_write(tmp_path):
    store = await SqliteStore.open(tmp_path / "harry.db", patience=60)
    with trio.fail_after(30), held_lock(store.path):
        with trio.move_on_after(0.05):
            await store.write([thought("a")])
        await store.aclose()


WRITE_MANY = """
import sys, trio
from pathlib import Path
from channels.messages import Thought
from harry.memory.store.sqlite_store import SqliteStore

async def main(path, name, count):
    store = await SqliteStore.open(Path(path))
    for n in range(count):
        print(*await store.write([Thought(f"{name}{n}", "u", "s", "n", "harry", 0.0, f"{name}{n}")]), flush=True)
    await store.aclose()

trio.run(main, sys.argv[1], sys.argv[2], int(sys.argv[3]))
"""


def test_two_processes_write_at_once_and_each_finds_its_own_in_order(tmp_path):
    path, count = tmp_path / "harry.db", 150
    command = [sys.executable, "-c", WRITE_MANY, str(path)]
    children = [subprocess.Popen([*command, name, str(count)], stdout=subprocess.PIPE, text=True) for name in "ab"]
    numbers = [list(map(int, child.communicate()[0].split())) for child in children]
    assert [child.returncode for child in children] == [0, 0]
    assert sorted(numbers[0] + numbers[1]) == list(range(1, 2 * count + 1))
    assert all(mine == sorted(mine) for mine in numbers)
    database = sqlite3.connect(path)
    rows = dict(database.execute("SELECT seq, text FROM thought"))
    database.close()
    for name, mine in zip("ab", numbers, strict=True):
        assert [rows[number] for number in mine] == [f"{name}{n}" for n in range(count)]


async def test_opening_a_second_connection_lets_go_of_no_lock_of_the_first(on_disk):
    await on_disk.write([thought("a")])
    await on_disk.days("harry")
    # The last to close a file removes its log. Another process must still see that it is not the last.
    await trio.run_process([sys.executable, "-c", WRITE_MANY, str(on_disk.path), "b", "1"], capture_stdout=True)
    assert on_disk.path.with_name("harry.db-wal").exists()
    assert [entry["sequence"] for entry in await on_disk.thoughts("harry", "1970-01-01")] == [2]


def open_at_once(path: Path, count: int) -> list[StoreError]:
    """Open a file from `count` threads at the same moment; returns what went wrong."""
    start = threading.Barrier(count)
    errors: list[StoreError] = []

    def open_it() -> None:
        start.wait()
        try:
            connect(path, patience=30, writing=True).close()
        except StoreError as error:
            errors.append(error)

    threads = [threading.Thread(target=open_it) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


def test_many_may_open_a_new_file_at_the_same_moment(tmp_path):
    for number in range(10):
        assert open_at_once(tmp_path / f"{number}.db", 6) == []


def test_nobody_looks_at_a_new_file_while_another_switches_it_to_wal(tmp_path, monkeypatch):
    meeting = threading.Barrier(2)
    met = []

    def look(*_: object) -> None:
        with suppress(threading.BrokenBarrierError):
            meeting.wait(0.2)
            met.append(True)

    monkeypatch.setattr(connection_module, "refuse_newer", look)
    assert open_at_once(tmp_path / "harry.db", 2) == []
    assert met == []


# Migrations


def schema(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    return connection.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()


@pytest.mark.parametrize("earlier", range(len(MIGRATIONS) + 1))
def test_the_schema_is_reached_from_every_earlier_version(earlier):
    fresh, old = (sqlite3.connect(":memory:", isolation_level=None) for _ in range(2))
    migrate(fresh)
    migrate(old, MIGRATIONS[:earlier])
    assert version(old) == earlier
    migrate(old)
    assert version(old) == len(MIGRATIONS)
    assert schema(old) == schema(fresh) != []
    fresh.close()
    old.close()


def test_a_step_that_fails_leaves_the_version_before_it_whole():
    connection = sqlite3.connect(":memory:", isolation_level=None)
    first = ("CREATE TABLE one (a)",)
    broken = ("CREATE TABLE two (a)", "CREATE TABLE one (a)")
    with pytest.raises(sqlite3.OperationalError):
        migrate(connection, [first, broken])
    assert version(connection) == 1
    assert [name for name, _ in schema(connection)] == ["one"]
    migrate(connection, [first, ("CREATE TABLE two (a)",)])
    assert [name for name, _ in schema(connection)] == ["one", "two"]
    connection.close()


async def test_a_file_of_a_newer_harry_is_refused_and_left_as_it_is(tmp_path):
    path = tmp_path / "harry.db"
    database = sqlite3.connect(path)
    database.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    database.execute("CREATE TABLE from_the_future (a)")
    database.commit()
    database.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match=r"written by a newer Harry .*\. Update Harry"):
        await SqliteStore.open(path)
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["harry.db"]
