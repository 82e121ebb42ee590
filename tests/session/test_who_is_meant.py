"""Who is answered in a whole session in virtual time: not laughter, and not a television that goes on."""

from __future__ import annotations

import numpy as np
import pytest
from trio.testing import MockClock

from actors.protocols import Recognition, Samples
from harry.testing.microphone import VOICED_FRAME
from tests.support.virtual_session import FakeEar, House, house, says


class ByLevel(FakeEar):
    """Hears a person in what is loud, and the next sentence of a television in what is soft."""

    NEWS = (
        "Good evening, and welcome to the news.",
        "Rain will come in from the west.",
        "It is small, and it is green.",
    )

    async def transcribe(self, samples: Samples) -> Recognition:
        self.calls += 1
        loud = np.abs(samples).max() > 0.1
        return Recognition("And how high is it?" if loud else self.NEWS[self.calls % 3], 0.9, 0.9)


def softer(frame: bytes, decibels: float) -> bytes:
    return (np.frombuffer(frame, "<i2") * 10 ** (-decibels / 20)).astype("<i2").tobytes()


def turns(home: House) -> int:
    return len(home.happened("turn_began"))


@pytest.mark.parametrize(
    "heard", [Recognition("Ha ha ha."), Recognition("Panda, panda, panda."), Recognition("The future.", 0.3)]
)
async def test_laughter_loops_and_doubtful_words_are_not_answered(
    autojump_clock: MockClock, heard: Recognition
) -> None:
    class Ghostly(FakeEar):
        async def transcribe(self, samples: Samples) -> Recognition:
            return heard

    async with house(ear=Ghostly()) as home:
        await home.voice(0.8)
        await home.silence(3)
        assert turns(home) == 0


async def test_who_goes_on_after_a_wrong_cut_is_answered_however_unsure_the_ear_is(autojump_clock: MockClock) -> None:
    class Spelled(FakeEar):
        async def transcribe(self, samples: Samples) -> Recognition:
            return Recognition("And white tea.", 0.3) if turns(home) else Recognition("My friend is Smythe.", 0.9, 0.9)

    async with house(ear=Spelled(), mind=says("word " * 30)) as home:
        await home.voice(0.8)
        await home.silence(0.6)
        assert turns(home) == 1
        await home.voice(0.9)
        await home.silence(3)
        assert turns(home) == 2


async def test_a_television_is_left_alone_in_the_window_and_a_person_is_answered(autojump_clock: MockClock) -> None:
    async with house(ear=ByLevel(), mind=says("one two three.")) as home:
        await home.voice(1)
        await home.silence(4)
        assert turns(home) == 1
        for _ in range(4):
            await home.hear(softer(VOICED_FRAME, 14), 1)
            await home.silence(1.5)
        assert turns(home) == 1
        await home.voice(1)
        await home.silence(4)
        assert turns(home) == 2
        for _ in range(20):
            await home.hear(softer(VOICED_FRAME, 14), 1)
            await home.silence(1.5)
        await home.voice(1)
        await home.silence(4)
        assert turns(home) == 2, "half a minute after his last answer the window is shut: nothing kept it open"
