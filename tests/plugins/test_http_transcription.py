"""An ear behind a server of OpenAI's audio API, tested against a real HTTP server on the loopback interface."""

from __future__ import annotations

import io
import json
import wave
from typing import Any

import numpy as np
import pytest
import trio
from harry_http_audio.transcription import OpenAITranscription
from pydantic import ValidationError

from harry.engines import registry
from harry.errors import BudgetReached, EngineBusy, EngineError, EngineTimeout, EngineUnavailable
from harry.host.budget import Budget, Ledger, Limit
from harry.host.engine_loading import Candidate, Chain, load_engines
from harry.net import egress
from tests.support.audio_server import answering, with_ear
from tests.support.chat_server import KEY, Client, descriptors, hang

SAMPLES = np.linspace(-1.5, 1.5, 16_000, dtype=np.float32)


def text(words: str) -> bytes:
    return json.dumps({"text": words}).encode()


async def test_an_utterance_is_sent_as_a_sound_file_and_its_words_come_back() -> None:
    asked_for = {"language": "de", "prompt": "Ada, Grace", "extra": {"temperature": "0"}}
    async with with_ear(answering(text(" Guten Morgen. ")), **asked_for) as (server, ear):
        assert await ear.transcribe(SAMPLES) == "Guten Morgen."
    form = server.asked[0]
    file = form.pop("file")
    assert form == {
        "model": "whisper-1",
        "response_format": "json",
        "language": "de",
        "prompt": "Ada, Grace",
        "temperature": "0",
    }
    with wave.open(io.BytesIO(file)) as read:
        assert (read.getframerate(), read.getnchannels(), read.getsampwidth()) == (16_000, 1, 2)
        sent = np.frombuffer(read.readframes(99_999), "<i2")
    assert np.abs(sent - np.clip(SAMPLES, -1, 1) * 32767).max() <= 1
    assert server.heads[0].target == b"/v1/audio/transcriptions"
    assert dict(server.heads[0].headers)[b"authorization"] == f"Bearer {KEY}".encode()


@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        (b'\xef\xbb\xbf{"text": "Hello", "usage": {"type": "duration", "seconds": 1}}', "application/json", "Hello"),
        (b'{"text": ""}', "application/json; charset=utf-8", ""),
        (b"Hello\n", "text/plain; charset=utf-8", "Hello"),
        (b'{"text": "Hello", "segments": [], "message": "ok"}', "text/plain", "Hello"),
        (b'"Hello"', "application/json", "Hello"),
        (text("Hello"), "", "Hello"),
    ],
)
async def test_words_are_read_in_whichever_form_they_come(body: bytes, kind: str, words: str) -> None:
    async with with_ear(answering(body, kind)) as (_, ear):
        assert await ear.transcribe(SAMPLES) == words


def told(message: str, **more: Any) -> bytes:
    return json.dumps({"error": {"message": message, **more}}).encode()


@pytest.mark.parametrize(
    ("status", "body", "kind", "error", "sentence"),
    [
        (401, told("Incorrect API key provided"), "application/json", EngineUnavailable, "does not accept the key"),
        (401, told("You didn't provide an API key"), "application/json", EngineUnavailable, "wants a key"),
        (404, told("model 'whisper-1' not found"), "application/json", EngineUnavailable, "whisper-1"),
        (
            404,
            b'{"detail":"Not Found"}',
            "application/json",
            EngineUnavailable,
            "no speech recognition at this address",
        ),
        (405, b"", "text/plain", EngineUnavailable, "no speech recognition at this address"),
        (413, b"", "text/plain", EngineError, "What was said is too long"),
        (429, told("insufficient_quota", code="insufficient_quota"), "", EngineUnavailable, "use another ear"),
        (422, b'{"detail":[{"msg":"field required"}]}', "application/json", EngineError, "refused the recording"),
        (308, b"", "text/html", EngineUnavailable, "leads to another page"),
        (200, b"<!DOCTYPE html><title>Sign in", "text/html", EngineUnavailable, "web page"),
        (200, told("Incorrect API key provided", code=401), "application/json", EngineUnavailable, "accept the key"),
        (200, b'{"error": "no model loaded"}', "application/json", EngineUnavailable, "has no model loaded"),
        (200, b'{"words": []}', "application/json", EngineError, "without words"),
        (200, b"[1, 2]", "application/json", EngineError, "without words"),
        (200, b"data: {}\n\n", "text/event-stream", EngineError, "not an answer"),
        (200, b"", "application/json", EngineError, "not an answer"),
        (200, b'{"text": "' + b"word " * 300_000 + b'"}', "application/json", EngineError, "more than anybody"),
    ],
)
async def test_what_goes_wrong_is_told_in_a_sentence(
    status: int, body: bytes, kind: str, error: type[EngineError], sentence: str
) -> None:
    async with with_ear(answering(body, kind, status), retries=0) as (_, ear):
        with pytest.raises(error, match=sentence) as raised:
            await ear.transcribe(SAMPLES)
    assert KEY not in str(raised.value)


async def test_no_server_is_told_as_such() -> None:
    async with with_ear(answering(b"")) as (server, _):
        port = server.port
    settings = OpenAITranscription.Settings.model_validate(
        {"base_url": f"http://127.0.0.1:{port}/v1", "model": "tiny", "retries": 0}
    )
    ear = OpenAITranscription.load("ear", settings)
    with pytest.raises(EngineUnavailable, match=r"cannot be reached\. Start the server"):
        await ear.transcribe(SAMPLES)
    await ear.aclose()


