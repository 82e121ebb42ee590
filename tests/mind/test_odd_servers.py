"""Servers of minds that answer otherwise than the protocol says: without words, in other forms, twice, not at all."""

from __future__ import annotations

import gzip
import json
import zlib
from collections import UserDict
from collections.abc import Iterator
from typing import Any

import h11
import pytest

from actors.protocols import CutShort, Message, Request, Role, TextPart, Tool, ToolCall, ToolResult
from harry.errors import EngineError, EngineUnavailable
from harry.mind.openai.body import AnswerBody
from harry.mind.openai.concessions import fit, measure, without_tools
from harry.mind.openai.wire import OPENED, serialize_messages
from tests.support.chat_server import Answer, Client, ask, chunk, request, serving, text

TOOL = Tool("set_timer", "Set a timer.", {"type": "object", "properties": {"seconds": {"type": "integer"}}})


def body(content: bytes | str, kind: str = "text/event-stream", status: int = 200, **headers: str) -> Answer:
    data = content.encode() if isinstance(content, str) else content

    async def answer(client: Client, asked: dict[str, Any]) -> None:
        names = [(name.replace("_", "-"), value) for name, value in headers.items()]
        await client.begin(status, [("content-type", kind), ("content-length", str(len(data))), *names])
        await client.data(data)
        await client.send(h11.EndOfMessage())

    return answer


def refusing(status: int, error: Any, unless: Any) -> Answer:
    """Refuse with `error` until `unless(asked)`."""

    async def answer(client: Client, asked: dict[str, Any]) -> None:
        if unless(asked):
            await body(chunk(content="Well.") + "data: [DONE]\n\n")(client, asked)
        else:
            await body(json.dumps(error), "application/json", status)(client, asked)

    return answer


def finish(reason: str, **delta: Any) -> str:
    return "data: " + json.dumps({"choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}) + "\n\n"


class TestSilence:
    @pytest.mark.parametrize(
        ("content", "says"),
        [
            (chunk(reasoning_content="Hm.") + finish("length"), "thought until its limit"),
            (chunk(reasoning="Hm.") + finish("stop"), "thought and said nothing"),
            (chunk(content="<think>Hm.</think>") + finish("stop"), "thought and said nothing"),
            (chunk(content="[THINK]Hm.[/THINK]\n\n") + finish("stop"), "thought and said nothing"),
            (chunk(content="", role="assistant") + finish("stop"), "without a word"),
            (chunk(content=" \n ") + finish("stop"), "thought and said nothing|without a word"),
            ("data: [DONE]\n\n", "without a word"),
            ("", "without a word"),
            (chunk(refusal="I cannot help with that.") + finish("stop"), "refuses to answer"),
            (finish("content_filter"), "refuses to answer"),
            ('event: error\ndata: {"message": "the runner crashed"}\n\n', "in trouble"),
            ('data: {"error": "llama runner process has terminated"}\n\n', "in trouble"),
            ('data: {"object": "error", "message": "out of pages", "code": 400}\n\n', "refused the question"),
            (
                'data: {"choices": [{"index": 0, "delta": {}, "error": {"code": 502, "message": "no"}}]}\n\n',
                "in trouble",
            ),
            (
                '[{"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}}]',
                "in trouble",
            ),
        ],
    )
    async def test_a_reply_without_words_is_a_failure(self, content: str, says: str) -> None:
        async with serving(body(content), retries=0) as (_, mind):
            with pytest.raises(EngineError, match=says):
                await ask(mind)

    async def test_a_mind_is_not_mute_for_good_after_one_thought_without_its_beginning(self) -> None:
        replies = ["Be brief.</think>Hello.", "The sea is wide.", "The sea is wide.", "So is the sky."]

        async def answer(client: Client, asked: dict[str, Any]) -> None:
            await body(chunk(content=replies.pop(0)) + finish("stop"))(client, asked)

        async with serving(answer, retries=0) as (_, mind):
            assert [text(await ask(mind)) for _ in range(3)] == ["Hello.", "The sea is wide.", "So is the sky."]

    @pytest.mark.parametrize(("thinking", "reason"), [(True, "stop"), (False, "length")])
    async def test_a_thought_that_is_known_for_one_is_not_said(self, thinking: bool, reason: str) -> None:
        replies = [chunk(content="Be brief.</think>Hello.") + finish("stop"), chunk(content="Hm.") + finish(reason)]

        async def answer(client: Client, asked: dict[str, Any]) -> None:
            await body(replies.pop(0))(client, asked)

        async with serving(answer, retries=0, thinking=thinking) as (_, mind):
            assert text(await ask(mind)) == "Hello."
            with pytest.raises(EngineError, match="thought"):
                await ask(mind)

    @pytest.mark.parametrize(
        ("content", "kind"),
        [
            ("<!doctype html><html>Sign in</html>", "text/html"),
            ("\ufeff\n <HTML><body>Blocked</body></HTML>", "text/event-stream"),
            ("<?xml version='1.0'?><error/>", "application/json"),
        ],
    )
    async def test_a_page_for_people_is_no_answer(self, content: str, kind: str) -> None:
        async with serving(body(content, kind)) as (_, mind):
            with pytest.raises(EngineUnavailable, match=r"web page .* base_url"):
                await ask(mind)

    async def test_a_call_alone_is_an_answer(self) -> None:
        call = {"index": 0, "id": "a", "function": {"name": "x", "arguments": "{}"}}
        async with serving(body(chunk(tool_calls=[call]) + finish("tool_calls"))) as (_, mind):
            assert await ask(mind) == [ToolCall("a", "x", "{}")]


STREAM = chunk(content="The sea ") + chunk(content="is wide.") + "data: [DONE]\n\n"
WHOLE = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "The sea is wide."}}]}
LINES = "".join(json.dumps({"choices": [{"delta": {"content": word}}]}) + "\n" for word in ("The sea ", "is wide."))


