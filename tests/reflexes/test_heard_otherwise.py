"""Spoken words that are no wish may have been others in the same sound; words that are typed are what they are."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from itertools import pairwise
from random import Random
from typing import Any, cast

import pytest
import trio
from trio.testing import MockClock

from actors.protocols import ExpectedWords, OtherReading
from actors.transcriber import Transcriber
from harry.bench.everyday_state import state_of
from harry.bench.heard import Heard
from harry.bench.scripted_day import day
from harry.errors import EngineError, StoreError
from harry.mind.absent import SENTENCE
from harry.reflexes.actions import SHARED
from harry.reflexes.expected_words import EXPECTED, FREE, wish_words
from harry.reflexes.grammar import Wish, grammar_of
from harry.reflexes.heard_otherwise import LOSS, LOSS_TO_CHANGE, WITHIN, HeardOtherwise, HearOtherwise
from harry.reflexes.understanding import understand
from harry.reflexes.without_a_mind import NOTED

SATURDAY = 1_795_864_800.0
NAMES = ("Harry",)


def first_reading(text: str) -> Wish | None:
    return understand(text, NAMES, grammar_of("en"), datetime.fromtimestamp(SATURDAY).astimezone(), Random(1))


class Ear:
    """Hears other words when it is asked, and counts how often it is."""

    pending = 0

    def __init__(self, *readings: tuple[str, float], trouble: Exception | None = None) -> None:
        self.readings = [OtherReading(*reading) for reading in readings]
        self.trouble = trouble
        self.asked = 0
        self.expected: ExpectedWords | None = None

    async def __call__(self, expected: ExpectedWords) -> Sequence[OtherReading]:
        await trio.lowlevel.checkpoint()
        self.asked += 1
        self.expected = expected
        if self.trouble is not None:
            raise self.trouble
        return self.readings

    async def hear_again(self, utterance: str, text: str, expected: ExpectedWords) -> Sequence[OtherReading]:
        return await self(expected)


def heard(text: str, ear: Ear) -> Heard:
    return Heard("u", text, cast("Transcriber", ear))


async def no_words() -> tuple[str, ...]:
    await trio.lowlevel.checkpoint()
    return ()


async def wish(
    text: str, ear: HearOtherwise, known: Callable[[], Awaitable[tuple[str, ...]]] = no_words
) -> Wish | None:
    async def nothing(*_: str) -> None:
        await trio.lowlevel.checkpoint()

    found = HeardOtherwise(
        understand=first_reading,
        changes=lambda wish: wish.name not in SHARED,
        remembered=nothing,
        known=known,
        names=NAMES,
        language="en",
    )
    return await found.wish(text, ear)


async def test_other_words_in_the_same_sound_are_the_wish() -> None:
    found = await wish("He'll argue.", Ear(("You are you.", 0.2), ("Who are you?", 1.2)))
    assert found is not None
    assert found.name == "WhoAreYou"


async def test_what_sounds_much_less_likely_was_not_said() -> None:
    assert await wish("He'll argue.", Ear(("Who are you?", LOSS + 0.1))) is None


async def test_what_changes_something_must_sound_more_likely_than_what_only_answers() -> None:
    between = (LOSS + LOSS_TO_CHANGE) / 2
    assert await wish("It's hard.", Ear(("Set a timer for ten minutes.", between))) is None
    assert await wish("It's hard.", Ear(("What time is it?", between))) is not None
    assert await wish("It's hard.", Ear(("Set a timer for ten minutes.", LOSS_TO_CHANGE))) is not None


async def test_a_wish_that_lacks_nothing_comes_before_one_that_does() -> None:
    found = await wish("Unstarred.", Ear(("Start a timer for an inch.", 0.0), ("Start a timer for an hour.", 1.0)))
    assert found is not None
    assert (found.name, found.slots["seconds"]) == ("Timer", 3600)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("I'm start a timer for an hour", "Timer"),
        ("Am how long is left on the timer", "TimeLeft"),
        ("Ut, tonight at eleven remind me to lock the back door", "Remind"),
        ("I could you delete the pasta timer", "CancelTimers"),
        ("How could you delete the pasta timer", "CancelTimers"),
    ],
)
async def test_a_hesitation_that_was_written_as_a_word_hides_no_wish(text: str, name: str) -> None:
    ear = Ear()
    found = await wish(text, ear)
    assert found is not None
    assert (found.name, ear.asked) == (name, 0)


@pytest.mark.parametrize(
    "text",
    [
        "I set a timer for ten minutes", "I cancelled the timer", "I'm mute", "I'm turning off your microphone",
        "I stop listening", "I'm Louder", "How turn the volume up", "I was setting an alarm for seven",
    ],
)  # fmt: skip
async def test_a_statement_is_no_wish_with_a_hesitation(text: str) -> None:
    assert await wish(text, Ear()) is None


@pytest.mark.parametrize("trouble", [EngineError("The ear broke."), RuntimeError("something of a stranger's")])
async def test_an_ear_that_fails_leaves_the_words_as_they_were(trouble: Exception) -> None:
    ear = Ear(trouble=trouble)
    assert await wish("He'll argue.", ear) is None
    assert ear.asked == 1


async def test_an_ear_that_gives_something_else_than_readings_leaves_the_words_as_they_were() -> None:
    async def strange(_: ExpectedWords) -> Any:
        await trio.lowlevel.checkpoint()
        return ["Who are you?"]

    assert await wish("He'll argue.", strange) is None


async def test_a_store_that_is_away_leaves_the_words_as_they_were() -> None:
    async def away() -> tuple[str, ...]:
        await trio.lowlevel.checkpoint()
        raise StoreError("The disk is away.")

    assert await wish("He'll argue.", Ear(("Who are you?", 0.0)), away) is None


def test_an_ear_that_hangs_is_not_waited_for_long() -> None:
    clock, asked = MockClock(), trio.Event()

    async def hangs(_: ExpectedWords) -> Any:
        asked.set()
        await trio.sleep_forever()

    async def talk() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wish, "He'll argue.", hangs)
            await asked.wait()
            clock.jump(WITHIN)

    trio.run(talk, clock=clock)


def test_words_that_were_expected_once_wait_for_no_collection() -> None:
    words: Any = wish_words("en", NAMES)
    known = words.knowing(("bolognese",))
    known.follows("the", "bolognese")
    gone = weakref.ref(known)
    gc.disable()
    try:
        del known
        assert gone() is None
    finally:
        gc.enable()


async def test_a_misheard_wish_that_was_spoken_is_done_and_the_same_words_typed_are_not() -> None:
    async with day(SATURDAY) as held:
        assert await held.say("Sad a time or for ten minutes.") in (SENTENCE, NOTED)
        ear = Ear(("Set a timer for ten minutes.", 2.0))
        assert "ten minutes" in await held.say("", heard("Sad a time or for ten minutes.", ear))
        assert [each.kind for each in (await state_of(held)).held] == ["timer"]


@pytest.mark.parametrize("text", ["What time is it?", "Would you get a timer going, fourteen minutes?", "Thank you."])
async def test_words_that_are_understood_are_not_heard_again(text: str) -> None:
    async with day(SATURDAY) as held:
        ear = Ear(("Cancel the timer.", 0.0))
        await held.say("", heard(text, ear))
        assert ear.asked == 0


async def test_a_hesitation_that_was_written_as_a_word_hides_no_question_to_memory() -> None:
    async with day(SATURDAY) as held:
        await held.say("Remember that I parked on level 3.")
        assert "level 3" in await held.say("", heard("I'm where did I park?", Ear()))


async def test_memory_answers_a_question_that_was_misheard() -> None:
    async with day(SATURDAY) as held:
        await held.say("Remember that I parked on level 3.")
        assert "level 3" in await held.say("", heard("Unwarred in i-park.", Ear(("Um, where did I park?", 3.0))))


async def test_the_names_of_timers_that_run_and_what_is_on_a_list_are_expected() -> None:
    async with day(SATURDAY) as held:
        await held.say("Set a bolognese timer for ten minutes.")
        await held.say("Add marmalade to my packing list.")
        ear = Ear()
        await held.say("", heard("De elite the post at I'm her.", ear))
        assert ear.expected is not None
        for word in ("bolognese", "marmalade", "packing"):
            assert ear.expected.follows("the", word) == EXPECTED
        assert expected("the", "bolognese") < EXPECTED
        assert ear.expected.follows("bolognese", "timer") == EXPECTED


async def test_what_is_no_wish_in_any_reading_is_answered_as_before() -> None:
    async with day(SATURDAY) as held:
        ear = Ear(("Paris is lovely in the spring.", 0.0), ("Paris is lonely in the spring.", 0.5))
        assert await held.say("", heard("Paris is lovely in the spring.", ear)) in (SENTENCE, NOTED)
        assert ear.asked == 1


def expected(before: str, word: str) -> float:
    words: Any = wish_words("en", NAMES)
    return float(words.follows(before, word))


@pytest.mark.parametrize(
    "text",
    ["set a timer for twenty 5 minutes", "harry turn the volume up", "um who are you", "wake me on monday at six"],
)
def test_each_word_of_a_wish_is_expected_after_the_one_before(text: str) -> None:
    words = ["", *text.split(), ""]
    assert [expected(before, word) for before, word in pairwise(words)] == [EXPECTED] * (len(words) - 1)


def test_other_words_are_less_expected_and_free_words_are_something_between() -> None:
    assert expected("dice", "vowel") == 0.0
    assert expected("add", "marmalade") == FREE


def test_a_word_that_has_only_begun_may_become_any_that_is_expected() -> None:
    words: Any = wish_words("en", NAMES)
    assert words.begins("the", "vol") == EXPECTED
    assert words.begins("the", "vowe") < EXPECTED


def test_a_language_without_a_file_expects_nothing() -> None:
    assert wish_words("xx") is None
