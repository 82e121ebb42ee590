"""What is heard over Harry: the bench's own parts, and that nothing is lost or told wrongly, in virtual time."""

from __future__ import annotations

import random

import numpy as np
import pytest
import trio
from trio.testing import MockClock

from channels.messages import EAR_RATE
from harry.bench.known_voice import WORD, KnownVoice, make_reply, split_replies, to_signs
from harry.bench.overlap_sounds import Overlap, make_bang, make_cough, scale_to_peak
from harry.bench.overlaps import OverlapResult, Played, count_heard_exactly, is_complete
from harry.testing.engines import ScriptedLanguageModel
from tests.support.virtual_session import FakeEar, House, house

SAID = make_reply(200)


async def random_cuts(n: int, seed: int) -> Played:
    """Harry is cut `n` times at random instants, after random false alarms, typed over or spoken to."""
    dice = random.Random(seed)
    ear = FakeEar("What about Paris?")
    async with house(ear=ear, mind=ScriptedLanguageModel("scripted", [SAID]), voice=KnownVoice()) as made:
        for _ in range(n):
            made.session.answer_typed("Tell me.")
            await until_sounding(made)
            await trio.sleep(dice.uniform(0.0, 4.0))
            for _ in range(dice.randrange(3)):
                made.session.conductor.pause()
                await trio.sleep(dice.uniform(0, 0.5))
                made.session.conductor.resume()
                await trio.sleep(dice.uniform(0, 0.5))
            made.session.conductor.cut("barge_in")
            await trio.sleep(0.3)
        return Played([], made.sounded, made.happened(), SAID)


async def until_sounding(made: House) -> None:
    live = made.session.gate.live
    assert live is not None
    await live.sounded.wait()


async def test_what_is_told_as_heard_is_what_sounded_word_by_word_and_nothing_is_lost(
    autojump_clock: MockClock,
) -> None:
    played = await random_cuts(20, seed=1)
    parts = split_replies(played.sounded)
    assert len(parts) == 20
    assert is_complete(played)
    assert count_heard_exactly(played) == (20, 20)


async def test_a_single_lost_sample_is_noticed(autojump_clock: MockClock) -> None:
    pcm = (to_signs(SAID)[: 10 * WORD].astype(np.int16) * 8000).tobytes()
    assert is_complete(Played([], [(0.0, pcm)], [], SAID))
    at = 2 * (5 * WORD + 17)
    assert not is_complete(Played([], [(0.0, pcm[:at] + pcm[at + 2 :])], [], SAID))
    await trio.lowlevel.checkpoint()


@pytest.mark.parametrize("seed", range(5))
async def test_coughs_and_bangs_are_as_short_and_as_loud_as_they_should_be(seed: int) -> None:
    await trio.lowlevel.checkpoint()
    for sound, longest in ((make_cough(seed), 0.6), (make_bang(seed), 0.4)):
        made = scale_to_peak(sound, 0.3)
        assert np.abs(made).max() == pytest.approx(0.3, abs=1e-3)
        assert 0.003 < len(made) / EAR_RATE <= longest


def test_an_overlap_tells_what_came_of_it() -> None:
    told = OverlapResult(Overlap("assent", "Mhm.", np.zeros(16, np.float32)), 1.0, 1.5, cut=["barge_in"], silent_at=1.2)
    assert "cut=barge_in" in told.line()
    assert "-300 ms" in told.line()
