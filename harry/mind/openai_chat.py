"""A language model behind an OpenAI-compatible server, near or far: OpenAI, OpenRouter, Ollama, LM Studio, llama.cpp.

The reply streams; cancelling it closes the connection at once, so that the server stops writing. Deadlines count only
the time the server takes: they stand still while the voice is behind.
"""

from __future__ import annotations

import json
import os
import random
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import structlog
import trio
from pydantic import Field, SecretStr, field_validator

from actors.protocols import Delta, Request, Role, TextDelta, Usage
from harry.egress import host_of, is_loopback, permit
from harry.errors import EngineBusy, EngineError, EngineUnavailable
from harry.mind.chat_wire import ReplyStream, tools_written, written
from harry.mind.http import failures, new_client, posted, received
from harry.mind.patience import Patience
from harry.mind.refusals import refusal, retry_after
from harry.mind.sse import EventReader
from harry.registry import EngineSettings

if TYPE_CHECKING:
    import httpx

log = structlog.get_logger(__name__)

_LARGEST_BODY = 4 << 20
"""Bytes of a reply that comes in one piece."""

_LONGEST_REPLY = 1 << 20
"""Characters of a reply that are taken; whoever asked for 512 tokens needs no more."""

_LINGER = 0.1
"""Seconds that a server has to end its answer after the mark for that."""

_FIRST_PAUSE = 0.3
"""Seconds before a second try, at most; each further one waits up to three times as long as the one before."""

_WORTH_WAITING = 2.0
"""Seconds that somebody is kept waiting in silence for another try."""

_FORMATS = ("json_schema", "json_object", "none")
"""How a server is asked to keep to a schema, the strictest first; one that refuses a way is asked in the next."""

_FIT = "Answer with one JSON object and nothing else. It must fit this JSON Schema:\n"