async def test_a_busy_server_is_asked_again() -> None:
    tries = 0

    async def answer(client: Client, asked: dict[str, Any]) -> None:
        nonlocal tries
        tries += 1
        await (answering(b"", "", 503) if tries == 1 else answering(text("Hello")))(client, asked)

    async with with_ear(answer) as (_, ear):
        assert await ear.transcribe(SAMPLES) == "Hello"
    assert tries == 2


async def test_a_server_that_stays_busy_is_told_as_such() -> None:
    async with with_ear(answering(b"", "", 503), retries=1) as (server, ear):
        with pytest.raises(EngineBusy):
            await ear.transcribe(SAMPLES)
    assert len(server.asked) == 2


async def test_a_silent_server_is_given_up() -> None:
    async with with_ear(hang, deadline=0.05) as (_, ear):
        with pytest.raises(EngineTimeout, match="did not answer in time"):
            await ear.transcribe(SAMPLES)


async def test_a_cut_closes_the_connection() -> None:
    asked = trio.Event()

    async def answer(client: Client, _: dict[str, Any]) -> None:
        asked.set()
        await trio.sleep_forever()

    async with with_ear(answer) as (server, ear):
        before = descriptors()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ear.transcribe, SAMPLES)
            await asked.wait()
            nursery.cancel_scope.cancel()
        with trio.fail_after(5):
            await server.clients[0].gone.wait()
        assert descriptors() <= before + 1


async def test_hardly_any_sound_is_not_sent() -> None:
    async with with_ear(answering(text("Thank you."))) as (server, ear):
        assert await ear.transcribe(SAMPLES[:1000]) == ""
    assert server.asked == []


async def test_a_long_utterance_is_packed_off_the_loop() -> None:
    async with with_ear(answering(text("Long."))) as (server, ear):
        assert await ear.transcribe(np.zeros(16_000 * 60, np.float32)) == "Long."
    assert len(server.asked[0]["file"]) == 44 + 2 * 16_000 * 60


async def test_what_it_costs_is_charged_and_held_to() -> None:
    budget = Budget(Ledger(None), Limit(), {"far ear": Limit(money=0.5)})
    async with with_ear(answering(text("Hello")), price_per_minute=24.0) as (server, ear):
        ear.meter = budget
        assert await ear.transcribe(SAMPLES) == "Hello"
        with pytest.raises(BudgetReached):
            await ear.transcribe(SAMPLES)
    _, [spent] = await budget.today()
    assert (spent.engine, spent.money, spent.tokens, len(server.asked)) == ("far ear", 0.4, 10, 1)


async def test_an_engine_of_the_configuration_is_handed_the_budget() -> None:
    budget = Budget(Ledger(None), Limit())
    table = {"kind": "openai-transcription", "base_url": "https://host/v1", "model": "m"}
    engines = await load_engines([Chain("speech_to_text", (Candidate("far", table),))], meter=budget)
    assert engines.speech_to_text is not None
    ear: Any = engines.speech_to_text.engine
    assert ear.meter is budget
    await engines.aclose()


async def test_one_on_this_computer_that_costs_nothing_writes_nothing_down() -> None:
    budget = Budget(Ledger(None), Limit(tokens=0))
    async with with_ear(answering(text("Hello"))) as (_, ear):
        ear.meter = budget
        assert await ear.transcribe(SAMPLES) == "Hello"
    assert (await budget.today())[1] == []


def test_local_only_refuses_a_server_elsewhere_before_anything_is_sent() -> None:
    table = {"kind": "openai-transcription", "base_url": "https://api.openai.com/v1", "model": "whisper-1"}
    egress.configure(local_only=True)
    try:
        with pytest.raises(EngineUnavailable, match="local_only"):
            registry.look("speech_to_text", "far", table)
        with pytest.raises(EngineUnavailable, match="local_only"):
            registry.load_engine("speech_to_text", "far", table)
    finally:
        egress.configure(local_only=False)


async def test_that_what_is_heard_leaves_the_computer_is_said() -> None:
    far = {"kind": "openai-transcription", "base_url": "https://api.openai.com/v1", "model": "whisper-1"}
    ear = registry.load_engine("speech_to_text", "far", far)
    assert ear.describe() == "whisper-1 (api.openai.com; what is heard is sent there)"
    assert not ear.traits.local
    await ear.aclose()
    async with with_ear(answering(b"")) as (server, near):
        assert near.describe() == f"whisper-1 (127.0.0.1:{server.port})"
        assert near.traits.local


def test_a_missing_key_is_told_before_the_start(monkeypatch) -> None:
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    table = {"base_url": "https://api.openai.com/v1", "model": "whisper-1", "api_key_env": "NO_SUCH_KEY"}
    with pytest.raises(EngineUnavailable, match="NO_SUCH_KEY"):
        registry.look("speech_to_text", "openai-transcription", table)


def test_an_address_with_a_password_is_refused_without_showing_it() -> None:
    with pytest.raises(ValidationError, match="without a name or a password"):
        OpenAITranscription.Settings.model_validate({"base_url": "https://me:pass@word@host/v1", "model": "m"})


async def test_an_answer_that_breaks_off_is_a_busy_server() -> None:
    async def answer(client: Client, asked: dict[str, Any]) -> None:
        await client.begin(200, [("content-type", "application/json"), ("content-length", "100")])
        await client.data(b'{"text"')
        await client.stream.send_eof()
        await client.gone.wait()

    async with with_ear(answer, retries=0) as (_, ear):
        with pytest.raises(EngineBusy, match="broke off"):
            await ear.transcribe(SAMPLES)
