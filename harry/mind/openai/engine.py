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
from harry.engines.http_server import FIRST_PAUSE, check_server, read_headers
from harry.engines.refusals import explain_refusal, explain_web_page, find_error, read_retry_after
from harry.errors import EngineBusy, EngineError
from harry.files.json_text import parse_json
from harry.mind.openai.body import DONE, AnswerBody, WebPageError
from harry.mind.openai.concessions import Concessions
from harry.mind.openai.reply import AllThoughtError, ChatReply
from harry.mind.openai.request import build_body
from harry.mind.openai.settings import ChatSettings, find_dialect
from harry.net.egress import host_of, is_loopback, permit
from harry.net.http_client import new_client, post, read_beginning, stream_body, translate_errors

if TYPE_CHECKING:
    import httpx

log = structlog.get_logger(__name__)

_LINGER = 0.1
"""Seconds that a server has to end its answer after the mark for that."""

_MOST_WAYS = 8
"""Ways in which one question is put to a server that refuses them."""

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
        self._way = Concessions(left_out=frozenset(settings.leave_out))
        self._thinks = settings.thinking

    @classmethod
    def load(cls, name: str, settings: ChatSettings) -> OpenAIChat:
        """Prepare the connections; asks nothing of the server.

        Raises `EngineUnavailable` when the key is missing, or the server is elsewhere and `local_only` is set.
        """
        permit(settings.base_url, "a language model")
        headers = {"Accept": "text/event-stream", "Accept-Encoding": "identity"}
        if find_dialect(settings) == "openrouter":
            headers |= {"HTTP-Referer": settings.site, "X-Title": settings.title}
        headers |= read_headers(name, settings)
        return cls(name, settings, new_client(settings.base_url, headers))

    @classmethod
    def check_available(cls, name: str, settings: ChatSettings) -> None:
        """Raise `EngineUnavailable` if the key is missing, or `local_only` forbids the address; asks nobody."""
        check_server(name, settings, "a language model")

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
                reply = self._new_reply(request, patience, emit)
                try:
                    await self._ask(request, reply)
                except EngineBusy as error:
                    pause = max(random.uniform(0.5, 1) * FIRST_PAUSE * 3**tries, error.after or 0.0)  # noqa: S311  no secret
                    worth = _WORTH_WAITING if request.purpose == "reply" else patience.left
                    if tries == settings.retries or reply.begun or pause > min(worth, patience.left):
                        raise
                    log.info("asking a busy server again", engine=self.name, seconds=round(pause, 2), cause=str(error))
                    await trio.sleep(pause)
                else:
                    return

    def _new_reply(
        self, request: Request, patience: ProgressDeadline, emit: Callable[[Delta], Awaitable[None]]
    ) -> ChatReply:
        return ChatReply(self._host, self._settings, patience, emit, request, thinking=self._thinks)

    async def _ask(self, request: Request, reply: ChatReply) -> None:
        """Ask in the way that this server takes; what it refuses is left out, and is remembered if that helped."""
        way = self._way
        refusal: EngineError
        for _ in range(_MOST_WAYS):
            adapted = way.adapt(request)
            body = way.trim(build_body(self._settings, adapted, way.format))
            try:
                await self._ask_with(body, request.purpose, reply)
            except _Refused as refused:
                other = None if reply.begun else way.concede(refused.status, refused.said, body, adapted)
                if other is None or other == way:
                    log.warning("a mind refused", engine=self.name, host=self._host, status=refused.status)
                    raise refused.error from None
                way, refusal = other, refused.error
                reply.restart()
            except AllThoughtError as silence:
                if self._settings.thinking or reply.begun:
                    raise
                log.info("a mind no longer begins its replies within a thought", engine=self.name)
                self._thinks, refusal = False, silence
                reply.restart(thinking=False)
            else:
                self._remember(way, reply)
                return
        raise refusal

    def _remember(self, way: Concessions, reply: ChatReply) -> None:
        """Remember how this server answered, and say so once."""
        if way != self._way:
            log.warning("a mind answers only so", engine=self.name, host=self._host, asked=way.describe(self._way))
            self._way = way
        if reply.lost_opening and not self._thinks:
            log.info("a mind begins its replies within a thought", engine=self.name)
            self._thinks = True

    async def _ask_with(self, sent: Mapping[str, Any], purpose: str, reply: ChatReply) -> None:
        url = f"{self._settings.base_url}/chat/completions"
        with translate_errors(url):
            async with post(self._client, url, sent, purpose) as response:
                if response.status_code != 200:
                    said = await read_beginning(response, 1 << 16)
                    raise self._refused(response.status_code, said, response.headers)
                try:
                    async with aclosing(self._bodies(response)) as bodies:
                        async for body in bodies:
                            self._check(body)
                            if not await reply.take(body):
                                break
                        await reply.end()
                except WebPageError:
                    raise explain_web_page(self._host) from None

    async def _bodies(self, response: httpx.Response) -> AsyncGenerator[Any, None]:
        """Yield each JSON object of the reply, however it comes; None for the end's mark."""
        body = AnswerBody(response.headers.get("content-encoding", ""))
        async with stream_body(response) as chunks:
            async for more in chunks:
                for text in body.feed(more):
                    if text != DONE:
                        for given in self._parsed(text):
                            yield given
                        continue
                    yield None
                    # A body read to its end leaves the connection open for the next turn.
                    with trio.move_on_after(_LINGER):
                        async for _ in chunks:
                            pass
                    return
        for text in body.end():
            if text == DONE:
                yield None
                return
            for given in self._parsed(text):
                yield given

    def _parsed(self, text: str) -> list[dict[str, Any]]:
        """Read an event: an object, a list of them, or one in each line where no empty line parts the events."""
        try:
            read = parse_json(text)
        except ValueError as error:
            lines = [line for line in text.splitlines() if line.strip() and line.strip() != DONE]
            if len(lines) < 2:
                raise EngineError(f"{self._host} sent what is not an answer.") from error
            return [given for line in lines for given in self._parsed(line)]
        objects = read if isinstance(read, list) else [read]
        if not objects or not all(isinstance(given, dict) for given in objects):
            raise EngineError(f"{self._host} sent what is not an answer.")
        return objects

    def _check(self, body: Mapping[str, Any] | None) -> None:
        """Raise what an error within the stream means."""
        error = find_error(body) if body else None
        if error is not None:
            code = error.get("code") if isinstance(error, dict) else None
            status = code if isinstance(code, int) and 400 <= code < 600 else 500
            raise self._refused(status, json.dumps({"error": error}).encode(), {})

    def _refused(self, status: int, said: bytes, headers: Mapping[str, str]) -> _Refused:
        error = explain_refusal(
            status,
            said,
            host=self._host,
            model=self._settings.model,
            after=read_retry_after(headers),
            base_url=self._settings.base_url,
            location=headers.get("location", ""),
        )
        return _Refused(status, said, error)


class _Refused(Exception):  # noqa: N818  it never leaves this module
    """An answer that is an error, before it is known whether the question can be put in another way."""

    def __init__(self, status: int, said: bytes, error: EngineError) -> None:
        super().__init__(status)
        self.status = status
        self.said = said
        self.error = error
