"""Wordings that no sentence of the grammar has, read a second time where no capable language model could help."""

from __future__ import annotations

from datetime import datetime
from random import Random

import pytest

from harry.bench.everyday_state import state_of
from harry.bench.scripted_day import day
from harry.bench.second_reading import measure
from harry.mind.absent import SENTENCE
from harry.reflexes.free_words import FreeWords
from harry.reflexes.grammar import Wish, grammar_of
from harry.reflexes.second_reading import second_reading_of
from harry.reflexes.sentence_classes import SentenceClasses
from harry.reflexes.sentence_features import tokens_of
from harry.reflexes.understanding import understand
from harry.reflexes.wish_kinds import Kind
from harry.reflexes.without_a_mind import NOTED

SATURDAY = 1_795_864_800.0
NOW = datetime.fromtimestamp(SATURDAY).astimezone()
NAMES = ("Harry",)


def first_reading(text: str) -> Wish | None:
    return understand(text, NAMES, grammar_of("en"), NOW, Random(1))


def second_reading(text: str) -> Wish | None:
    reading = second_reading_of("en")
    assert reading is not None
    return reading.read(text, NAMES, first_reading, NOW)


@pytest.mark.parametrize(
    ("text", "name", "slots"),
    [
        ("would you get a timer going, fourteen minutes", "Timer", {"seconds": 840}),
        ("need to be up at six tomorrow, alarm please", "Alarm", {"at": "at six tomorrow"}),
        ("give us the week number", "Told", {"words": "It is week 48."}),
        ("ears off please", "Mute", {}),
    ],
)
def test_a_wording_that_the_grammar_lacks_is_the_wish_that_it_looks_like(
    text: str, name: str, slots: dict[str, object]
) -> None:
    assert first_reading(text) is None
    wish = second_reading(text)
    assert wish is not None
    assert wish.name == name
    assert {key: wish.slots[key] for key in slots} == slots


@pytest.mark.parametrize(
    "text",
    [
        "I set a timer for ten minutes",
        "the timer was set for ten minutes",
        "is the timer set for ten minutes",
        "did you set a timer for ten minutes",
        "should I set an alarm for seven",
        "why did you cancel the timer",
        "don't set a timer for ten minutes",
        "she always puts milk on the shopping list",
        "we waited for two hours",
        "I usually wake up at seven",
        "the neighbours are too loud",
        "are you a morning person",
        "which week of pregnancy is the hardest",
        "he was born on 6 March 1950",
    ],
)
def test_what_only_tells_or_asks_is_no_wish(text: str) -> None:
    assert second_reading(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "would you get a timer going",  # how long?
        "would you get a timer going, four minutes or nine minutes",  # which of them?
        "cancel the pasta timer, would you kindly",  # which timer?
        "roll a twenty sided die",
        "add socks to the packing list for me do",
    ],
)
def test_what_does_not_fill_the_slots_exactly_is_not_done(text: str) -> None:
    assert second_reading(text) is None


@pytest.mark.parametrize("text", ["", "?", "...", "Harry", "#slot", "{words}", "% 7 #x", "timer " * 30, "\u0130 7"])
def test_no_marks_make_it_fail(text: str) -> None:
    assert second_reading(text) is None


@pytest.mark.parametrize(
    ("rest", "left"),
    [
        ("remind me #slot that the kettle is on", "the kettle is on"),
        ("remind me that the kettle is on in #slot", "the kettle is on"),
        ("remind me #slot", ""),
        ("remind me remind the kettle #slot", None),  # what begins with a word of the wish would be cut short
        ("remind me that 7 kettles are on #slot", None),  # a number that no slot has
        ("remind me that the kettle is remind on #slot", None),
    ],
)
def test_what_to_remind_of_is_kept_whole(rest: str, left: str | None) -> None:
    told = {"asks": [], "tells": [], "not": [], "articles": ["the"], "leads": ["in"]}
    common = frozenset(("the", "is", "on", "in"))
    kind = Kind("Remind", (), most=8, to_end=True, behind=frozenset(("that",)), frame=common | {"remind", "me", "that"})
    assert FreeWords(told, common, {"7": "#n"}).left_over(rest, kind, 0) == left


async def test_without_a_mind_a_wording_that_is_new_is_done_and_told() -> None:
    async with day(SATURDAY) as held:
        assert await held.say("would you get a timer going, fourteen minutes") == "Timer set for 14 minutes."
        assert [each.kind for each in (await state_of(held)).held] == ["timer"]
        assert await held.say("I set a timer for ten minutes.") in (SENTENCE, NOTED)
        assert len((await state_of(held)).held) == 1


async def test_what_memory_knows_comes_first() -> None:
    async with day(SATURDAY) as held:
        assert await held.say("What was my week number again?") == "I don't know: you haven't told me."
        await held.say("Remember that my week number is 12.")
        assert "12" in await held.say("What was my week number again?")


def test_wordings_of_other_hands_are_read_right_and_no_other_sentence_is_taken() -> None:
    figures = measure()
    assert figures["wishes"]["right"] >= 80
    assert figures["wishes"].get("wrong", 0) <= 2
    assert figures["taken"] == []


def test_what_looks_alike_is_one_mark() -> None:
    marks = {"eight": "#n", "minutes": "#span"}
    assert tokens_of("Eight minutes, please!", marks) == tokens_of("20 minutes please", marks) == ["#length", "please"]


def test_the_same_examples_are_learned_the_same() -> None:
    examples = {"none": ["the sun shines", "the moon shines"], "Coin": ["flip a coin", "flip a coin please"]}
    first, again = (SentenceClasses(examples, {}).judge("flip the coin") for _ in range(2))
    assert first == again
    assert first.name == "Coin"
