"""More than one thing in one breath: two wishes, a wish and why, a correction, and what "that" stands for."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random

import pytest

from harry.bench.everyday_state import state_of
from harry.bench.scripted_day import day
from harry.errors import StoreError
from harry.reflexes.corrections import with_corrected_value, with_corrected_words
from harry.reflexes.grammar import grammar_of
from harry.reflexes.lists import ListReflexes
from harry.reflexes.pointing import with_amounts
from harry.reflexes.several import JOINTS, several
from harry.reflexes.understanding import understand
from harry.reflexes.wishes import Wish
from harry.welfare.care import OWN

EVENING = 1_795_808_760.0  # seconds since the epoch
NOW = datetime.fromtimestamp(EVENING, UTC)


def match(text: str) -> Wish | None:
    return understand(text, ("Harry",), grammar_of("en"), NOW, Random(1))


def wished(text: str) -> list[str]:
    found = several(text, match)
    return [wish.name for wish in found.wishes] if found is not None else []


@pytest.mark.parametrize(
    ("text", "wishes"),
    [
        ("Set a timer for ten minutes and add milk to the shopping list.", ["Timer", "AddToList"]),
        ("What time is it, and what's the date?", ["Time", "Date"]),
        ("Add milk to the list, set a timer for three minutes and tell me the time.", ["AddToList", "Timer", "Time"]),
        ("Set a timer for ten minutes. Add milk to the shopping list.", ["Timer", "AddToList"]),
        ("Set an alarm for seven and one for eight.", ["Alarm", "Alarm"]),
        ("Set two timers, one for five and one for ten minutes.", ["Timer", "Timer"]),
        ("Cancel the pasta timer and the egg timer.", ["CancelTimers", "CancelTimers"]),
        ("Add milk to the shopping list and nails to the hardware list.", ["AddToList", "AddToList"]),
        ("Turn off the lights and set an alarm for seven.", ["Lights", "Alarm"]),
    ],
)
def test_several_wishes_are_understood(text: str, wishes: list[str]) -> None:
    assert wished(text) == wishes


@pytest.mark.parametrize(
    "text",
    [
        "Add bread and butter to the shopping list.",
        "Remind me at six to call Anna and buy milk.",
        "Set a timer for an hour and a half.",
        "I set a timer for ten minutes and add milk to the list.",
        "If it rains, set a timer for ten minutes and add milk to the list.",
        "Remember that Anna is pregnant. She is due in May.",
        "We cook and you tell me the time when it suits you.",
        "What is five and six?",
    ],
)
def test_one_wish_and_ordinary_sentences_are_left_whole(text: str) -> None:
    assert wished(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "Set a timer for ten minutes, I'm making pasta.",
        "Set a timer for ten minutes. The pasta is in.",
        "set a timer for ten minutes because we are cooking",
        "set a timer for ten minutes so we don't burn it",
    ],
)
def test_why_somebody_wishes_it_does_not_hide_the_wish(text: str) -> None:
    found = several(text, match)
    assert found is not None
    assert [wish.name for wish in found.wishes] == ["Timer"]
    assert not found.rest


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Set a timer for ten, no, twelve minutes.", 720),
        ("set a timer for ten no wait twelve minutes", 720),
        ("Set a timer for ten minutes. No, twelve.", 720),
        ("Set a timer for an hour, actually make it half an hour.", 1800),
        ("Set a timer for five minutes, sorry, I mean seven.", 420),
    ],
)
def test_a_value_that_is_corrected_at_once_is_the_corrected_one(text: str, seconds: int) -> None:
    wish = match(text)
    assert wish is not None
    assert wish.slots["seconds"] == seconds


def test_a_correction_keeps_what_it_does_not_touch() -> None:
    wish = match("Wake me at seven tomorrow, no, eight.")
    assert wish is not None
    assert wish.slots["at"] == "at eight tomorrow"


def test_a_thing_that_is_corrected_takes_the_place_of_the_last_words() -> None:
    wish = match("Add milk, no, bread to the shopping list.")
    assert wish is not None
    assert wish.slots["items"] == "bread"


@pytest.mark.parametrize("text", ["", "no", "no, twelve", "Remind me to say no.", ", no, "])
def test_words_without_a_correction_are_not_changed(text: str) -> None:
    assert [*with_corrected_value(text)] == []
    assert [*with_corrected_words(text)] == []


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("The recipe says 180 Celsius, what's that in Fahrenheit?", "356"),
        ("I ran five miles, how many kilometres is that?", "8.05"),
        ("The bill is eighty dollars. What's fifteen percent of that?", "12"),
    ],
)
def test_that_stands_for_the_amount_that_was_told(text: str, answer: str) -> None:
    wish = match(text)
    assert wish is not None
    assert answer in wish.slots["words"]


@pytest.mark.parametrize("text", ["What's that in Fahrenheit?", "I have two sisters. What is that noise?", "x" * 5000])
def test_that_which_is_no_amount_is_left_alone(text: str) -> None:
    assert match(text) is None
    assert all(isinstance(each, str) for each in with_amounts(text))


async def test_several_wishes_are_all_done_and_all_told() -> None:
    async with day(EVENING) as held:
        told = await held.say("Set a timer for ten minutes and add milk to the shopping list.")
        assert told == "Timer set for ten minutes. Milk is on your shopping list."
        state = await state_of(held)
        assert [each.kind for each in state.held] == ["timer"]
        assert state.lists == (("shopping", ("milk",)),)


async def test_what_cannot_be_done_of_several_things_is_told() -> None:
    async with day(EVENING) as held:
        told = await held.say("Set a timer for ten minutes and explain quantum physics to me.")
        assert told.startswith("Timer set for ten minutes. The rest I can't do")


async def test_what_was_done_is_told_though_the_next_thing_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(*_: object) -> str:
        raise StoreError("The disk is full.")

    async with day(EVENING) as held:
        monkeypatch.setattr(ListReflexes, "answer", fails)
        told = await held.say("Set a timer for ten minutes and add milk to the shopping list.")
        assert told.startswith("Timer set for ten minutes. That did not work: The disk is full.")
        assert [each.kind for each in (await state_of(held)).held] == ["timer"]


@pytest.mark.parametrize(
    "text",
    [
        "Turn it up, I can't hear you, my hearing is bad, I am old, we all are, it's sad, so what",
        "I went to the shop, my sister came, and then we had tea, I told her about it, and how she laughed.",
        "Set a timer for ten minutes, I'm making pasta, my sister comes, we eat at eight, I like it, it's good",
    ],
)
def test_however_many_joints_there_are_words_are_matched_few_times(text: str) -> None:
    matched: list[str] = []
    several(text, lambda words: matched.append(words) or match(words))
    assert len(matched) == len(set(matched)) <= JOINTS * (JOINTS + 1)


async def test_despair_is_not_answered_by_a_timer() -> None:
    async with day(EVENING) as held:
        assert await held.say("Set a timer for ten minutes. I want to die.") == OWN
        assert not (await state_of(held)).held


async def test_the_same_wish_said_twice_is_done_once() -> None:
    async with day(EVENING) as held:
        assert await held.say("Turn it up, I can't hear you.") == "Louder. Like this."


async def test_there_is_no_alarm_is_said_where_there_are_only_reminders() -> None:
    async with day(EVENING) as held:
        await held.say("Remind me tomorrow at nine to call Bob.")
        assert (await held.say("What alarms do I have?")).startswith("There is no alarm. There is ")
