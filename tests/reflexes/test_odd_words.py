"""Odd words: numbers without end, days that no calendar has, long lines of marks. Nothing fails, nothing hangs."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from harry.memory.store.lists import LONGEST_NAME, Lists
from harry.reflexes.actions import Reflexes
from harry.reflexes.grammar import Wish, grammar_of
from harry.reflexes.marked_times import marked
from harry.reflexes.plain import plain_answer
from harry.reflexes.reminders import Reminding
from harry.reflexes.understanding import understand
from tests.reflexes.places import BERLIN, Hands, ShelfInMemory
from tests.reflexes.test_lists import opened, reflexes

AT = datetime(2026, 11, 27, 14, 20, tzinfo=BERLIN)


def wish(text: str) -> Wish | None:
    return understand(text, ("Harry",), grammar_of("en"), AT, Random(1))


def timers() -> tuple[Reflexes, Reminding]:
    reminding = Reminding(ShelfInMemory(), lambda _: [], clocks=Hands(AT).clocks)
    return reflexes(reminding=reminding), reminding


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("what is 2 ^ (10 ^ 399)", "That number is too long to say."),
        ("what is 10 ^ 399.5", "That number is too long to say."),
        ("what is 10^399 ^ 0.5", "That number is too long to say."),
        ("how many ounces are in 1/0 pounds", "Nothing can be divided by zero."),
        ("how many days until 5 days after 9999-12-31", None),
        ("what day is 999 months after 9999-12-31", None),
        ("what day is February 0", "There is no such day: February has 28 days, and 29 in a leap year."),
        ("how many days until the 31st of June", "There is no such day: June has 30 days."),
        ("what is 5!", "That is 120."),
        ("5!", None),
        (f"what is {'9' * 20} plus 0", "That is about 1.00 times 10 to the power of 20."),
        ("what is 9000000000000000 plus 0", "That is about 9.00 times 10 to the power of 15."),
    ],
)
def test_what_is_too_large_or_nowhere_is_answered_or_left_alone(text: str, told: str | None) -> None:
    assert plain_answer(text, AT, Random(1)) == told


@pytest.mark.parametrize(
    "text",
    ["remind me 1 day after 9999-12-31 to eat", "wake me 9 weeks after 9999-12-31", "remind me at 25:99 to eat"],
)
def test_nobody_is_reminded_on_a_day_that_no_calendar_has(text: str) -> None:
    found = wish(text)
    assert found is None or "at" not in found.slots


@pytest.mark.parametrize(("text", "told"), [("what is 2 * 3", "6"), ("2*3", "6"), ("what is 2 ** 3?", "8")])
def test_a_star_between_numbers_multiplies(text: str, told: str) -> None:
    found = wish(text)
    assert found is not None
    assert found.slots["words"] == f"That is {told}."


def test_a_star_around_words_is_emphasis() -> None:
    found = wish("What is **2** plus *3*?")
    assert found is not None
    assert found.slots["words"] == "That is 5."


@pytest.mark.parametrize("text", ["9" * 400 + " minutes", "9" * 5000 + "h30", "1/" + "9" * 400 + " hours"])
async def test_an_answer_without_end_to_for_how_long_is_no_length(text: str) -> None:
    harry, reminding = timers()
    assert await harry.answer_words("Set a timer.") == "For how long?"
    assert await harry.answer_words(text) is None
    assert await harry.answer_words("Five minutes.") is None
    assert await reminding.of("ann") == []


async def test_a_line_too_long_for_a_question_is_not_looked_for_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at: list[str] = []
    monkeypatch.setattr("harry.reflexes.memory_answers.readings", lambda text, _: looked_at.append(text) or [])
    harry = reflexes(has_capable_mind=lambda: False)
    assert await harry.answer_words(", " * 20_000) is None
    assert looked_at == []
    assert await harry.answer_words("Where is my key?") is None
    assert looked_at == ["Where is my key?"]


async def test_too_long_a_time_for_one_timer_does_not_hide_what_became_of_the_other() -> None:
    harry, reminding = timers()
    await reminding.set("ann", "timer", seconds=60.0, name="egg")
    await reminding.set("ann", "timer", seconds=timedelta(days=365).total_seconds(), name="cheese")
    assert str(await harry.answer_words("Add 2 days to the timer.")).startswith("Which one: ")
    told = await harry.answer_words("Both.")
    assert told is not None
    assert "The egg timer now has" in told
    assert "I have changed nothing" in told


@pytest.mark.parametrize(
    ("text", "percent"),
    [
        ("Turn it all the way up.", 100), ("As loud as you can.", 100), ("Turn the volume up all the way.", 100),
        ("Turn the volume all the way down.", 0), ("Turn it to half.", 50),
    ],
)  # fmt: skip
async def test_all_the_way_is_all_the_way(text: str, percent: int) -> None:
    harry = reflexes()
    assert await harry.answer_words(text) == f"The volume is {percent} percent. Like this."
    assert await harry.answer_words("How loud are you?") == f"The volume is {percent} percent."


async def test_a_list_with_a_long_name_is_found_again(tmp_path: Path) -> None:
    async with opened(tmp_path) as tables:
        lists, name = Lists(tables), "w" * (LONGEST_NAME + 10)
        await lists.add("ann", name, ["milk"], 1.0)
        assert await lists.of("ann", name) == ["milk"]
        assert await lists.remove("ann", name) == 1


async def test_another_number_is_not_taken_off_a_list(tmp_path: Path) -> None:
    async with opened(tmp_path) as tables:
        harry = reflexes(Lists(tables))
        await harry.answer_words("Add 7 to my lottery list.")
        assert await harry.answer_words("Remove 8 from my lottery list.") == "There is no 8 on your lottery list."
        assert await harry.answer_words("Remove 7 from my lottery list.") == "7 is off your lottery list."


@pytest.mark.parametrize(
    "text", [f"Set a timer for {'9' * 30} seconds.", f"Timer for {'9' * 150} hours.", "Set a 400 day timer."]
)
async def test_a_timer_of_more_than_a_year_is_said_to_be_too_long(text: str) -> None:
    harry, reminding = timers()
    assert str(await harry.answer_words(text)).startswith("That is too long for me")
    assert await reminding.of("ann") == []


@pytest.mark.parametrize("text", ["remind me " + " ".join(map(str, range(60))), "wake me " + "one two three " * 12])
def test_in_a_row_of_numbers_no_moment_is_looked_for(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []
    monkeypatch.setattr("harry.reflexes.marked_times.parse_moment", lambda span, _: tried.append(span))
    marked(text, AT)
    assert tried == []


async def test_what_breaks_in_a_reflex_is_told_and_takes_nothing_away(monkeypatch: pytest.MonkeyPatch) -> None:
    harry = reflexes()
    monkeypatch.setattr("harry.reflexes.actions.told_time", lambda _: 1 // 0)
    assert await harry.answer_words("What time is it?") == (
        "That did not work: there is a mistake in me. It stands in the log."
    )
    assert await harry.answer_words("What is 2 plus 2?") == "That is 4."


async def test_what_breaks_does_not_take_the_words_into_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(text: str, *_: object) -> None:
        raise ValueError(text)

    monkeypatch.setattr("harry.reflexes.actions.understand", broken)
    await reflexes().answer_words("My secret is 4821.")
    seen = capsys.readouterr()
    assert "4821" not in f"{caplog.text}{seen.out}{seen.err}"
