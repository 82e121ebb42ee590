"""The mind behind an OpenAI-compatible server, tested against a real HTTP server on the loopback interface."""

from __future__ import annotations

import json
import random
from contextlib import AsyncExitStack
from typing import Any

import h11
import pytest
import trio
from pydantic import ValidationError

from actors.protocols import Delta, ImagePart, Message, Request, Role, TextDelta, TextPart, Usage
from harry.engines.deadline import ProgressDeadline
from harry.errors import EngineError, EngineTimeout, EngineUnavailable
from harry.mind.openai.discovery import LocalServer, find_local_server
from harry.mind.openai.engine import OpenAIChat
from harry.net.sse import MAX_EVENT_BYTES, EventReader
from tests.support.chat_server import (
    KEY,
    Answer,
    Client,
    ask,
    chunk,
    descriptors,
    failing,
    hang,
    request,
    serving,
    speak_for_ever,
    text,
)


async def test_each_delta_arrives_before_the_next_is_sent() -> None:
    heard = {word: trio.Event() for word in ("One", " two", " three")}

    async def answer(client: Client, asked: dict[str, Any]) -> None:
        await client.begin()
        for word, arrived in heard.items():
            await client.say(word)
            await arrived.wait()
        await client.done()

    async def emit(delta: Delta) -> None:
        if isinstance(delta, TextDelta):
            heard[delta.text].set()

    async with serving(answer) as (_, mind):
        with trio.fail_after(10):
            await mind.reply(request(), emit)


async def test_the_request_says_what_was_asked_and_carries_the_key() -> None:
    async def answer(client: Client, asked: dict[str, Any]) -> None:
        await client.begin()
        await client.say("A door.")
        await client.done()

    async with serving(answer, temperature=0.5, max_tokens=100, headers={"X-Title": "Harry"}) as (server, mind):
        picture = Message(Role.USER, (TextPart("What is it?"), ImagePart("data:image/png;base64,AA==")))
        await ask(mind, Request((Message(Role.SYSTEM, (TextPart("Be brief."),)), picture), max_tokens=512))
    assert server.asked[0] == {
        "model": "tiny",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "What is it?"},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}},
                ],
            },
        ],
        "max_tokens": 100,
        "temperature": 0.5,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    head = server.heads[0]
    assert head.target == b"/v1/chat/completions"
    assert head.http_version == b"1.1"
    assert dict(head.headers)[b"authorization"] == f"Bearer {KEY}".encode()
    assert dict(head.headers)[b"x-title"] == b"Harry"


async def test_comments_crlf_roles_and_reasoning_are_no_words_and_usage_comes_last() -> None:
    async def answer(client: Client, asked: dict[str, Any]) -> None:
        await client.begin()
        await client.data(": PROCESSING\r\n\r\n")
        await client.data(chunk(role="assistant", content=None).replace("\n", "\r\n"))
        await client.data(chunk(reasoning="Hm.", content="") + chunk(reasoning_content="Hm."))
        whole = chunk(content="Gr\u00fc\u00df ").encode() + chunk(content="dich.").replace("\n", "\r\n").encode()
        for byte in whole:
            await client.data(bytes([byte]))
        usage = {"prompt_tokens": 7, "completion_tokens": 2, "cost": 0.25}
        await client.data("event: x\nid: 1\ndata:" + json.dumps({"choices": [], "usage": usage}) + "\n\n")
        await client.done()

    async with serving(answer) as (_, mind):
        assert await ask(mind) == [TextDelta("Gr\u00fc\u00df "), TextDelta("dich."), Usage(7, 2, 0.25)]


async def test_a_stream_without_its_mark_of_the_end_is_whole_when_the_server_ends_it() -> None:
    async def answer(client: Client, asked: dict[str, Any]) -> None:
        await client.begin()
        await client.data(chunk(content="Hello").rstrip("\n"))
        await client.send(h11.EndOfMessage())

    async with serving(answer) as (_, mind):
        assert text(await ask(mind)) == "Hello"


async def test_an_answer_in_one_piece_is_an_answer_too() -> None:
    body = json.dumps({"choices": [{"message": {"content": "Hello"}}]}).encode()
    async with serving(failing(200, body)) as (_, mind):
        assert text(await ask(mind)) == "Hello"


async def test_one_connection_serves_turn_after_turn() -> None:
    async def answer(client: Client, asked: dict[str, Any]) -> None:
        await client.begin()
        await client.say("Hello")
        await client.done()

    async with serving(answer) as (server, mind):
        for _ in range(5):
            assert text(await ask(mind)) == "Hello"
    assert len(server.asked) == 5
    assert len(server.clients) == 1


async def test_a_server_that_never_ends_after_the_mark_does_not_hold_up_the_turn() -> None:
    async def answer(client: Client, asked: dict[str, Any]) -> None:
        await client.begin()
        await client.say("Hello")
        await client.data("data: [DONE]\n\n")
        await trio.sleep_forever()

    async with serving(answer) as (server, mind):
        with trio.fail_after(5):
            assert text(await ask(mind)) == "Hello"
            await server.clients[0].gone.wait()


