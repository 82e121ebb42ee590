"""What Harry does when somebody speaks over him, in a whole session in virtual time: duck, pause, then decide."""

from __future__ import annotations

import numpy as np
import pytest
import trio
from trio.testing import MockClock

from actors.protocols import ExpectedWords, OtherReading, Recognition, Samples
from tests.support.virtual_session import FRAME, FakeEar, House, house, says

LONG = "word " * 60


async def speaking(home: House) -> None:
    """Bring Harry to speak."""
    home.session.answer_typed("talk to me")
    await home.silence(1.5)
    assert home.session.conductor.busy


def sounded(home: House) -> int:
    """How many samples other than silence the loudspeaker sounded."""
    return sum(int(np.count_nonzero(np.frombuffer(pcm, np.int16))) for _, pcm in home.sounded)


async def tones(words: int) -> int:
    """How many a reply of so many words has, when nobody interrupts it."""
    async with house(mind=says("word " * words)) as home:
        home.session.answer_typed("talk to me")
        await home.silence(0.3 * words + 1)
        return sounded(home)


FEW = 40
"""Samples that softening may round to silence; a block of the loudspeaker has 160."""


async def test_a_voice_pauses_harry_within_three_windows(autojump_clock: MockClock) -> None:
    async with house(mind=says(LONG), ear=FakeEar("what about the weather")) as home:
        await speaking(home)
        began = home.session.clock.now()
        await home.voice(0.2)
        assert home.loud_until() - began <= 3 * FRAME + 0.02


@pytest.mark.parametrize("words", ["mhm", "Yeah.", "right", "uh-huh"])
async def test_a_listeners_sound_lets_him_go_on_from_the_very_sample(autojump_clock: MockClock, words: str) -> None:
    whole = await tones(20)
    async with house(mind=says("word " * 20), ear=FakeEar(words)) as home:
        await speaking(home)
        await home.voice(0.3)
        await home.silence(8)
        assert not home.happened("interrupted")
        assert [each.fields["text"] for each in home.happened("heard")] == [("word " * 20).strip()]
        assert abs(sounded(home) - whole) <= FEW, "nothing of a word was lost"
        assert len(home.happened("turn_ended")) == 1, "an mhm is not answered"


async def test_a_cough_lets_him_go_on(autojump_clock: MockClock) -> None:
    whole = await tones(20)
    async with house(mind=says("word " * 20), ear=FakeEar("")) as home:
        await speaking(home)
        await home.voice(0.15)
        await home.silence(8)
        assert not home.happened("interrupted")
        assert abs(sounded(home) - whole) <= FEW


async def test_words_cut_him_and_are_answered(autojump_clock: MockClock) -> None:
    async with house(mind=says(LONG), ear=FakeEar("what about the weather")) as home:
        await speaking(home)
        began = home.session.clock.now()
        await home.voice(1.0)
        await home.silence(1.0)
        [cut] = home.happened("interrupted")
        assert cut.fields["reason"] == "barge_in"
        assert cut.at - began <= 0.6
        assert home.session.conductor.history[0].interrupted


async def test_a_voice_without_words_yet_cuts_after_six_tenths_of_a_second(autojump_clock: MockClock) -> None:
    ear = FakeEar("late words")
    ear.takes = 30.0
    async with house(mind=says(LONG), ear=ear) as home:
        await speaking(home)
        began = home.session.clock.now()
        await home.voice(1.5)
        [cut] = home.happened("interrupted")
        assert 0.5 <= cut.at - began <= 0.75


async def test_stop_ends_the_turn_and_is_not_answered(autojump_clock: MockClock) -> None:
    mind = says(LONG)
    async with house(mind=mind, ear=FakeEar("Harry, stop.")) as home:
        await speaking(home)
        await home.voice(0.5)
        await home.silence(3)
        [cut] = home.happened("interrupted")
        assert cut.fields["reason"] == "stop"
        assert len(mind.requests) == 1
        assert not home.session.conductor.busy


async def test_what_follows_a_stop_phrase_is_answered(autojump_clock: MockClock) -> None:
    mind = says(LONG)
    async with house(mind=mind, ear=FakeEar("Stop, what time is it?")) as home:
        await speaking(home)
        await home.voice(1.0)
        await home.silence(1)
        assert mind.requests[-1].messages[-1].parts[0].text == "what time is it?"


