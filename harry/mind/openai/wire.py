"""The language of OpenAI-compatible servers, both ways: a request as they want it, their stream as deltas. Pure.

A tool call comes in fragments and is handed on once, whole. What is reasoning is read as a sign of life and dropped.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

from actors.protocols import (
    CutShort,
    Delta,
    ImagePart,
    Message,
    Role,
    TextDelta,
    TextPart,
    Tool,
    ToolCall,
    ToolResult,
    Usage,
)
from harry.errors import EngineError
from harry.mind.openai.call_assembly import CallAssembly, TooManyCallsError
from harry.mind.reasoning_filter import ThoughtFilter

OPENED = "[Nobody had spoken before this.]"
"""Stands for the user's words where the assistant spoke first: many templates want the user to begin."""

MAX_KEPT_CHARACTERS = 1 << 18
"""Characters of a message's fields that go back to the server with its tool calls."""

_GOES_BACK = ("reasoning_content", "reasoning_details", "extra_content")
"""Fields of a message that servers want back with its tool calls; `_BESIDE` holds them in the first call's `extra`."""
_BESIDE = "harry:message"


_FROM = "harry:from"
"""The host that added to a call, in the call's `extra`: to another one it would be a mistake."""


def serialize_messages(messages: Iterable[Message], host: str = "") -> list[dict[str, Any]]:
    """Convert messages to the protocol's form; each tool result becomes a message of its own.

    What a server added to a call goes back to that `host` alone. Neighbours of one role are joined and the user begins:
    the templates of many models refuse anything else.
    """
    taken: list[dict[str, Any]] = []
    for message in chain.from_iterable(_serialize_message(message, host) for message in messages):
        last = taken[-1] if taken else None
        if message["role"] == "assistant" and (last is None or last["role"] == "system"):
            taken.append({"role": "user", "content": OPENED})
        elif last is not None and _joins(last, message):
            taken[-1] = {**last, **message, "content": _joined(last["content"], message["content"])}
            continue
        taken.append(message)
    return taken


def _joins(last: Mapping[str, Any], message: Mapping[str, Any]) -> bool:
    return last["role"] == message["role"] in ("user", "assistant") and "tool_calls" not in last


def _joined(first: Any, second: Any) -> Any:
    """Join two contents, of which either may be a list of parts, or nothing."""
    if not first or not second:
        return first or second
    if isinstance(first, str) and isinstance(second, str):
        return f"{first}\n\n{second}"
    return [*_as_parts(first), *_as_parts(second)]


def _as_parts(content: Any) -> list[dict[str, Any]]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _serialize_message(message: Message, host: str) -> list[dict[str, Any]]:
    results = [part for part in message.parts if isinstance(part, ToolResult)]
    if message.role is Role.TOOL or results:
        return [{"role": "tool", "tool_call_id": result.call, "content": result.text} for result in results]
    calls = [part for part in message.parts if isinstance(part, ToolCall)]
    if not calls:
        return [{"role": message.role.value, "content": serialize_content(message)}]
    own = [call if call.extra.get(_FROM, host) == host else replace(call, extra={}) for call in calls]
    beside: Mapping[str, Any] = next((call.extra[_BESIDE] for call in own if _BESIDE in call.extra), {})
    return [
        {
            "role": message.role.value,
            "content": serialize_content(message) or None,
            "tool_calls": [_serialize_call(call) for call in own],
            **beside,
        }
    ]


def _serialize_call(call: ToolCall) -> dict[str, Any]:
    """Write a call with what its server added to it."""
    added = {key: value for key, value in call.extra.items() if key not in (_BESIDE, _FROM, "function")}
    function = {**call.extra.get("function", {}), "name": call.name, "arguments": call.arguments}
    return {**added, "id": call.id, "type": "function", "function": function}


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


