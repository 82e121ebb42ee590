"""What a server refused of a request, and how it is asked again without that: fields, tools, roles, length. Pure.

A refusal is read for the names of fields that were sent and for what servers say of tools and lengths. What helped is
remembered by the engine, so that the next question is put in the right way at once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from actors.protocols import ImagePart, Message, Request, Role, TextPart, ToolCall, ToolResult
from harry.files.json_text import parse_json
from harry.mind.fallback.continuation import shorten_for_small_model

TOOLS = "tools"
SYSTEM = "system"
ADDED = "what came with tool calls"
LIMITS = ("max_tokens", "max_completion_tokens")
"""The two names of the limit: a server that refuses one is asked with the other, then without."""

FORMATS = ("json_schema", "json_object", "none")
"""How a server is asked to keep to a schema, the strictest first; one that refuses a way is asked in the next."""

MAX_READ_BYTES = 4_000
"""Bytes of a refusal whose words are looked at."""

LEAST_ROOM = 1_500
"""Characters of a prompt below which asking with less is no use."""

_ADDITIONS = ("reasoning_content", "reasoning_details", "extra_content")

_KEPT = frozenset(("model", "messages"))
"""Fields without which there is no question."""

_WORDS = frozenset(("stream", "stop", "seed", "usage", "provider", "user", "tools", "functions"))
"""Names that are ordinary words: they count where they are quoted, or named as the field at fault."""

_NO_TOOLS = re.compile(
    r"(?:not|n't) support(?:ed)?\b[^.]{0,40}\b(?:tools?|functions?)\b"
    r"|support (?:for )?(?:tool|function)[ -]?(?:use|call)"
    r"|\b(?:tools?|functions?)(?:[ _-](?:use|call|calls|calling|choice))?[^.]{0,40}(?:not|n't|un)[ -]?"
    r"(?:support|enabl|available|allow|implement)|requires? --jinja|enable-auto-tool-choice|tool-call-parser"
    r"|tool (?:use|calling) is disabled"
)
_TOO_LONG = re.compile(
    r"context_length_exceeded|exceed_context_size|(?:maximum|max|model'?s?) context"
    r"|context (?:length|window|size|limit)"
    r"|prompt (?:is )?too long|too many (?:input |prompt )?tokens|reduce (?:the|your) (?:length|prompt|message)|n_ctx"
    r"|input (?:is )?too (?:long|large)|input (?:length|tokens?)[^.]{0,40}exceed|exceeds? the (?:available )?context"
    r"|number of tokens[^.]{0,60}(?:exceed|greater)|string_above_max_length|max_model_len|request too large"
    r"|tokens? (?:limit )?exceeded|input validation error: `inputs`"
)
_NO_SYSTEM = re.compile(
    r"system[^.]{0,20}(?:role|message|prompt|instruction)s?[^.]{0,30}(?:not|n't|un)[ -]?(?:support|enabl|allow)"
    r"|(?:not|n't) support[^.]{0,20}system|developer instruction is not enabled|only user and assistant roles"
)


@dataclass(frozen=True, slots=True)
class Concessions:
    """How a server is asked. `left_out` are fields never sent, `room` the characters of a prompt that it can take."""

    left_out: frozenset[str] = frozenset()
    format: int = 0
    room: int | None = None

    def adapt(self, request: Request) -> Request:
        """Return the request as this server can take it."""
        if TOOLS in self.left_out:
            request = without_tools(request)
        if self.room is not None:
            request = fit(request, self.room)
        if ADDED in self.left_out:
            request = replace(request, messages=tuple(map(_bare, request.messages)))
        return fold_system(request) if SYSTEM in self.left_out else request

    def trim(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return the body without what is left out; the limit goes by its other name first."""
        sent = {key: value for key, value in body.items() if key in _KEPT or key not in self.left_out}
        for name, other in (LIMITS, LIMITS[::-1]):
            if name in body and name in self.left_out and other not in self.left_out:
                sent[other] = body[name]
        return sent

    def concede(self, status: int, said: bytes, sent: Mapping[str, Any], request: Request) -> Concessions | None:
        """Return how to ask again after a refusal; None where nothing that was sent is to blame."""
        if status not in _CURABLE:
            return None
        text, named = said[:MAX_READ_BYTES].decode("utf-8", "replace").lower(), _named(said)
        at_fault = _fields_at_fault(text, named, sent)
        if _TOO_LONG.search(text):
            return self._without(at_fault.intersection(LIMITS)) or self._with_less(request)
        left_out = self._blamed(text, named, at_fault, request)
        if left_out:
            return self._without(left_out)
        return self._next_format() if request.schema is not None and (at_fault or status in (400, 422)) else None

    def _blamed(self, text: str, named: frozenset[str], at_fault: frozenset[str], request: Request) -> frozenset[str]:
        """Return what the refusal is about, other than its length or its schema."""
        if ADDED not in self.left_out and any(name in text for name in _ADDITIONS) and _has_additions(request):
            return frozenset((ADDED,))
        if request.tools and (_NO_TOOLS.search(text) or named & {"tools", "tool_choice", "functions"}):
            return frozenset((TOOLS,))
        if at_fault and not (request.schema is not None and "response_format" in at_fault):
            return at_fault
        return frozenset((SYSTEM,)) if _NO_SYSTEM.search(text) and SYSTEM not in self.left_out else frozenset()

    def describe(self, before: Concessions) -> str:
        """Return in a few words what is different from `before`."""
        told = [
            {TOOLS: "without tools", SYSTEM: "without a system message"}.get(name, f"without {name}")
            for name in sorted(self.left_out - before.left_out)
        ]
        if self.format != before.format:
            told.append(f"for a schema by {FORMATS[self.format]}")
        if self.room != before.room:
            told.append(f"with at most {self.room} characters")
        return ", ".join(told)

    def _without(self, fields: Collection[str]) -> Concessions | None:
        return replace(self, left_out=self.left_out.union(fields)) if fields else None

    def _next_format(self) -> Concessions | None:
        return replace(self, format=self.format + 1) if self.format + 1 < len(FORMATS) else None

    def _with_less(self, request: Request) -> Concessions | None:
        room = measure(request) * 3 // 5
        return replace(self, room=room) if room >= LEAST_ROOM else None


