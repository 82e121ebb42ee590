"""The language of OpenAI-compatible servers, both ways: a request as they want it, their stream as deltas. Pure.

A tool call comes in fragments and is handed on once, whole. What is reasoning is read as a sign of life and dropped.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from actors.protocols import Delta, ImagePart, Message, Role, TextDelta, TextPart, Tool, ToolCall, ToolResult, Usage
from harry.errors import EngineError
from harry.files.json_text import parse_json
from harry.mind.reasoning_filter import ThoughtFilter

MAX_CALLS = 64
"""Tool calls in one reply."""

MAX_CALL_CHARACTERS = 1 << 18
"""Characters of a call's arguments."""


def serialize_messages(messages: Iterable[Message]) -> list[dict[str, Any]]:
    """Convert messages to the protocol's form; each tool result becomes a message of its own."""
    return [part for message in messages for part in _serialize_message(message)]


def _serialize_message(message: Message) -> list[dict[str, Any]]:
    results = [part for part in message.parts if isinstance(part, ToolResult)]
    if message.role is Role.TOOL or results:
        return [{"role": "tool", "tool_call_id": result.call, "content": result.text} for result in results]
    calls = [part for part in message.parts if isinstance(part, ToolCall)]
    if not calls:
        return [{"role": message.role.value, "content": serialize_content(message)}]
    return [
        {
            "role": message.role.value,
            "content": serialize_content(message) or None,
            "tool_calls": [
                {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
                for call in calls
            ],
        }
    ]


def serialize_content(message: Message) -> str | list[dict[str, Any]]:
    """Convert a message's text and pictures; plain text where there are no pictures."""
    if not any(isinstance(part, ImagePart) for part in message.parts):
        return "".join(part.text for part in message.parts if isinstance(part, TextPart))
    return [
        {"type": "text", "text": part.text}
        if isinstance(part, TextPart)
        else {"type": "image_url", "image_url": {"url": part.uri}}
        for part in message.parts
        if isinstance(part, TextPart | ImagePart)
    ]


def serialize_tools(tools: Sequence[Tool]) -> list[dict[str, Any]]:
    """Convert tool descriptions to the protocol's form."""
    return [
        {
            "type": "function",
            "function": {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)},
        }
        for tool in tools
    ]


@dataclass(slots=True)
class _Call:
    """A tool call that is still coming."""

    id: str
    name: str
    arguments: str = ""


class ReplyStream:
    """Reads one reply, JSON object by JSON object. Raises `EngineError` at what is no answer."""

    def __init__(self, host: str, *, thinking: bool = False) -> None:
        self._host = host
        self._thoughts = ThoughtFilter(thinking=thinking)
        self._calls: dict[int, _Call] = {}
        self._finish: str | None = None

    def feed(self, body: Any) -> tuple[list[Delta], bool]:
        """Take in an object; return its deltas, and whether it was a sign of life."""
        said: list[Delta] = []
        alive = False
        try:
            for choice in body.get("choices") or ():
                delta = choice.get("delta") or choice.get("message") or {}
                alive = alive or any(delta[key] not in (None, "", [], {}) for key in delta if key != "role")
                said += self._text(_text_of(delta.get("content")))
                for at, fragment in enumerate(delta.get("tool_calls") or ()):
                    self._fragment(fragment, at)
                if choice.get("finish_reason"):
                    self._finish = str(choice["finish_reason"])
                    said += self._gathered()
            usage = body.get("usage")
            if usage:
                said.append(_usage(usage))
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
            raise EngineError(f"{self._host} sent what is not an answer.") from error
        return said, alive

    def end(self, *, is_complete: bool) -> list[Delta]:
        """Finish the reply; `is_complete`: the server marked its end. Raises `EngineError` within a tool call."""
        said = self._text("", end=True)
        if self._calls and not (
            is_complete or self._finish or all(_is_json(call.arguments) for call in self._calls.values())
        ):
            raise EngineError(f"{self._host} broke off in the middle of a tool call.", remedy="Ask again.")
        return said + self._gathered()

    def _text(self, text: str, *, end: bool = False) -> list[Delta]:
        spoken = self._thoughts.feed(text) + (self._thoughts.end() if end else "")
        return [TextDelta(spoken)] if spoken else []

    def _fragment(self, fragment: Mapping[str, Any], at: int) -> None:
        function = fragment.get("function") or {}
        index = fragment.get("index")
        at = int(index) if index is not None else at
        call_id, name = str(fragment.get("id") or ""), str(function.get("name") or "")
        call = self._calls.get(at)
        if call is not None and name and call_id and call.id and call_id != call.id:
            # Some servers send every call whole and number them all alike.
            at = max(self._calls) + 1
            call = None
        if call is None:
            if len(self._calls) >= MAX_CALLS:
                raise EngineError(f"{self._host} asked for too many tools at once.")
            call = self._calls[at] = _Call(call_id, name)
        elif name and not call.name:
            call.name = name
        call.id = call.id or call_id
        more = function.get("arguments")
        call.arguments += more if isinstance(more, str) else "" if more is None else json.dumps(more)
        if len(call.arguments) > MAX_CALL_CHARACTERS:
            raise EngineError(f"{self._host} sent a tool call without an end.")

    def _gathered(self) -> list[Delta]:
        calls, self._calls = self._calls, {}
        if calls and self._finish == "length":
            raise EngineError(f"{self._host} ran out of room in the middle of a tool call.", remedy="Raise max_tokens.")
        return [
            ToolCall(call.id or f"call_{at}", call.name, call.arguments or "{}")
            for at, call in sorted(calls.items())
            if call.name
        ]


def _text_of(content: Any) -> str:
    """Read the text of a delta, which some servers send in parts, their thinking among them."""
    if isinstance(content, list):
        return "".join(str(part.get("text") or "") for part in content if part.get("type") == "text")
    return "" if content is None else str(content)


def _usage(usage: Mapping[str, Any]) -> Usage:
    cost = usage.get("cost")
    return Usage(
        int(usage.get("prompt_tokens") or 0),
        int(usage.get("completion_tokens") or 0),
        None if cost is None else float(cost),
    )


def _is_json(text: str) -> bool:
    try:
        parse_json(text or "{}")
    except ValueError:
        return False
    return True
