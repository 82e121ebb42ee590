"""Sound that streams in without word times: every word gets its place, and none is told before it was said."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from channels.messages import Chunk
from harry.errors import EngineError
from harry.voice.streamed_speech import MAX_AHEAD_SECONDS, MAX_SECONDS, StreamedSpeech, Take
from tests.support.audio_server import RATE, sound, speak, tone, words

TEXT = "one two three four five six seven eight"


class Streamed:
    """A voice that sends portions of sound; `at` is their rate."""

    def __init__(self, *portions: bytes, at: int = RATE, apart: float = 0.0, fails: Exception | None = None) -> None:
        self.speech = StreamedSpeech("voice", RATE)
        self.portions, self.at, self.apart, self.fails = portions, at, apart, fails
        self.sent = 0

    async def speak(self, text: str, emit) -> None:
        await self.speech.speak(text, self.receive, emit)

    async def receive(self, take: Take) -> None:
        for portion in self.portions:
            await trio.sleep(self.apart)
            await take(portion, self.at)
            self.sent += 1
        if self.fails is not None:
            raise self.fails


def ends(chunks: list[Chunk]) -> list[int]:
    """Where each word ends, in samples from the first."""
    found, begin = [], 0
    for chunk in chunks:
        found += [begin + word.end for word in chunk.words]
        begin += chunk.samples
    return found


async def test_the_sound_is_whole_and_the_words_are_those_of_the_text() -> None:
    pcm = tone(2.0)
    chunks = await speak(Streamed(*(pcm[at : at + 1001] for at in range(0, len(pcm), 1001))), TEXT)
    assert sound(chunks) == pcm
    assert words(chunks) == TEXT


async def test_words_of_a_whole_sound_have_their_share_by_their_letters_and_end_with_the_voice() -> None:
    silence = bytes(RATE)  # half a second
    chunks = await speak(Streamed(tone(3.1) + silence), TEXT)
    letters = [3, 6, 11, 15, 19, 22, 27, 32]
    assert ends(chunks)[-1] == round(3.1 * RATE)
    assert ends(chunks) == pytest.approx([round(3.1 * RATE * each / 32) for each in letters], abs=2)


async def test_while_the_length_is_unknown_no_word_is_told_before_its_time(autojump_clock) -> None:
    # A slow voice: four seconds for what is usually said in three.
    second = tone(0.1)
    told: list[tuple[float, int]] = []
    heard = 0

    async def emit(chunk: Chunk) -> None:
        nonlocal heard
        heard += len(chunk.words)
        told.append((trio.current_time(), heard))

    began = trio.current_time()
    chunks = await speak(Streamed(*[second] * 40, apart=0.1), TEXT, emit)
    assert words(chunks) == TEXT
    for at, count in told[:-2]:
        said = (at - began) / 4.0
        assert count <= 8 * said + 1.5
    assert told[len(told) // 2][1] >= 3


async def test_the_last_word_is_not_told_before_the_sound_is_over(autojump_clock) -> None:
    texts: list[str] = []

    async def emit(chunk: Chunk) -> None:
        texts.append("".join(word.text for word in chunk.words))

    await speak(Streamed(*[tone(1.0)] * 20, apart=1.0), "one two", emit)
    assert "two" not in "".join(texts[:-1])


async def test_the_pace_of_a_voice_is_learnt() -> None:
    slow = Streamed(tone(8.0))
    for _ in range(6):
        await speak(slow, TEXT)
    assert slow.speech._pace == pytest.approx(8.0 / 32, rel=0.05)


async def test_all_that_waits_is_one_chunk_so_that_the_next_piece_can_be_asked_for_early(autojump_clock) -> None:
    async def emit(chunk: Chunk) -> None:
        await trio.sleep(len(chunk.pcm) / 2 / RATE)

    chunks = await speak(Streamed(*[tone(0.1)] * 40, apart=0.001), TEXT, emit)
    assert len(chunks) <= 3
    assert chunks[-1].samples > 3 * RATE


async def test_sound_of_another_rate_comes_at_the_rate_of_the_voice_without_gaps() -> None:
    pcm = np.asarray(8000 * np.sin(np.arange(16_000) * 2 * np.pi * 440 / 16_000), np.int16).tobytes()
    chunks = await speak(Streamed(*(pcm[at : at + 777] for at in range(0, len(pcm), 777)), at=16_000), TEXT)
    assert {chunk.rate for chunk in chunks} == {RATE}
    samples = np.frombuffer(sound(chunks), np.int16).astype(float)
    assert abs(len(samples) - RATE) <= 1
    wanted = 8000 * np.sin(np.arange(len(samples)) * 2 * np.pi * 440 / RATE)
    assert np.abs(samples - wanted)[500:-500].max() < 40
    assert words(chunks) == TEXT


@pytest.mark.parametrize("rate", [0, 3, 10_000_000])
async def test_a_rate_that_cannot_be_is_an_error(rate: int) -> None:
    with pytest.raises(EngineError, match="Hz"):
        await speak(Streamed(tone(0.1), at=rate))


async def test_what_cannot_be_said_is_not_asked_for() -> None:
    voice = Streamed(tone(1.0))
    chunks = await speak(voice, " \u2014 ...")
    assert (sound(chunks), words(chunks), voice.sent) == (b"", " \u2014 ...", 0)


async def test_no_sound_for_words_is_an_error() -> None:
    with pytest.raises(EngineError, match="sent no sound"):
        await speak(Streamed())


async def test_an_error_is_told_after_what_came_before_it_and_without_a_group() -> None:
    chunks: list[Chunk] = []

    async def emit(chunk: Chunk) -> None:
        chunks.append(chunk)

    with pytest.raises(EngineError, match="broke off"):
        await speak(Streamed(tone(0.2), fails=EngineError("broke off")), TEXT, emit)
    assert sound(chunks) == tone(0.2)
    assert len(words(chunks)) < len(TEXT)


async def test_an_error_of_the_listener_ends_the_reading() -> None:
    async def emit(chunk: Chunk) -> None:
        raise KeyError("gone")

    with pytest.raises(KeyError):
        await speak(Streamed(*[tone(0.1)] * 10, apart=0.001), TEXT, emit)


async def test_sound_without_an_end_is_cut_and_never_held_whole(autojump_clock) -> None:
    voice = Streamed(*[tone(1.0)] * 10_000)

    async def emit(chunk: Chunk) -> None:
        assert chunk.samples <= (MAX_AHEAD_SECONDS + 2) * RATE

    with pytest.raises(EngineError, match="does not stop"):
        await speak(voice, "Hi.", emit)
    assert voice.sent <= MAX_SECONDS + 5


async def test_reading_ahead_waits_while_a_minute_lies_ready(autojump_clock) -> None:
    voice = Streamed(*[tone(1.0)] * 200)
    first = trio.Event()

    async def emit(chunk: Chunk) -> None:
        first.set()
        await trio.sleep_forever()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(speak, voice, "word " * 200, emit)
        await first.wait()
        await trio.sleep(1)
        assert voice.sent <= MAX_AHEAD_SECONDS + 3
        nursery.cancel_scope.cancel()


@given(
    st.text(max_size=60),
    st.lists(st.binary(max_size=400), min_size=1, max_size=8),
    st.sampled_from([16_000, 22_050, 24_000, 44_100]),
)
def test_whatever_is_said_the_words_are_the_text_and_never_go_back(text: str, portions: list[bytes], rate: int) -> None:
    async def scenario() -> None:
        try:
            chunks = await speak(Streamed(*portions, at=rate), text)
        except EngineError:
            return
        assert words(chunks) == text
        assert all(before <= after for before, after in pairwise(ends(chunks)))
        assert all(0 <= word.end <= chunk.samples for chunk in chunks for word in chunk.words)

    trio.run(scenario)
