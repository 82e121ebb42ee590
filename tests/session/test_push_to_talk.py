"""Push-to-talk: what is said between two presses of the key is meant, and the second press ends it."""

from __future__ import annotations

import pytest
from trio.testing import MockClock

from harry.session.session import TurnTakingSettings
from tests.support.virtual_session import FRAME, FakeEar, house

TOGGLE = TurnTakingSettings(talk="toggle", attention_window=0.0)


async def test_the_second_press_ends_the_utterance_at_once(autojump_clock: MockClock) -> None:
    async with house(ear=FakeEar("I need milk and"), turn_taking=TOGGLE) as home:
        home.session.speech_input.press()
        await home.voice(1.0)
        pressed = home.session.clock.now()
        home.session.speech_input.press()
        await home.silence(3.0)
        [began] = home.happened("turn_began")
        # Unfinished words would else be waited on for 1.2 seconds.
        assert began.at == pytest.approx(pressed, abs=2 * FRAME)


async def test_what_is_said_before_a_press_is_not_heard(autojump_clock: MockClock) -> None:
    ear = FakeEar("Harry, what is it?")
    async with house(ear=ear, turn_taking=TOGGLE) as home:
        await home.voice(1.0)
        await home.silence(2.0)
        assert not home.happened("speech_started")
        assert ear.calls == 0


async def test_a_key_that_is_held_hears_until_it_is_let_go_however_often_it_repeats(autojump_clock: MockClock) -> None:
    async with house(ear=FakeEar("I need milk and"), turn_taking=TOGGLE) as home:
        hearing = home.session.speech_input
        hearing.hold(True)
        await home.voice(0.5)
        hearing.hold(True)
        await home.voice(0.5)
        released = home.session.clock.now()
        hearing.hold(False)
        hearing.hold(False)
        await home.silence(3.0)
        [began] = home.happened("turn_began")
        assert began.at == pytest.approx(released, abs=2 * FRAME)


async def test_with_an_open_microphone_a_held_key_wakes_him_and_letting_go_changes_nothing(
    autojump_clock: MockClock,
) -> None:
    async with house(turn_taking=TurnTakingSettings(attention_window=1.0)) as home:
        await home.silence(5.0)
        attention, now = home.session.attention, home.session.clock.now
        assert not attention.is_open(now())
        home.session.speech_input.hold(True)
        home.session.speech_input.hold(False)
        assert attention.is_open(now())
