"""A language model behind an OpenAI-compatible server, near or far: OpenAI, OpenRouter, Ollama, LM Studio, llama.cpp.

The reply streams; cancelling it closes the connection at once, so that the server stops writing. Deadlines count only
the time the server takes: they stand still while the voice is behind.
"""

from __future__ import annotations

import json
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import structlog
import trio

from actors.protocols import Delta, EngineTraits, Request
from harry.engines.deadline import ProgressDeadline
from harry.errors import EngineBusy, EngineError, EngineUnavailable
from harry.files.json_text import parse_json
from harry.mind.openai.errors import explain_refusal, read_retry_after
from harry.mind.openai.reply import ChatReply
from harry.mind.openai.request import FORMATS, build_body
from harry.mind.openai.settings import ChatSettings, find_dialect, read_key
from harry.net.egress import host_of, is_loopback, permit
from harry.net.http_client import new_client, post, stream_body, translate_errors
from harry.net.sse import EventReader

if TYPE_CHECKING:
    import httpx

log = structlog.get_logger(__name__)

_MAX_BODY_BYTES = 4 << 20
"""Bytes of a reply that comes in one piece."""

_LINGER = 0.1
"""Seconds that a server has to end its answer after the mark for that."""

_FIRST_PAUSE = 0.3
"""Seconds before a second try, at most; each further one waits up to three times as long as the one before."""

_WORTH_WAITING = 2.0
"""Seconds that somebody is kept waiting in silence for another try."""


class OpenAIChat:
    """One model of one server; any number of replies at a time, over one pool of connections."""

    Settings = ChatSettings

    traits: EngineTraits = EngineTraits(light=True)

    def __init__(self, name: str, settings: ChatSettings, client: httpx.AsyncClient) -> None:
        self.name = name
        self._settings = settings
        self._client = client
        self._host = host_of(settings.base_url)
        self.traits = replace(self.traits, local=is_loopback(settings.base_url))
        self._format = 0

    @classmethod
    def load(cls, name: str, settings: ChatSettings) -> OpenAIChat:
        """Prepare the connections; asks nothing of the server.

        Raises `EngineUnavailable` when the key is missing, or the server is elsewhere and `local_only` is set.
        """
        permit(settings.base_url, "a language model")
        headers = {"Accept": "text/event-stream", "Accept-Encoding": "identity"}
        if find_dialect(settings) == "openrouter":
            headers |= {"HTTP-Referer": settings.site, "X-Title": settings.title}
        headers |= settings.headers
        key = read_key(name, settings)
        if key:
            headers["Authorization"] = f"Bearer {key}"
        if not all(value.isascii() and value.isprintable() for value in headers.values()):
            raise EngineUnavailable(
                f"The key or a header of {name} has characters that cannot be sent.", remedy="Copy it again."
            )
        return cls(name, settings, new_client(settings.base_url, headers))

    @classmethod
    def check_available(cls, name: str, settings: ChatSettings) -> None:
        """Raise `EngineUnavailable` if the key is missing, or `local_only` forbids the address; asks nobody."""
        permit(settings.base_url, "a language model")
        read_key(name, settings)

    def describe(self) -> str:
        """Return one line for the startup report."""
        return f"{self._settings.model} ({self._host})"

    async def aclose(self) -> None:
        """Close every connection."""
        await self._client.aclose()

    async def reply(self, request: Request, emit: Callable[[Delta], Awaitable[None]]) -> None:
        """Answer, delta by delta. A busy server is asked again, as long as it has said nothing.

        Raises `EngineUnavailable` (no connection, key, credit or model), `EngineTimeout`, else `EngineError`.
        """
        settings = self._settings
        with ProgressDeadline(
            self.name, between_signs=settings.first_token_deadline, total=settings.total_deadline
        ) as patience:
            for tries in range(settings.retries + 1):
                reply = ChatReply(self._host, settings, patience, emit)
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

    async def _ask(self, request: Request, reply: ChatReply) -> None:
        """Ask once; a way of asking for a schema that the server does not know is not tried again."""
        way = self._format
        while True:
            try:
                await self._ask_in(FORMATS[way], request, reply)
            except _Refused as refused:
                if request.schema is None or refused.status not in (400, 422) or way + 1 == len(FORMATS):
                    log.warning("a mind refused", engine=self.name, host=self._host, status=refused.status)
                    raise refused.error from None
                way += 1
            else:
                self._format = max(self._format, way)
                return

    async def _ask_in(self, way: str, request: Request, reply: ChatReply) -> None:
        url = f"{self._settings.base_url}/chat/completions"
        with translate_errors(url):
            async with post(self._client, url, build_body(self._settings, request, way), request.purpose) as response:
                if response.status_code != 200:
                    body = await _beginning(response, 1 << 16)
                    raise _Refused(response.status_code, self._refusal(response.status_code, body, response.headers))
                async with aclosing(self._bodies(response)) as bodies:
                    async for body in bodies:
                        self._check(body)
                        if not await reply.take(body):
                            return
                    await reply.end()

    async def _bodies(self, response: httpx.Response) -> AsyncGenerator[Any, None]:
        """Yield each JSON object of the reply, whether it streams or comes in one piece; None for the end's mark."""
        if response.headers.get("content-type", "").startswith("application/json"):
            yield self._parsed((await _beginning(response, _MAX_BODY_BYTES)).decode("utf-8", "replace"))
            yield None
            return
        events = EventReader()
        async with stream_body(response) as chunks:
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
            body = parse_json(event)
        except ValueError as error:
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
        return explain_refusal(
            status, body, host=self._host, model=self._settings.model, after=read_retry_after(headers)
        )


class _Refused(Exception):  # noqa: N818  it never leaves this module
    """An answer other than 200, before it is known whether the question can be put in another way."""

    def __init__(self, status: int, error: EngineError) -> None:
        super().__init__(status)
        self.status = status
        self.error = error


async def _beginning(response: httpx.Response, most: int) -> bytes:
    """Read at most `most` bytes of a body, and a little more."""
    read = bytearray()
    async with stream_body(response) as chunks:
        async for more in chunks:
            read += more
            if len(read) >= most:
                break
    return bytes(read)