class TestForms:
    @pytest.mark.parametrize(
        ("content", "headers"),
        [
            (STREAM, {"kind": "text/plain"}),
            (STREAM, {"kind": "application/json"}),
            ("\ufeff" + STREAM, {}),
            (STREAM.replace("\n\n", "\r\n\r\n"), {}),
            (STREAM.replace("\n\n", "\n"), {}),
            (gzip.compress(STREAM.encode()), {"content_encoding": "gzip"}),
            (gzip.compress(STREAM.encode()), {}),
            (zlib.compress(STREAM.encode()), {"content_encoding": "deflate"}),
            (json.dumps(WHOLE), {}),
            (json.dumps(WHOLE, indent=2), {"kind": "text/plain"}),
            ("\ufeff" + json.dumps([WHOLE]), {"kind": "application/json"}),
            (LINES, {"kind": "application/x-ndjson"}),
            (LINES.rstrip("\n"), {"kind": "application/json"}),
            (
                '{"message": {"content": "The sea is wide."}}\n{"message": {"content": ""}, "done": true}\n',
                {},
            ),
        ],
    )
    async def test_an_answer_is_read_in_whichever_form_it_comes(self, content: Any, headers: dict[str, Any]) -> None:
        async with serving(body(content, **headers)) as (_, mind):
            assert text(await ask(mind)) == "The sea is wide."

    @pytest.mark.parametrize("size", [1, 2, 3, 7])
    @pytest.mark.parametrize("content", [STREAM, json.dumps(WHOLE, indent=1), LINES, "\ufeff" + LINES])
    def test_the_pieces_in_which_it_comes_change_nothing(self, content: str, size: int) -> None:
        data, at_once, in_pieces = content.encode(), AnswerBody(), AnswerBody()
        whole = [*at_once.feed(data), *at_once.end()]
        parts = [part for at in range(0, len(data), size) for part in in_pieces.feed(data[at : at + size])]
        assert [*parts, *in_pieces.end()] == whole

    async def test_what_cannot_be_unpacked_is_told(self) -> None:
        async with serving(body(b"\x1b\x00", content_encoding="br")) as (_, mind):
            with pytest.raises(EngineError, match="compressed by 'br'"):
                await ask(mind)
        async with serving(body(b"\x1f\x8b\x08 no gzip at all", content_encoding="gzip")) as (_, mind):
            with pytest.raises(EngineError, match="damaged"):
                await ask(mind)


