"""A file that an earlier Harry wrote keeps what is in it: opened as it lies, and put back from a backup of its time."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from channels.messages import Outcome, Source, Thought, ToolUse, TurnRecord
from harry.config.loading import load_config
from harry.memory.longterm.service import LongTermMemory
from harry.memory.store.data_folder import prepare_folder
from harry.memory.store.database import Database
from harry.memory.store.items import Item, put
from harry.memory.store.lists import Lists
from harry.memory.store.migrations.registry import MIGRATIONS, migrate, version
from harry.memory.store.opening import STORE_FILE
from harry.memory.store.reminders import Reminder, Reminders
from harry.services import memory as remembering

OLD = 6
AT = 1_700_000_000.0
USED = '[{"id": "c1", "name": "clock", "arguments": "{}", "outcome": "finished", "result": "noon"}]'


def write_version_6(path: Path) -> None:
    """Write a file as Harry wrote it before timers had names and before there were lists."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        migrate(connection, MIGRATIONS[:OLD])
        assert version(connection) == OLD
        connection.execute(
            "INSERT INTO turn (id, user, session, namespace, source, started_at, ended_at, said, spoken, heard,"
            " interrupted, reason, amends, tools) VALUES ('t1', 'ann', 's', 'harry', 'voice', ?, ?,"
            " 'My sister is Ada.', 'Good to know.', 'Good', 1, 'barge_in', NULL, ?)",
            (AT, AT + 2, USED),
        )
        connection.execute(
            "INSERT INTO thought (id, user, session, namespace, persona, at, day, text)"
            " VALUES ('h1', 'ann', 's', 'harry', 'Harry', ?, '2023-11-14', 'Ada, then.')",
            (AT,),
        )
        put(connection, Item("t1/said", "My sister is Ada.", "ann", speaker="ann", at=AT))
        connection.executemany(
            "INSERT INTO reminder (id, user, kind, made_at, due, text) VALUES (?, 'ann', ?, ?, ?, ?)",
            [("r1", "timer", AT, AT + 600, ""), ("r2", "reminder", AT, AT + 900, "call Ada")],
        )


def opened_as_it_lies(folder: Path) -> Path:
    prepare_folder(folder)
    write_version_6(folder / STORE_FILE)
    return folder / STORE_FILE


async def put_back(folder: Path) -> Path:
    config = load_config(None, [], {"HARRY_HOME": str(folder)})
    prepare_folder(folder)
    database = await Database.open(folder / STORE_FILE)
    await Lists(database).add("ann", "shopping", ["what comes after the backup"], AT)
    await database.aclose()
    write_version_6(folder / "backup")
    await remembering.restore(config, folder / "backup")
    return folder / STORE_FILE


@pytest.mark.parametrize("way", [opened_as_it_lies, put_back])
async def test_what_a_version_6_file_holds_is_there_and_can_be_added_to(tmp_path: Path, way: Callable) -> None:
    found = way(tmp_path / "home")
    path = found if isinstance(found, Path) else await found
    database = await Database.open(path)
    try:
        (exchange,) = await database.history("ann", limit=5)
        assert (exchange.said, exchange.heard, exchange.interrupted) == ("My sister is Ada.", "Good", True)
        assert exchange.tools == (ToolUse("c1", "clock", "{}", Outcome.FINISHED, "noon"),)
        assert [each["text"] for each in await database.thoughts("Harry", "2023-11-14")] == ["Ada, then."]
        assert (await LongTermMemory(database).search("sister", namespace="ann")).found[0].item.id == "t1/said"

        reminders, lists = Reminders(database), Lists(database)
        timer, reminder = await reminders.of("ann")
        assert timer == Reminder("r1", "ann", "timer", AT, AT + 600)
        assert reminder == Reminder("r2", "ann", "reminder", AT, AT + 900, "call Ada")
        named = replace(timer, name="pasta", left_over=30.0)
        assert await reminders.change(named)
        assert await reminders.of("ann") == [named, reminder]
        assert await lists.of("ann", "shopping") == []
        assert await lists.add("ann", "shopping", ["milk"], AT) == ["milk"]
        assert await lists.of("ann", "shopping") == ["milk"]

        said = TurnRecord("t2", "ann", "s", "harry", Source.TYPED, AT, AT, "And Bo?", "Bo.", "Bo.", False, "finished")
        assert await database.write([said, Thought("h2", "ann", "s", "harry", "Harry", AT, "Bo.")]) == [2, 2]
    finally:
        await database.aclose()
    with closing(sqlite3.connect(path)) as connection:
        assert version(connection) == len(MIGRATIONS)
