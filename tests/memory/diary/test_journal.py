"""The journal: one entry a day, found by date, by its place in time, and by its words."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from harry.memory.diary.journal import Journal
from harry.memory.longterm.service import LongTermMemory
from harry.memory.store.database import Database
from harry.memory.store.items import Item

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 3, 28, 12, tzinfo=BERLIN).timestamp()
DAY = 86_400.0


class Clock:
    now = NOON

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def tables(tmp_path: Path) -> AsyncIterator[Database]:
    opened = await Database.open(tmp_path / "harry.db", zone=BERLIN)
    yield opened
    await opened.aclose()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def journal(tables: Database, clock: Clock) -> Journal:
    return Journal(tables, "Harry", "ann", wall=clock)


async def test_an_entry_comes_back_as_it_was_written(journal):
    written = await journal.write(
        "A long day.", sentiment="calm", tags=["garden", "rain"], long_term_goal="Plant trees"
    )
    assert await journal.read("2026-03-28") == written
    assert (written.sentiment, written.tags, written.long_term_goal) == ("calm", ("garden", "rain"), "Plant trees")
    assert (written.day, written.at) == ("2026-03-28", NOON)
    assert await journal.read("2026-03-27") is None


async def test_a_day_has_one_entry_and_the_last_wording_stands(journal, clock):
    first = await journal.write("Morning", tags=["a"])
    clock.now += 60
    second = await journal.write("Evening")
    assert second.id == first.id
    entry = await journal.read("2026-03-28")
    assert entry is not None
    assert (entry.text, entry.tags, entry.at) == ("Evening", (), NOON + 60)


async def test_the_newest_is_of_the_latest_day_not_the_last_written(journal):
    assert await journal.read_newest() is None
    await journal.write("today")
    await journal.write("long ago", day="2020-01-01")
    newest = await journal.read_newest()
    assert newest is not None
    assert newest.text == "today"


async def test_yesterday_is_the_calendar_day_before_also_after_a_night_of_23_hours(journal, clock):
    await journal.write("saturday")
    clock.now = datetime(2026, 3, 30, 0, 30, tzinfo=BERLIN).timestamp()
    assert await journal.read_yesterday() is None
    await journal.write("sunday", day="2026-03-29")
    found = await journal.read_yesterday()
    assert found is not None
    assert found.text == "sunday"


async def test_yesterdays_entry_is_found_after_midnight_in_a_process_that_lives_on(journal, clock):
    await journal.write("written yesterday")
    clock.now += DAY
    found = await journal.read_yesterday()
    assert found is not None
    assert found.text == "written yesterday"


async def test_search_finds_whole_words_in_any_field_and_the_rare_ones_first(journal):
    await journal.write("Art class with Ann", day="2026-01-01")
    await journal.write("We start again with Ann", tags=["tulips"], day="2026-01-02")
    await journal.write("Rain with Ann", sentiment="gloomy", day="2026-01-03")
    days = lambda found: [each.day for each in found]  # noqa: E731
    assert days(await journal.search("art")) == ["2026-01-01"], "start holds no art"
    assert days(await journal.search("TULIPS ann")) == ["2026-01-02", "2026-01-03", "2026-01-01"]
    assert days(await journal.search("gloomy")) == ["2026-01-03"]
    assert days(await journal.search("ann", limit=1)) == ["2026-01-03"]
    assert await journal.search("nothing of it") == []
    assert await journal.search("") == []


async def test_journals_are_of_one_persona_and_one_user(tables, journal, clock):
    await journal.write("mine")
    for other in (Journal(tables, "Eve", "ann", wall=clock), Journal(tables, "Harry", "bob", wall=clock)):
        assert await other.read_newest() is None
        assert await other.search("mine") == []
        assert not await other.delete("2026-03-28")


async def test_a_deleted_entry_is_gone(journal):
    await journal.write("secret")
    assert await journal.delete("2026-03-28")
    assert not await journal.delete("2026-03-28")
    assert await journal.read("2026-03-28") is None
    assert await journal.search("secret") == []


@pytest.mark.parametrize("day", ["yesterday", "2026-02-30", "28.03.2026", "2026-3-28x"])
async def test_what_is_no_day_is_refused(journal, day):
    with pytest.raises(ValueError, match=r".+"):
        await journal.write("text", day=day)


async def test_any_text_is_kept_and_half_a_character_becomes_a_mark(journal):
    text = "a\0b עברית 🙂 \ud800 '; DROP TABLE journal; --"
    await journal.write(text, tags=["\udfff", '"', "a,b"])
    entry = await journal.read("2026-03-28")
    assert entry is not None
    assert entry.text == text.replace("\ud800", "\ufffd")
    assert entry.tags == ("\ufffd", '"', "a,b")


async def test_an_entry_is_an_item_of_memory_and_goes_with_it(tables, journal):
    memory = LongTermMemory(tables)
    await journal.write("The heron came back to the pond.", tags=["birds"])
    await journal.write("The heron stayed.")
    (found,) = (await memory.search("heron", namespace="ann")).found
    assert (found.item.text, found.item.kind, found.item.speaker) == ("The heron stayed.", "journal", "Harry")
    assert await memory.delete("ann", [found.item.id]) == 1
    assert await journal.read("2026-03-28") is None
    await journal.write("The heron left.")
    assert await journal.delete("2026-03-28")
    assert (await memory.search("heron", namespace="ann")).found == ()


async def test_an_entry_goes_with_what_it_was_derived_from(tables, journal):
    memory = LongTermMemory(tables)
    await memory.upsert([Item("t/said", "my secret is the heron", "ann")])
    await journal.write("They told me of the heron.", derived_from=["t/said", "t/heard"])
    assert await memory.delete("ann", ["t/said"]) == 2
    assert await journal.read("2026-03-28") is None