class TestOnce:
    @pytest.mark.parametrize(
        "last",
        [
            {"delta": {"content": "The sea is wide."}, "finish_reason": "stop"},
            {"message": {"role": "assistant", "content": "The sea is wide."}, "finish_reason": "stop"},
            {"delta": {}, "message": {"content": "The sea is wide."}, "finish_reason": "stop"},
        ],
    )
    async def test_a_whole_message_in_the_last_chunk_is_not_said_twice(self, last: dict[str, Any]) -> None:
        end = "data: " + json.dumps({"choices": [{"index": 0, **last}]}) + "\n\n"
        async with serving(body(STREAM.replace("data: [DONE]\n\n", "") + end)) as (_, mind):
            assert text(await ask(mind)) == "The sea is wide."

    async def test_what_the_last_whole_message_has_more_is_said(self) -> None:
        end = "data: " + json.dumps({"choices": [{"message": {"content": "The sea is wide. And deep."}}]}) + "\n\n"
        async with serving(body(STREAM.replace("data: [DONE]\n\n", "") + end)) as (_, mind):
            assert text(await ask(mind)) == "The sea is wide. And deep."

    async def test_a_word_said_twice_is_said_twice(self) -> None:
        async with serving(body(chunk(content="ha") + finish("stop", content="ha"))) as (_, mind):
            assert text(await ask(mind)) == "haha"

    async def test_the_end_at_the_limit_is_told(self) -> None:
        async with serving(body(chunk(content="Once upon a") + finish("length"))) as (_, mind):
            assert (await ask(mind))[-1] == CutShort()

    async def test_an_endless_reply_ends(self) -> None:
        async def answer(client: Client, asked: dict[str, Any]) -> None:
            await client.begin()
            while not client.gone.is_set():
                await client.say("word " * 400)

        async with serving(answer) as (_, mind):
            assert 8_000 < len(text(await ask(mind, request(max_tokens=100)))) < 20_000