async def test_cancelling_a_reply_ends_the_connection_at_the_server() -> None:
    async with serving(speak_for_ever) as (server, mind):
        with trio.CancelScope() as turn:

            async def emit(delta: Delta) -> None:
                turn.cancel()

            await mind.reply(request(), emit)
        assert turn.cancelled_caught
        with trio.fail_after(10):
            await server.clients[0].gone.wait()


@pytest.mark.parametrize("answer", [hang, speak_for_ever], ids=["silent", "speaking"])
async def test_cancels_at_random_instants_leak_no_descriptor(answer: Answer) -> None:
    instants = random.Random(7)

    async def emit(delta: Delta) -> None:
        await trio.lowlevel.checkpoint()

    async with serving(answer) as (server, mind):
        before = 0
        for count in range(55):
            with trio.move_on_after(instants.uniform(0, 0.01)):
                await mind.reply(request(), emit)
            with trio.fail_after(10):
                for client in server.clients:
                    await client.gone.wait()
            if count == 4:  # what is opened once is open now
                before = descriptors()
        assert descriptors() <= before


async def test_a_connection_that_breaks_off_is_told_after_what_had_come() -> None:
    async def answer(client: Client, asked: dict[str, Any]) -> None:
        await client.begin()
        await client.say("Hello")
        await client.stream.aclose()

    said: list[Delta] = []

    async def emit(delta: Delta) -> None:
        said.append(delta)

    async with serving(answer) as (_, mind):
        with pytest.raises(EngineError, match="broke off"):
            await mind.reply(request(), emit)
    assert text(said) == "Hello"


@pytest.mark.parametrize(
    ("status", "kind", "sentence"),
    [
        (401, EngineUnavailable, "does not accept the key"),
        (403, EngineUnavailable, "does not accept the key"),
        (402, EngineUnavailable, "no credit"),
        (404, EngineUnavailable, "does not know the model 'tiny'"),
        (429, EngineError, "asked too often"),
        (500, EngineError, "in trouble"),
        (503, EngineError, "in trouble"),
        (400, EngineError, r"refused the question \(error 400, context_length_exceeded\)"),
        (302, EngineError, "leads to another page"),
    ],
)
async def test_each_refusal_is_one_plain_sentence_without_a_secret(
    status: int, kind: type[EngineError], sentence: str
) -> None:
    body = json.dumps({"error": {"message": f"bad key {KEY}", "code": "context_length_exceeded"}}).encode()
    async with serving(failing(status, body), retries=0) as (_, mind):
        with pytest.raises(kind, match=sentence) as caught:
            await ask(mind)
    told = f"{caught.value} {caught.value!r} {caught.value.__cause__}"
    assert KEY not in told
    assert "Hello?" not in told


async def test_an_error_within_the_stream_is_told() -> None:
    async def answer(client: Client, asked: dict[str, Any]) -> None:
        await client.begin()
        await client.data('data: {"error": {"code": 429, "message": "slow down"}}\n\n')
        await client.done()

    async with serving(answer) as (_, mind):
        with pytest.raises(EngineError, match="asked too often"):
            await ask(mind)


@pytest.mark.parametrize(
    "nonsense",
    ["data: nonsense\n\n", "data: []\n\n", "data: 5\n\n", 'data: {"choices": 5}\n\n', 'data: {"choices": ["x"]}\n\n'],
)
async def test_what_is_no_answer_is_called_so(nonsense: str) -> None:
    async def answer(client: Client, asked: dict[str, Any]) -> None:
        await client.begin()
        await client.data(nonsense)
        await client.done()

    async with serving(answer) as (_, mind):
        with pytest.raises(EngineError, match="not an answer"):
            await ask(mind)


async def test_a_server_that_is_not_there_cannot_be_reached() -> None:
    async with AsyncExitStack() as stack:
        listener = (await trio.open_tcp_listeners(0, host="127.0.0.1"))[0]
        port = listener.socket.getsockname()[1]
        await listener.aclose()
        settings = OpenAIChat.Settings(base_url=f"http://127.0.0.1:{port}/v1", model="tiny")
        mind = OpenAIChat.load("test", settings)
        stack.push_async_callback(mind.aclose)
        with pytest.raises(EngineUnavailable, match=f"127.0.0.1:{port} cannot be reached. Start the server."):
            await ask(mind)


async def test_a_server_that_says_nothing_is_given_up() -> None:
    async with serving(hang, first_token_deadline=0.1) as (server, mind):
        with pytest.raises(EngineTimeout, match="did not answer in time"):
            await ask(mind)
        with trio.fail_after(10):
            await server.clients[0].gone.wait()


async def test_keep_alives_are_no_sign_of_life() -> None:
    async def answer(client: Client, asked: dict[str, Any]) -> None:
        await client.begin()
        while True:
            await client.data(": keep-alive\n\n")
            await trio.sleep(0.01)

    async with serving(answer, first_token_deadline=0.2) as (_, mind):
        with pytest.raises(EngineTimeout):
            await ask(mind)


