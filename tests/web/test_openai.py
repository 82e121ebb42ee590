"""The official SDK talks to Harry: chat, speech, transcription, models, and what is refused."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import openai
import pytest
import soundfile
import trio
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from actors.protocols import Delta, ImagePart, Request, Role, TextDelta, TextPart, ToolCall, ToolResult, Usage
from harry.engines.engine_set import Engines
from harry.engines.lease import EnginePool
from harry.memory.store.database import Database
from harry.services.stop_texts import StopTexts
from harry.testing.engines import ScriptedSettings, ScriptedSpeechToText, ScriptedVoice
from tests.support.loopback_server import Away, away

T = TypeVar("T")


class Mind:
    """Says what it is told to, word by word, and remembers what it was asked."""

    name = "mind"

    def __init__(self, *deltas: Delta) -> None:
        self.deltas = deltas or tuple(TextDelta(word) for word in ("The ", "kettle ", "is ", "on."))
        self.asked: list[Request] = []
        self.cut = trio.Event()

    async def reply(self, request: Request, emit: Callable[[Delta], Any]) -> None:
        self.asked.append(request)
        try:
            for delta in self.deltas:
                await emit(delta)
                await trio.lowlevel.checkpoint()
            await emit(Usage(12, 4))
        except trio.Cancelled:
            self.cut.set()
            raise

    def describe(self) -> str:
        return "scripted"

    async def aclose(self) -> None:
        await trio.lowlevel.checkpoint()


@asynccontextmanager
async def harry(mind: Mind, folder: Path | None = None) -> AsyncIterator[Away]:
    engines = Engines(
        language_model=EnginePool("language_model", mind),
        text_to_speech=EnginePool("text_to_speech", ScriptedVoice("scripted", ScriptedSettings(rate=22_050))),
        speech_to_text=EnginePool("speech_to_text", ScriptedSpeechToText("scripted", ["Is the kettle on?"])),
    )
    store = await Database.open(folder / "harry.sqlite3") if folder else None
    async with away(folder, store=store, engines=engines) as door:
        yield door
    if store is not None:
        await store.aclose()


async def asking(door: Away, ask: Callable[[openai.OpenAI], T], *, token: str | None = None) -> T:
    client = openai.OpenAI(
        base_url=f"http://127.0.0.1:{door.port}/v1", api_key=token or door.token, max_retries=0, timeout=20
    )
    with client:
        return await trio.to_thread.run_sync(lambda: ask(client))


QUESTION: Any = [
    {"role": "system", "content": "You are a kitchen."},
    {"role": "user", "content": "Good morning."},
    {"role": "assistant", "content": "Good morning."},
    {"role": "user", "content": "Is the kettle on?"},
]


async def test_a_reply_comes_whole_and_is_kept_as_a_turn(tmp_path: Path) -> None:
    mind = Mind()
    async with harry(mind, tmp_path) as door:
        reply = await asking(door, lambda client: client.chat.completions.create(model="harry", messages=QUESTION))
        history = await door.host.store.history("ann", limit=9)
    ChatCompletion.model_validate(reply.model_dump(), strict=True)
    assert reply.choices[0].message.content == "The kettle is on."
    assert (reply.choices[0].finish_reason, reply.usage and reply.usage.total_tokens) == ("stop", 16)
    assert [(each.said, each.heard, each.interrupted) for each in history] == [
        ("Is the kettle on?", "The kettle is on.", False)
    ]


async def test_harry_s_persona_stands_before_the_program_s_words_and_the_conversation_is_the_program_s() -> None:
    mind = Mind()
    async with harry(mind) as door:
        await asking(door, lambda client: client.chat.completions.create(model="harry", messages=QUESTION))
    system, first, second, newest = mind.asked[0].messages
    told = "".join(part.text for part in system.parts if isinstance(part, TextPart))
    assert told.index("Harry") < told.index("You are a kitchen.")
    assert [(each.role, each.parts) for each in (first, second)] == [
        (Role.USER, (TextPart("Good morning."),)),
        (Role.ASSISTANT, (TextPart("Good morning."),)),
    ]
    assert newest.parts[-1] == TextPart("Is the kettle on?")


async def test_a_reply_streams_and_ends_with_its_usage() -> None:
    async with harry(Mind()) as door:

        def ask(client: openai.OpenAI) -> list[ChatCompletionChunk]:
            stream = client.chat.completions.create(
                model="harry", messages=QUESTION, stream=True, stream_options={"include_usage": True}
            )
            return list(stream)

        chunks = await asking(door, ask)
    for chunk in chunks:
        ChatCompletionChunk.model_validate(chunk.model_dump(), strict=True)
    words = [each.choices[0].delta.content for each in chunks if each.choices]
    assert "".join(each or "" for each in words) == "The kettle is on."
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == 16


async def test_the_program_s_tools_are_called_and_what_came_of_them_is_told() -> None:
    mind = Mind(ToolCall("call_1", "boil", '{"cups": 2}'))
    tools: Any = [
        {"type": "function", "function": {"name": "boil", "parameters": {"type": "object", "properties": {}}}}
    ]
    async with harry(mind) as door:
        reply = await asking(
            door, lambda client: client.chat.completions.create(model="harry", messages=QUESTION, tools=tools)
        )
        calls = reply.choices[0].message.tool_calls or []
        assert [
            (each.id, each.function.name, each.function.arguments) for each in calls if each.type == "function"
        ] == [("call_1", "boil", '{"cups": 2}')]
        assert reply.choices[0].finish_reason == "tool_calls"
        mind.deltas = (TextDelta("Done."),)
        more = [
            *QUESTION,
            {"role": "assistant", "tool_calls": [calls[0].model_dump()]},
            {"role": "tool", "tool_call_id": "call_1", "content": "It boils."},
        ]
        await asking(door, lambda client: client.chat.completions.create(model="harry", messages=more, tools=tools))
    assert [each.name for each in mind.asked[0].tools] == ["boil"]
    assert mind.asked[1].messages[-2].parts == (ToolCall("call_1", "boil", '{"cups": 2}'),)
    assert mind.asked[1].messages[-1].parts == (ToolResult("call_1", "It boils."),)


async def test_a_picture_reaches_the_mind_and_an_address_is_refused() -> None:
    mind = Mind()

    def ask(url: str) -> Callable[[openai.OpenAI], Any]:
        said: Any = [
            {
                "role": "user",
                "content": [{"type": "text", "text": "See?"}, {"type": "image_url", "image_url": {"url": url}}],
            }
        ]
        return lambda client: client.chat.completions.create(model="harry", messages=said)

    async with harry(mind) as door:
        await asking(door, ask("data:image/png;base64,AAAA"))
        with pytest.raises(openai.BadRequestError, match="no address is fetched"):
            await asking(door, ask("http://127.0.0.1/secret.png"))
    assert ImagePart("data:image/png;base64,AAAA") in mind.asked[0].messages[-1].parts
    assert len(mind.asked) == 1


async def test_a_stop_ends_the_reply_and_the_mind_s_work() -> None:
    mind = Mind(*[TextDelta("ha ")] * 10_000)
    async with harry(mind) as door:
        reply = await asking(
            door, lambda client: client.chat.completions.create(model="harry", messages=QUESTION, stop="a ha")
        )
    assert reply.choices[0].message.content == "h"
    assert mind.cut.is_set()


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_what_stops_a_reply_is_found_however_it_is_cut(size: int) -> None:
    text, stops = "one two\nUser: three", StopTexts(["\nUser:", "nothing"])
    told = "".join(stops.feed(text[at : at + size]) for at in range(0, len(text), size)) + stops.end()
    assert told == "one two"
    whole = StopTexts(["\nUser:"])
    assert whole.feed("one\nUse") + whole.end() == "one\nUse"


async def test_a_program_that_leaves_ends_the_mind_s_work_and_what_it_was_sent_is_kept(tmp_path: Path) -> None:
    mind = Mind(*[TextDelta("word ")] * 1_000_000)
    async with harry(mind, tmp_path) as door:

        def leave(client: openai.OpenAI) -> None:
            stream = client.chat.completions.create(model="harry", messages=QUESTION, stream=True)
            for _, _ in zip(range(5), stream, strict=False):
                pass
            stream.close()

        await asking(door, leave)
        with trio.fail_after(20):
            await mind.cut.wait()
            while not (history := await door.host.store.history("ann", limit=9)):  # noqa: ASYNC110  (the disk tells nobody)
                await trio.sleep(0.01)
        assert door.front.door.tally.failures == 0
    assert history[0].interrupted
    assert history[0].heard.startswith("word word")


async def test_store_false_keeps_nothing(tmp_path: Path) -> None:
    async with harry(Mind(), tmp_path) as door:
        await asking(door, lambda client: client.chat.completions.create(model="harry", messages=QUESTION, store=False))
        assert await door.host.store.history("ann", limit=9) == []


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"n": 2}, "one answer"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"logprobs": True}, "logprobs"),
        ({"messages": [{"role": "system", "content": "x"}]}, "nothing that a user said"),
        ({"messages": []}, "messages"),
    ],
)
async def test_what_cannot_be_honoured_is_refused_in_a_sentence(more: dict[str, Any], told: str) -> None:
    mind = Mind()
    async with harry(mind) as door:
        asked: Any = {"model": "harry", "messages": QUESTION, **more}
        with pytest.raises(openai.BadRequestError, match=told):
            await asking(door, lambda client: client.chat.completions.create(**asked))
    assert mind.asked == []


async def test_a_wrong_token_reaches_nothing() -> None:
    mind = Mind()
    asked: list[Callable[[openai.OpenAI], Any]] = [
        lambda client: client.chat.completions.create(model="harry", messages=QUESTION),
        lambda client: client.audio.speech.create(model="harry", voice="alloy", input="Hello."),
        lambda client: client.audio.transcriptions.create(model="harry", file=("a.wav", b"x")),
        lambda client: client.models.list(),
    ]
    async with harry(mind) as door:
        for each in asked:
            with pytest.raises(openai.AuthenticationError):
                await asking(door, each, token="wrong")
    assert mind.asked == []


@pytest.mark.parametrize("kind", ["wav", "pcm", "flac", "mp3", "opus"])
async def test_harry_s_voice_comes_as_the_file_that_was_asked_for(kind: Any) -> None:
    async with harry(Mind()) as door:
        sound = await asking(
            door,
            lambda client: (
                client.audio.speech.create(
                    model="harry", voice="alloy", input="The kettle, it is on.", response_format=kind
                ).content
            ),
        )
    if kind == "pcm":
        samples, rate = np.frombuffer(sound, "<i2").astype(np.float64) / 32768, 24_000
    else:
        samples, rate = soundfile.read(io.BytesIO(sound))
    # Five words, each a tone of a fifth of a second and a gap of a twentieth.
    assert 1.2 < len(samples) / rate < 1.4
    assert np.abs(samples).max() > 0.4


@pytest.mark.parametrize(
    ("more", "told"),
    [({"voice": "darth"}, "one voice"), ({"speed": 2.0}, "speed"), ({"response_format": "aac"}, "response_format")],
)
async def test_what_the_voice_cannot_do_is_refused(more: dict[str, Any], told: str) -> None:
    async with harry(Mind()) as door:
        asked: Any = {"model": "harry", "voice": "alloy", "input": "Hello.", **more}
        with pytest.raises(openai.BadRequestError, match=told):
            await asking(door, lambda client: client.audio.speech.create(**asked))


def recording(kind: str) -> bytes:
    out = io.BytesIO()
    soundfile.write(out, np.sin(np.arange(44_100) / 9) * 0.4, 44_100, format=kind)
    return out.getvalue()


@pytest.mark.parametrize("kind", ["WAV", "FLAC", "OGG", "MP3"])
async def test_a_recording_is_heard(kind: str) -> None:
    async with harry(Mind()) as door:
        heard = await asking(
            door, lambda client: client.audio.transcriptions.create(model="harry", file=("you", recording(kind)))
        )
        assert heard.text == "Is the kettle on?"
        whole = await asking(
            door,
            lambda client: client.audio.transcriptions.create(
                model="harry", file=("you", recording(kind)), response_format="verbose_json"
            ),
        )
    assert whole.duration == pytest.approx(1.0, abs=0.1)


def transcribed(data: bytes, client: openai.OpenAI) -> str:
    return client.audio.transcriptions.create(model="harry", file=("a", data)).text


async def test_what_is_no_recording_is_refused() -> None:
    async with harry(Mind()) as door:
        for data in (b"", b"hello", b"RIFF\0\0\0\0WAVE", recording("WAV")[:30]):
            with pytest.raises(openai.BadRequestError):
                await asking(door, partial(transcribed, data))
        kind = {"Content-Type": "multipart/form-data; boundary=x"}
        for body in (
            b"--x\r\n\r\n",
            b"",
            b"--y--",
            b"--x\r\nContent-Disposition: form-data; name=file\r\n\r\nq\r\n--x--",
        ):
            answer = await door.ask("POST", "/v1/audio/transcriptions", headers=kind, body=body)
            assert answer.status == 400, body


async def test_bodies_that_are_no_request_are_refused() -> None:
    async with harry(Mind()) as door:
        for path in ("/v1/chat/completions", "/v1/audio/speech"):
            content: object
            for content in (
                None,
                [],
                "x",
                1,
                {},
                {"messages": 1, "input": 1},
                {"messages": [{"role": "god"}], "input": []},
            ):
                answer = await door.ask("POST", path, body=json.dumps(content).encode())
                assert answer.status == 400, content
        assert not door.front.door.tally.failures


async def test_there_is_one_model() -> None:
    async with harry(Mind()) as door:
        listed = await asking(door, lambda client: client.models.list().data)
        assert [each.id for each in listed] == ["harry"]
        assert (await asking(door, lambda client: client.models.retrieve("harry"))).owned_by == "you"
        with pytest.raises(openai.NotFoundError):
            await asking(door, lambda client: client.models.retrieve("gpt"))