async def test_stop_works_while_the_mind_hangs(autojump_clock: MockClock) -> None:
    async def hangs(request: object, emit: object) -> None:
        await trio.sleep_forever()

    mind = says("")
    mind.answer = hangs
    async with house(mind=mind, ear=FakeEar("stop")) as home:
        home.session.answer_typed("talk")
        await home.silence(1)
        await home.voice(0.4)
        await home.silence(2)
        assert [each.fields["reason"] for each in home.happened("interrupted")] == ["stop"]
        assert not home.session.conductor.busy


async def test_yeah_is_an_answer_after_a_question(autojump_clock: MockClock) -> None:
    mind = says("Shall I go on? " + LONG)
    async with house(mind=mind, ear=FakeEar("yeah")) as home:
        home.session.answer_typed("talk")
        await home.silence(1.0)
        await home.voice(0.4)
        await home.silence(2)
        assert home.happened("interrupted")
        assert len(mind.requests) == 2


async def test_his_own_words_come_back_from_the_loudspeaker_are_no_interruption(autojump_clock: MockClock) -> None:
    sentence = "the quick brown fox jumps over the lazy dog and runs away into the deep dark forest tonight"
    async with house(mind=says(sentence), ear=FakeEar("brown fox jumps over the lazy")) as home:
        home.session.answer_typed("talk")
        await home.silence(1.2)
        await home.voice(0.5)
        await home.silence(8)
        assert not home.happened("interrupted")
        assert len(home.happened("turn_ended")) == 1


async def test_where_no_sound_of_his_comes_back_a_person_who_says_his_words_interrupts(
    autojump_clock: MockClock,
) -> None:
    said = "the weather is fine and warm today " * 8
    async with house(mind=says(said), ear=FakeEar("The weather is fine")) as home:
        home.session.conductor.hears_himself = lambda: False
        await speaking(home)
        await home.voice(0.5)
        await home.silence(2)
        assert home.happened("interrupted")[0].fields["reason"] == "barge_in"


async def test_go_on_says_what_was_left_unsaid(autojump_clock: MockClock) -> None:
    words = "one two three four five six seven eight nine ten."
    async with house(mind=says(words), ear=FakeEar("Harry, stop.")) as home:
        home.session.answer_typed("count")
        await home.silence(1.2)
        await home.voice(0.4)
        await home.silence(1)
        heard = str(home.happened("heard")[0].fields["text"])
        assert heard
        assert heard != words
        await home.session.speech_input.transcriber._ear.__self__.swap(FakeEar("go on"))
        await home.voice(0.5)
        await home.silence(4)
        assert (heard + " " + str(home.happened("heard")[1].fields["text"])).split() == words.split()


async def test_a_ducked_voice_is_softer_and_loses_nothing(autojump_clock: MockClock) -> None:
    whole = await tones(12)
    async with house(mind=says("word " * 12)) as home:
        home.session.answer_typed("talk")
        await home.silence(0.5)
        home.session.conductor.duck(True)
        await home.silence(0.5)
        home.session.conductor.duck(False)
        await home.silence(4)
        loud = [np.abs(np.frombuffer(pcm, np.int16).astype(int)).max() for at, pcm in home.sounded if 0.7 < at < 0.95]
        assert 0 < max(loud) < 0.3 * 16384
        assert abs(sounded(home) - whole) <= 10 * FEW


async def test_after_a_wrong_cut_a_dictation_is_waited_for_by_the_words_before(autojump_clock: MockClock) -> None:
    class Figures(FakeEar):
        """Takes the first piece for a whole; the second lacks what announces it."""

        async def transcribe(self, samples: Samples) -> Recognition:
            await trio.sleep(0.05)
            return Recognition("It is all about four." if len(said.happened("turn_began")) == 0 else "Seven.", 0.9, 0.9)

    async with house(mind=says(LONG), ear=Figures()) as said:
        await said.voice(0.8)
        await said.silence(0.7)
        assert said.session.conductor.busy, "he took it for the end"
        await said.voice(0.5)
        assert not said.session.conductor.busy
        await said.silence(1.0)
        assert not said.session.conductor.busy, "figures after figures: he waits, although one is no dictation"
        await said.silence(1.0)
        assert said.session.conductor.busy
        texts = [event.fields["text"] for event in said.happened("transcript") if event.fields.get("amends")]
        assert texts == ["It is all about four. Seven."]