class TestPatience:
    async def test_each_sign_of_life_is_waited_for_anew(self, autojump_clock: trio.testing.MockClock) -> None:
        with ProgressDeadline("it", between_signs=10, total=100) as patience:
            for _ in range(5):
                await trio.sleep(9)
                patience.renew()
        with pytest.raises(EngineTimeout), ProgressDeadline("it", between_signs=10, total=100):
            await trio.sleep(11)

    async def test_all_in_all_it_ends(self, autojump_clock: trio.testing.MockClock) -> None:
        start = trio.current_time()
        with pytest.raises(EngineTimeout), ProgressDeadline("it", between_signs=10, total=100) as patience:  # noqa: PT012
            while True:
                await trio.sleep(9)
                patience.renew()
        assert trio.current_time() - start == pytest.approx(100)

    async def test_the_time_in_which_the_voice_is_behind_is_not_counted(
        self, autojump_clock: trio.testing.MockClock
    ) -> None:
        with ProgressDeadline("it", between_signs=10, total=100) as patience:
            for _ in range(5):
                await trio.sleep(9)
                with patience.pause():
                    await trio.sleep(1000)

    async def test_the_turns_own_cancellation_passes_through(self, autojump_clock: trio.testing.MockClock) -> None:
        with trio.move_on_after(1) as turn, ProgressDeadline("it", between_signs=10, total=100):
            await trio.sleep_forever()
        assert turn.cancelled_caught


class TestKeys:
    def test_a_key_can_come_from_a_named_variable(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TEST_KEY", f" {KEY}\n")
        settings = OpenAIChat.Settings(base_url="http://127.0.0.1/v1", model="m", api_key_env="TEST_KEY")
        mind = OpenAIChat.load("test", settings)
        assert mind._client.headers["authorization"] == f"Bearer {KEY}"
        assert KEY not in repr(settings) + mind.describe()

    def test_a_variable_that_is_not_set_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("TEST_KEY", raising=False)
        settings = OpenAIChat.Settings(base_url="http://127.0.0.1/v1", model="m", api_key_env="TEST_KEY")
        with pytest.raises(EngineUnavailable, match="TEST_KEY is not set"):
            OpenAIChat.load("test", settings)

    def test_a_key_that_cannot_be_sent_is_told_without_showing_it(self) -> None:
        settings = OpenAIChat.Settings(base_url="http://127.0.0.1/v1", model="m", api_key="sk-\u00e9")
        with pytest.raises(EngineUnavailable) as caught:
            OpenAIChat.load("test", settings)
        assert "sk-" not in str(caught.value)

    @pytest.mark.parametrize("address", ["localhost:1", "ftp://x", "https://", "https://user:pw@host/v1", ""])
    def test_an_address_must_be_one(self, address: str) -> None:
        with pytest.raises(ValidationError, match="an address such as"):
            OpenAIChat.Settings(base_url=address, model="m")


class TestEvents:
    def test_any_cutting_and_any_line_end_give_the_same_events(self) -> None:
        for end in (b"\n", b"\r\n", b"\r"):
            whole = end.join([b": hello", b"data: a", b"data:b", b"", b"event: x", b"", b"data: c", b"", b"data: d"])
            for length in (1, 2, 3, 7, 100):
                reader = EventReader()
                events = [
                    event for at in range(0, len(whole), length) for event in reader.feed(whole[at : at + length])
                ]
                assert events + reader.end() == ["a\nb", "c", "d"], (end, length)

    def test_a_line_or_an_event_without_end_is_refused(self) -> None:
        for line in (b"x" * 1000, b"data: " + b"x" * 1000 + b"\n"):
            reader = EventReader()
            for _ in range(MAX_EVENT_BYTES // 1010):
                reader.feed(line)
            with pytest.raises(EngineError, match="without an end"):
                reader.feed(line.replace(b"x", b"x" * 20))


class TestLocalServers:
    @staticmethod
    def models(*names: str) -> Answer:
        return failing(200, json.dumps({"data": [{"id": name} for name in names]}).encode())

    async def test_the_first_in_order_that_has_a_model_is_found(self) -> None:
        async with (
            serving(hang) as (silent, _),
            serving(self.models("nomic-embed-text", "llama3.2")) as (first, _),
            serving(self.models("other")) as (second, _),
        ):
            ports = {"ollama": silent.port, "lm-studio": first.port, "llama-cpp": second.port}
            assert await find_local_server(ports=ports) == LocalServer("lm-studio", first.url, ("llama3.2",))
        assert first.heads[0].target == b"/v1/models"

    @pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"data": null}', b'{"data": [5]}', b'{"data": []}'])
    async def test_another_kind_of_server_is_not_taken_for_one(self, body: bytes) -> None:
        async with serving(failing(200, body)) as (server, _):
            assert await find_local_server(ports={"ollama": server.port}) is None

    async def test_nobody_there_is_found_out_within_the_deadline(self) -> None:
        async with serving(hang) as (server, _):
            with trio.fail_after(5):
                assert await find_local_server(0.2, ports={"ollama": server.port, "lm-studio": 9}) is None
