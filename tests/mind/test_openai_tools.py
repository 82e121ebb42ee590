"""Tools, schemas, sampling, reasoning and second tries of the mind behind an OpenAI-compatible server."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import h11
import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from actors.protocols import Message, Request, Role, TextDelta, TextPart, Tool, ToolCall, ToolResult, Usage
from harry.engines.refusals import explain_refusal, read_retry_after
from harry.errors import EngineBusy, EngineError, EngineTimeout, EngineUnavailable
from harry.mind.openai.call_assembly import MAX_CALL_CHARACTERS, MAX_CALLS
from harry.mind.openai.wire import ReplyStream
from harry.mind.reasoning_filter import ThoughtFilter
from tests.support.chat_server import KEY, STREAM, Client, ask, chunk, failing, hang, request, serving, text

SCHEMA = {"type": "object", "properties": {"response": {"type": "string"}}}


def fragment(index: int | None = None, **fields: Any) -> str:
    function = {key: fields.pop(key) for key in ("name", "arguments") if key in fields}
    call: dict[str, Any] = {**fields, "function": function}
    return chunk(tool_calls=[call if index is None else {"index": index, **call}])


def finished(reason: str) -> str:
    return "data: " + json.dumps({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}) + "\n\n"


async def nothing(client: Client, asked: dict[str, Any]) -> None:
    """Answer with a word that no test looks at."""
    await client.begin()
    await client.say("Aye.")
    await client.done()


async def test_tools_calls_and_results_are_written_as_the_protocol_wants_them() -> None:
    call = ToolCall("c1", "clock", '{"zone": "UTC"}')
    parameters = {"type": "object", "properties": {"zone": {"type": "string"}}}
    asked = Request(
        (
            Message(Role.USER, (TextPart("What time is it?"),)),
            Message(Role.ASSISTANT, (TextPart("I look."), call)),
            Message(Role.TOOL, (ToolResult("c1", "noon"), ToolResult("c2", "failed"))),
        ),
        tools=(Tool("clock", "Tells the time.", parameters),),
    )
    async with serving(nothing) as (server, mind):
        await ask(mind, asked)
    body = server.asked[0]
    assert body["tools"] == [
        {
            "type": "function",
            "function": {"name": "clock", "description": "Tells the time.", "parameters": parameters},
        }
    ]
    wanted = {"id": "c1", "type": "function", "function": {"name": "clock", "arguments": '{"zone": "UTC"}'}}
    assert body["messages"][1:] == [
        {"role": "assistant", "content": "I look.", "tool_calls": [wanted]},
        {"role": "tool", "tool_call_id": "c1", "content": "noon"},
        {"role": "tool", "tool_call_id": "c2", "content": "failed"},
    ]


async def test_fragments_of_calls_become_whole_calls_in_their_order() -> None:
    async def answer(client: Client, asked: dict[str, Any]) -> None:
        await client.begin()
        await client.say("One moment.")
        await client.data(fragment(0, id="a", name="clock", arguments=""))
        await client.data(fragment(1, id="b", name="timer", arguments='{"min'))
        await client.data(fragment(0, arguments='{"zone": '))
        await client.data(fragment(1, arguments='utes": 5}'))
        await client.data(fragment(0, arguments='"UTC"}'))
        await client.data(finished("tool_calls"))
        await client.done()

    async with serving(answer) as (_, mind):
        assert await ask(mind) == [
            TextDelta("One moment."),
            ToolCall("a", "clock", '{"zone": "UTC"}'),
            ToolCall("b", "timer", '{"minutes": 5}'),
        ]


async def test_whole_calls_that_all_bear_one_number_or_none_are_told_apart() -> None:
    async def answer(client: Client, asked: dict[str, Any]) -> None:
        await client.begin()
        await client.data(fragment(0, id="a", name="one", arguments="{}") + fragment(0, id="b", name="two"))
        await client.data(fragment(id="c", name="three", arguments={"x": 1}))
        await client.done()

    async with serving(answer) as (_, mind):
        calls = await ask(mind)
    assert calls == [ToolCall("a", "one", "{}"), ToolCall("b", "two", "{}"), ToolCall("c", "three", '{"x": 1}')]


@pytest.mark.parametrize("end", ["closed", "ended", "length"])
async def test_a_call_cut_in_the_middle_is_no_call(end: str) -> None:
    async def answer(client: Client, asked: dict[str, Any]) -> None:
        await client.begin()
        await client.data(fragment(0, id="a", name="timer", arguments='{"minutes": '))
        if end == "length":
            await client.data(finished("length"))
        if end == "closed":
            await client.stream.aclose()
        else:
            await client.send(h11.EndOfMessage())

    async with serving(answer, retries=0) as (_, mind):
        with pytest.raises(EngineError, match=r"broke off|middle of a tool call"):
            await ask(mind)


@pytest.mark.parametrize(
    "body",
    [
        {"usage": {"prompt_tokens": 1e999}},
        {"choices": [{"delta": {"tool_calls": [{"index": 1e999}]}}]},
        {"choices": [{"delta": {"tool_calls": [7]}}]},
    ],
)
def test_numbers_that_are_none_are_no_answer(body: dict[str, Any]) -> None:
    with pytest.raises(EngineError, match="not an answer"):
        ReplyStream("host").feed(body)


def test_a_call_without_an_end_and_too_many_calls_are_refused() -> None:
    stream = ReplyStream("host")
    with pytest.raises(EngineError, match="without an end"):
        stream.feed(_body(index=0, function={"name": "x", "arguments": "x" * (MAX_CALL_CHARACTERS + 1)}))
    stream = ReplyStream("host")
    for number in range(MAX_CALLS):
        stream.feed(_body(index=number, id=str(number), function={"name": "x"}))
    with pytest.raises(EngineError, match="too many"):
        stream.feed(_body(index=MAX_CALLS, id="one more", function={"name": "x"}))


def _body(**call: Any) -> dict[str, Any]:
    return {"choices": [{"delta": {"tool_calls": [call]}}]}


class TestSchemas:
    async def test_a_schema_is_asked_for_in_the_servers_own_way(self) -> None:
        async with serving(nothing) as (server, mind):
            await ask(mind, request(schema=SCHEMA))
        wanted = {"name": "reply", "schema": SCHEMA, "strict": False}
        assert server.asked[0]["response_format"] == {"type": "json_schema", "json_schema": wanted}

    async def test_a_server_that_knows_no_schemas_is_told_in_words_and_never_asked_that_way_again(self) -> None:
        async def answer(client: Client, asked: dict[str, Any]) -> None:
            if "response_format" in asked:
                await failing(400, b'{"error": {"message": "response_format"}}')(client, asked)
            else:
                await client.begin()
                await client.say("{}")
                await client.done()

        async with serving(answer) as (server, mind):
            assert text(await ask(mind, request(schema=SCHEMA))) == "{}"
            assert text(await ask(mind, request(schema=SCHEMA))) == "{}"
        ways = [asked.get("response_format", {}).get("type") for asked in server.asked]
        assert ways == ["json_schema", "json_object", None, None]
        assert json.dumps(SCHEMA) in server.asked[3]["messages"][0]["content"]

    async def test_a_question_that_is_refused_in_every_way_is_refused(self) -> None:
        async with serving(failing(400)) as (server, mind):
            with pytest.raises(EngineError, match="refused the question"):
                await ask(mind, request(schema=SCHEMA))
            assert len(server.asked) == 3


async def test_every_sampling_setting_is_sent_under_its_own_name() -> None:
    sampling = {
        "temperature": 0.7,
        "top_p": 0.9,
        "top_k": 40,
        "min_p": 0.05,
        "frequency_penalty": 0.1,
        "presence_penalty": -0.1,
        "repetition_penalty": 1.1,
        "stop": ["\n\n"],
        "seed": 7,
        "reasoning_effort": "low",
    }
    async with serving(nothing, **sampling, extra={"mirostat": 2}) as (server, mind):
        await ask(mind)
    assert {**sampling, "mirostat": 2}.items() <= server.asked[0].items()


async def test_openrouter_is_told_who_asks_that_nothing_be_kept_and_that_the_cost_be_told() -> None:
    async with serving(nothing, dialect="openrouter", provider={"sort": "latency"}) as (server, mind):
        await ask(mind)
    assert server.asked[0]["provider"] == {"data_collection": "deny", "sort": "latency"}
    assert server.asked[0]["usage"] == {"include": True}
    headers = dict(server.heads[0].headers)
    assert (headers[b"x-title"], headers[b"http-referer"]) == (b"Harry", b"http://localhost")


async def test_a_cost_that_the_server_does_not_tell_is_reckoned_from_the_settings() -> None:
    async def answer(client: Client, asked: dict[str, Any]) -> None:
        await client.begin()
        await client.say("Aye.")
        usage = {"prompt_tokens": 1000, "completion_tokens": 100}
        await client.data("data: " + json.dumps({"choices": [], "usage": usage}) + "\n\n")
        await client.done()

    async with serving(answer, price_in=2.0, price_out=10.0) as (_, mind):
        assert (await ask(mind))[1:] == [Usage(1000, 100, 0.003)]


class TestReasoning:
    async def test_no_kind_of_reasoning_is_spoken(self) -> None:
        async def answer(client: Client, asked: dict[str, Any]) -> None:
            await client.begin()
            await client.data(chunk(reasoning="Hm.") + chunk(reasoning_content="Hm."))
            await client.data(chunk(content=[{"type": "thinking", "thinking": []}, {"type": "text", "text": "Yes, "}]))
            for character in "<think>secret </thi\nnk> </think>\n\nof course.":
                await client.say(character)
            await client.done()

        async with serving(answer) as (_, mind):
            assert text(await ask(mind)) == "Yes, of course."

    def test_a_reply_may_begin_within_a_thought(self) -> None:
        thoughts = ThoughtFilter(thinking=True)
        assert thoughts.feed("Hm, let me see.</th") + thoughts.feed("ink> Yes.") + thoughts.end() == "Yes."

    @given(st.text("<>/think ab", max_size=60), st.integers(1, 7))
    def test_any_cutting_gives_the_same_words(self, whole: str, length: int) -> None:
        at_once, in_pieces = ThoughtFilter(), ThoughtFilter()
        expected = at_once.feed(whole) + at_once.end()
        pieces = [in_pieces.feed(whole[at : at + length]) for at in range(0, len(whole), length)]
        assert "".join(pieces) + in_pieces.end() == expected
        if "<think" not in whole.lower():
            assert expected == whole


class TestAgain:
    @pytest.mark.parametrize("status", [429, 500, 503])
    async def test_a_busy_server_is_asked_again(self, status: int) -> None:
        async def answer(client: Client, asked: dict[str, Any]) -> None:
            if len(server.asked) < 3:
                await failing(status)(client, asked)
            else:
                await client.begin()
                await client.say("Hello")
                await client.done()

        async with serving(answer) as (server, mind):
            assert text(await ask(mind)) == "Hello"
            assert len(server.asked) == 3

    async def test_a_connection_that_broke_before_the_first_word_is_tried_again(self) -> None:
        async def answer(client: Client, asked: dict[str, Any]) -> None:
            await client.begin()
            if len(server.asked) == 1:
                await client.stream.aclose()
            else:
                await client.say("Hello")
                await client.done()

        async with serving(answer) as (server, mind):
            assert text(await ask(mind)) == "Hello"

    async def test_after_the_first_word_nothing_is_asked_again(self) -> None:
        async def answer(client: Client, asked: dict[str, Any]) -> None:
            await client.begin()
            await client.say("Hello")
            await client.stream.aclose()

        async with serving(answer) as (server, mind):
            with pytest.raises(EngineBusy, match="broke off"):
                await ask(mind)
            assert len(server.asked) == 1

    async def test_the_servers_wish_to_be_left_alone_is_obeyed(self) -> None:
        async def answer(client: Client, asked: dict[str, Any]) -> None:
            at.append(trio.current_time())
            if len(at) == 1:
                headers = [("retry-after", "1"), ("content-length", "2"), ("content-type", "application/json")]
                await client.begin(503, headers)
                await client.data("{}")
                await client.send(h11.EndOfMessage())
            else:
                await nothing(client, asked)

        at: list[float] = []
        async with serving(answer) as (_, mind):
            await ask(mind)
        assert at[1] - at[0] >= 1

    async def test_nobody_is_kept_waiting_in_silence_for_long(self) -> None:
        async def answer(client: Client, asked: dict[str, Any]) -> None:
            await client.begin(429, [("retry-after", "5"), ("content-length", "0")])
            await client.send(h11.EndOfMessage())

        async with serving(answer) as (server, mind):
            with trio.fail_after(4), pytest.raises(EngineBusy) as caught:
                await ask(mind)
            assert caught.value.after == 5
            assert len(server.asked) == 1

    def test_every_form_of_the_wish_is_understood(self) -> None:
        now = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
        forms = {"7": 7, "1.5": 1.5, "Thu, 01 Jan 2026 12:00:30 GMT": 30, "soon": None, "": None, "999999": 3600}
        assert {form: read_retry_after({"retry-after": form}, now) for form in forms} == forms
        assert read_retry_after({"retry-after-ms": "250"}) == 0.25


class TestBadStreams:
    async def test_a_character_cut_in_two_is_whole_again_and_one_never_finished_is_no_word(self) -> None:
        async def answer(client: Client, asked: dict[str, Any]) -> None:
            await client.begin()
            whole = 'data: {"choices": [{"delta": {"content": "Gr\u00fc\u00df"}}]}\n\n'.encode()
            cut = whole.index("\u00fc".encode()) + 1
            await client.data(whole[:cut])
            await trio.sleep(0.01)
            await client.data(whole[cut:])
            await client.data(whole[:cut])
            await client.stream.aclose()

        said: list[str] = []

        async def emit(delta: Any) -> None:
            said.append(delta.text)

        async with serving(answer) as (_, mind):
            with pytest.raises(EngineError, match="broke off"):
                await mind.reply(request(), emit)
        assert said == ["Gr\u00fc\u00df"]

    async def test_a_hundred_megabytes_of_reply_are_not_taken(self) -> None:
        async def answer(client: Client, asked: dict[str, Any]) -> None:
            await client.begin()
            sent = 0
            while sent < 100 << 20 and not client.gone.is_set():
                await client.data(chunk(content="word " * 2000))
                sent += 10_000
            sizes.append(sent)

        sizes: list[int] = []
        async with serving(answer) as (server, mind):
            said = await ask(mind, request(max_tokens=1 << 20))
            await server.clients[0].gone.wait()
        assert 1 << 20 <= len(text(said)) < 1_100_000
        assert not sizes or sizes[0] < 10 << 20

    async def test_a_byte_at_a_time_without_a_word_is_given_up(self) -> None:
        async def answer(client: Client, asked: dict[str, Any]) -> None:
            await client.begin()
            for byte in chunk(content="Hello").encode() * 100:
                await client.data(bytes([byte]))
                await trio.sleep(0.05)

        async with serving(answer, first_token_deadline=0.3) as (_, mind):
            with trio.fail_after(10), pytest.raises(EngineTimeout):
                await ask(mind)

    async def test_a_server_that_says_who_speaks_and_then_hangs_has_said_nothing(self) -> None:
        async def answer(client: Client, asked: dict[str, Any]) -> None:
            await client.begin()
            await client.data(chunk(role="assistant", content=""))
            await hang(client, asked)

        async with serving(answer, first_token_deadline=0.3) as (_, mind):
            start = trio.current_time()
            with trio.fail_after(10), pytest.raises(EngineTimeout):
                await ask(mind)
            assert trio.current_time() - start < 5

    async def test_nested_without_end_is_no_answer(self) -> None:
        async def answer(client: Client, asked: dict[str, Any]) -> None:
            await client.begin(200, STREAM)
            await client.data("data: " + "[" * 200_000 + "\n\n")
            await client.done()

        async with serving(answer) as (_, mind):
            with pytest.raises(EngineError, match="not an answer"):
                await ask(mind)


@pytest.mark.parametrize(
    ("status", "error", "sentence"),
    [
        (429, {"code": "insufficient_quota"}, "no credit left"),
        (400, {"message": "nonsense/x is not a valid model ID"}, "does not know the model"),
        (404, {"message": "No endpoints found matching your data policy."}, "without keeping what is said"),
        (403, {"message": "Input was flagged", "metadata": {"reasons": ["x"]}}, "refuses to answer this"),
        (400, {"code": KEY, "message": KEY}, r"refused the question \(error 400\)"),
    ],
)
def test_servers_put_several_troubles_under_one_status(status: int, error: dict[str, Any], sentence: str) -> None:
    told = explain_refusal(status, json.dumps({"error": error}).encode(), host="host", model="m")
    assert isinstance(told, EngineUnavailable if "no " in sentence or "know" in sentence else EngineError)
    with pytest.raises(EngineError, match=sentence):
        raise told
    assert KEY not in str(told)
