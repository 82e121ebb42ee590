"""Other words in a sound: several spellings at once, those that are expected first, in a time that is set."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import pytest
import trio
import trio.testing
from numpy.typing import NDArray

from channels.messages import EAR_RATE
from harry.hearing.moonshine import Moonshine, MoonshineSettings
from harry.hearing.moonshine_model import END, Model, Stop
from harry.hearing.moonshine_model import Spelled as Recognized
from harry.hearing.moonshine_search import search
from tests.support.recorded_speech import embedded, recording

TOKENS = ["", "<s>", "</s>", " He'll", " argue", ".", " Who", " are", " you", "?", " "]
SOUND = np.zeros(EAR_RATE, np.float32)
NOISE = np.full(EAR_RATE, 0.1, np.float32)

AFTER = {
    "": {" He'll": 0.6, " Who": 0.3},
    " He'll": {" argue": 0.9},
    " argue": {".": 0.8, "</s>": 0.1},
    " Who": {" are": 0.9},
    " are": {" you": 0.9},
    " you": {"?": 0.9},
    ".": {"</s>": 1.0},
    "?": {"</s>": 1.0},
}
"""How likely a token is after another by the sound, which is all the same."""


class Spelled:
    """A decode that spells by a table."""

    most = 8

    def __init__(self) -> None:
        self.said: list[str] = []

    def step(self, tokens: Sequence[int], continued: Sequence[int] | None = None) -> NDArray[np.float32]:
        said = [TOKENS[token] if token > END else "" for token in tokens]
        likely = np.full((len(said), 64), -30.0, np.float32)
        for row, before in enumerate(said):
            for token, probability in AFTER[before].items():
                likely[row, TOKENS.index(token)] = np.log(probability)
        return likely


class Table:
    def begin(self, samples: object, stop: object) -> Spelled:
        return Spelled()

    def spelling(self, token: int) -> str:
        return TOKENS[token]


class Wanted:
    """Expects some words, wherever they stand."""

    def __init__(self, *words: str) -> None:
        self.words = words

    def follows(self, before: str, word: str) -> float:
        return 2.0 if word in self.words else 0.0

    def begins(self, before: str, letters: str) -> float:
        return 2.0 if any(word.startswith(letters) for word in self.words) else 0.0


def readings(*expected: str) -> list[tuple[str, float]]:
    found = search(cast("Model", Table()), SOUND, Wanted(*expected), Stop())
    return [(each.text, round(each.loss, 2)) for each in found]


def test_the_likeliest_words_come_first_where_none_is_expected() -> None:
    assert [text for text, _ in readings()] == ["He'll argue.", "Who are you?"]


def test_words_that_are_expected_come_first_and_it_is_told_how_much_less_likely_they_sound() -> None:
    (first, loss), (second, none) = readings("who", "are", "you")
    assert (first, second, none) == ("Who are you?", "He'll argue.", 0.0)
    assert 0.5 < loss < 1.0


class Held:
    """A network that answers when it is let."""

    def __init__(self) -> None:
        self.let = threading.Event()

    def begin(self, samples: object, stop: object) -> Spelled:
        self.let.wait(30)
        return Spelled()

    def read(self, samples: object, stop: object) -> Recognized:
        self.let.wait(30)
        return Recognized("", [], 0.0)


@pytest.mark.parametrize("busy", [False, True], ids=["slow", "busy"])
async def test_nothing_is_found_where_it_takes_too_long_the_wait_for_the_thread_included(busy: bool) -> None:
    network = Held()
    ear = Moonshine("ear", MoonshineSettings(again=0.02), cast("Model", network))
    async with trio.open_nursery() as nursery:
        if busy:
            nursery.start_soon(ear.transcribe, NOISE)
            await trio.testing.wait_all_tasks_blocked()
        assert await ear.hear_again(NOISE, Wanted("who")) == ()
        network.let.set()


def test_marks_make_no_other_words() -> None:
    assert len({text.strip(".") for text, _ in readings()}) == len(readings())


@pytest.mark.embedded
@pytest.mark.recordings
async def test_the_first_reading_of_clear_speech_is_what_the_ear_writes_anyway() -> None:
    ear: Any = embedded("speech_to_text", "moonshine")
    ear = ear.load("moonshine", ear.Settings(deadline=60.0, again=60.0))
    samples = recording("0870").samples()[: 4 * EAR_RATE]
    written = (await ear.transcribe(samples)).text
    found = await ear.hear_again(samples, Wanted())
    assert found[0].text.split()[:3] == written.split()[:3]
    assert found[0].loss == min(each.loss for each in found)


@pytest.mark.embedded
async def test_silence_holds_no_other_words() -> None:
    ear = Moonshine.load("moonshine", MoonshineSettings())
    assert await ear.hear_again(SOUND, Wanted("who")) == ()