class OpenAIChat:
    """One model of one server; any number of replies at a time, over one pool of connections."""

    class Settings(EngineSettings):
        """`base_url` ends before `/chat/completions`; deadlines are seconds of the server's time.

        `first_token_deadline` holds until the first sign of an answer, tries and pauses included, and between any two
        signs. `retries` are further tries at a busy server, before it has said anything. `dialect` says whose habits
        the server has; `auto` tells it by the address. `site` and `title` are told to OpenRouter, and its `provider`
        preferences default to `data_collection = "deny"`: nobody who keeps what is said. `price_in` and `price_out` are
        the cost of a million tokens, for servers that do not tell what a reply cost. `thinking`: the model begins each
        reply within a thought, without the mark for it. `extra` is added to each request as it stands.
        """

        base_url: str
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
        extra: Mapping[str, Any] = Field(default_factory=dict)
        headers: Mapping[str, str] = Field(default_factory=dict, repr=False)

        @field_validator("base_url")
        @classmethod
        def _an_address(cls, given: str) -> str:
            if not re.fullmatch(r"https?://[^/\s@]+(/[^\s@]*)?", given):
                raise ValueError("an address such as https://openrouter.ai/api/v1 was expected")
            return given.rstrip("/")

    light: ClassVar[bool] = True
    """It costs next to nothing to have it ready."""

    def __init__(self, name: str, settings: Settings, client: httpx.AsyncClient) -> None:
        self.name = name
        self._settings = settings
        self._client = client
        self._host = host_of(settings.base_url)
        self._dialect = _dialect(settings)
        self._format = 0

    @classmethod
    def load(cls, name: str, settings: Settings) -> OpenAIChat:
        """Prepare the connections; asks nothing of the server.

        Raises `EngineUnavailable` when the key is missing, or the server is elsewhere and `local_only` is set.
        """
        permit(settings.base_url, "a language model")
        headers = {"Accept": "text/event-stream", "Accept-Encoding": "identity"}
        if _dialect(settings) == "openrouter":
            headers |= {"HTTP-Referer": settings.site, "X-Title": settings.title}
        headers |= settings.headers
        key = _key(name, settings)
        if key:
            headers["Authorization"] = f"Bearer {key}"
        if not all(value.isascii() and value.isprintable() for value in headers.values()):
            raise EngineUnavailable(
                f"The key or a header of {name} has characters that cannot be sent.", remedy="Copy it again."
            )
        return cls(name, settings, new_client(settings.base_url, headers))

    @property
    def local(self) -> bool:
        """Whether the model is on this computer, so that nothing leaves it and nothing is charged."""
        return is_loopback(self._settings.base_url)

    def describe(self) -> str:
        """One line for the account."""
        return f"{self._settings.model} ({self._host})"

    async def aclose(self) -> None:
        """Close every connection."""
        await self._client.aclose()

    async def reply(self, request: Request, emit: Callable[[Delta], Awaitable[None]]) -> None:
        """Answer, delta by delta. A busy server is asked again, as long as it has said nothing.

        Raises `EngineUnavailable` (no connection, key, credit or model), `EngineTimeout`, else `EngineError`.
        """
        settings = self._settings
        with Patience(self.name, each=settings.first_token_deadline, total=settings.total_deadline) as patience:
            for tries in range(settings.retries + 1):
                reply = _Reply(self._host, settings, patience, emit)
                try:
                    await self._ask(request, reply)
                except EngineBusy as error:
                    pause = max(random.uniform(0.5, 1) * _FIRST_PAUSE * 3**tries, error.after or 0.0)  # noqa: S311  no secret
                    worth = _WORTH_WAITING if request.purpose == "reply" else patience.left
                    if tries == settings.retries or reply.begun or pause > min(worth, patience.left):
                        raise
                    log.info("asking a busy server again", engine=self.name, seconds=round(pause, 2), cause=str(error))
                    await trio.sleep(pause)
                else:
                    return

    async def _ask(self, request: Request, reply: _Reply) -> None:
        """Ask once; a way of asking for a schema that the server does not know is not tried again."""
        way = self._format
        while True:
            try:
                await self._ask_in(_FORMATS[way], request, reply)
            except _Refused as refused:
                if request.schema is None or refused.status not in (400, 422) or way + 1 == len(_FORMATS):
                    log.warning("a mind refused", engine=self.name, host=self._host, status=refused.status)
                    raise refused.error from None
                way += 1
            else:
                self._format = max(self._format, way)
                return

    async def _ask_in(self, way: str, request: Request, reply: _Reply) -> None:
        url = f"{self._settings.base_url}/chat/completions"
        with failures(url):
            async with posted(self._client, url, self._body(request, way), request.purpose) as response:
                if response.status_code != 200:
                    body = await _beginning(response, 1 << 16)
                    raise _Refused(response.status_code, self._refusal(response.status_code, body, response.headers))
                async with aclosing(self._bodies(response)) as bodies:
                    async for body in bodies:
                        self._check(body)
                        if not await reply.take(body):
                            return
                    await reply.end()

    def _body(self, request: Request, way: str) -> dict[str, Any]:
        settings = self._settings
        messages = written(request.messages)
        # OpenAI's own newer models accept only the second name; other servers know only the first.
        limit = "max_completion_tokens" if self._dialect == "openai" else "max_tokens"
        body = {
            "model": settings.model,
            "messages": messages,
            limit: min(request.max_tokens, settings.max_tokens or request.max_tokens),
            **{name: getattr(settings, name) for name in _SAMPLING},
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if request.tools:
            body["tools"] = tools_written(request.tools)
        if request.schema is not None:
            body |= _held_to(request.schema, way, messages)
        if self._dialect == "openrouter":
            body |= {"usage": {"include": True}, "provider": {"data_collection": "deny", **settings.provider}}
        elif settings.provider:
            body["provider"] = dict(settings.provider)
        return {key: value for key, value in {**body, **settings.extra}.items() if value is not None}

    async def _bodies(self, response: httpx.Response) -> AsyncGenerator[Any, None]:
        """Yield each JSON object of the reply, whether it streams or comes in one piece; None for the end's mark."""
        if response.headers.get("content-type", "").startswith("application/json"):
            yield self._parsed((await _beginning(response, _LARGEST_BODY)).decode("utf-8", "replace"))
            yield None
            return
        events = EventReader()
        async with received(response) as chunks:
            async for more in chunks:
                for event in events.feed(more):
                    if event.strip() == "[DONE]":
                        yield None
                        # A body read to its end leaves the connection open for the next turn.
                        with trio.move_on_after(_LINGER):
                            async for _ in chunks:
                                pass
                        return
                    yield self._parsed(event)
        for event in events.end():
            yield None if event.strip() == "[DONE]" else self._parsed(event)

    def _parsed(self, event: str) -> Any:
        try:
            body = json.loads(event)
        except (ValueError, RecursionError) as error:
            raise EngineError(f"{self._host} sent what is not an answer.") from error
        if not isinstance(body, dict):
            raise EngineError(f"{self._host} sent what is not an answer.")
        return body

    def _check(self, body: Mapping[str, Any] | None) -> None:
        """Raise what an error within the stream means."""
        error = body.get("error") if body else None
        if error:
            code = error.get("code") if isinstance(error, dict) else None
            raise self._refusal(code if isinstance(code, int) else 500, json.dumps(body).encode(), {})

    def _refusal(self, status: int, body: bytes, headers: Mapping[str, str]) -> EngineError:
        return refusal(status, body, host=self._host, model=self._settings.model, after=retry_after(headers))


class _Refused(Exception):  # noqa: N818  it never leaves this module
    """An answer other than 200, before it is known whether the question can be put in another way."""

    def __init__(self, status: int, error: EngineError) -> None:
        super().__init__(status)
        self.status = status
        self.error = error


class _Reply:
    """One try: reads the stream, hands on what it says, and knows whether anything was handed on."""

    def __init__(
        self,
        host: str,
        settings: OpenAIChat.Settings,
        patience: Patience,
        emit: Callable[[Delta], Awaitable[None]],
    ) -> None:
        self.begun = False
        self._stream = ReplyStream(host, thinking=settings.thinking)
        self._settings = settings
        self._patience = patience
        self._emit = emit
        self._length = 0
        self._marked = False

    async def take(self, body: Mapping[str, Any] | None) -> bool:
        """Take in an object of the stream, None for the mark of its end. False: that was more than anybody needs."""
        if body is None:
            self._marked = True
            return True
        deltas, alive = self._stream.feed(body)
        if alive:
            self._patience.renew()
        await self._hand_on(deltas)
        return self._length < _LONGEST_REPLY

    async def end(self) -> None:
        """Take the reply as over."""
        await self._hand_on(self._stream.end(whole=self._marked))

    async def _hand_on(self, deltas: list[Delta]) -> None:
        for delta in deltas:
            self.begun = True
            if isinstance(delta, TextDelta):
                self._length += len(delta.text)
            with self._patience.at_rest():
                await self._emit(self._priced(delta) if isinstance(delta, Usage) else delta)

    def _priced(self, usage: Usage) -> Usage:
        into, out = self._settings.price_in, self._settings.price_out
        if usage.cost is not None or (into is None and out is None):
            return usage
        cost = (usage.prompt_tokens * (into or 0.0) + usage.completion_tokens * (out or 0.0)) / 1e6
        return Usage(usage.prompt_tokens, usage.completion_tokens, cost)


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


def _held_to(schema: Mapping[str, Any], way: str, messages: list[dict[str, Any]]) -> dict[str, Any]:
    """How a request asks for a schema; where the server knows none, `messages` says it in words."""
    if way == "json_schema":
        strict = schema.get("additionalProperties") is False
        return {"response_format": {"type": way, "json_schema": {"name": "reply", "schema": schema, "strict": strict}}}
    words = f"{_FIT}{json.dumps(schema, ensure_ascii=False)}"
    if messages and messages[0]["role"] == Role.SYSTEM.value and isinstance(messages[0]["content"], str):
        messages[0]["content"] += f"\n\n{words}"
    else:
        messages.insert(0, {"role": Role.SYSTEM.value, "content": words})
    return {"response_format": {"type": way}} if way == "json_object" else {}


def _dialect(settings: OpenAIChat.Settings) -> str:
    if settings.dialect != "auto":
        return settings.dialect
    return {"api.openai.com": "openai", "openrouter.ai": "openrouter"}.get(host_of(settings.base_url), "plain")


def _key(name: str, settings: OpenAIChat.Settings) -> str:
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


async def _beginning(response: httpx.Response, most: int) -> bytes:
    """Read at most `most` bytes of a body, and a little more."""
    read = bytearray()
    async with received(response) as chunks:
        async for more in chunks:
            read += more
            if len(read) >= most:
                break
    return bytes(read)