_CURABLE = frozenset((400, 404, 413, 415, 422, 500, 501))
"""Statuses under which servers put a request that they cannot take."""


def _fields_at_fault(text: str, named: Collection[str], sent: Mapping[str, Any]) -> frozenset[str]:
    """Return the fields that were sent and that a refusal names, in a quotation if they are ordinary words."""
    found = set()
    for field in sent.keys() - _KEPT - {TOOLS}:
        quoted = rf"['\"`]{re.escape(field)}['\"`]"
        pattern = quoted if field in _WORDS else rf"(?<![\w-]){re.escape(field)}(?![\w-])"
        if field in named or re.search(pattern, text):
            found.add(field)
    return frozenset(found)


def _named(said: bytes) -> frozenset[str]:
    """Return the fields that an error names in a place for them: `param`, or pydantic's `loc`."""
    try:
        body = parse_json(said)
    except ValueError:
        return frozenset()
    names: set[str] = set()
    level: list[Any] = [body]
    for _ in range(4):
        inner: list[Any] = []
        for value in level:
            if isinstance(value, list):
                inner += value[:32]
            elif isinstance(value, dict):
                param = value.get("param")
                names.update([param.split(".")[0].split("[")[0]] if isinstance(param, str) else ())
                loc = value.get("loc")
                names.update(str(part) for part in (loc if isinstance(loc, list) else ())[:2])
                inner += list(value.values())[:32]
        level = inner
    return frozenset(names)


def measure(request: Request) -> int:
    """Return the characters of a request's messages and tools."""
    tools = [{"name": tool.name, "told": tool.description, "takes": dict(tool.parameters)} for tool in request.tools]
    return sum(map(_length, request.messages)) + (len(json.dumps(tools)) if tools else 0)


def _length(message: Message) -> int:
    return sum(
        len(part.text) if isinstance(part, TextPart | ToolResult) else len(part.arguments)
        for part in message.parts
        if isinstance(part, TextPart | ToolResult | ToolCall)
    )


def fit(request: Request, room: int) -> Request:
    """Return the request within `room` characters: without its oldest exchanges, then its tools, then in short."""
    last = max((at for at, message in enumerate(request.messages) if message.role is Role.USER), default=0)
    head = [message for message in request.messages[:last] if message.role is Role.SYSTEM]
    said = [message for message in request.messages[:last] if message.role is not Role.SYSTEM]
    rest = request.messages[last:]
    size, gone = measure(request), 0
    while size > room and gone < len(said):
        # An exchange goes whole: no result stands without its call.
        size -= _length(said[gone])
        gone += 1
        while gone < len(said) and said[gone].role is not Role.USER:
            size -= _length(said[gone])
            gone += 1
    if gone:
        request = replace(request, messages=(*head, *said[gone:], *rest))
    if size > room and request.tools:
        request = without_tools(request)
    return shorten_for_small_model(request, room) if measure(request) > room else request


def without_tools(request: Request) -> Request:
    """Return the request without tools; what earlier calls came to is told in words."""
    if not request.tools and not any(message.role is Role.TOOL for message in request.messages):
        return request
    return replace(request, messages=tuple(_told(request.messages)), tools=())


def _told(messages: Sequence[Message]) -> list[Message]:
    told: list[Message] = []
    names: dict[str, str] = {}
    for message in messages:
        names |= {part.id: part.name for part in message.parts if isinstance(part, ToolCall)}
        results = [part for part in message.parts if isinstance(part, ToolResult)]
        if results:
            lines = [f"[{names.get(part.call, 'A tool')} gave: {part.text}]" for part in results]
            told.append(Message(Role.USER, (TextPart("\n".join(lines)),)))
            continue
        kept = tuple(part for part in message.parts if isinstance(part, TextPart | ImagePart))
        if kept:
            told.append(Message(message.role, kept))
    return told


def _has_additions(request: Request) -> bool:
    return any(isinstance(part, ToolCall) and part.extra for message in request.messages for part in message.parts)


def _bare(message: Message) -> Message:
    parts = tuple(replace(part, extra={}) if isinstance(part, ToolCall) else part for part in message.parts)
    return replace(message, parts=parts)


def fold_system(request: Request) -> Request:
    """Return the request with its system messages at the head of the first of the user's."""
    system = [message for message in request.messages if message.role is Role.SYSTEM]
    rest = [message for message in request.messages if message.role is not Role.SYSTEM]
    if not system:
        return request
    text = "\n\n".join(part.text for message in system for part in message.parts if isinstance(part, TextPart))
    if rest and rest[0].role is Role.USER:
        rest[0] = Message(Role.USER, (TextPart(f"{text}\n\n"), *rest[0].parts))
    else:
        rest.insert(0, Message(Role.USER, (TextPart(text),)))
    return replace(request, messages=tuple(rest))
