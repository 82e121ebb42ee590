"""A voice behind a server of OpenAI's audio API, tested against a real HTTP server on the loopback interface."""

from __future__ import annotations

import json
import statistics
from typing import Any

import h11
import numpy as np
import pytest
import trio

from channels.messages import Chunk
from harry.engines import registry
from harry.errors import BudgetReached, EngineBusy, EngineError, EngineTimeout, EngineUnavailable
from harry.host.budget import Budget, Ledger, Limit
from tests.support.audio_server import (
    RATE,
    answering,
    begin_sound,
    sound,
    speak,
    speaking,
    tone,
    wav_head,
    with_voice,
    words,
)
from tests.support.chat_server import KEY, Client, descriptors, hang
from tests.support.virtual_session import FakeEar, house, says

TEXT = "Hello there, world."


async def test_sound_is_emitted_before_the_next_is_sent() -> None:
    heard = [trio.Event() for _ in range(3)]

    async def answer(client: Client, asked: dict[str, Any]) -> None:
        await begin_sound(client)
        for arrived in heard:
            await client.data(tone(0.1))
            await arrived.wait()
        await client.send(h11.EndOfMessage())

    count = 0

    async def emit(chunk: Chunk) -> None:
        nonlocal count
        count += chunk.samples
        for place in range(count // round(0.1 * RATE)):
            heard[place].set()

    async with with_voice(answer) as (_, voice):
        with trio.fail_after(10):
            chunks = await speak(voice, TEXT, emit)
    assert sound(chunks) == tone(0.1) * 3
    assert words(chunks) == TEXT


async def test_the_request_says_what_is_to_be_said_and_how() -> None:
    settings = {"speed": 1.2, "instructions": "Softly.", "extra": {"lang_code": "a"}}
    async with with_voice(speaking(tone(0.1)), **settings) as (server, voice):
        await speak(voice, TEXT)
    assert server.asked == [
        {
            "model": "kokoro",
            "input": TEXT,
            "voice": "af_heart",
            "response_format": "pcm",
            "speed": 1.2,
            "instructions": "Softly.",
            "lang_code": "a",
        }
    ]
    assert server.heads[0].target == b"/v1/audio/speech"
    assert dict(server.heads[0].headers)[b"authorization"] == f"Bearer {KEY}".encode()


async def test_the_connection_serves_the_next_piece() -> None:
    async with with_voice(speaking(tone(0.1))) as (server, voice):
        await speak(voice, "One.")
        await speak(voice, "Two.")
        assert len(server.clients) == 1


PCM = tone(0.3)


@pytest.mark.parametrize(
    ("body", "kind", "rate"),
    [
        (PCM, "audio/pcm", 24_000),
        (PCM + b"\1", "application/octet-stream", 24_000),
        (PCM, "", 24_000),
        (PCM, "audio/pcm;rate=16000", 16_000),
        (PCM, 'audio/L16; rate="48000"; channels=1', 48_000),
        (wav_head(24_000) + PCM, "audio/wav", 24_000),
        (wav_head(22_050, size=0) + PCM, "audio/pcm", 22_050),
        (wav_head(44_100, coding=0xFFFE) + PCM, "audio/x-wav", 44_100),
        (wav_head(24_000, size=len(PCM)) + PCM + b"LIST\4\0\0\0abcd", "audio/wav", 24_000),
        (wav_head(16_000, channels=2) + np.repeat(np.frombuffer(PCM, np.int16), 2).tobytes(), "audio/wav", 16_000),
        (b"\xff\xff\xfe\xff" + PCM, "audio/pcm", 24_000),
    ],
)
@pytest.mark.parametrize("size", [1, 7, 100_000])
async def test_sound_is_read_in_whichever_form_it_comes(body: bytes, kind: str, rate: int, size: int) -> None:
    portions = [body[at : at + size] for at in range(0, 300, size)] + [body[300 + -300 % size :]]
    async with with_voice(speaking(*filter(None, portions), kind=kind)) as (_, voice):
        chunks = await speak(voice, TEXT)
    seconds = sum(chunk.samples for chunk in chunks) / RATE
    assert seconds == pytest.approx(len(PCM) / 2 / rate, abs=0.001)
    assert words(chunks) == TEXT
    loud = np.abs(np.frombuffer(sound(chunks), np.int16)[100:-100].astype(int))
    assert np.median(loud) == pytest.approx(8000, abs=400)


def told(message: str, **more: Any) -> bytes:
    return json.dumps({"error": {"message": message, **more}}).encode()


@pytest.mark.parametrize(
    ("status", "body", "kind", "error", "sentence"),
    [
        (401, told("Incorrect API key provided"), "application/json", EngineUnavailable, "does not accept the key"),
        (
            404,
            told("The model `kokoro` does not exist"),
            "application/json",
            EngineUnavailable,
            "know the model 'kokoro'",
        ),
        (404, b'{"detail":"Not Found"}', "application/json", EngineUnavailable, "has no voice at this address"),
        (400, told("Input should be at most 4096 characters"), "", EngineError, "refused the text"),
        (402, b"", "", EngineUnavailable, "use another voice"),
        (200, b"<html><body>Sign in", "text/html", EngineUnavailable, "web page"),
        (200, b"<!doctype html>", "audio/pcm", EngineUnavailable, "web page"),
        (200, told("no such voice"), "application/json", EngineError, "is in trouble"),
        (200, told("Incorrect API key provided", code=401), "audio/pcm", EngineUnavailable, "accept the key"),
        (200, b"Internal error", "text/plain; charset=utf-8", EngineError, "words in place of sound"),
        (200, b'data: {"type": "speech.audio.delta"}\n\n', "text/event-stream", EngineError, "words in place of sound"),
        (200, b"ID3\4" + bytes(2000), "audio/mpeg", EngineError, "sends MP3"),
        (200, b"\xff\xfb\x90\x64" + bytes(2000), "audio/mpeg", EngineError, "sends MP3"),
        (200, b"OggS" + bytes(2000), "audio/pcm", EngineError, "sends Ogg"),
        (200, b"fLaC" + bytes(2000), "", EngineError, "sends FLAC"),
        (200, wav_head(24_000, bits=32, coding=3) + bytes(2000), "audio/wav", EngineError, "32 bits"),
        (200, wav_head(24_000, channels=9) + bytes(2000), "audio/wav", EngineError, "9 channels"),
        (200, wav_head(24_000)[:40], "audio/wav", EngineError, "head of a WAV file and no sound"),
        (200, b"RIFF\0\0\0\0WAVEdata\0\0\0\0" + bytes(99), "audio/wav", EngineError, "does not say how it sounds"),
        (200, b"RIFF\0\0\0\0WAVE" + b"junk\0\0\0\0" * 10_000, "audio/wav", EngineError, "without sound"),
        (200, wav_head(7), "audio/wav", EngineError, "no sound"),
        (200, b"", "audio/pcm", EngineError, "sent no sound"),
        (200, b"\1", "audio/pcm", EngineError, "sent no sound"),
    ],
)
async def test_what_goes_wrong_is_told_in_a_sentence(
    status: int, body: bytes, kind: str, error: type[EngineError], sentence: str
) -> None:
    async with with_voice(answering(body, kind, status), retries=0) as (_, voice):
        with pytest.raises(error, match=sentence) as raised:
            await speak(voice, TEXT)
    assert KEY not in str(raised.value)


async def test_a_busy_server_is_asked_again_as_long_as_nothing_was_heard() -> None:
    tries = 0

    async def answer(client: Client, asked: dict[str, Any]) -> None:
        nonlocal tries
        tries += 1
        await (answering(b"", "", 503) if tries == 1 else speaking(tone(0.1)))(client, asked)

    async with with_voice(answer) as (_, voice):
        assert sound(await speak(voice, TEXT)) == tone(0.1)
    assert tries == 2


async def test_sound_that_breaks_off_is_heard_and_not_asked_for_again() -> None:
    async def answer(client: Client, asked: dict[str, Any]) -> None:
        await begin_sound(client)
        await client.data(tone(0.2))
        await client.stream.send_eof()
        await client.gone.wait()

    heard = b""

    async def emit(chunk: Chunk) -> None:
        nonlocal heard
        heard += chunk.pcm

    async with with_voice(answer) as (server, voice):
        with pytest.raises(EngineBusy, match="broke off"):
            await speak(voice, TEXT, emit)
    assert heard == tone(0.2)
    assert len(server.asked) == 1


async def test_a_silent_server_is_given_up_before_and_within_the_sound() -> None:
    async def pause(client: Client, asked: dict[str, Any]) -> None:
        await begin_sound(client)
        await client.data(tone(0.1))
        await trio.sleep_forever()

    for answer in (hang, pause):
        async with with_voice(answer, first_sound_deadline=0.05) as (_, voice):
            with pytest.raises(EngineTimeout, match="did not answer in time"):
                await speak(voice, TEXT)


async def test_a_paused_listener_is_no_slow_server() -> None:
    async def answer(client: Client, asked: dict[str, Any]) -> None:
        await begin_sound(client)
        for _ in range(65):
            await client.data(bytes(2 * RATE))
        await client.send(h11.EndOfMessage())

    async def emit(chunk: Chunk) -> None:
        await trio.sleep(0.3)

    async with with_voice(answer, first_sound_deadline=0.2) as (_, voice):
        chunks = await speak(voice, "word " * 100, emit)
    assert sum(chunk.samples for chunk in chunks) == 65 * RATE


async def test_sound_without_an_end_is_cut_off() -> None:
    async def answer(client: Client, asked: dict[str, Any]) -> None:
        await begin_sound(client)
        while not client.gone.is_set():
            await client.data(bytes(1 << 16))

    async with with_voice(answer) as (server, voice):
        with pytest.raises(EngineError, match="does not stop speaking"):
            await speak(voice, TEXT)
        with trio.fail_after(5):
            await server.clients[0].gone.wait()


async def test_what_it_costs_is_charged_also_where_it_is_cut() -> None:
    budget = Budget(Ledger(None), Limit(), {"far voice": Limit(money=1.0)})
    async with with_voice(hang, price_per_million=1e6 / len(TEXT)) as (server, voice):
        voice.meter = budget
        with trio.move_on_after(0.2):
            await speak(voice, TEXT)
        with pytest.raises(BudgetReached):
            await speak(voice, TEXT)
    _, [spent] = await budget.today()
    assert (spent.money, len(server.asked)) == (1.0, 1)


async def test_the_language_and_the_rate_of_a_voice_can_be_set() -> None:
    table = {"kind": "openai-speech", "base_url": "https://host/v1", "model": "m", "voice": "v"}
    voice = registry.load_engine("text_to_speech", "far", {**table, "language": "de", "rate": 16_000})
    assert (voice.language, voice.rate, voice.traits.local) == ("de", 16_000, False)
    assert voice.describe() == "v of m (host)"
    await voice.aclose()


async def paced(client: Client, asked: dict[str, Any]) -> None:
    """Speak for ever, as fast as it sounds."""
    await begin_sound(client)
    while not client.gone.is_set():
        await client.data(tone(0.05))
        await trio.sleep(0.05)


async def test_a_cut_closes_the_connection_and_leaves_nothing_open() -> None:
    first = trio.Event()

    async def emit(chunk: Chunk) -> None:
        first.set()

    async with with_voice(paced) as (server, voice):
        before = descriptors()
        for number in range(5):
            first = trio.Event()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(speak, voice, TEXT, emit)
                await first.wait()
                nursery.cancel_scope.cancel()
            with trio.fail_after(5):
                await server.clients[number].gone.wait()
        assert descriptors() <= before + 2


async def test_in_a_conversation_a_voice_over_the_reply_ends_it_there_and_the_server_sees_it() -> None:
    reply = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen."
    async with with_voice(paced) as (server, voice), house(ear=FakeEar("wait"), voice=voice, mind=says(reply)) as home:
        home.session.answer_typed("count for me")
        with trio.fail_after(20):
            while not home.happened("speaking_started"):
                await home.silence(0.064)
            await home.silence(2.0)
            await home.voice(0.6)
            await server.clients[0].gone.wait()
            await home.silence(0.5)
        [cut] = home.happened("interrupted")
        assert cut.fields["stale_samples"] == 0
        heard = str(home.happened("heard")[0].fields["text"])
        assert heard
        assert reply.startswith(heard)
        assert len(heard) < len(reply)


@pytest.mark.acceptance
async def test_how_much_is_added_before_the_first_sound_and_when_a_server_sees_a_cut(capsys) -> None:
    """From the server's first portion until it is handed on; from a cut until the server sees the end."""
    sent = 0.0

    async def answer(client: Client, asked: dict[str, Any]) -> None:
        nonlocal sent
        await begin_sound(client)
        await trio.sleep(0.02)
        sent = trio.current_time()
        await client.data(tone(0.05))
        await paced_on(client)

    async def paced_on(client: Client) -> None:
        while not client.gone.is_set():
            await trio.sleep(0.05)
            await client.data(tone(0.05))

    added: list[float] = []
    seen: list[float] = []

    async def emit(chunk: Chunk) -> None:
        if not first.is_set():
            added.append(trio.current_time() - sent)
        first.set()

    async with with_voice(answer) as (server, voice):
        for number in range(500):
            first = trio.Event()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(speak, voice, TEXT, emit)
                await first.wait()
                nursery.cancel_scope.cancel()
                cut = trio.current_time()
            await server.clients[number].gone.wait()
            seen.append(trio.current_time() - cut)
    figures = {
        "added p50": statistics.median(added),
        "cut p50": statistics.median(seen),
        "cut p99": statistics.quantiles(seen, n=100)[98],
    }
    with capsys.disabled():
        print({name: f"{1000 * seconds:.2f} ms" for name, seconds in figures.items()})
    assert figures["added p50"] <= 0.005
    assert figures["cut p99"] <= 0.020
