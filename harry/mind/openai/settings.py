"""What can be set of a model behind an OpenAI-compatible server, and what follows from it alone."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, field_validator

from harry.engines.registry import EngineSettings
from harry.errors import EngineUnavailable
from harry.net.egress import host_of
from harry.redaction import ADDRESS, HIDDEN


class ChatSettings(EngineSettings):
    """`base_url` ends before `/chat/completions`; deadlines are seconds of the server's time.

    `first_token_deadline` holds until the first sign of an answer, tries and pauses included, and between any two
    signs. `retries` are further tries at a busy server, before it has said anything. `dialect` says whose habits
    the server has; `auto` tells it by the address. `site` and `title` are told to OpenRouter, and its `provider`
    preferences default to `data_collection = "deny"`: nobody who keeps what is said. `price_in` and `price_out` are
    the cost of a million tokens, for servers that do not tell what a reply cost. `thinking`: the model begins each
    reply within a thought, without the mark for it. `extra` is added to each request as it stands.
    """

    base_url: Annotated[str, ADDRESS]
    model: str = Field(min_length=1)
    api_key: SecretStr | None = None
    api_key_env: str | None = None
    first_token_deadline: float = Field(10.0, gt=0)
    total_deadline: float = Field(120.0, gt=0)
    retries: int = Field(2, ge=0, le=5)
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
    reasoning_effort: str | None = None
    thinking: bool = False
    dialect: Literal["auto", "openai", "openrouter", "plain"] = "auto"
    site: str = "http://localhost"
    title: str = "Harry"
    provider: Mapping[str, Any] = Field(default_factory=dict)
    price_in: float | None = Field(None, ge=0)
    price_out: float | None = Field(None, ge=0)
    extra: Annotated[Mapping[str, Any], HIDDEN] = Field(default_factory=dict)
    headers: Annotated[Mapping[str, str], HIDDEN] = Field(default_factory=dict, repr=False)

    @field_validator("base_url")
    @classmethod
    def _an_address(cls, given: str) -> str:
        if not re.fullmatch(r"https?://[^/\s@]+(/[^\s@]*)?", given):
            raise ValueError("an address such as https://openrouter.ai/api/v1 was expected")
        return given.rstrip("/")


def find_dialect(settings: ChatSettings) -> str:
    """Return the server's dialect: `openai`, `openrouter`, or `plain`."""
    if settings.dialect != "auto":
        return settings.dialect
    return {"api.openai.com": "openai", "openrouter.ai": "openrouter"}.get(host_of(settings.base_url), "plain")


def read_key(name: str, settings: ChatSettings) -> str:
    """Return the key, "" for none. Raises `EngineUnavailable` if the variable that should hold it is not set."""
    if settings.api_key is not None:
        return settings.api_key.get_secret_value().strip()
    if settings.api_key_env is None:
        return ""
    key = os.environ.get(settings.api_key_env, "").strip()
    if not key:
        raise EngineUnavailable(
            f"{name} needs a key, and the variable {settings.api_key_env} is not set.",
            remedy=f"Set it: export {settings.api_key_env}=...",
        )
    return key
