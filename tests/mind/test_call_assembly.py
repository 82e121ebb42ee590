"""Tool calls in pieces, as servers send them: with equal, missing or used indexes and ids."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.protocols import Message, Role, ToolCall, ToolResult
from harry.mind.openai.call_assembly import CallAssembly
from harry.mind.openai.wire import ReplyStream, serialize_messages

TEN, TWENTY = '{"seconds": 600}', '{"seconds": 1200}'


def piece(**call: Any) -> dict[str, Any]:
    function = {key: call.pop(key) for key in ("name", "arguments") if key in call}
    return {**call, "function": function}


def assembled(*pieces: dict[str, Any]) -> list[tuple[str, str]]:
    calls = CallAssembly()
    for each in pieces:
        calls.add(each)
    taken = calls.take()
    assert len({call.id for call in taken}) == len(taken)
    return [(call.name, call.arguments) for call in taken]


def parts(arguments: str, **first: Any) -> list[dict[str, Any]]:
    """A call in three pieces, of which the first alone has `first`'s id and name."""
    index = {"index": first["index"]} if "index" in first else {}
    half = len(arguments) // 2
    return [
        piece(arguments="", **first),
        piece(arguments=arguments[:half], **index),
        piece(arguments=arguments[half:], **index),
    ]


@pytest.mark.parametrize(
    "pieces",
    [
        [*parts(TEN, index=0, id="a", name="t"), *parts(TWENTY, index=1, id="b", name="t")],
        [*parts(TEN, index=0, id="a", name="t"), *parts(TWENTY, index=0, id="b", name="t")],
        [*parts(TEN, id="a", name="t"), *parts(TWENTY, id="b", name="t")],
        [*parts(TEN, index=0, name="t"), *parts(TWENTY, index=0, name="t")],
        [*parts(TEN, name="t"), *parts(TWENTY, name="t")],
        [*parts(TEN, index=0, id="", name="t"), *parts(TWENTY, index=1, id="", name="t")],
        [*parts(TEN, index=0, id="same", name="t"), *parts(TWENTY, index=1, id="same", name="t")],
        [piece(index=0, id="a", name="t", arguments=TEN), piece(index=0, id="b", name="t", arguments=TWENTY)],
        [piece(id="same", name="t", arguments=TEN), piece(id="same", name="t", arguments=TWENTY)],
        [piece(name="t", arguments=json.loads(TEN)), piece(name="t", arguments=json.loads(TWENTY))],
        # every piece repeats the name and the id
        [piece(index=0, id="a", name="t", arguments=TEN[:6]), piece(index=0, id="a", name="t", arguments=TEN[6:]),
         piece(index=1, id="b", name="t", arguments=TWENTY)],
        # a fresh id for every piece
        [piece(index=0, id="a", name="t", arguments=TEN[:6]), piece(index=0, id="b", arguments=TEN[6:]),
         piece(index=1, id="c", name="t", arguments=TWENTY)],
        # the index counts pieces
        [piece(index=0, id="a", name="t", arguments=TEN[:6]), piece(index=1, arguments=TEN[6:]),
         piece(index=2, id="b", name="t", arguments=TWENTY)],
        # an empty object first, then the arguments
        [piece(index=0, id="a", name="t", arguments="{}"), piece(index=0, arguments=TEN),
         piece(index=1, id="b", name="t", arguments=TWENTY)],
        # each call once more, whole, at the end
        [*parts(TEN, index=0, id="a", name="t"), *parts(TWENTY, index=1, id="b", name="t"),
         piece(index=0, id="a", name="t", arguments=TEN), piece(index=1, id="b", name="t", arguments=TWENTY)],
    ],
)  # fmt: skip
def test_two_calls_are_two_calls_however_they_are_numbered(pieces: list[dict[str, Any]]) -> None:
    assert assembled(*pieces) == [("t", TEN), ("t", json.dumps(json.loads(TWENTY)))]