class TestAskedAgain:
    @pytest.mark.parametrize(
        ("status", "error"),
        [
            (400, {"error": {"message": "registry.ollama.ai/library/phi3:mini does not support tools"}}),
            (400, {"error": "registry.ollama.ai/library/deepseek-r1:8b does not support tools"}),
            (404, {"error": {"message": 'No endpoints found that support tool use. Try disabling "x".', "code": 404}}),
            (500, {"error": {"code": 500, "message": "tools param requires --jinja flag", "type": "server_error"}}),
            (
                400,
                {"message": '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set'},
            ),
            (422, {"detail": [{"type": "extra_forbidden", "loc": ["body", "tools"], "msg": "Extra inputs"}]}),
            (400, {"error": {"message": "Function calling is not enabled for models/gemma-3-27b-it", "code": 400}}),
            (501, {"error": {"message": "tool calling is not implemented for this backend"}}),
        ],
    )
    async def test_a_model_without_tools_is_asked_without_them_and_that_is_remembered(
        self, status: int, error: Any
    ) -> None:
        async with serving(refusing(status, error, lambda asked: "tools" not in asked), retries=0) as (server, mind):
            for _ in range(2):
                assert text(await ask(mind, request(tools=(TOOL,)))) == "Well."
            assert ["tools" in asked for asked in server.asked] == [True, False, False]

    @pytest.mark.parametrize(
        ("field", "status", "error"),
        [
            (
                "stream_options",
                422,
                {"detail": [{"type": "extra_forbidden", "loc": ["body", "stream_options"], "msg": "x"}]},
            ),
            ("stream_options", 400, {"error": {"message": "Unknown parameter: 'stream_options'.", "code": None}}),
            ("temperature", 400, {"error": {"message": "no", "param": "temperature", "code": "unsupported_value"}}),
            ("top_k", 400, {"error": {"message": "Unrecognized request argument supplied: top_k"}}),
            ("seed", 400, {"error": {"message": "property 'seed' is unsupported"}}),
            ("frequency_penalty", 400, [{"error": {"message": 'Penalty is not enabled: "frequency_penalty"'}}]),
            ("reasoning_effort", 500, {"error": "TypeError: got an unexpected keyword argument 'reasoning_effort'"}),
        ],
    )
    async def test_a_field_that_is_refused_is_left_out(self, field: str, status: int, error: Any) -> None:
        settings = {"temperature": 0.5, "top_k": 5, "seed": 1, "frequency_penalty": 0.5, "reasoning_effort": "low"}
        answer = refusing(status, error, lambda asked: field not in asked)
        async with serving(answer, retries=0, **settings) as (server, mind):
            assert text(await ask(mind)) == text(await ask(mind)) == "Well."
            assert [field in asked for asked in server.asked] == [True, False, False]
            assert all(other in asked for asked in server.asked for other in settings if other != field)

    @pytest.mark.parametrize("known", ["max_completion_tokens", "max_tokens", None])
    @pytest.mark.parametrize("dialect", ["plain", "openai"])
    async def test_the_limit_goes_by_the_name_that_the_server_knows(self, known: str | None, dialect: str) -> None:
        names = {"max_tokens", "max_completion_tokens"}

        async def answer(client: Client, asked: dict[str, Any]) -> None:
            wrong = (names - {known}) & asked.keys()
            error = {"error": {"message": f"Unsupported parameter: '{next(iter(wrong), '')}'. Use another."}}
            await refusing(400, error, lambda _: not wrong)(client, asked)

        async with serving(answer, retries=0, dialect=dialect, max_tokens=70) as (server, mind):
            assert text(await ask(mind)) == "Well."
            assert {name: server.asked[-1][name] for name in names & server.asked[-1].keys()} == (
                {known: 70} if known else {}
            )

    @pytest.mark.parametrize(
        ("status", "error"),
        [
            (500, {"error": {"code": 500, "message": "System role not supported"}}),
            (400, {"error": {"message": "Developer instruction is not enabled for models/gemma-3-27b-it"}}),
            (400, {"message": "Only user and assistant roles are supported!"}),
        ],
    )
    async def test_a_model_without_a_system_role_is_told_in_the_users(self, status: int, error: Any) -> None:
        told = Request((Message(Role.SYSTEM, (TextPart("Be brief."),)), *request("Hello?").messages))
        answer = refusing(status, error, lambda asked: asked["messages"][0]["role"] == "user")
        async with serving(answer, retries=0) as (server, mind):
            assert text(await ask(mind, told)) == "Well."
        assert server.asked[1]["messages"] == [{"role": "user", "content": "Be brief.\n\nHello?"}]

    @pytest.mark.parametrize(
        ("status", "error"),
        [
            (400, {"error": {"type": "exceed_context_size_error", "message": "no", "n_prompt_tokens": 9, "n_ctx": 4}}),
            (400, {"object": "error", "message": "This model's maximum context length is 2048 tokens. However ..."}),
            (400, {"error": {"code": "context_length_exceeded", "message": "Please shorten"}}),
            (500, {"error": "the input length exceeds the context length"}),
            (413, {"error": {"message": "Request too large for model `llama` on tokens per minute"}}),
            (
                400,
                {"error": "Trying to keep the first 9000 tokens when context the overflows. (context length of 4096)"},
            ),
        ],
    )
    async def test_a_context_that_is_too_small_is_asked_with_less(self, status: int, error: Any) -> None:
        said = [
            Message(role, (TextPart(f"{role.value} {number}: " + "word " * 100),))
            for number in range(12)
            for role in (Role.USER, Role.ASSISTANT)
        ]
        long = Request((Message(Role.SYSTEM, (TextPart("Be Harry."),)), *said, *request("The newest.").messages))
        answer = refusing(status, error, lambda asked: len(json.dumps(asked["messages"])) < 5_000)
        async with serving(answer, retries=0) as (server, mind):
            assert text(await ask(mind, long)) == "Well."
            tries = len(server.asked)
            assert text(await ask(mind, long)) == "Well."
        assert len(server.asked) == tries + 1  # remembered
        kept = server.asked[-1]["messages"]
        assert (kept[0]["content"], kept[-1]["content"], kept[1]["role"]) == ("Be Harry.", "The newest.", "user")

    async def test_a_refusal_for_another_reason_is_one(self) -> None:
        error = {"error": {"message": "The stop of the tools in the max is 3."}}
        async with serving(body(json.dumps(error), "application/json", 400), retries=0) as (server, mind):
            with pytest.raises(EngineError, match="refused the question"):
                await ask(mind)
            assert len(server.asked) == 1

    async def test_what_a_setting_leaves_out_is_never_sent(self) -> None:
        answer = body(chunk(content="Well."))
        async with serving(answer, leave_out=["stream_options", "tools", "max_tokens"]) as (server, mind):
            await ask(mind, request(tools=(TOOL,)))
        assert not {"stream_options", "tools", "max_tokens"} & server.asked[0].keys()

    @pytest.mark.parametrize(
        ("set_to", "asked_for", "sent"),
        [(2000, 512, 2000), (2000, 64, 64), (100, 512, 100), (100, 4000, 100), (None, 900, 900)],
    )
    async def test_the_limit_is_what_was_set(self, set_to: int | None, asked_for: int, sent: int) -> None:
        async with serving(body(chunk(content="Well.")), max_tokens=set_to) as (server, mind):
            await ask(mind, request(max_tokens=asked_for))
        assert server.asked[0]["max_tokens"] == sent


