"""Rest: after a long silence nothing is transcribed until Harry is woken, and then not even a first word is lost."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from harry.session.session import TurnTakingSettings
from tests.support.virtual_session import FRAME, FakeEar, House, house

RESTS = TurnTakingSettings(attention_window=5.0, rest_after=20.0)


class LateSpotter:
    """Never hears the phrase."""

    def hear(self, pcm: bytes) -> bool:
        return False

    def forget(self) -> None:
        pass


def rests(home: House) -> list[bool]:
    return [bool(each.fields["resting"]) for each in home.happened("resting")]


async def test_he_rests_after_a_silence_and_a_voice_wakes_him_with_its_first_word(autojump_clock: MockClock) -> None:
    ear = FakeEar("Harry, what is it?")
    async with house(ear=ear, turn_taking=RESTS) as home:
        await home.silence(21.0)
        [rested] = home.happened("resting")
        assert rested.at == pytest.approx(20.0, abs=2 * FRAME)
        await home.voice(1.0)
        await home.silence(2.0)
        assert rests(home) == [True, False]
        [began] = home.happened("turn_began")
        assert began.at > 21.0


async def test_with_a_wake_phrase_voices_are_not_transcribed_while_he_rests() -> None:
    ear = FakeEar("Harry, what is it?")
    async with house(
        ear=ear, turn_taking=TurnTakingSettings(attention_window=0.0, rest_after=0.2), wake=LateSpotter
    ) as home:
        await home.silence(0.5)
        await home.voice(0.6)
        await home.silence(1.5)
        assert home.happened("speech_stopped")
        assert ear.calls == 0
        # The phrase, or what stands for it.
        home.session.attention.rest_after = 60.0
        home.session.attention.wake(home.session.clock.now())
        home.session.events.publish("woken")
        await home.voice(0.6)
        await home.silence(1.5)
        assert ear.calls
        assert rests(home)[:2] == [True, False]
        assert home.happened("turn_began")


async def test_typing_wakes_him(autojump_clock: MockClock) -> None:
    async with house(turn_taking=RESTS) as home:
        await trio.sleep(30.0)
        home.session.answer_typed("hello")
        await trio.sleep(3.0)
        assert rests(home) == [True, False]


async def test_who_never_rests_never_says_so(autojump_clock: MockClock) -> None:
    async with house(turn_taking=TurnTakingSettings(rest_after=0.0)) as home:
        await trio.sleep(1_500.0)
        assert not rests(home)


async def test_he_rests_when_he_is_told_to_and_a_voice_wakes_him(autojump_clock: MockClock) -> None:
    async with house(ear=FakeEar("Harry, what is it?"), turn_taking=RESTS) as home:
        await home.silence(1.0)
        home.session.speech_input.rest()
        await home.silence(0.1)
        assert rests(home) == [True]
        await home.voice(1.0)
        await home.silence(2.0)
        assert rests(home) == [True, False]
        assert home.happened("turn_began")


async def test_he_who_never_rests_by_himself_rests_when_he_is_told_to_and_wakes_when_told(
    autojump_clock: MockClock,
) -> None:
    never = TurnTakingSettings(rest_after=0.0, attention_window=5.0)
    async with house(turn_taking=never) as home:
        await home.silence(60.0)
        assert rests(home) == []
        home.session.speech_input.rest()
        home.session.speech_input.wake()
        await home.silence(0.1)
        assert rests(home) == [True, False]
        assert home.session.attention.is_open(home.session.clock.now())


async def test_a_shorter_time_until_he_rests_holds_at_once(autojump_clock: MockClock) -> None:
    async with house(turn_taking=TurnTakingSettings(attention_window=5.0, rest_after=600.0)) as home:
        await trio.sleep(10.0)
        home.session.speech_input.hold_to(5.0, 20.0)
        await trio.sleep(25.0)
        [rested] = home.happened("resting")
        assert rested.at == pytest.approx(30.0, abs=0.1)