def test_the_pieces_of_two_calls_may_alternate() -> None:
    first, second = parts(TEN, index=0, id="a", name="t"), parts(TWENTY, index=1, id="b", name="u")
    assert assembled(*[each for pair in zip(first, second, strict=True) for each in pair]) == [
        ("t", TEN),
        ("u", TWENTY),
    ]


@given(
    st.lists(st.sampled_from([TEN, TWENTY, "{}", '{"a": {"b": [1, 2]}}']), min_size=1, max_size=5), st.integers(1, 9)
)
def test_calls_by_the_protocol_come_out_as_they_went_in(arguments: list[str], size: int) -> None:
    pieces = []
    for index, text in enumerate(arguments):
        pieces.append(piece(index=index, id=f"c{index}", name="t", arguments=""))
        pieces += [piece(index=index, arguments=text[at : at + size]) for at in range(0, len(text), size)]
    assert assembled(*pieces) == [("t", text) for text in arguments]


def streamed(*deltas: dict[str, Any], tools: tuple[str, ...] = ()) -> list[Any]:
    stream = ReplyStream("host", tools=tools)
    said = [delta for each in deltas for delta in stream.feed({"choices": [{"delta": each}]})[0]]
    return said + stream.end(is_complete=True)


@pytest.mark.parametrize(
    "added",
    [
        {"extra_content": {"google": {"thought_signature": "SIG"}}},
        {"thought_signature": "SIG"},
        {"function": {"thoughtSignature": "SIG"}},
        {"vendor": [1, {"two": 3}]},
    ],
)
def test_what_a_server_adds_to_a_call_goes_back_to_it(added: dict[str, Any]) -> None:
    function = {"name": "t", "arguments": TEN, **added.get("function", {})}
    [call] = streamed({"tool_calls": [{**added, "index": 0, "id": "a", "function": function}]})
    messages = [Message(Role.ASSISTANT, (call,)), Message(Role.TOOL, (ToolResult("a", "done"),))]
    [_, back, _] = serialize_messages(messages, "host")
    assert back["tool_calls"] == [{**added, "id": "a", "type": "function", "function": function}]
    [_, elsewhere, _] = serialize_messages(messages, "another")
    assert elsewhere["tool_calls"] == [{"id": "a", "type": "function", "function": {"name": "t", "arguments": TEN}}]


@pytest.mark.parametrize(
    ("deltas", "back"),
    [
        ([{"reasoning_content": "One, "}, {"reasoning_content": "two."}], {"reasoning_content": "One, two."}),
        ([{"reasoning_details": [{"data": 1}]}, {"reasoning_details": [{"data": 2}]}],
         {"reasoning_details": [{"data": 1}, {"data": 2}]}),
    ],
)  # fmt: skip
def test_reasoning_goes_back_with_the_calls_it_led_to(deltas: list[dict[str, Any]], back: dict[str, Any]) -> None:
    [call] = streamed(*deltas, {"tool_calls": [piece(index=0, id="a", name="t", arguments=TEN)]})
    assert (
        back.items()
        <= serialize_messages([Message(Role.USER, ()), Message(Role.ASSISTANT, (call,))], "host")[1].items()
    )


@pytest.mark.parametrize(
    "written",
    [
        '<tool_call>\n{"name": "t", "arguments": {"seconds": 600}}\n</tool_call>',
        '[TOOL_CALLS][{"name": "t", "arguments": {"seconds": 600}}]',
        '<|tool_call_start|>[{"name": "t", "parameters": {"seconds": 600}}]<|tool_call_end|>',
        '<|python_tag|>{"name": "t", "parameters": {"seconds": 600}}',
    ],
)
def test_a_call_written_as_text_is_a_call_where_its_tool_was_offered(written: str) -> None:
    [call] = streamed({"content": written}, tools=("t",))
    assert (call.name, call.arguments) == ("t", TEN)
    assert streamed({"content": written}, tools=("other",)) == []


def test_the_call_of_a_server_without_additions_has_none() -> None:
    assert streamed({"tool_calls": [piece(index=0, id="a", name="t", arguments=TEN)]}) == [ToolCall("a", "t", TEN)]
