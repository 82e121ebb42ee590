"""The newest utterance can be heard again, by an ear that is able to, as long as its words are asked for."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from actors.protocols import ExpectedWords, OtherReading, Samples
from actors.transcriber import Transcriber
from channels.clock import AudioClock
from channels.events import EventStream
from channels.messages import EAR_RATE, SAMPLE_BYTES, Speech, Transcript
from tests.support.virtual_session import FakeEar


class Attentive(FakeEar):
    async def hear_again(self, samples: Samples, expected: ExpectedWords) -> Sequence[OtherReading]:
        await trio.lowlevel.checkpoint()
        return [OtherReading(f"{len(samples) / EAR_RATE:.1f} seconds", 1.0)]


class Nothing:
    def follows(self, before: str, word: str) -> float:
        return 0.0

    def begins(self, before: str, letters: str) -> float:
        return 0.0


def speech(name: str, seconds: float = 1.0, *, final: bool = True) -> Speech:
    return Speech(name, bytes(int(seconds * EAR_RATE) * SAMPLE_BYTES), 0, 0.0, seconds, final=final)


async def after(ear: Any, *said: Speech) -> Transcriber:
    """A transcriber that has heard all that was said."""
    told: list[Transcript] = []

    @asynccontextmanager
    async def lease() -> AsyncIterator[Any]:
        yield ear

    transcriber = Transcriber(
        ear=lease, events=EventStream(AudioClock()), on_transcript=lambda _, one: told.append(one)
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(transcriber.run)
        for each in said:
            transcriber.take(each)
            await trio.sleep(60)
        nursery.cancel_scope.cancel()
    return transcriber


async def again(transcriber: Transcriber, utterance: str, text: str = "go on") -> list[str]:
    return [each.text for each in await transcriber.hear_again(utterance, text, Nothing())]


@pytest.mark.parametrize("final", [True, False])
async def test_the_newest_utterance_is_heard_again_with_the_silence_behind_it(
    final: bool, autojump_clock: MockClock
) -> None:
    transcriber = await after(Attentive("go on"), speech("a", final=final))
    assert await again(transcriber, "a") == ["1.3 seconds"]


async def test_an_older_utterance_is_heard_again_no_more(autojump_clock: MockClock) -> None:
    transcriber = await after(Attentive("go on", "go on"), speech("a"), speech("b"))
    assert await again(transcriber, "a") == []
    assert await again(transcriber, "b") == ["1.3 seconds"]


async def test_words_that_are_not_all_that_was_heard_are_not_heard_again(autojump_clock: MockClock) -> None:
    transcriber = await after(Attentive("stop. go on"), speech("a"))
    assert await again(transcriber, "a", "go on") == []


async def test_what_is_too_long_for_a_command_is_not_kept_to_be_heard_again(autojump_clock: MockClock) -> None:
    transcriber = await after(Attentive("go on"), speech("a", 16.0))
    assert await again(transcriber, "a") == []


async def test_an_ear_that_cannot_hear_again_gives_no_other_words(autojump_clock: MockClock) -> None:
    transcriber = await after(FakeEar("go on"), speech("a"))
    assert await again(transcriber, "a") == []


async def test_nothing_is_heard_again_before_anything_was_said() -> None:
    assert await again(await after(Attentive()), "a") == []
