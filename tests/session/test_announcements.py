"""Announcements: in a gap, the urgent first, never twice, never over anybody, and not when it is too late."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
from trio.testing import MockClock

from harry.errors import ConfigurationError, TooManySessions
from harry.session.announcements import MOST, Announcements
from tests.support.virtual_session import FakeEar, House, house, says


@asynccontextmanager
async def announcing(home: House, *, low_at: float = 0.0) -> AsyncIterator[Announcements]:
    announcements = Announcements(home.session, lambda: max(0.0, low_at - trio.current_time()))
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
        announcements = Announcements(home.session)
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
