"""Requests as chat clients really send them: null for what is left out, -1 for no limit, objects for texts."""

from __future__ import annotations

from typing import Any

import pytest

from actors.protocols import DEFAULT_MAX_TOKENS, Role, TextPart, ToolCall
from harry.services.chat import Asked, Said
from harry.web.openai.chat import _call, _reason
from harry.web.openai.chat_request import read
from harry.web.server.http import Refusal

HELLO = {"role": "user", "content": "hi"}
FUNCTION = {"name": "f", "description": None, "parameters": None}


def asked(**body: Any) -> Asked:
    return read({"messages": [HELLO], **body}).asked("ann")


@pytest.mark.parametrize("limit", [-1, 0, None, -2.0, "", "inf"])
@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_no_limit_is_the_usual_one(name: str, limit: Any) -> None:
    assert asked(**{name: limit}).max_tokens == DEFAULT_MAX_TOKENS
    assert asked(**{name: 70}).max_tokens == 70


@pytest.mark.parametrize(
    "body",
    [
        {"model": None, "stream": None, "n": None, "stop": None, "tools": None, "tool_choice": None, "store": None},
        {"response_format": None, "stream_options": None, "modalities": None, "logprobs": None, "user": {"id": 1}},
        {
            "temperature": "hot",
            "top_p": None,
            "seed": "x",
            "logit_bias": [],
            "metadata": None,
            "options": {"num_ctx": 1},
        },
        {"tools": [{"type": "function", "function": FUNCTION}], "tool_choice": "auto"},
        {"tools": [{"function": {"name": "f"}}], "parallel_tool_calls": None},
        {"stream_options": {"include_usage": None}, "stop": ""},
    ],
)
def test_nulls_and_what_is_not_known_count_as_left_out(body: dict[str, Any]) -> None:
    assert [message.role for message in asked(**body).messages] == [Role.USER]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (None, ""), (7, "7"), ({"type": "text", "text": "hi"}, "hi"), (["a", "b"], "ab"),
        ([{"type": "text", "text": None}, {"text": "hi"}], "hi"), ([{"type": "input_text", "text": "hi"}], "hi"),
    ],
)  # fmt: skip
def test_content_is_read_in_its_many_forms(content: Any, text: str) -> None:
    [message] = asked(messages=[{"role": "user", "content": content, "name": None}]).messages
    assert "".join(part.text for part in message.parts if isinstance(part, TextPart)) == text


@pytest.mark.parametrize(
    ("arguments", "written"), [({"x": 1}, '{"x": 1}'), ('{"x": 1}', '{"x": 1}'), (None, "{}"), ("", "{}"), ([], "[]")]
)
def test_arguments_may_come_as_an_object_and_what_a_server_added_comes_back(arguments: Any, written: str) -> None:
    added = {"extra_content": {"google": {"thought_signature": "SIG"}}}
    call = {"id": "a", "type": "function", "index": 0, "function": {"name": "f", "arguments": arguments}, **added}
    said = {"role": "assistant", "content": None, "refusal": None, "tool_calls": [call]}
    result = {"role": "tool", "tool_call_id": "a", "content": {"degrees": 21}}
    with_result = [HELLO, said, {**result, "content": "21"}]
    [_, message, _] = asked(messages=with_result).messages
    assert message.parts == (ToolCall("a", "f", written, added),)
    assert added.items() <= _call(ToolCall("a", "f", written, added)).items()


def test_a_picture_may_come_as_a_bare_address() -> None:
    uri = "data:image/png;base64,AA=="
    [message] = asked(messages=[{"role": "user", "content": [{"type": "image_url", "image_url": uri}]}]).messages
    assert message.parts[0].uri == uri


@pytest.mark.parametrize(
    "body", [{"n": 2}, {"tool_choice": "required"}, {"messages": [{"role": "god"}]}, {"messages": None}]
)
def test_what_cannot_be_honoured_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(Refusal):
        asked(**body)


def test_a_reply_that_was_cut_at_its_limit_is_told_as_one() -> None:
    assert [_reason(said) for said in (Said(), Said(cut_short=True))] == ["stop", "length"]
    assert _reason(Said(calls=[ToolCall("a", "f", "{}")])) == "tool_calls"
