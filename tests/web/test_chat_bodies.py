"""Bodies as usual clients send them: null for what they leave out, -1 for no bound, arguments as an object."""

from __future__ import annotations

from typing import Any

import pytest

from actors.protocols import ToolCall
from harry.web.openai.chat_request import Chat, read

SAID = [{"role": "user", "content": "hi"}]


def asked(**more: Any) -> Chat:
    return read({"messages": SAID, **more})


@pytest.mark.parametrize("name", sorted(Chat.model_fields.keys() - {"messages"}))
def test_null_is_left_out_wherever_it_stands(name: str) -> None:
    assert asked(**{name: None}).asked("ann") == asked().asked("ann")


@pytest.mark.parametrize(
    "function",
    [
        {"name": "f", "description": None, "parameters": None},
        {"name": "f", "description": None, "strict": None},
        {"name": "f"},
    ],
)
def test_a_tool_without_words_or_parameters_is_one(function: dict[str, Any]) -> None:
    [tool] = asked(tools=[{"type": "function", "function": function}]).asked("ann").tools
    assert (tool.name, tool.description, tool.parameters) == ("f", "", {"type": "object", "properties": {}})


@pytest.mark.parametrize("bound", [-1, -2, 0])
def test_a_bound_below_one_is_none(bound: int) -> None:
    assert asked(max_tokens=bound, max_completion_tokens=bound).asked("ann").max_tokens == 512


@pytest.mark.parametrize(
    ("arguments", "read_as"),
    [({"x": 1}, '{"x": 1}'), ("{}", "{}"), (None, "{}"), ([], "[]"), ({"ä": "ö"}, '{"ä": "ö"}')],
)
def test_arguments_may_be_an_object_or_its_text(arguments: Any, read_as: str) -> None:
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": arguments}}
    said = [*SAID, {"role": "assistant", "content": None, "tool_calls": [call]}]
    found = read({"messages": [*said, {"role": "tool", "tool_call_id": "a", "content": None}]}).asked("ann")
    assert found.messages[1].parts == (ToolCall("a", "f", read_as),)
