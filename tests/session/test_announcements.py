"""Announcements: in a gap, the urgent first, never twice, never over anybody, and not when it is too late."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from harry.errors import ConfigurationError, TooManySessions
from harry.session.announcements import (
    AGAIN,
    LASTS,
    MOST,
    TOLD_ONCE_WITHIN,
    Announcements,
    State,
    from_the_cut_sentence,
)
from harry.testing.engines import ScriptedSettings, ScriptedVoice
from tests.support.virtual_session import RATE, FakeEar, House, house, says


@asynccontextmanager
async def announcing(home: House, *, low_at: float = 0.0) -> AsyncIterator[Announcements]:
    announcements = Announcements(lambda: home.session, lambda: max(0.0, low_at - trio.current_time()))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(announcements.run)
        yield announcements
        nursery.cancel_scope.cancel()


def heard(home: House) -> list[str]:
    return [str(each.fields["text"]) for each in home.happened("heard")]


async def test_it_is_said_when_it_has_been_quiet(autojump_clock: MockClock) -> None:
    async with house() as home, announcing(home) as announcements:
        announcements.put("The washing machine is done.")
        await home.silence(10)
        assert heard(home) == ["The washing machine is done."]


async def test_it_waits_for_the_person_and_for_the_answer(autojump_clock: MockClock) -> None:
    async with (
        house(ear=FakeEar("What is it?"), mind=says("one two three.")) as home,
        announcing(home) as announcements,
    ):
        await home.voice(0.5)
        announcements.put("The post is here.", "now")
        await home.voice(1.0)
        await home.silence(20)
        assert heard(home) == ["one two three.", "The post is here."]
        assert not home.happened("interrupted")


async def test_the_urgent_comes_first_and_what_waits_already_is_said_once(autojump_clock: MockClock) -> None:
    async with house() as home, announcing(home) as announcements:
        for text, urgency in (("Later.", "low"), ("Soon.", "normal"), ("Soon.", "normal"), ("Fire!", "now")):
            announcements.put(text, urgency)
        await home.silence(60)
        assert heard(home) == ["Fire!", "Soon.", "Later."]


async def test_what_is_not_urgent_is_not_said_in_the_quiet_hours_and_what_is_too_old_not_at_all(
    autojump_clock: MockClock,
) -> None:
    async with house() as home, announcing(home, low_at=trio.current_time() + 120) as announcements:
        announcements.put("Later.", "low")
        announcements.put("Too late.", "normal", lasts=0.5)
        await home.silence(60)
        assert heard(home) == []
        await home.silence(120)
        assert heard(home) == ["Later."]


async def test_what_was_cut_before_a_word_of_it_was_heard_is_said_again(autojump_clock: MockClock) -> None:
    async with house() as home, announcing(home) as announcements:
        announcements.put("Dinner.", "now")
        while not home.happened("turn_began"):
            await home.silence(0.064)
        home.session.conductor.cut("barge_in")
        await home.silence(20)
        assert heard(home)[-1] == "Dinner."
        assert len(home.happened("turn_began")) == 2


async def test_what_cannot_be_said_is_refused_in_a_sentence(autojump_clock: MockClock) -> None:
    async with house() as home:
        announcements = Announcements(lambda: home.session)
        for text, urgency in ((" ", "normal"), ("x" * 2001, "normal"), ("Hello.", "shout")):
            with pytest.raises(ConfigurationError):
                announcements.put(text, urgency)
        for number in range(MOST):
            announcements.put(f"Number {number}.")
        with pytest.raises(TooManySessions):
            announcements.put("One more.")


async def test_that_he_is_in_trouble_is_said_however_much_waits(autojump_clock: MockClock) -> None:
    async with house() as home, announcing(home) as announcements:
        for number in range(MOST):
            announcements.put(f"Number {number}.")
        announcements.put_own("I cannot keep what we say.")
        await trio.sleep(10)
        assert heard(home)[0] == "I cannot keep what we say."


async def test_what_was_cut_in_the_middle_is_said_again_from_the_sentence_that_was_cut(
    autojump_clock: MockClock,
) -> None:
    text = "The post is here. There is a parcel for Ann and a letter for you."
    async with house(ear=FakeEar("Who is it?"), mind=says("Nobody.")) as home, announcing(home) as announcements:
        announced, _ = announcements.put(text)
        while "parcel" not in home.session.conductor.last_heard:
            await home.silence(0.064)
        await home.voice(1.0)
        await home.silence(30)
        first, *_, last = heard(home)
        assert text.startswith(first)
        assert last == "There is a parcel for Ann and a letter for you."
        assert announced.state is State.HEARD


async def test_what_was_heard_to_its_last_word_is_not_said_again_though_it_was_cut(autojump_clock: MockClock) -> None:
    with_a_pause_after_each_word = ScriptedVoice("scripted", ScriptedSettings(rate=RATE, gap_seconds=1.0))
    async with house(voice=with_a_pause_after_each_word) as home, announcing(home) as announcements:
        announced, _ = announcements.put("Dinner now.")
        while home.session.conductor.last_heard != "Dinner now.":
            await home.silence(0.064)
        await home.silence(0.128)
        home.session.conductor.cut("barge_in")
        await home.silence(10)
        assert announced.state is State.HEARD
        assert heard(home) == ["Dinner now."]
        assert home.happened("interrupted")


async def test_what_is_cut_again_and_again_is_given_up_and_not_told_as_heard(autojump_clock: MockClock) -> None:
    async with house(ear=FakeEar("Tell me."), mind=says("Yes.")) as home, announcing(home) as announcements:
        announced, _ = announcements.put("one two three four five six seven eight nine ten")
        for _ in range(AGAIN):
            while not (home.session.conductor.busy and "two" in home.session.conductor.last_heard):
                await home.silence(0.064)
            await home.voice(1.0)
            await home.silence(0.5)
        await home.silence(60)
        assert announced.state is State.INTERRUPTED
        assert len([text for text in heard(home) if text.startswith("one")]) == AGAIN


async def test_a_voice_that_has_just_begun_is_not_spoken_over(autojump_clock: MockClock) -> None:
    async with house() as home, announcing(home) as announcements:
        announcements.put("The washing machine is done.", "now")
        await home.silence(0.256)
        await home.voice(0.032)  # not yet long enough to be speech
        await wait_all_tasks_blocked()
        assert home.session.speech_input.stirs
        await trio.sleep(0.2)
        assert not home.happened("turn_began")
        await home.silence(5)
        assert heard(home) == ["The washing machine is done."]


async def test_a_gap_after_a_question_of_his_own_belongs_to_the_answer(autojump_clock: MockClock) -> None:
    async with house(ear=FakeEar("Hello."), mind=says("How are you?")) as home, announcing(home) as announcements:
        await home.voice(0.5)
        await home.silence(3)
        assert heard(home) == ["How are you?"]
        announcements.put("Dinner.")
        await home.silence(5)
        assert heard(home) == ["How are you?"]
        await home.silence(5)
        assert heard(home) == ["How are you?", "Dinner."]


async def test_the_same_words_and_the_same_key_are_told_once(autojump_clock: MockClock) -> None:
    async with house() as home, announcing(home) as announcements:
        assert announcements.put("Dinner.")[1]
        assert not announcements.put("dinner.")[1]
        assert announcements.put("Five minutes left.", key="oven")[1]
        assert not announcements.put("The oven is hot.", "now", key="oven")[1]
        await home.silence(20)
        assert not announcements.put("Dinner.")[1]
        assert not announcements.put("The oven is still hot.", key="oven")[1]
        await home.silence(20)
        assert heard(home) == ["The oven is hot.", "Dinner."]
        autojump_clock.jump(TOLD_ONCE_WITHIN)
        assert announcements.put("Dinner.")[1]


async def test_in_the_quiet_hours_the_urgent_is_said_and_what_is_normal_while_somebody_is_awake(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harry.session.announcements.AWAKE", 15.0)
    async with (
        house(ear=FakeEar("Harry, are you there?"), mind=says("Yes.")) as home,
        announcing(home, low_at=trio.current_time() + 60) as announcements,
    ):
        announcements.put("Early.")
        await home.silence(16)
        assert heard(home) == ["Early."]
        waits, _ = announcements.put("Late.")
        assert announcements.held_for(waits)
        announcements.put("Fire!", "now")
        announcements.put("Later.", "low", lasts=120)
        await home.silence(10)
        assert heard(home)[1:] == ["Fire!"], "what he says himself keeps nobody awake"
        await home.voice(0.5)
        await home.silence(10)
        assert heard(home)[2:] == ["Yes.", "Late."]
        await home.silence(50)
        assert heard(home)[4:] == ["Later."]


@pytest.mark.parametrize(
    ("heard_so_far", "rest"),
    [
        ("One. Two", "Two three. Four."),
        ("One.", "Two three. Four."),
        ("On", "One. Two three. Four."),
        ("One. Two three.", "Four."),
        ("Eins. Zwei", "One. Two three. Four."),
    ],
)
def test_what_is_said_again_begins_with_the_sentence_that_was_cut(heard_so_far: str, rest: str) -> None:
    assert from_the_cut_sentence("One. Two three. Four.", heard_so_far) == rest


async def test_an_hour_is_counted_from_the_end_of_the_quiet_hours(autojump_clock: MockClock) -> None:
    announcements = Announcements(lambda: None, lambda: 7200.0)
    now = trio.current_time()
    assert announcements.put("Dinner.", "low")[0].until - now == LASTS + 7200
    assert announcements.put("Fire!", "now")[0].until - now == LASTS
