"""A language model behind an OpenAI-compatible server, near or far: OpenAI, OpenRouter, Ollama, LM Studio, llama.cpp.

The reply streams; cancelling it closes the connection at once, so that the server stops writing. Deadlines count only
the time the server takes: they stand still while the voice is behind.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import trio
from pydantic import Field, SecretStr, field_validator

from actors.protocols import Delta, ImagePart, Message, Request, TextDelta, TextPart, Usage
from harry.errors import EngineError, EngineTimeout, EngineUnavailable
from harry.mind.http import failures, host_of, new_client, posted, received
from harry.mind.patience import Patience
from harry.mind.sse import EventReader
from harry.registry import EngineSettings

if TYPE_CHECKING:
    import httpx

_LARGEST_BODY = 4 << 20
"""Bytes of a reply that comes in one piece."""

_LINGER = 0.1
"""Seconds that a server has to end its answer after the mark for that."""

_CODE = re.compile(r"[a-z][a-z_]{2,40}")
"""An error's code that may be shown. Its message may not: servers repeat keys and prompts in it."""


class OpenAIChat:
    """One model of one server; any number of replies at a time, over one pool of connections."""

    class Settings(EngineSettings):
        """`base_url` ends before `/chat/completions`; deadlines are seconds of the server's time.

        `first_token_deadline` holds until the first sign of an answer, and between any two.
        """

        base_url: str
        model: str = Field(min_length=1)
        api_key: SecretStr | None = None
        api_key_env: str | None = None
        first_token_deadline: float = Field(10.0, gt=0)
        total_deadline: float = Field(120.0, gt=0)
        temperature: float | None = Field(None, ge=0, le=2)
        top_p: float | None = Field(None, gt=0, le=1)
        max_tokens: int | None = Field(None, ge=1)
        headers: Mapping[str, str] = Field(default_factory=dict, repr=False)

        @field_validator("base_url")
        @classmethod
        def _an_address(cls, given: str) -> str:
            if not re.fullmatch(r"https?://[^/\s@]+(/[^\s@]*)?", given):
                raise ValueError("an address such as https://openrouter.ai/api/v1 was expected")
            return given.rstrip("/")

    def __init__(self, name: str, settings: Settings, client: httpx.AsyncClient) -> None:
        self.name = name
        self._settings = settings
        self._client = client

    @classmethod
    def load(cls, name: str, settings: Settings) -> OpenAIChat:
        """Prepare the connections; asks nothing of the server. Raises `EngineUnavailable` when the key is missing."""
        headers = {"Accept": "text/event-stream", "Accept-Encoding": "identity", **settings.headers}
        key = _key(name, settings)
        if key:
            headers["Authorization"] = f"Bearer {key}"
        if not all(value.isascii() and value.isprintable() for value in headers.values()):
            raise EngineUnavailable(
                f"The key or a header of {name} has characters that cannot be sent.", remedy="Copy it again."
            )
        return cls(name, settings, new_client(settings.base_url, headers))

    def describe(self) -> str:
        """One line for the account."""
        return f"{self._settings.model} ({host_of(self._settings.base_url)})"

    async def aclose(self) -> None:
        """Close every connection."""
        await self._client.aclose()

    async def reply(self, request: Request, emit: Callable[[Delta], Awaitable[None]]) -> None:
        """Answer, delta by delta.

        Raises `EngineUnavailable` (no connection, key, credit or model), `EngineTimeout`, else `EngineError`.
        """
        settings = self._settings
        patience = Patience(self.name, each=settings.first_token_deadline, total=settings.total_deadline)
        with patience, failures(settings.base_url):
            url = f"{settings.base_url}/chat/completions"
            async with posted(self._client, url, self._body(request)) as response:
                if response.status_code != 200:
                    raise self._refused(response.status_code, await _beginning(response, 1 << 16))
                async with aclosing(self._bodies(response)) as bodies:
                    async for body in bodies:
                        for delta in self._deltas(body, patience):
                            with patience.at_rest():
                                await emit(delta)

    def _body(self, request: Request) -> dict[str, Any]:
        settings = self._settings
        # OpenAI's own newer models accept only the second name; other servers know only the first.
        limit = "max_completion_tokens" if host_of(settings.base_url) == "api.openai.com" else "max_tokens"
        body = {
            "model": settings.model,
            "messages": [{"role": message.role.value, "content": content(message)} for message in request.messages],
            limit: min(request.max_tokens, settings.max_tokens or request.max_tokens),
            "temperature": settings.temperature,
            "top_p": settings.top_p,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        return {key: value for key, value in body.items() if value is not None}

    async def _bodies(self, response: httpx.Response) -> AsyncGenerator[Any, None]:
        """Yield each JSON object of the reply, whether it streams or comes in one piece."""
        if response.headers.get("content-type", "").startswith("application/json"):
            yield self._parsed((await _beginning(response, _LARGEST_BODY)).decode("utf-8", "replace"))
            return
        events = EventReader()
        async with received(response) as chunks:
            async for more in chunks:
                for event in events.feed(more):
                    if event.strip() == "[DONE]":
                        # A body read to its end leaves the connection open for the next turn.
                        with trio.move_on_after(_LINGER):
                            async for _ in chunks:
                                pass
                        return
                    yield self._parsed(event)
        for event in events.end():
            if event.strip() != "[DONE]":
                yield self._parsed(event)

    def _parsed(self, event: str) -> Any:
        try:
            return json.loads(event)
        except ValueError as error:
            raise EngineError(f"{host_of(self._settings.base_url)} sent what is not an answer.") from error

    def _deltas(self, body: Any, patience: Patience) -> list[Delta]:
        try:
            if body.get("error"):
                error = body["error"]
                code = error.get("code") if isinstance(error, dict) else None
                raise self._refused(code if isinstance(code, int) else 500, json.dumps(body).encode())
            said: list[Delta] = []
            for choice in body.get("choices") or ():
                delta = choice.get("delta") or choice.get("message") or {}
                if delta:
                    # Reasoning is not spoken, but it is a sign of life.
                    patience.renew()
                text = delta.get("content")
                if text:
                    said.append(TextDelta(str(text)))
            usage = body.get("usage")
            if usage:
                said.append(Usage(int(usage["prompt_tokens"]), int(usage["completion_tokens"]), usage.get("cost")))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise EngineError(f"{host_of(self._settings.base_url)} sent what is not an answer.") from error
        return said

    def _refused(self, status: int, body: bytes) -> EngineError:
        """Say what an HTTP status, or an error in the stream, means."""
        host, model = host_of(self._settings.base_url), self._settings.model
        known: dict[int, EngineError] = {
            401: EngineUnavailable(f"{host} does not accept the key.", remedy="Check the key, or make a new one."),
            402: EngineUnavailable(f"There is no credit left at {host}.", remedy="Add credit, or use another mind."),
            404: EngineUnavailable(f"{host} does not know the model {model!r}.", remedy="Name another model."),
            408: EngineTimeout(f"{host} took too long."),
            413: EngineError(f"The conversation has become too long for {model!r}."),
            429: EngineError(f"{host} has been asked too often.", remedy="Wait a minute, then ask again."),
        }
        known[403] = known[401]
        if status in known:
            return known[status]
        if status >= 500:
            return EngineError(f"{host} is in trouble (error {status}).", remedy="Ask again in a minute.")
        return EngineError(f"{host} refused the question (error {status}{_shown_code(body)}).")


def content(message: Message) -> str | list[dict[str, Any]]:
    """Write a message's parts as the protocol wants them: plain text where there are no pictures."""
    if not any(isinstance(part, ImagePart) for part in message.parts):
        return "".join(part.text for part in message.parts if isinstance(part, TextPart))
    return [
        {"type": "text", "text": part.text}
        if isinstance(part, TextPart)
        else {"type": "image_url", "image_url": {"url": part.uri}}
        for part in message.parts
        if isinstance(part, TextPart | ImagePart)
    ]


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


def _shown_code(body: bytes) -> str:
    try:
        error = json.loads(body).get("error")
        codes = [error.get("code"), error.get("type")]
    except (ValueError, AttributeError):
        return ""
    return next((f", {code}" for code in codes if isinstance(code, str) and _CODE.fullmatch(code)), "")


async def _beginning(response: httpx.Response, most: int) -> bytes:
    """Read at most `most` bytes of a body, and a little more."""
    read = bytearray()
    async with received(response) as chunks:
        async for more in chunks:
            read += more
            if len(read) >= most:
                break
    return bytes(read)
