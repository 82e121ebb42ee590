"""The wake phrase: how names sound, what is spotted in recorded speech, and what that does to a conversation."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import trio

from channels.messages import FRAME_SAMPLES
from harry.errors import ConfigurationError
from harry.hearing.letters import spell_sounds
from harry.hearing.wake_phrase import WakePhrase, spell_words
from harry.session.session import TurnTakingSettings
from tests.support.recorded_speech import recording, recordings
from tests.support.virtual_session import FakeEar, House, house

FRAME_BYTES = 2 * FRAME_SAMPLES
QUESTION = "what time is it?"


def spotted(phrase: str, pcm: bytes) -> bool:
    pytest.importorskip("pocketsphinx")
    wake = WakePhrase(phrase, -15.0)
    return any(wake.hear(pcm[at : at + FRAME_BYTES]) for at in range(0, len(pcm), FRAME_BYTES))


def pcm_of(name: str) -> bytes:
    return (recording(name).samples() * 32767).astype("<i2").tobytes()


@pytest.mark.parametrize(
    ("name", "said"),
    [("zorblax", "Z AO R B L AE K S"), ("penny", "P EH N IY"), ("hello", "HH EH L OW"), ("renata", "R EH N AE T AH")],
)
def test_a_name_that_no_dictionary_knows_is_said_as_it_is_spelled(name: str, said: str) -> None:
    assert spell_sounds(name) == said


def test_a_phrase_without_a_sound_is_refused_with_a_sentence() -> None:
    with pytest.raises(ConfigurationError, match=r"attention\.wake_phrase"):
        spell_words(" - ")


@pytest.mark.recordings
@pytest.mark.embedded
@pytest.mark.parametrize(
    ("phrase", "name"), [("go forward", "goforward"), ("ill disposed", "0880"), ("Dashwood", "0870")]
)
def test_a_phrase_is_spotted_where_people_say_it(phrase: str, name: str) -> None:
    assert spotted(phrase, pcm_of(name))


@pytest.mark.recordings
@pytest.mark.embedded
def test_a_made_up_name_is_spotted_nowhere() -> None:
    for each in recordings():
        assert not spotted("hey Zorblax", pcm_of(each.path.stem)), each.path.name


async def say(home: House, pcm: bytes) -> None:
    for at in range(0, len(pcm) - FRAME_BYTES, FRAME_BYTES):
        await trio.sleep(0.032)
        await home.microphone.push(pcm[at : at + FRAME_BYTES])


@pytest.mark.recordings
@pytest.mark.embedded
@pytest.mark.parametrize(("phrase", "answered"), [("go forward", True), ("hey Zorblax", False)])
async def test_the_utterance_that_holds_the_phrase_is_meant_though_its_words_do_not_call_him(
    phrase: str, answered: bool
) -> None:
    pytest.importorskip("pocketsphinx")
    pcm = pcm_of("goforward")
    noise = (np.random.default_rng(1).normal(0, 20, 16_000)).astype("<i2").tobytes()
    wake = partial(WakePhrase, phrase, -15.0)
    async with house(ear=FakeEar(QUESTION), turn_taking=TurnTakingSettings(attention_window=0.0), wake=wake) as home:
        await say(home, noise)
        home.session.attention.window = 30.0
        await say(home, pcm + noise + noise)
        assert bool(home.happened("woken")) is answered
        assert home.happened("transcript")
        assert bool(home.happened("turn_began")) is answered