class ListensAgain(FakeEar):
    """Hears one thing, and another in the same sound when it is told where to look."""

    def __init__(self, text: str, confidence: float, again: OtherReading) -> None:
        super().__init__(text)
        self.wrote, self.confidence, self.again = text, confidence, again
        self.asked = 0

    async def transcribe(self, samples: Samples) -> Recognition:
        await trio.sleep(0.05)
        return Recognition(self.wrote, self.confidence)

    async def hear_again(self, samples: Samples, expected: ExpectedWords) -> list[OtherReading]:
        self.asked += 1
        await trio.sleep(0.1)
        return [OtherReading(self.wrote, 0.0), self.again] if expected.follows("", "stop") else []


@pytest.mark.parametrize("confidence", [0.26, 0.6])
async def test_a_stop_phrase_that_was_written_otherwise_is_found_in_its_sound(
    autojump_clock: MockClock, confidence: float
) -> None:
    ear = ListensAgain("Sirrep!", confidence, OtherReading("Shut up.", 2.0))
    async with house(mind=says(LONG), ear=ear) as home:
        await speaking(home)
        await home.voice(0.5)
        ended = home.session.clock.now()
        await home.silence(3)
        assert home.loud_until() - ended <= 0.7
        assert len(home.happened("turn_began")) == 1, "it is not answered"
        assert ear.asked == 1, "the same sound is searched once"


@pytest.mark.parametrize(("text", "loss"), [("Sirrep!", 9.0), ("Shop.", 1.0), ("Mhm.", 1.0)])
async def test_what_sounds_otherwise_is_what_was_written(autojump_clock: MockClock, text: str, loss: float) -> None:
    async with house(mind=says(LONG), ear=ListensAgain(text, 0.6, OtherReading("Stop.", loss))) as home:
        await speaking(home)
        await home.voice(0.5)
        await home.silence(3)
        assert all(event.fields["reason"] != "stop" for event in home.happened("interrupted"))
        assert home.happened("transcript")[-1].fields["text"] == text


async def test_nothing_is_looked_for_while_he_is_silent(autojump_clock: MockClock) -> None:
    ear = ListensAgain("It up.", 0.6, OtherReading("Enough.", 0.0))
    async with house(ear=ear) as home:
        await home.voice(0.5)
        await home.silence(3)
        assert ear.asked == 0
        assert len(home.happened("turn_began")) == 1


async def test_an_ear_that_fails_at_it_changes_nothing(autojump_clock: MockClock) -> None:
    class Fails(ListensAgain):
        async def hear_again(self, samples: Samples, expected: ExpectedWords) -> list[OtherReading]:
            raise ValueError("no")

    async with house(mind=says(LONG), ear=Fails("It up.", 0.6, OtherReading("", 0.0))) as home:
        await speaking(home)
        await home.voice(0.5)
        await home.silence(3)
        assert len(home.happened("turn_began")) == 2


async def test_an_ear_that_takes_long_over_it_is_not_waited_for(autojump_clock: MockClock) -> None:
    class Slow(ListensAgain):
        async def hear_again(self, samples: Samples, expected: ExpectedWords) -> list[OtherReading]:
            await trio.sleep(60)
            return []

    async with house(mind=says(LONG), ear=Slow("It up.", 0.6, OtherReading("", 0.0))) as home:
        await speaking(home)
        await home.voice(0.5)
        await home.silence(3)
        assert len(home.happened("turn_began")) == 2


@pytest.mark.parametrize(
    ("text", "confidence", "turns"), [("Stop, hoe.", 0.6, 1), ("Stop, hoe.", 0.9, 2), ("Wait, why?", 0.6, 2)]
)
async def test_a_doubtful_word_behind_a_stop_phrase_is_part_of_it(
    autojump_clock: MockClock, text: str, confidence: float, turns: int
) -> None:
    async with house(mind=says(LONG), ear=ListensAgain(text, confidence, OtherReading("", 0.0))) as home:
        await speaking(home)
        await home.voice(0.6)
        await home.silence(3)
        assert len(home.happened("turn_began")) == turns


async def test_a_please_behind_a_stop_phrase_is_part_of_it(autojump_clock: MockClock) -> None:
    async with house(mind=says(LONG), ear=FakeEar("quiet")) as home:
        await speaking(home)
        await home.voice(0.5)
        await home.silence(0.8)
        ear = home.engines.speech_to_text
        assert ear is not None
        ear.engine.texts = ["Please."]  # type: ignore[attr-defined]
        await home.voice(0.5)
        await home.silence(3)
        assert len(home.happened("turn_began")) == 1
