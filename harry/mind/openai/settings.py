"""What can be set of a model behind an OpenAI-compatible server, and what follows from it alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from actors.protocols import DEFAULT_MAX_TOKENS, Request
from harry.engines.http_server import HttpSettings
from harry.net.egress import host_of
from harry.redaction import HIDDEN


class ChatSettings(HttpSettings):
    """`base_url` ends before `/chat/completions`; deadlines are seconds of the server's time.

    `first_token_deadline` holds until the first sign of an answer, tries and pauses included, and between any two
    signs. `retries` are further tries at a busy server, before it has said anything. `dialect` says whose habits
    the server has; `auto` tells it by the address. `site` and `title` are told to OpenRouter, and its `provider`
    preferences default to `data_collection = "deny"`: nobody who keeps what is said. `price_in` and `price_out` are
    the cost of a million tokens, for servers that do not tell what a reply cost. `thinking`: the model begins each
    reply within a thought, without the mark for it. `leave_out` names fields that are never sent, such as
    `stream_options`, `tools` or `max_tokens`. `extra` is added to each request as it stands.
    """

    model: str = Field(min_length=1)
    first_token_deadline: float = Field(10.0, gt=0)
    total_deadline: float = Field(120.0, gt=0)
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, gt=0, le=1)
    top_k: int | None = Field(None, ge=0)
    min_p: float | None = Field(None, ge=0, le=1)
    frequency_penalty: float | None = Field(None, ge=-2, le=2)
    presence_penalty: float | None = Field(None, ge=-2, le=2)
    repetition_penalty: float | None = Field(None, gt=0, le=2)
    stop: tuple[str, ...] | None = Field(None, max_length=16)
    seed: int | None = None
    max_tokens: int | None = Field(None, ge=1)
    leave_out: tuple[str, ...] = Field((), max_length=32)
    reasoning_effort: str | None = None
    thinking: bool = False
    dialect: Literal["auto", "openai", "openrouter", "plain"] = "auto"
    site: str = "http://localhost"
    title: str = "Harry"
    provider: Mapping[str, Any] = Field(default_factory=dict)
    price_in: float | None = Field(None, ge=0)
    price_out: float | None = Field(None, ge=0)
    extra: Annotated[Mapping[str, Any], HIDDEN] = Field(default_factory=dict)


def find_dialect(settings: ChatSettings) -> str:
    """Return the server's dialect: `openai`, `openrouter`, or `plain`."""
    if settings.dialect != "auto":
        return settings.dialect
    return {"api.openai.com": "openai", "openrouter.ai": "openrouter"}.get(host_of(settings.base_url), "plain")


def find_limit(settings: ChatSettings, request: Request) -> int:
    """Return the tokens that a reply may have: the setting's, unless whoever asks wants fewer."""
    if settings.max_tokens is None or request.max_tokens < DEFAULT_MAX_TOKENS:
        return min(request.max_tokens, settings.max_tokens or request.max_tokens)
    return (
        settings.max_tokens
        if request.max_tokens == DEFAULT_MAX_TOKENS
        else min(request.max_tokens, settings.max_tokens)
    )