class ReplyStream:
    """Reads one reply, JSON object by JSON object. Raises `EngineError` at what is no answer.

    `tools` are the names of those offered: a call for one of them that was written as text is a call.
    """

    def __init__(self, host: str, *, thinking: bool = False, tools: Collection[str] = ()) -> None:
        self._host = host
        self._thoughts = ThoughtFilter(thinking=thinking)
        self._tools = tools
        self._calls = CallAssembly()
        self._beside: dict[str, Any] = {}
        self._came = ""
        self._finish: str | None = None
        self._called = self._reasoned = False
        self._refusal = ""

    @property
    def lost_opening(self) -> bool:
        """Whether the reply began within a thought that no mark had opened."""
        return self._thoughts.lost_opening

    @property
    def was_all_thought(self) -> bool:
        """Whether all that came was taken for a thought that was to be there, and that never ended."""
        return self._thoughts.never_left and bool(self._came.strip()) and self._finish not in _AT_THE_LIMIT

    def feed(self, body: Any) -> tuple[list[Delta], bool]:
        """Take in an object; return its deltas, and whether it was a sign of life."""
        said: list[Delta] = []
        alive = False
        try:
            for choice in _choices(body):
                is_whole = not choice.get("delta") and bool(choice.get("message"))
                delta = choice.get("delta") or choice.get("message") or {}
                alive = alive or any(delta[key] not in (None, "", [], {}) for key in delta if key != "role")
                said += self._text(self._new(_text_of(delta.get("content")), choice, is_whole=is_whole))
                self._note(delta)
                if not (is_whole and (self._called or self._calls)):
                    for fragment in _fragments(delta):
                        self._calls.add(fragment)
                if choice.get("finish_reason"):
                    self._finish = str(choice["finish_reason"])
                    if self._calls:
                        said += [*self._text("", end=True), *self._gathered()]
            usage = body.get("usage")
            if usage:
                said.append(_usage(usage))
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
            raise EngineError(f"{self._host} sent what is not an answer.") from error
        except TooManyCallsError as error:
            raise EngineError(f"{self._host} {error}.") from None
        return said, alive

    def end(self, *, is_complete: bool) -> list[Delta]:
        """Finish the reply; `is_complete`: the server marked its end. Raises `EngineError` within a tool call."""
        said = self._text("", end=True)
        if self._calls and not (is_complete or self._finish or self._calls.are_whole):
            raise EngineError(f"{self._host} broke off in the middle of a tool call.", remedy="Ask again.")
        said += self._gathered()
        if not self._called:
            said += self._written_calls()
        if self._finish in _AT_THE_LIMIT:
            said.append(CutShort())
        return said

    def explain_silence(self) -> EngineError:
        """Return what it means that the whole reply had no word and no call in it."""
        if self._refusal or self._finish in ("content_filter", "refusal"):
            return EngineError(f"{self._host} refuses to answer this.", remedy="Say it otherwise, or use another mind.")
        if self._reasoned or self._came.strip():
            if self._finish in _AT_THE_LIMIT:
                return EngineError(
                    f"The model of {self._host} thought until its limit and said nothing.",
                    remedy="Raise max_tokens, or lower reasoning_effort.",
                )
            return EngineError(f"The model of {self._host} thought and said nothing.", remedy="Ask again.")
        return EngineError(f"{self._host} answered without a word.", remedy="Ask again, or use another mind.")

    def _new(self, text: str, choice: Mapping[str, Any], *, is_whole: bool) -> str:
        """Return what a chunk adds: some servers end with the whole message once more."""
        came = self._came
        if came and is_whole:
            text = text[len(came) :] if text.startswith(came) else ""
        elif text and choice.get("finish_reason") and len(came) > _CHANCE and text.strip() == came.strip():
            text = ""
        if len(came) < _MAX_COMPARED:
            self._came += text
        return text

    def _note(self, delta: Mapping[str, Any]) -> None:
        """Note what goes back with a call, and that there was reasoning or a refusal."""
        self._reasoned = self._reasoned or any(
            delta.get(key) for key in ("reasoning", "reasoning_content", "reasoning_details", "thinking")
        )
        self._refusal = self._refusal or str(delta.get("refusal") or "")
        for key in _GOES_BACK:
            value = delta.get(key)
            if isinstance(value, str | list) and isinstance(self._beside.get(key, value), type(value)):
                self._beside[key] = self._beside[key] + value if key in self._beside else value
            elif isinstance(value, dict):
                self._beside[key] = value

    def _text(self, text: str, *, end: bool = False) -> list[Delta]:
        spoken = self._thoughts.feed(text) + (self._thoughts.end() if end else "")
        return [TextDelta(spoken)] if spoken else []

    def _gathered(self) -> list[Delta]:
        if self._calls and self._finish == "length":
            raise EngineError(f"{self._host} ran out of room in the middle of a tool call.", remedy="Raise max_tokens.")
        calls = self._calls.take()
        self._called = self._called or bool(calls)
        if calls and self._beside and len(json.dumps(self._beside)) <= MAX_KEPT_CHARACTERS:
            calls[0] = replace(calls[0], extra={**calls[0].extra, _BESIDE: self._beside})
        return [replace(call, extra={**call.extra, _FROM: self._host}) if call.extra else call for call in calls]

    def _written_calls(self) -> list[Delta]:
        """Return the calls that were written as text, of tools that were offered."""
        for text in self._thoughts.calls:
            for written in _json_objects(text):
                name = written.get("name")
                if isinstance(name, str) and name in self._tools:
                    self._calls.add({"function": written, "id": f"call_text_{len(self._thoughts.calls)}_{name}"})
        return list(self._calls.take())


_AT_THE_LIMIT = ("length", "max_tokens", "MAX_TOKENS")
_CHANCE = 8
"""Characters up to which a last piece that is the same as all before may be chance."""
_MAX_COMPARED = 1 << 16


def _choices(body: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Return the choices of an object; Ollama's own protocol has one message instead."""
    choices = body.get("choices")
    if choices is None and isinstance(body.get("message"), dict):
        done = body.get("done_reason") or ("stop" if body.get("done") else None)
        return [{"delta": body["message"], "finish_reason": done}]
    return choices or ()


def _fragments(delta: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Return the pieces of tool calls in a delta; `function_call` is how one was told before there were several."""
    calls = delta.get("tool_calls")
    if isinstance(calls, Mapping):
        calls = [calls]
    old = delta.get("function_call")
    return [*(calls or ()), *([{"index": 0, "function": old}] if old else ())]


_OBJECT = re.compile(r"[\[{]")


def _json_objects(text: str) -> list[Mapping[str, Any]]:
    """Return the first JSON object in a text, or the objects of a list."""
    found = _OBJECT.search(text)
    if found is None:
        return []
    try:
        value, _ = json.JSONDecoder().raw_decode(text[found.start() :].replace("[tool_calls]", ""))
    except (ValueError, RecursionError):
        return []
    return [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, dict)]


def _text_of(content: Any) -> str:
    """Read the text of a delta, which some servers send in parts, their thinking among them."""
    if isinstance(content, dict):
        content = [content]
    if isinstance(content, list):
        return "".join(str(part.get("text") or "") for part in content if part.get("type") in ("text", "output_text"))
    return "" if content is None else str(content)


def _usage(usage: Mapping[str, Any]) -> Usage:
    cost = usage.get("cost")
    return Usage(
        int(usage.get("prompt_tokens") or 0),
        int(usage.get("completion_tokens") or 0),
        None if cost is None else float(cost),
    )