def said(role: Role, words: str) -> Message:
    return Message(role, (TextPart(words),))


class TestTurns:
    def test_neighbours_of_one_role_are_one_message(self) -> None:
        wire = serialize_messages(
            [
                said(Role.SYSTEM, "s"),
                said(Role.USER, "a"),
                said(Role.USER, "b"),
                said(Role.ASSISTANT, "c"),
                said(Role.ASSISTANT, "d"),
            ]
        )
        assert [(message["role"], message["content"]) for message in wire] == [
            ("system", "s"), ("user", "a\n\nb"), ("assistant", "c\n\nd"),
        ]  # fmt: skip

    def test_where_harry_spoke_first_the_user_begins(self) -> None:
        wire = serialize_messages(
            [said(Role.SYSTEM, "s"), said(Role.ASSISTANT, "Your timer rang."), said(Role.USER, "a")]
        )
        assert [message["content"] for message in wire] == ["s", OPENED, "Your timer rang.", "a"]

    def test_calls_and_results_stay_apart(self) -> None:
        calls = [Message(Role.ASSISTANT, (ToolCall(name, "f", "{}"),)) for name in "ab"]
        results = [Message(Role.TOOL, (ToolResult(name, "done"),)) for name in "ab"]
        wire = serialize_messages([said(Role.USER, "u"), calls[0], results[0], calls[1], results[1]])
        assert [message["role"] for message in wire] == ["user", "assistant", "tool", "assistant", "tool"]

    def test_without_tools_their_results_are_told_in_words(self) -> None:
        told = without_tools(
            Request((
                said(Role.USER, "u"),
                Message(Role.ASSISTANT, (ToolCall("1", "temperature", "{}"),)),
                Message(Role.TOOL, (ToolResult("1", "21 degrees"),)),
            ))
        )  # fmt: skip
        assert [(message.role, message.parts) for message in told.messages][-1] == (
            Role.USER, (TextPart("[temperature gave: 21 degrees]"),),
        )  # fmt: skip

    @pytest.mark.parametrize("exchanges", [2, 50])
    def test_tools_are_measured_as_often_for_a_long_talk_as_for_a_short_one(self, exchanges: int) -> None:
        class Counted(UserDict[str, Any]):
            read = 0

            def __iter__(self) -> Iterator[str]:
                Counted.read += 1
                return super().__iter__()

        messages = [said(role, "word " * 40) for _ in range(exchanges) for role in (Role.USER, Role.ASSISTANT)]
        fit(Request((*messages, said(Role.USER, "Now.")), tools=(Tool("x", "X.", Counted(a={})),)), 300)
        assert Counted.read <= 2

    @pytest.mark.parametrize("room", [200, 700, 2_000, 10_000])
    def test_less_fits_and_ends_with_the_newest(self, room: int) -> None:
        messages = [said(role, f"{number} " * 40) for number in range(9) for role in (Role.USER, Role.ASSISTANT)]
        less = fit(Request((said(Role.SYSTEM, "s"), *messages, said(Role.USER, "Now.")), tools=(TOOL,)), room)
        assert measure(less) <= room
        assert less.messages[-1] == said(Role.USER, "Now.")
