"""A request as an OpenAI-compatible server takes it: the messages, the limits, the tools, and the schema to keep to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from actors.protocols import Request, Role
from harry.mind.openai.concessions import FORMATS
from harry.mind.openai.settings import ChatSettings, find_dialect, find_limit
from harry.mind.openai.wire import serialize_messages, serialize_tools
from harry.net.egress import host_of

_FIT = "Answer with one JSON object and nothing else. It must fit this JSON Schema:\n"

_SAMPLING = (
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "frequency_penalty",
    "presence_penalty",
    "repetition_penalty",
    "stop",
    "seed",
    "reasoning_effort",
)
"""Settings that go into each request under their own names; those left out are the server's to choose."""


def build_body(settings: ChatSettings, request: Request, way: int = 0) -> dict[str, Any]:
    """Return the body of a request; `way`, a place in `FORMATS`, is how a schema is asked for."""
    dialect = find_dialect(settings)
    messages = serialize_messages(request.messages, host_of(settings.base_url))
    # OpenAI's own newer models accept only the second name; other servers know only the first.
    limit = "max_completion_tokens" if dialect == "openai" else "max_tokens"
    body = {
        "model": settings.model,
        "messages": messages,
        limit: find_limit(settings, request),
        **{name: getattr(settings, name) for name in _SAMPLING},
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if request.tools:
        body["tools"] = serialize_tools(request.tools)
    if request.schema is not None:
        body |= _require_schema(request.schema, FORMATS[way], messages)
    if dialect == "openrouter":
        body |= {"usage": {"include": True}, "provider": {"data_collection": "deny", **settings.provider}}
    elif settings.provider:
        body["provider"] = dict(settings.provider)
    return {key: value for key, value in {**body, **settings.extra}.items() if value is not None}


def _require_schema(schema: Mapping[str, Any], way: str, messages: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the fields that ask for a schema; where the server knows none, put it into `messages` in words."""
    if way == "json_schema":
        strict = schema.get("additionalProperties") is False
        return {"response_format": {"type": way, "json_schema": {"name": "reply", "schema": schema, "strict": strict}}}
    words = f"{_FIT}{json.dumps(schema, ensure_ascii=False)}"
    if messages and messages[0]["role"] == Role.SYSTEM.value and isinstance(messages[0]["content"], str):
        messages[0]["content"] += f"\n\n{words}"
    else:
        messages.insert(0, {"role": Role.SYSTEM.value, "content": words})
    return {"response_format": {"type": way}} if way == "json_object" else {}
