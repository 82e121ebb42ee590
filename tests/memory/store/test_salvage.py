"""A damaged store: what can be read is saved, the damaged file is laid aside, and a backup can take its place."""

# ruff: noqa: ASYNC240  # the files are small

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from channels.messages import Source, Thought, TurnRecord
from harry.errors import StoreError
from harry.memory.store.backup import back_up, restore_backup
from harry.memory.store.database import Database
from harry.memory.store.integrity import check_integrity
from harry.memory.store.migrations.registry import MIGRATIONS, migrate, version
from harry.memory.store.reminders import Reminders
from harry.memory.store.salvage import salvage

TURNS = 400


def turn(number: int) -> TurnRecord:
    words = f"number {number} " + "and many words " * 10
    return TurnRecord(
        turn=f"t{number:04}", user="ann", session="s", namespace="harry", source=Source.TYPED, started_at=float(number),
        ended_at=number + 1.0, said=words, spoken="yes", heard="yes", interrupted=False, reason="finished", amends=None,
    )  # fmt: skip


@pytest.fixture
async def store(tmp_path: Path) -> Path:
    path = tmp_path / "harry.sqlite3"
    database = await Database.open(path)
    await database.write([turn(number) for number in range(TURNS)])
    await database.write([Thought("th", "ann", "s", "harry", "Harry", 1.0, "I think so.")])
    await database.aclose()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return path


def pages_of(path: Path, table: str) -> list[int]:
    """Name the leaves of a table, by where its texts stand in the file."""
    content = path.read_bytes()
    with sqlite3.connect(path) as connection:
        root = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,)).fetchone()[0]
    connection.close()
    leaves = [
        page for page in range(len(content) // 4096)
        if content[4096 * page] == 0x0D and b"and many words" in content[4096 * page : 4096 * (page + 1)]
    ]  # fmt: skip
    assert root
    return leaves


def overwrite(path: Path, page: int) -> None:
    with path.open("r+b") as file:
        file.seek(4096 * page)
        file.write(b"\x55" * 4096)


@pytest.mark.parametrize("which", [0, -1, 7])
async def test_what_stands_on_whole_pages_is_saved_and_the_file_laid_aside(which: int, store: Path) -> None:
    before = len(pages_of(store, "turn"))
    overwrite(store, pages_of(store, "turn")[which])
    with pytest.raises(StoreError, match="damaged"):
        check_integrity(store)
    saved = salvage(store)
    check_integrity(store)
    assert saved.aside.exists()
    assert saved.torn in (["turn"], ["item"], ["turn", "item"])
    database = await Database.open(store)
    try:
        turns = await database.read(lambda each: each.execute("SELECT id, seq FROM turn ORDER BY seq").fetchall())
        assert len(turns) >= TURNS - 4 * -(-TURNS // before) - 30
        assert [f"t{number - 1:04}" for _, number in turns] == [identity for identity, _ in turns]
        assert await database.write([turn(TURNS)])
        assert await database.days("Harry")
    finally:
        await database.aclose()


async def test_of_a_whole_store_nothing_is_lost(store: Path) -> None:
    with sqlite3.connect(store) as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        before = {name: connection.execute(f'SELECT * FROM "{name}"').fetchall() for name in names}
    connection.close()
    saved = salvage(store)
    assert saved.torn == []
    with sqlite3.connect(store) as connection:
        after = {name: connection.execute(f'SELECT * FROM "{name}"').fetchall() for name in names}
    connection.close()
    assert {name: sorted(rows, key=repr) for name, rows in after.items()} == {
        name: sorted(rows, key=repr) for name, rows in before.items()
    }


async def test_where_nothing_can_be_read_nothing_is_changed(tmp_path: Path) -> None:
    path = tmp_path / "harry.sqlite3"
    path.write_bytes(b"no database " * 1000)
    with pytest.raises(StoreError, match="Nothing can be read"):
        salvage(path)
    assert [each.name for each in tmp_path.iterdir()] == ["harry.sqlite3"]
    assert path.read_bytes().startswith(b"no database")


@pytest.mark.parametrize("steps", range(1, len(MIGRATIONS)))
async def test_of_a_store_of_an_earlier_harry_all_is_saved_and_can_be_read(steps: int, tmp_path: Path) -> None:
    path = tmp_path / "harry.sqlite3"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        migrate(connection, MIGRATIONS[:steps])
        connection.execute(
            "INSERT INTO turn (id, user, session, namespace, source, started_at, ended_at, said, spoken, heard,"
            " interrupted, reason)"
            " VALUES ('t', 'ann', 's', 'harry', 'typed', 1, 2, 'hello', 'yes', 'yes', 0, 'finished')"
        )
        if steps >= 6:
            connection.execute(
                "INSERT INTO reminder (id, user, kind, made_at, due, text) VALUES ('r', 'ann', 'timer', 1, 9, '')"
            )
    assert salvage(path).torn == []
    database = await Database.open(path)
    try:
        [exchange] = await database.history("ann", limit=5)
        assert (exchange.said, exchange.tools) == ("hello", ())
        assert [each.name for each in await Reminders(database).of("ann")] == [""] * (steps >= 6)
        assert await database.read(version) == len(MIGRATIONS)
    finally:
        await database.aclose()


async def test_a_store_without_a_column_that_it_should_have_gives_no_names_for_values(store: Path) -> None:
    with closing(sqlite3.connect(store)) as connection:
        connection.execute("ALTER TABLE turn DROP COLUMN tools")
    saved = salvage(store)
    assert saved.torn == ["turn"]
    assert saved.rows["turn"] == 0


async def test_a_store_of_a_newer_harry_is_not_salvaged(store: Path) -> None:
    with closing(sqlite3.connect(store)) as connection:
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    with pytest.raises(StoreError, match="newer Harry"):
        salvage(store)
    assert not list(store.parent.glob("*.damaged-*"))


@pytest.mark.parametrize("how", ["a page", "the head", "all of it"])
async def test_a_backup_takes_the_place_of_a_damaged_store(how: str, store: Path, tmp_path: Path) -> None:
    backup = tmp_path / "backup"
    back_up(store, backup)
    if how == "a page":
        overwrite(store, pages_of(store, "turn")[3])
    elif how == "the head":
        overwrite(store, 0)
    else:
        store.write_bytes(b"")
        store.write_bytes(b"gone" * 5000)
    aside = restore_backup(backup, store)
    assert aside is not None
    assert aside.exists()
    database = await Database.open(store)
    assert len(await database.history("ann", limit=1000)) == TURNS
    await database.aclose()


async def test_a_whole_store_is_not_laid_aside_by_a_restore(store: Path, tmp_path: Path) -> None:
    back_up(store, tmp_path / "backup")
    assert restore_backup(tmp_path / "backup", store) is None
