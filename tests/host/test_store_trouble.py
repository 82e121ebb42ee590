"""A store in trouble at the start: nothing is acknowledged that is not on disk, and it is told; later all is kept."""

# ruff: noqa: ASYNC240  # the files are small

from __future__ import annotations

import os
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, suppress
from pathlib import Path

import pytest
import trio

from channels.messages import Thought
from harry.config.loading import Config
from harry.engines.engine_set import Engines
from harry.engines.lease import EnginePool
from harry.errors import StoreError
from harry.host.host import Host
from harry.host.hosting import hosting
from harry.host.storage import Storage, open_storage
from harry.host.store_watch import DAMAGED, OUT_OF_REACH
from harry.memory.store import data_folder
from harry.memory.store.backup import back_up_daily
from harry.memory.store.database import Database
from harry.memory.store.spill import FileSpill
from harry.services.overview import overview
from harry.session.session import Session
from tests.support.virtual_session import says

STORE = "harry.sqlite3"


def config_in(folder: Path) -> Config:
    config = Config()
    config._data_folder = folder
    return config


@pytest.fixture
async def used(tmp_path: Path) -> Path:
    """A folder in which something was kept before."""
    folder = tmp_path / "home"
    async with living(folder) as (host, _), host.open(user="you") as session:
        await say(session, "in the first life")
        await until(lambda: not session.writer.waiting)
    return folder


@asynccontextmanager
async def living(folder: Path) -> AsyncIterator[tuple[Host, Storage]]:
    config = config_in(folder)
    async with open_storage(config, patience=0.05) as storage:
        engines = Engines(language_model=EnginePool("language_model", says("I see.")))
        async with hosting(config, engines, storage, most=3) as host:
            yield host, storage


async def say(session: Session, words: str) -> None:
    turn = session.answer_typed(words)
    assert turn is not None
    await turn.over.wait()


async def until(true: Callable[[], bool]) -> None:
    with trio.fail_after(30):
        while not true():  # noqa: ASYNC110  (a file tells nobody)
            await trio.sleep(0.01)


def rows(folder: Path, words: str) -> int:
    """Count the turns on disk; 0 where there is no store that could be read."""
    with suppress(sqlite3.Error), sqlite3.connect(f"file:{folder / STORE}?mode=ro", uri=True) as connection:
        found: int = connection.execute("SELECT count(*) FROM turn WHERE said = ?", (words,)).fetchone()[0]
        return found
    return 0


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    holder = sqlite3.connect(folder / STORE, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        holder.close()


@contextmanager
def of_a_newer_harry(folder: Path) -> Iterator[None]:
    def set_version(number: int) -> int:
        with sqlite3.connect(folder / STORE) as connection:
            before: int = connection.execute("PRAGMA user_version").fetchone()[0]
            connection.execute(f"PRAGMA user_version = {number}")
        connection.close()
        return before

    before = set_version(99)
    yield
    set_version(before)


@contextmanager
def no_database(folder: Path) -> Iterator[None]:
    content = (folder / STORE).read_bytes()
    (folder / STORE).write_bytes(b"this is no database at all " * 1000)
    yield
    (folder / STORE).write_bytes(content)


@contextmanager
def a_folder_in_its_place(folder: Path) -> Iterator[None]:
    (folder / STORE).rename(folder / "aside")
    (folder / STORE).mkdir()
    yield
    (folder / STORE).rmdir()
    (folder / "aside").rename(folder / STORE)


@contextmanager
def no_folder(folder: Path) -> Iterator[None]:
    """The disk with the folder is not there, and a file in its place keeps it from being made."""
    aside = folder.with_name("away")
    folder.rename(aside)
    folder.write_text("")
    yield
    folder.unlink()
    aside.rename(folder)


Trouble = Callable[[Path], AbstractContextManager[None]]

TROUBLES: list[Trouble] = [locked, of_a_newer_harry, no_database, a_folder_in_its_place, no_folder]


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda each: each.__name__)
async def test_a_turn_is_acknowledged_only_when_the_store_has_it(trouble: Trouble, used: Path) -> None:
    held = trouble(used)
    held.__enter__()
    async with living(used) as (host, storage), host.open(user="you") as session:
        heard = session.events.listen()
        assert storage.trouble is not None
        assert "nothing is kept" in storage.notes[0]
        assert host.ill
        state = overview(host, session, [])
        assert (state["keeps"], state["errors"]) == (False, [host.ill])
        await say(session, "in the second life")
        await trio.sleep(0.1)
        before = [event.event for event in heard.take_waiting()]
        assert "turn_ended" not in before
        held.__exit__(None, None, None)
        await until(lambda: not session.writer.waiting)
        after = [event.event for event in heard.take_waiting()]
        assert "turn_ended" in after
        assert rows(used, "in the second life") == 1
        assert not host.ill
    assert rows(used, "in the first life") == 1


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda each: each.__name__)
async def test_it_is_told_once_in_each_conversation_and_aloud_once(trouble: Trouble, used: Path) -> None:
    aloud: list[str] = []
    with trouble(used):
        async with living(used) as (host, _):
            assert host.store_watch is not None
            for _ in range(2):
                told: list[dict[str, object]] = []
                listening = []
                async with host.open(user="you", prepare=lambda new: listening.append(new.events.listen())) as session:  # noqa: B023
                    host.store_watch.speak_through(aloud.append)
                    await say(session, "hello")
                    await trio.sleep(0.2)
                    told = [event.to_dict() for event in listening[0].take_waiting()]
                assert told[0]["event"] == "ready"
                assert [each["event"] for each in told].count("degraded") == 1
    assert len(aloud) == 1
    assert aloud[0] in (OUT_OF_REACH, DAMAGED)


