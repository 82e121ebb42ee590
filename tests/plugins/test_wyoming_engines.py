"""An ear and a voice behind Wyoming servers: the library's own in another process, and ones that misbehave."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trio
from harry_wyoming.codec import EventReader, pack
from harry_wyoming.messages import Attribution, AudioChunk, AudioStop, Event, Info, Transcript, TtsProgram
from harry_wyoming.speech import WyomingSpeech
from harry_wyoming.transcription import WyomingTranscription
from pydantic import ValidationError

from channels.messages import Chunk
from harry.cli.doctor_checks import examine
from harry.config.loading import load_config
from harry.engines import registry
from harry.errors import EngineError, EngineTimeout, EngineUnavailable
from harry.net import egress
from tests.support.audio_server import sound, speak, words
from tests.support.virtual_session import FakeEar, house, says
from tests.support.wyoming_library import library_server

SAMPLES = np.zeros(20_000, np.float32)
TEXT = "one two three four."


def ear(uri: str, **settings: Any) -> WyomingTranscription:
    return WyomingTranscription.load("ear", WyomingTranscription.Settings.model_validate({"uri": uri, **settings}))


def voice(uri: str, **settings: Any) -> WyomingSpeech:
    return WyomingSpeech.load("voice", WyomingSpeech.Settings.model_validate({"uri": uri, **settings}))


async def test_the_librarys_server_hears_and_speaks_for_harry() -> None:
    async with library_server() as server:
        heard = await ear(server.uri, model="model-7", language="en", program="listener").transcribe(SAMPLES)
        assert heard == "I got 20000 samples."
        chunks = await speak(voice(server.uri, voice="joe", speaker="a"), TEXT)
        with trio.fail_after(10):
            await server.saw("synthesize")
        assert words(chunks) == TEXT
        assert sum(chunk.samples for chunk in chunks) == pytest.approx(0.4 * 24_000, abs=20)
        assert np.median(np.abs(np.frombuffer(sound(chunks), np.int16))) == pytest.approx(8192, abs=100)
        assert [each["data"] for each in server.seen if each.get("type") in ("select-program", "transcribe")] == [
            {"name": "listener"},
            {"name": "model-7", "language": "en"},
        ]
        [asked] = [each["data"] for each in server.seen if each["type"] == "synthesize"]
        assert asked == {"text": TEXT, "voice": {"name": "joe", "speaker": "a"}}


async def test_a_server_that_streams_is_asked_so_and_says_all_parts_once() -> None:
    async with library_server() as server:
        chunks = await speak(voice(server.uri, program="streams"), "one two, three.")
        assert sum(chunk.samples for chunk in chunks) == pytest.approx(0.3 * 24_000, abs=20)
        assert words(chunks) == "one two, three."
        with trio.fail_after(10):
            await server.saw("synthesize-stop")
        assert [kind for kind in server.types() if kind.startswith("s")] == [
            "select-program", "synthesize-start", "synthesize-chunk", "synthesize-stop",
        ]  # fmt: skip


async def test_a_server_is_asked_once_what_it_offers() -> None:
    async with library_server() as server:
        speaker = voice(server.uri)
        await speak(speaker, "one.")
        await speak(speaker, "two.")
        assert server.types().count("describe") == 1


async def test_a_failure_of_the_server_is_told_without_its_words() -> None:
    async with library_server() as server:
        with pytest.raises(EngineError, match="voice-missing") as raised:
            await speak(voice(server.uri), "Fail now.")
        assert "secret" not in str(raised.value)


async def test_a_program_that_is_not_there_is_told_with_those_that_are() -> None:
    async with library_server() as server:
        with pytest.raises(EngineUnavailable, match="plain, streams"):
            await speak(voice(server.uri, program="nobody"), TEXT)


async def test_doctor_says_what_a_server_offers_and_what_is_wrong(tmp_path: Path) -> None:
    async with library_server() as server:
        sets = [
            "engine.far.kind=wyoming", f"engine.far.uri={server.uri}", "engines.speech_to_text=far",
            "engine.near.kind=wyoming", f"engine.near.uri={server.uri}", "engine.near.program=nobody",
            'engines.text_to_speech=["near", "silent"]',
        ]  # fmt: skip
        config = load_config(sets=sets, environ={"HARRY_HOME": str(tmp_path)})
        findings = await trio.to_thread.run_sync(examine, config)
    told = {finding.subject: (finding.state, f"{finding.found} {finding.remedy}") for finding in reversed(findings)}
    state, found = told["speech to text"]
    assert state == "ok"
    assert f"far will be used. listener 1.0 at {server.uri}: model-0, model-1, model-2 and 397 more." in found
    state, found = told["text to speech"]
    assert state == "warning"
    assert "no program 'nobody'. Set program to one of plain, streams." in found


async def test_in_a_conversation_a_voice_over_the_reply_ends_it_there_and_the_server_sees_it() -> None:
    reply = "one two three four five six seven eight nine ten eleven twelve forever."
    async with library_server() as server:
        speaker = voice(server.uri)
        async with house(ear=FakeEar("hold on"), voice=speaker, mind=says(reply)) as home:
            home.session.answer_typed("count for me")
            with trio.fail_after(30):
                while not home.happened("speaking_started"):
                    await home.silence(0.064)
                await home.silence(1.0)
                await home.voice(0.6)
                await server.saw("broke off")
                await home.silence(0.3)
            [cut] = home.happened("interrupted")
            assert cut.fields["stale_samples"] == 0
            heard = str(home.happened("heard")[0].fields["text"])
            assert heard
            assert reply.startswith(heard)
            assert len(heard) < len(reply)


# Servers that misbehave


Serve = Callable[[trio.SocketStream], Awaitable[None]]


@asynccontextmanager
async def serving(serve: Serve) -> AsyncIterator[str]:
    async with trio.open_nursery() as nursery:
        listeners: list[trio.SocketListener] = await nursery.start(partial(trio.serve_tcp, serve, 0, host="127.0.0.1"))
        yield f"tcp://127.0.0.1:{listeners[0].socket.getsockname()[1]}"
        nursery.cancel_scope.cancel()


def answering(*answers: Event | bytes, then_close: bool = True) -> Serve:
    """Answer what an engine asks last, whatever it is, with these; what is offered is a voice and an ear."""

    async def serve(stream: trio.SocketStream) -> None:
        reader = EventReader()
        async for more in stream:
            for event in reader.feed(bytes(more)):
                if event.type == "describe":
                    await stream.send_all(pack(offer().event()))
                if event.type in ("synthesize", "audio-stop"):
                    with suppress(trio.BrokenResourceError):
                        for answer in answers:
                            await stream.send_all(answer if isinstance(answer, bytes) else pack(answer))
                    if not then_close:
                        await trio.sleep_forever()
                    await stream.aclose()
                    return

    return serve


def offer() -> Info:
    return Info(
        tts=[
            TtsProgram(
                name="v", attribution=Attribution("test", ""), installed=True, description=None, version=None, voices=[]
            )
        ]
    )


def chunk(**more: Any) -> Event:
    data = {"rate": 24_000, "width": 2, "channels": 1, **more}
    return Event("audio-chunk", data, b"\0\x20" * 2_400)


@pytest.mark.parametrize(
    ("answers", "sentence"),
    [
        ([], "closed the connection before it had answered"),
        ([b"HTTP/1.1 400 Bad Request\r\n\r\n"], "does not speak Wyoming"),
        ([b'{"type": "transcript", "data_length": 9999999}\n'], "does not speak Wyoming"),
        ([b'{"type": "transcr'], "does not speak Wyoming: it sent half a message"),
        ([Event("transcript", {})], "without words"),
        ([Event("transcript", {"text": ["a"]})], "without words"),
        ([Event("error", {"text": "secret", "code": 7})], "failed"),
        ([Event("transcript-chunk", {"text": "word " * 100_000})] * 5, "more than anybody"),
    ],
)
async def test_what_an_ear_gets_wrong_is_told_in_a_sentence(answers: list[Event | bytes], sentence: str) -> None:
    async with serving(answering(*answers)) as uri:
        with pytest.raises(EngineError, match=sentence) as raised:
            await ear(uri).transcribe(SAMPLES)
    assert "secret" not in str(raised.value)


async def test_words_that_only_stream_are_words_too_and_unknown_messages_are_left_alone() -> None:
    parts = [Event("transcript-start"), Event("news", {"a": 1}), Event("transcript-chunk", {"text": "Hello "})]
    async with serving(answering(*parts, Event("transcript-chunk", {"text": "you."}), Event("transcript-stop"))) as uri:
        assert await ear(uri).transcribe(SAMPLES) == "Hello you."
    async with serving(answering(*parts, Transcript("Hi.").event(), Event("transcript-stop"))) as uri:
        assert await ear(uri).transcribe(SAMPLES) == "Hi."


@pytest.mark.parametrize(
    ("answers", "sentence"),
    [
        ([chunk(width=4), AudioStop().event()], "not of 16 bits"),
        ([chunk(channels="x"), AudioStop().event()], "not of 16 bits"),
        ([chunk(rate=1), AudioStop().event()], "at 1 Hz"),
        ([AudioStop().event()], "sent no sound"),
        ([chunk()], "closed the connection"),
        ([chunk()] * 600, "does not stop speaking"),
    ],
)
async def test_what_a_voice_gets_wrong_is_told_in_a_sentence(answers: list[Event | bytes], sentence: str) -> None:
    async with serving(answering(*answers)) as uri:
        with pytest.raises(EngineError, match=sentence):
            await speak(voice(uri), "Hello.")


async def test_stereo_and_sound_in_odd_pieces_are_read() -> None:
    form = {"rate": 24_000, "width": 2, "channels": 2}
    pcm = np.repeat(np.arange(1000, dtype=np.int16) * 30, 2).tobytes()
    parts = [AudioChunk(**form, audio=pcm[at : at + 333]).event() for at in range(0, len(pcm), 333)]
    async with serving(answering(*parts, AudioStop().event())) as uri:
        assert sound(await speak(voice(uri), "Hello.")) == (np.arange(1000, dtype=np.int16) * 30).tobytes()


async def test_a_silent_server_is_given_up() -> None:
    async with serving(answering(then_close=False)) as uri:
        with pytest.raises(EngineTimeout):
            await ear(uri, deadline=0.1).transcribe(SAMPLES)
        with pytest.raises(EngineTimeout):
            await speak(voice(uri, first_sound_deadline=0.1), "Hello.")


async def test_no_server_is_told_as_such_at_once() -> None:
    async with serving(answering()) as uri:
        pass
    with pytest.raises(EngineUnavailable, match=r"cannot be reached\. Start the server"):
        await ear(uri).transcribe(SAMPLES)
    with pytest.raises(EngineUnavailable, match="cannot be reached"):
        await trio.to_thread.run_sync(registry.look, "text_to_speech", "w", {"kind": "wyoming", "uri": uri})


async def test_a_server_that_says_nothing_of_itself_is_told_as_such() -> None:
    async def serve(stream: trio.SocketStream) -> None:
        await trio.sleep_forever()

    async with serving(serve) as uri:
        with pytest.raises(EngineUnavailable, match="does not say what it offers"):
            await voice(uri).service.describe(0.1)


@pytest.mark.parametrize("said", [{}, {"tts": "x"}, {"tts": [{"name": "a"}]}, {"tts": [1]}, {"tts": {"a": 1}}])
async def test_what_a_server_says_of_itself_may_be_anything(said: dict[str, Any]) -> None:
    async def serve(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        await stream.send_all(pack(Event("info", said)))
        await stream.aclose()

    async with serving(serve) as uri:
        with pytest.raises(EngineError):
            await speak(voice(uri), "Hello.")


async def test_a_unix_socket_is_an_address_too(tmp_path: Path) -> None:
    path = tmp_path / "ear.sock"
    listening = trio.socket.socket(trio.socket.AF_UNIX)
    await listening.bind(str(path))
    listening.listen()
    async with trio.open_nursery() as nursery:
        serve = answering(Transcript("Hello.").event())
        nursery.start_soon(trio.serve_listeners, serve, [trio.SocketListener(listening)])
        assert await ear(f"unix://{path}").transcribe(SAMPLES) == "Hello."
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("uri", ["127.0.0.1:10300", "http://host:1", "tcp://host", "tcp://me:pass@host:1", "unix:x"])
def test_what_is_no_address_is_refused(uri: str) -> None:
    with pytest.raises(ValidationError, match=r"tcp://127\.0\.0\.1:10300"):
        WyomingSpeech.Settings.model_validate({"uri": uri})


def test_a_table_is_shown_by_the_role_whose_keys_it_has() -> None:
    table = {"kind": "wyoming", "uri": "tcp://127.0.0.1:10200", "voice": "joe", "speaker": "a"}
    assert registry.shown_table("wyoming", table) == table
    table = {"kind": "wyoming", "uri": "tcp://127.0.0.1:10300", "model": "tiny"}
    assert registry.shown_table("wyoming", table) == table


def test_local_only_refuses_a_server_elsewhere() -> None:
    egress.configure(local_only=True)
    try:
        with pytest.raises(EngineUnavailable, match="local_only"):
            registry.load_engine("speech_to_text", "far", {"kind": "wyoming", "uri": "tcp://192.168.1.2:10300"})
    finally:
        egress.configure(local_only=False)


async def test_what_leaves_is_noted(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(egress, "is_loopback", lambda url: False)
    egress.configure(local_only=False, folder=tmp_path)
    try:
        async with serving(answering(Transcript("Hello.").event())) as uri:
            await ear(uri).transcribe(SAMPLES)
    finally:
        egress.configure(local_only=False)
    [line] = [json.loads(line) for line in (tmp_path / "egress.jsonl").read_text().splitlines()]
    assert line["purpose"] == "speech to text"
    assert line["sent"] > 40_000
    assert uri.endswith(line["host"])


@pytest.mark.acceptance
async def test_when_a_server_sees_a_cut(capsys) -> None:
    """From a cut until the server sees the end of the connection, 300 times."""
    gone = trio.Event()
    seen: list[float] = []

    async def serve(stream: trio.SocketStream) -> None:
        asked = (await stream.receive_some()).partition(b"\n")[0]
        if b"describe" in asked:
            await stream.send_all(pack(offer().event()))
            return
        async with trio.open_nursery() as nursery:
            nursery.start_soon(forever, stream)
            assert not await stream.receive_some()
            gone.set()
            nursery.cancel_scope.cancel()

    async def forever(stream: trio.SocketStream) -> None:
        with suppress(trio.BrokenResourceError):
            while True:
                await stream.send_all(pack(chunk()))
                await trio.sleep(0.1)

    async with serving(serve) as uri:
        speaker = voice(uri)
        for _ in range(300):
            first = trio.Event()

            async def emit(_: Chunk, first: trio.Event = first) -> None:
                first.set()

            async with trio.open_nursery() as nursery:
                nursery.start_soon(speak, speaker, TEXT, emit)
                await first.wait()
                gone = trio.Event()
                nursery.cancel_scope.cancel()
                cut = time.perf_counter()
            await gone.wait()
            seen.append(time.perf_counter() - cut)
    p99 = sorted(seen)[int(0.99 * len(seen))]
    with capsys.disabled():
        print({"cut p50": f"{1000 * statistics.median(seen):.2f} ms", "cut p99": f"{1000 * p99:.2f} ms"})
    assert p99 <= 0.020
