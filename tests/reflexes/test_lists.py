"""Lists by voice: kept on disk, by name and by user, gone with what is erased; and what is beyond Harry is said so."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio

from actors.text.phrases import load_phrases
from harry.memory.store.database import Database
from harry.memory.store.erasure import erase_rows
from harry.memory.store.lists import MOST, Lists
from harry.reflexes.actions import Reflexes
from harry.reflexes.context import ReflexContext
from harry.reflexes.lists import entries_of, list_name

EVENING = 1_795_808_760.0  # seconds since the epoch


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Database]:
    tables = await Database.open(folder / "harry.sqlite3")
    try:
        yield tables
    finally:
        await tables.aclose()


def reflexes(lists: Lists | None = None, **more: Any) -> Reflexes:
    async def thoughts() -> list[str]:
        await trio.lowlevel.checkpoint()
        return []

    volume = [1.0]

    def turn(wanted: float | None) -> float:
        volume[0] = wanted if wanted is not None else volume[0]
        return volume[0]

    async def forget(_: str) -> None:
        await trio.lowlevel.checkpoint()

    body = ReflexContext(
        "Harry", "ann", lambda: "", lambda: False, lambda: True, thoughts, dict, turn, forget,
        lists=lists, wall=lambda: EVENING, **more,
    )  # fmt: skip
    return Reflexes(body, load_phrases("en"))


async def test_a_list_is_kept_read_and_cleared(tmp_path: Path) -> None:
    async with opened(tmp_path) as tables:
        harry = reflexes(Lists(tables))
        assert await harry.answer_words("What's on my shopping list?") == "Your shopping list is empty."
        assert await harry.answer_words("Add milk, eggs and mac and cheese to my shopping list.") == (
            "Milk, eggs and mac and cheese are on your shopping list."
        )
        assert await harry.answer_words("Put milk on the list.") == "Milk was on your shopping list already."
        assert await harry.answer_words("Is milk on my list?") == "Yes, milk is on your shopping list."
        assert await harry.answer_words("Put socks on the packing list, please.") == "Socks are on your packing list."
        assert (
            await harry.answer_words("Add call mum and dad to my to-do list.")
            == "Call mum and dad is on your to-do list."
        )
        assert await harry.answer_words("Remove the egg from my shopping list.") == "Eggs are off your shopping list."
        assert await harry.answer_words("Take bread off the list.") == "There is no bread on your shopping list."
    async with opened(tmp_path) as tables:
        harry = reflexes(Lists(tables))
        assert await harry.answer_words("Read me my shopping list.") == (
            "On your shopping list: milk and mac and cheese."
        )
        assert await harry.answer_words("What lists do I have?") == (
            "You have a shopping list with 2 entries, a packing list with 1 entry and a to-do list with 1 entry."
        )
        assert await harry.answer_words("Clear my shopping list.") == (
            "Your shopping list is empty now. Gone from it: milk and mac and cheese."
        )
        assert await harry.answer_words("What's on the packing list?") == "On your packing list: socks."
        assert await harry.answer_words("What's on the wine list?") is None
        assert await harry.answer_words("What's on my wine list?") == "Your wine list is empty."


async def test_what_is_not_on_the_list_is_said_beside_what_was_taken_off(tmp_path: Path) -> None:
    async with opened(tmp_path) as tables:
        harry = reflexes(Lists(tables))
        await harry.answer_words("Add milk to my shopping list.")
        assert await harry.answer_words("Remove milk and beer from the list.") == (
            "Milk is off your shopping list. There is no beer on it."
        )


async def test_without_a_word_of_a_list_only_what_is_on_one_is_taken_off(tmp_path: Path) -> None:
    async with opened(tmp_path) as tables:
        harry = reflexes(Lists(tables))
        await harry.answer_words("We need more toilet paper, stick it on the shopping list.")
        assert await harry.answer_words("Take your shoes off.") is None
        assert await harry.answer_words("Take the toilet paper off.") == "Toilet paper is off your shopping list."


@pytest.mark.parametrize(
    "text",
    [
        "He wrote milk on the list.",
        "My name is on the list.",
        "I put eggs on the shopping list.",
        "Milk was on the list.",
    ],
)
async def test_who_only_tells_of_a_list_puts_nothing_on_it(text: str, tmp_path: Path) -> None:
    async with opened(tmp_path) as tables:
        lists = Lists(tables)
        assert await reflexes(lists).answer_words(text) is None
        assert await lists.names("ann") == {}


async def test_lists_belong_to_a_user_and_are_erased_with_what_is_his(tmp_path: Path) -> None:
    async with opened(tmp_path) as tables:
        lists = Lists(tables)
        await lists.add("ann", "shopping", ["milk"], 1.0)
        await lists.add("ben", "shopping", ["tea"], 1.0)
        assert await lists.of("ann", "shopping") == ["milk"]
    connection = sqlite3.connect(tmp_path / "harry.sqlite3", isolation_level=None)
    try:
        assert erase_rows(connection, "ann")["list_entry"] == 1
        assert connection.execute("SELECT user FROM list_entry").fetchall() == [("ben",)]
    finally:
        connection.close()


async def test_lists_do_not_grow_without_end(tmp_path: Path) -> None:
    async with opened(tmp_path) as tables:
        lists = Lists(tables)
        assert await lists.add("ann", "shopping", [str(number) for number in range(MOST)], 1.0) is not None
        assert await lists.add("ann", "shopping", ["one too many"], 1.0) is None
        assert await reflexes(lists).answer_words("Add milk to my shopping list.") == (
            "There is no room on your lists. Take something off first."
        )


async def test_without_a_store_no_list_is_claimed() -> None:
    assert await reflexes().answer_words("Add milk to my list.") == "I keep nothing here, so I have no lists."


@pytest.mark.parametrize(
    ("spoken", "name", "entries"),
    [
        ("milk, eggs, and bread", "shopping", ["milk", "eggs", "bread"]),
        ("some salt and pepper and rice", "shopping", ["salt and pepper", "rice"]),
        ("two bottles of water", "shopping", ["two bottles of water"]),
        ("call Anna and Ben", "to-do", ["call Anna and Ben"]),
    ],
)
def test_entries_are_parted_where_they_are_several(spoken: str, name: str, entries: list[str]) -> None:
    assert entries_of(spoken, name) == entries


def test_a_list_has_one_name() -> None:
    assert {list_name(each) for each in ("", "grocery", "the groceries", "my shopping list")} == {"shopping"}
    assert list_name("to do") == list_name("my to-do list") == "to-do"


async def test_what_is_beyond_harry_is_said_and_left_to_the_mind_where_there_is_a_tool() -> None:
    told = await reflexes().answer_words("What's the weather like tomorrow?")
    assert told is not None
    assert told.startswith("I can't see the weather.")
    able = reflexes(tools=lambda: ["get_forecast: Tells the weather of a place."])
    assert await able.answer_words("What's the weather like tomorrow?") is None
    assert str(await able.answer_words("Turn on the lights.")).startswith("I can't reach anything in the house.")


async def test_nothing_beyond_harry_is_pretended() -> None:
    for text in ("Play some music.", "Call my mother.", "Order a pizza.", "Text my wife.", "How much is a bitcoin?"):
        told = await reflexes().answer_words(text)
        assert told is not None
        assert "can't" in told


async def test_the_volume_is_set_and_told() -> None:
    harry = reflexes()
    assert await harry.answer_words("Set the volume to 80 percent.") == "The volume is 80 percent. Like this."
    assert await harry.answer_words("How loud are you?") == "The volume is 80 percent."


async def test_what_changes_something_waits_until_the_words_are_sure(tmp_path: Path) -> None:
    async with opened(tmp_path) as tables:
        lists, sure, asked = Lists(tables), trio.Event(), trio.Event()
        harry = reflexes(lists)

        async def decided() -> None:
            asked.set()
            await sure.wait()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(partial(harry.answer_words, "Add milk to my list.", sure=decided))
            await asked.wait()
            assert await lists.of("ann", "shopping") == []
            sure.set()
        assert await lists.of("ann", "shopping") == ["milk"]


async def test_a_time_of_day_ends_with_one_full_stop() -> None:
    told = await reflexes().answer_words("What time is it?")
    assert told is not None
    assert told.endswith(".")
    assert not told.endswith("..")
