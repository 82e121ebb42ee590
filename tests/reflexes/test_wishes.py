"""Everyday wishes, ten wordings each, are understood without a mind; ordinary talk is not taken for one."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harry.reflexes.bare_words import readings
from harry.reflexes.grammar import Wish, grammar_of
from harry.reflexes.plain import plain_answer
from harry.reflexes.times import parse_duration, parse_moment
from harry.reflexes.understanding import understand, warm_up
from tests.reflexes.wish_cases import LEFT_TO_THE_MIND, NOW, WISHES

BERLIN = ZoneInfo("Europe/Berlin")
AT = datetime.fromisoformat(NOW).replace(tzinfo=BERLIN)
DATA = Path(__file__).parent.parent / "data"
ONLY_IF = ("ForgetIfTold",)
"""What is a wish only where it stands in the memory."""


def wish(text: str) -> Wish | None:
    return understand(text, ("Harry",), grammar_of("en"), AT, Random(1))


def comes_of(kind: str, text: str) -> bool:
    found = wish(text)
    if found is None or found.name != "Told":
        return found is not None and found.name == kind
    return re.match(kind, found.slots["words"]) is not None


def test_there_are_forty_kinds_of_ten_wordings() -> None:
    assert len(WISHES) >= 40
    assert {kind: len(texts) for kind, texts in WISHES.items() if len(texts) < 10} == {}


@pytest.mark.parametrize("kind", WISHES)
def test_a_wish_is_understood_in_ten_wordings(kind: str) -> None:
    assert [text for text in WISHES[kind] if not comes_of(kind, text)] == []


@pytest.mark.parametrize("name", ["ordinary_sentences.txt", "ordinary_talk.txt"])
def test_ordinary_talk_is_no_wish(name: str) -> None:
    taken = {
        text + ending: found
        for text in (DATA / name).read_text("utf-8").splitlines()
        for ending in ("", ".", "?")
        if (found := wish(text + ending)) is not None and found.name not in ONLY_IF
    }
    assert taken == {}


def test_what_needs_knowledge_or_wit_is_left_to_the_mind() -> None:
    assert {text: found for text in LEFT_TO_THE_MIND if (found := wish(text)) is not None} == {}


@pytest.mark.parametrize(
    "text",
    [
        "“What time is it?”", "'What time is it?'", '"what time is it', "Um, what time is it?", "what, what time is it",
        "WHAT TIME IS IT", "Harry, um, what time is it, please?", "Okay so what time is it?", "what time is it…",
        "Could you please tell me what time it is, Harry? Thanks.",
        "uh... what time is it", "What\u2019s, uh, what\u2019s the time?",
    ],
)  # fmt: skip
def test_marks_hesitations_and_politeness_do_not_hide_a_wish(text: str) -> None:
    found = wish(text)
    assert found is not None
    assert found.name == "Time"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("what is a third of ninety", "That is 30."),
        ("what's ten divided by zero", "Nothing can be divided by zero."),
        ("2 to the power of 1000000", "That number is too long to say."),
        ("what is 0.1 plus 0.2", "That is 0.3."),
        ("what's 100 minus 15 percent", "That is 85."),
        ("the square root of minus 4", "A negative number has no square root among the real numbers."),
        ("what is 1/2 plus 1/4", "That is 0.75."),
        ("what is 10 over 3", "That is about 3.3333."),
        ("how much is twelve hundred times three", "That is 3,600."),
        ("five foot ten in centimeters", "5 feet 10 inches is 177.8 centimeters."),
        ("how many grams are in a cup of flour", "1 cup of flour is about 120 grams."),
        ("how many ounces in a gallon", "1 gallon is 128 fluid ounces."),
        ("how many meters are in a kilogram", "Meters measure length and kilograms mass, so I can't convert them."),
        ("minus 300 degrees celsius in fahrenheit", "Nothing can be as cold as that."),
        ("how many days between March 1st and April 15th",
         "From Monday, March 1, 2027 to Thursday, April 15, 2027 it is 45 days."),
        ("what day was July 4th 1776", "That was Thursday, July 4, 1776."),
        ("when is Easter next year", "Easter is on Sunday, March 28, 2027."),
        ("how many hours until midnight", "There are nine hours and 40 minutes until midnight."),
        ("how many days are in February", "February has 28 days, and 29 in a leap year."),
        ("how long until 6 pm", "There are three hours and 40 minutes until 6 p.m."),
    ],
)  # fmt: skip
def test_an_answer_is_right_and_a_whole_sentence(text: str, words: str) -> None:
    assert plain_answer(text, AT, Random(1)) == words


SOUP = [
    "what",
    "is",
    "how",
    "many",
    "much",
    "days",
    "until",
    "since",
    "between",
    "and",
    "the",
    "a",
    "of",
    "in",
    "to",
    "percent",
    "square",
    "root",
    "times",
    "plus",
    "minus",
    "divided",
    "by",
    "point",
    "half",
    "third",
    "0",
    "1",
    "2",
    "10",
    "144",
    "9999999999",
    "million",
    "fahrenheit",
    "celsius",
    "cups",
    "pounds",
    "feet",
    "christmas",
    "friday",
    "24th",
    "february",
    "29th",
    "9999",
    "9998",
    "week",
    "leap",
    "year",
    "roll",
    "dice",
    "d20",
    "spell",
    "coin",
    "number",
    "random",
    "power",
    "factorial",
    "(",
    ")",
    "%",
    "^",
    "/",
    "next",
    "last",
    "ago",
    "day",
    "tip",
]
TIMES = st.integers(0, 300_000).map(lambda hours: datetime(1990, 1, 1, tzinfo=BERLIN) + timedelta(hours=hours))


@given(st.lists(st.sampled_from(SOUP), max_size=9).map(" ".join), TIMES)
def test_no_words_make_a_plain_answer_fail(text: str, now: datetime) -> None:
    told = plain_answer(text, now, Random(1))
    assert told is None or told.endswith((".", "!"))


ODD = st.text(alphabet="0123456789.,:;/-+*%^()'\"\u00b2\u00bd\u0663\u2019 abdehinorstw", max_size=30)


@given(st.sampled_from(("what is ", "how many ", "spell ", "roll ", "when is ", "convert ", "two point ", "")), ODD)
def test_no_marks_make_a_plain_answer_fail(start: str, rest: str) -> None:
    plain_answer(start + rest, AT, Random(1))
    parse_moment(rest, AT)
    parse_duration(rest)


@given(st.text(max_size=60))
def test_readings_are_bounded_and_never_empty(text: str) -> None:
    found = readings(text, ("Harry",))
    assert len(found) <= 8
    assert all(each.strip() for each in found)


def test_warming_up_twice_is_no_trouble() -> None:
    warm_up()
    warm_up()


@pytest.mark.parametrize("text", ["harry timer five minutes", "Harry, timer five minutes", "harry five minute timer"])
def test_no_timer_is_named_after_whom_the_words_call(text: str) -> None:
    found = wish(text)
    assert found is not None
    assert found.slots == {"seconds": 300}


def test_a_friend_of_the_same_name_may_be_remembered() -> None:
    found = wish("remember that Harry lives in Leeds")
    assert found is not None
    assert found.slots["what"] == "Harry lives in Leeds"


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("how long is it until easter sunday 2027, in days", 121),
        ("how long is it until Easter, 2027", 121),
        ("how long is it until Christmas, in days", 28),
        ("how long is it till the 3rd of May 2027 in days", 157),
    ],
)
def test_how_long_it_is_until_a_feast_is_told_in_days(text: str, days: int) -> None:
    told = plain_answer(text, AT, Random(1))
    assert told is not None
    assert told.startswith(f"There are {days} days until ")


def test_a_label_is_a_name() -> None:
    found = wish("set a timer for 20 minutes and label it nap")
    assert found is not None
    assert found.slots == {"seconds": 1200, "name": "nap"}
