"""The sound of words is held for as long as Harry answers them, and of what was not said to him nothing is held."""

from __future__ import annotations

from collections.abc import Sequence

import trio
from trio.testing import MockClock

from actors.protocols import ExpectedWords, OtherReading, Samples
from harry.session.session import TurnTakingSettings
from harry.testing.engines import ScriptedLanguageModel
from tests.support.virtual_session import FakeEar, House, house


class Attentive(FakeEar):
    async def hear_again(self, samples: Samples, expected: ExpectedWords) -> Sequence[OtherReading]:
        await trio.lowlevel.checkpoint()
        return [OtherReading("something else", 1.0)]


class Nothing:
    def follows(self, before: str, word: str) -> float:
        return 0.0

    def begins(self, before: str, letters: str) -> float:
        return 0.0


async def heard_again(home: House) -> bool:
    """Say whether the words that were transcribed last can be heard again."""
    newest = home.happened("transcript")[-1].fields
    utterance, text = str(newest["utterance"]), str(newest["text"])
    return bool(await home.session.speech_input.hear_again(utterance, text, Nothing()))


async def test_words_that_are_answered_can_be_heard_again_until_the_answer_is_over(autojump_clock: MockClock) -> None:
    async with house(ear=Attentive("Harry, what is it?")) as home:
        await home.voice(1.0)
        await home.silence(1.5)
        assert home.happened("turn_began")
        assert await heard_again(home)
        await home.silence(10.0)
        assert not await heard_again(home)


async def test_words_that_cut_an_answer_can_be_heard_again(autojump_clock: MockClock) -> None:
    long = ScriptedLanguageModel("long", ["This is a long story, and I tell it slowly. " * 9])
    async with house(ear=Attentive("Harry, what is it?"), mind=long) as home:
        await home.voice(1.0)
        await home.silence(1.5)
        await home.voice(1.0)
        await home.silence(1.5)
        assert home.happened("interrupted")
        assert await heard_again(home)


async def test_words_that_were_not_meant_for_harry_cannot_be_heard_again(autojump_clock: MockClock) -> None:
    async with house(ear=Attentive("And now the news."), turn_taking=TurnTakingSettings(attention_window=0.0)) as home:
        await home.silence(1.0)
        await home.voice(1.0)
        await home.silence(1.5)
        assert not home.happened("turn_began")
        assert not await heard_again(home)
