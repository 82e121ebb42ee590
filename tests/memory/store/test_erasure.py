"""Delete means gone: after `delete` and `erase` the text is in no file, and what still holds it is told."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import asdict
from pathlib import Path

import pytest
import trio

from channels.messages import Source, Thought, TurnRecord
from harry.config.loading import Config, load_config
from harry.errors import ConfigurationError, FolderInUse, StoreError
from harry.host.access_tokens import Tokens
from harry.memory.store import erasure as erasing
from harry.memory.store.backup import back_up, back_up_daily, drop_daily_backups
from harry.memory.store.connection import connect
from harry.memory.store.data_folder import lock_folder, prepare_folder
from harry.memory.store.database import Database
from harry.memory.store.erasure import erase_rows, erase_spilled, holds
from harry.memory.store.items import Item, index_records, put
from harry.memory.store.migrations.registry import migrate
from harry.memory.store.opening import STORE_FILE
from harry.memory.store.records import local_day
from harry.services import memory as remembering

AT = 1_700_000_000.0
SECRET = "xylophone"


@pytest.fixture
def config(tmp_path: Path) -> Config:
    found = load_config(None, [], {"HARRY_HOME": str(tmp_path / "home")})
    prepare_folder(found.data_folder)
    return found


def records(user: str, secret: str) -> list[TurnRecord | Thought]:
    said = f"I play the {secret}."
    return [
        TurnRecord(f"{user}1", user, "s", "harry", Source.VOICE, AT, AT + 1, said, said, said, False, "done"),
        Thought(f"{user}2", user, "s", "harry", "Harry", AT, f"{user} plays the {secret}."),
    ]


async def filled(config: Config, rows: int = 300) -> None:
    tables = await Database.open(config.data_folder / STORE_FILE)
    for user, secret in (("ann", SECRET), ("bob", "trombone")):
        kept = records(user, secret)
        await tables.write(kept)

        def work(connection: sqlite3.Connection, user: str = user, secret: str = secret, kept: list = kept) -> None:
            index_records(connection, kept)
            for number in range(rows):
                put(connection, Item(f"{user}-{number}", f"The {secret} of {user}, number {number}.", user, at=AT))

        await tables.transaction(work)
    await tables.aclose()


def holding(folder: Path, text: str) -> list[str]:
    needles = [text.encode(), text.encode("utf-16-le")]
    return [
        path.name for path in folder.rglob("*") if path.is_file() and any(each in path.read_bytes() for each in needles)
    ]


async def test_after_erasing_a_user_the_text_is_in_no_file(config):
    await filled(config)
    assert holding(config.data_folder, SECRET), "the test would prove nothing"
    erasure = await remembering.erase(config, "ann")
    assert holding(config.data_folder, SECRET) == []
    assert holding(config.data_folder, "ann") == [], "the name is still there"
    assert erasure.rows == {"item": 303, "thought": 1, "turn": 1}
    assert holding(config.data_folder, "trombone"), "another user's memories are gone"


async def test_after_deleting_one_memory_its_text_is_in_no_file(config):
    await filled(config)
    await remembering.add(config, Item("x", "The glockenspiel broke.", "bob"))
    await remembering.add(config, Item("y", "A summary of the glockenspiel.", "bob", derived_from=("x",)))
    assert await remembering.delete(config, "bob", "x") == 2
    assert holding(config.data_folder, "glockenspiel") == []
    assert holding(config.data_folder, SECRET)


async def test_a_deleted_word_of_a_conversation_is_in_no_table_either(config):
    await filled(config, rows=0)
    connection = connect(config.data_folder / STORE_FILE, patience=1, writing=True)
    connection.execute(
        "INSERT INTO conversation (id, user, day, number, first, last, turns, started_at, ended_at, summary, author)"
        " VALUES ('c', 'ann', '2026-01-01', 1, 1, 1, 1, 0, 0, 'Of a xylophone.', 'mind')"
    )
    connection.close()
    # What was answered and thought about it goes with it.
    assert await remembering.delete(config, "ann", "ann1/said") == 3
    assert holding(config.data_folder, SECRET) == []
    assert holding(config.data_folder, "trombone")


async def test_erasing_works_beside_an_open_store_which_then_finds_nothing_more(config):
    await filled(config)
    tables = await Database.open(config.data_folder / STORE_FILE)
    memory = remembering.LongTermMemory(tables)
    assert (await memory.search(SECRET, namespace="ann")).found
    await remembering.erase(config, "ann")
    assert (await memory.search(SECRET, namespace="ann")).found == ()
    assert (await memory.search("trombone", namespace="bob")).found
    await memory.upsert([Item("new", "A new start.", "ann")])
    assert (await memory.search("start", namespace="ann")).found[0].item.id == "new"
    await tables.aclose()


async def test_erasing_twice_or_a_stranger_changes_nothing(config):
    await filled(config, rows=3)
    await remembering.erase(config, "ann")
    assert (await remembering.erase(config, "ann")).rows == {}
    assert (await remembering.erase(config, "nobody")).rows == {}


async def test_every_table_that_says_whose_a_row_is_is_emptied_of_the_user(config):
    await filled(config, rows=1)
    connection = connect(config.data_folder / STORE_FILE, patience=1, writing=True)
    connection.execute("CREATE TABLE later (user TEXT, secret TEXT)")
    connection.execute("INSERT INTO later VALUES ('ann', 'x'), ('bob', 'y')")
    assert holds(connection, "ann")
    assert erase_rows(connection, "ann")["later"] == 1
    assert not holds(connection, "ann")
    assert holds(connection, "bob")
    connection.close()


async def test_other_places_are_told_to_forget_too(config):
    await filled(config, rows=1)
    told = []

    async def forget(user: str) -> int:
        told.append(user)
        return 7

    assert (await remembering.erase(config, "ann", elsewhere=[forget])).keys == 7
    assert told == ["ann"]


async def test_what_waits_on_the_spill_is_erased_as_well(config):
    await filled(config, rows=1)
    spill = config.data_folder / "waiting.jsonl"
    lines = [
        json.dumps({"kind": "x", **asdict(each)}) for user in ("ann", "bob") for each in records(user, SECRET + user)
    ]
    spill.write_text("\n".join([*lines, "half a li"]) + "\n", "utf-8")
    assert (await remembering.erase(config, "ann")).spilled == 2
    assert spill.read_text("utf-8").splitlines() == [*lines[2:], "half a li"]


def test_a_spill_that_holds_nothing_else_is_removed(tmp_path):
    spill = tmp_path / "waiting.jsonl"
    spill.write_text(json.dumps({"user": "ann"}) + "\n", "utf-8")
    assert erase_spilled(spill, "ann") == 1
    assert not spill.exists()
    assert erase_spilled(spill, "ann") == 0


async def test_a_running_harrys_spill_is_left_to_him_and_told(config):
    await filled(config, rows=1)
    spill = config.data_folder / "waiting.jsonl"
    spill.write_text(json.dumps({"user": "ann"}) + "\n", "utf-8")
    with lock_folder(config.data_folder):
        erasure = await remembering.erase(config, "ann")
    assert spill.exists()
    assert erasure.unseen == [str(spill)]


async def test_what_was_laid_aside_as_unreadable_is_erased_where_it_names_the_user(config):
    await filled(config, rows=1)
    aside = config.data_folder / "unwritten.unreadable"
    aside.write_text(f'{{"user": "ann", "said": "{SECRET}"\n{{"user": "bob", "said": "x"\n', "utf-8")
    assert (await remembering.erase(config, "ann")).spilled == 1
    assert aside.read_text("utf-8") == '{"user": "bob", "said": "x"\n'


# Backups


@pytest.mark.parametrize("how", ["erase", "delete", "forget a day"])
async def test_daily_backups_go_with_what_was_erased(config, how):
    await filled(config, rows=2)
    back_up_daily(config.data_folder / STORE_FILE, 3, AT)
    assert any("backups" in str(path.parent) for path in config.data_folder.rglob("harry-*.sqlite3"))
    if how == "erase":
        erasure = await remembering.erase(config, "ann")
        assert erasure.backups == []
        assert not holding(config.data_folder, SECRET)
    else:
        await taken_away(config, how)
    assert not list(config.data_folder.rglob("harry-*.sqlite3"))


async def taken_away(config: Config, how: str) -> None:
    if how == "erase":
        await remembering.erase(config, "ann")
    elif how == "delete":
        await remembering.delete(config, "ann", "ann-1")
    else:
        assert (await remembering.forget_day(config, "ann", local_day(AT))).anything


@pytest.mark.parametrize("how", ["erase", "delete", "forget a day"])
async def test_daily_backups_go_even_if_a_reader_keeps_the_deleted_bytes_in_the_log(config, how, monkeypatch):
    await filled(config, rows=2)
    monkeypatch.setattr(erasing, "_TRIES", 1)
    monkeypatch.setattr(erasing, "PATIENCE", 0.05)
    store = config.data_folder / STORE_FILE
    back_up_daily(store, 3, AT)
    reader = sqlite3.connect(store, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM item").fetchone()
    with pytest.raises(StoreError, match="may still be read"):
        await taken_away(config, how)
    reader.close()
    assert not list((config.data_folder / "backups").iterdir())


async def test_a_daily_backup_that_is_being_written_goes_with_what_was_erased(config):
    await filled(config, rows=2)
    store = config.data_folder / STORE_FILE

    def erase(_done: int, _of: int) -> None:
        with erasing.opened(store) as connection:
            erase_rows(connection, "ann")
        drop_daily_backups(store)

    with pytest.raises(StoreError, match="was erased while"):
        back_up_daily(store, 3, AT, erase)
    assert not list((config.data_folder / "backups").iterdir())
    made = back_up_daily(store, 3, AT)
    assert made is not None
    assert holding(made.parent, SECRET) == []


async def test_a_backup_of_a_moment_before_an_erasure_is_not_kept_after_it(config, tmp_path):
    await filled(config, rows=2)
    store = config.data_folder / STORE_FILE

    def erase(_done: int, _of: int) -> None:
        with erasing.opened(store) as connection:
            erase_rows(connection, "ann")
            connection.execute("VACUUM")  # the rest of an erasure waits for the reader that the backup is

    with pytest.raises(StoreError, match="was erased while"):
        back_up(store, tmp_path / "b", erase)
    assert not list(tmp_path.glob("b*"))


async def test_a_damaged_store_that_was_laid_aside_is_named_where_it_holds_the_user(config):
    await filled(config, rows=1)
    store = config.data_folder / STORE_FILE
    aside = store.with_name(f"{STORE_FILE}.damaged-20260101-000000")
    aside.write_bytes(store.read_bytes())
    assert (await remembering.erase(config, "ann")).backups == [str(aside)]


async def test_a_backup_holds_everything_and_is_private(config, tmp_path):
    await filled(config)
    target = tmp_path / "backup.sqlite3"
    await remembering.backup(config, target)
    assert target.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("backup")] == ["backup.sqlite3"]
    found = sqlite3.connect(target)
    assert found.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert found.execute("SELECT count(*) FROM item").fetchone()[0] == 606
    found.close()


async def test_a_backup_taken_while_others_write_is_of_one_moment(config, tmp_path):
    await filled(config, rows=1)
    tables = await Database.open(config.data_folder / STORE_FILE)
    done = False

    def two(connection: sqlite3.Connection, number: int) -> None:
        put(connection, Item(f"one{number}", "one", "bob"))
        put(connection, Item(f"two{number}", "two", "bob"))

    async def write() -> None:
        number = 0
        while not done:
            await tables.transaction(lambda connection, number=number: two(connection, number))
            number += 1

    async with trio.open_nursery() as nursery:
        nursery.start_soon(write)
        await remembering.backup(config, tmp_path / "b")
        done = True
    found = sqlite3.connect(tmp_path / "b")
    counts = [found.execute("SELECT count(*) FROM item WHERE text = ?", (text,)).fetchone() for text in ("one", "two")]
    assert counts[0] == counts[1]
    found.close()
    await tables.aclose()


async def test_an_erasure_names_the_backups_that_still_hold_the_user(config, tmp_path):
    await filled(config, rows=2)
    one, gone, clean = tmp_path / "one", tmp_path / "gone", tmp_path / "clean"
    await remembering.backup(config, one)
    await remembering.backup(config, gone)
    gone.unlink()
    erasure = await remembering.erase(config, "ann")
    assert erasure.backups == [str(one)]
    await remembering.backup(config, clean)
    assert holding(tmp_path, SECRET) == ["one"]
    one.write_bytes(b"no database")
    assert (await remembering.erase(config, "ann")).unseen == [str(one)]


async def test_a_restored_store_is_what_it_was(config, tmp_path):
    await filled(config, rows=2)
    await remembering.backup(config, tmp_path / "b")
    await remembering.erase(config, "ann")
    await remembering.restore(config, tmp_path / "b")
    assert (await remembering.show(config, "ann", "ann-0")).text.startswith("The xylophone")
    assert (await remembering.erase(config, "ann")).backups == [str(tmp_path / "b")]


async def test_nothing_is_restored_while_harry_runs(config, tmp_path):
    await filled(config, rows=2)
    await remembering.backup(config, tmp_path / "b")
    with lock_folder(config.data_folder), pytest.raises(FolderInUse):
        await remembering.restore(config, tmp_path / "b")


async def test_a_file_that_is_there_is_not_overwritten_by_a_backup(config, tmp_path):
    await filled(config, rows=1)
    (tmp_path / "b").write_text("dear letters")
    with pytest.raises(ConfigurationError, match="exists already"):
        await remembering.backup(config, tmp_path / "b")
    assert (tmp_path / "b").read_text() == "dear letters"


@pytest.fixture
def wrong(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    path = tmp_path / "wrong"
    if request.param == "text":
        path.write_text("no database at all, only a few words" * 100)
    elif request.param != "missing":
        connection = sqlite3.connect(path)
        connection.execute("CREATE TABLE x (y)")
        if request.param == "newer":
            connection.execute("PRAGMA user_version = 9999")
        if request.param == "of another program":
            connection.execute("PRAGMA user_version = 6")
        if request.param == "with a trigger":
            migrate(connection)
            connection.execute("DROP TABLE x")
            connection.execute("CREATE TRIGGER t AFTER INSERT ON thought BEGIN DELETE FROM thought; END")
        connection.commit()
        connection.close()
    return path


@pytest.mark.parametrize(
    "wrong", ["text", "missing", "stranger", "newer", "of another program", "with a trigger"], indirect=True
)
async def test_what_is_no_backup_is_refused_and_the_store_untouched(config, wrong):
    await filled(config, rows=1)
    with pytest.raises((ConfigurationError, StoreError), match=r"[a-z] [a-z]"):
        await remembering.restore(config, wrong)
    assert (await remembering.show(config, "ann", "ann-0")).id == "ann-0"


@pytest.mark.parametrize("path", ["/etc/passwd", "/dev/null"])
async def test_what_is_no_database_is_told_to_be_no_backup(config, path):
    await filled(config, rows=1)
    with pytest.raises((ConfigurationError, StoreError), match=r"no backup .*Name a file that `harry backup` wrote"):
        await remembering.restore(config, Path(path))


async def test_everybody_of_whom_something_is_kept_is_known(config):
    await filled(config, rows=1)
    assert await remembering.users(config) == ["ann", "bob"]
    Tokens(config.data_folder).new("guest")
    assert await remembering.users(config) == ["ann", "bob", "guest"]
    assert (await remembering.erase(config, "guest")).tokens == 1