async def test_what_waits_when_harry_ends_is_kept_by_the_next_one(used: Path) -> None:
    with locked(used):
        async with living(used) as (host, _), host.open(user="you") as session:
            await say(session, "while it was locked")
    assert (used / "unwritten.jsonl").exists()
    async with living(used) as (host, _), host.open(user="you"):
        await until(lambda: not (used / "unwritten.jsonl").exists())
    assert rows(used, "while it was locked") == 1


async def test_nothing_is_written_into_a_folder_that_is_not_held(used: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two Harrys that both could not hold the folder at first must not write the same files later."""
    hold = data_folder.FolderHold(used)
    refused = StoreError("It cannot be locked.")
    real = data_folder.FolderHold.take

    def refuse(self: data_folder.FolderHold) -> None:
        if self is not hold:
            raise refused
        real(self)

    monkeypatch.setattr(data_folder.FolderHold, "take", refuse)
    async with living(used) as (host, _), host.open(user="you") as session:
        await say(session, "not yet")
        await trio.sleep(0.1)
        assert not list(used.glob("unwritten*"))
        assert rows(used, "not yet") == 0
        hold.take()
        monkeypatch.setattr(data_folder.FolderHold, "take", real)
        await trio.sleep(0.3)
        assert "Another Harry" in host.ill
        assert not list(used.glob("unwritten*"))
        hold.release()
        await until(lambda: not session.writer.waiting)
    assert rows(used, "not yet") == 1


async def test_what_an_earlier_life_left_is_brought_in_once_the_folder_is_there(
    used: Path,
) -> None:
    await FileSpill(used / "unwritten-2.jsonl").append([Thought("t", "you", "s", "harry", "Harry", 1.0, "left")])
    with no_folder(used):
        living_with = living(used)
        host, _ = await living_with.__aenter__()
    await until(lambda: not (used / "unwritten-2.jsonl").exists())
    assert not host.ill
    await living_with.__aexit__(None, None, None)


def test_a_full_disk_does_not_keep_the_folder_from_being_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "pwrite", full)
    with data_folder.lock_folder(tmp_path):
        pass


async def test_a_folder_that_was_taken_away_while_harry_ran_is_not_made_again_empty(used: Path) -> None:
    hold = data_folder.FolderHold(used)
    hold.take()
    used.rename(used.with_name("moved"))
    with pytest.raises(StoreError, match="cannot be written"):
        hold.prepare()
    assert not used.exists()
    hold.release()


# Damage


def damage(folder: Path, table: str) -> None:
    """Overwrite the page with which a table begins."""
    with sqlite3.connect(folder / STORE) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        page = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,)).fetchone()[0]
        size = connection.execute("PRAGMA page_size").fetchone()[0]
    connection.close()
    with (folder / STORE).open("r+b") as file:
        file.seek(size * (page - 1))
        file.write(os.urandom(size))


@pytest.mark.parametrize("table", ["turn", "thought", "item"])
async def test_damage_is_looked_for_and_told_with_the_way_back(table: str, used: Path) -> None:
    made = back_up_daily(used / STORE, 3, 1_000_000.0)
    damage(used, table)
    async with living(used) as (host, _), host.open(user="you") as session:
        heard = session.events.listen()
        await until(lambda: "is damaged" in host.ill)
        assert f"harry restore {made}" in host.ill
        assert "harry salvage" in host.ill
        await say(session, "after the damage")
        await trio.sleep(0.2)
        acknowledged = [event.event for event in heard.take_waiting()].count("turn_ended")
    assert acknowledged == rows(used, "after the damage")


async def test_a_whole_store_is_well(used: Path) -> None:
    async with living(used) as (host, _):
        assert host.store_watch is not None
        await host.store_watch.reached.wait()
        await trio.sleep(0.1)
        assert not host.ill


async def test_a_backup_is_made_each_day_and_only_the_newest_are_kept(used: Path) -> None:
    days = [1_000_000.0 + 86_400 * day for day in range(5)]
    made = [back_up_daily(used / STORE, 2, day) for day in days]
    assert all(made)
    assert back_up_daily(used / STORE, 2, days[-1]) is None
    kept = sorted((used / "backups").iterdir())
    assert kept == [each for each in made[-2:] if each]
    assert all(each.stat().st_mode & 0o077 == 0 for each in kept)
    database = await Database.open(kept[-1])
    assert [each.said for each in await database.history("you", limit=9)] == ["in the first life"]
    await database.aclose()


async def test_a_running_harry_makes_the_backups_that_the_configuration_asks_for(used: Path) -> None:
    config = Config(memory={"backups": 1})
    config._data_folder = used
    async with open_storage(config) as storage:
        engines = Engines(language_model=EnginePool("language_model", says("I see.")))
        async with hosting(config, engines, storage):
            await until(lambda: len(list((used / "backups").glob("harry-*.sqlite3"))) == 1)
