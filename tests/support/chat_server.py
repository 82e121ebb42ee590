"""A server of the OpenAI kind on the loopback interface, real HTTP by h11: what it answers is the test's to say."""

from __future__ import annotations

import gc
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import h11
import trio

from actors.protocols import Delta, Message, Request, Role, TextDelta, TextPart
from harry.mind.openai.engine import OpenAIChat

KEY = "sk-do-not-tell"
STREAM = [("content-type", "text/event-stream"), ("transfer-encoding", "chunked")]


class Client:
    """The server's side of one connection."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self.stream = stream
        self.connection = h11.Connection(h11.SERVER)
        self.gone = trio.Event()

    async def next_event(self) -> Any:
        while True:
            try:
                event = self.connection.next_event()
            except h11.RemoteProtocolError:  # the question was cut in the middle
                return h11.ConnectionClosed()
            if event is not h11.NEED_DATA:
                return event
            try:
                self.connection.receive_data(await self.stream.receive_some())
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                self.connection.receive_data(b"")

    async def send(self, event: Any) -> None:
        try:
            await self.stream.send_all(self.connection.send(event) or b"")
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            self.gone.set()

    async def begin(self, status: int = 200, headers: list[tuple[str, str]] | None = None) -> None:
        await self.send(h11.Response(status_code=status, headers=headers or STREAM))

    async def data(self, text: str | bytes) -> None:
        await self.send(h11.Data(data=text.encode() if isinstance(text, str) else text))

    async def say(self, text: str) -> None:
        await self.data(chunk(content=text))

    async def done(self) -> None:
        await self.data("data: [DONE]\n\n")
        await self.send(h11.EndOfMessage())


Answer = Callable[[Client, dict[str, Any]], Awaitable[None]]


def chunk(**delta: Any) -> str:
    return "data: " + json.dumps({"choices": [{"index": 0, "delta": delta}]}) + "\n\n"


class Server:
    """Answers each request by `answer`, and remembers what it was asked."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.asked: list[dict[str, Any]] = []
        self.heads: list[h11.Request] = []
        self.clients: list[Client] = []
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    async def serve(self, stream: trio.SocketStream) -> None:
        client = Client(stream)
        self.clients.append(client)
        async with stream:
            while True:
                head = await client.next_event()
                if not isinstance(head, h11.Request):
                    break
                self.heads.append(head)
                body = b""
                while isinstance(part := await client.next_event(), h11.Data):
                    body += part.data
                asked = _read(dict(head.headers).get(b"content-type", b""), body)
                self.asked.append(asked)
                async with trio.open_nursery() as nursery:
                    # The end of the connection is noticed while the answer is being written.
                    nursery.start_soon(self._watch, client, nursery.cancel_scope)
                    await self.answer(client, asked)
                    nursery.cancel_scope.cancel()
                if client.connection.our_state is not h11.DONE or client.connection.their_state is not h11.DONE:
                    break
                client.connection.start_next_cycle()
        client.gone.set()

    async def _watch(self, client: Client, answering: trio.CancelScope) -> None:
        try:
            more = await client.stream.receive_some()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            more = b""
        assert not more
        client.gone.set()
        answering.cancel()


def _read(kind: bytes, body: bytes) -> dict[str, Any]:
    """Read a question: an object, or a form with its fields by name and its file under `file`."""
    if not kind.startswith(b"multipart/form-data"):
        return dict(json.loads(body)) if body else {}
    boundary = kind.partition(b"boundary=")[2]
    asked: dict[str, Any] = {}
    for part in body.split(b"--" + boundary)[1:-1]:
        head, _, value = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        name = head.partition(b'name="')[2].partition(b'"')[0].decode()
        value = value.removesuffix(b"\r\n")
        asked[name] = value if name == "file" else value.decode()
    return asked


@asynccontextmanager
async def listening(answer: Answer) -> AsyncIterator[Server]:
    """A server alone; who asks is the test's to say."""
    server = Server(answer)
    async with trio.open_nursery() as nursery:
        listeners: list[trio.SocketListener] = await nursery.start(
            partial(trio.serve_tcp, server.serve, 0, host="127.0.0.1")
        )
        server.port = listeners[0].socket.getsockname()[1]
        yield server
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def serving(answer: Answer, **settings: Any) -> AsyncIterator[tuple[Server, OpenAIChat]]:
    async with listening(answer) as server:
        given = {"base_url": server.url, "model": "tiny", "api_key": KEY, **settings}
        mind = OpenAIChat.load("test", OpenAIChat.Settings.model_validate(given))
        try:
            yield server, mind
        finally:
            with trio.CancelScope(shield=True):
                await mind.aclose()


def request(text: str = "Hello?", **more: Any) -> Request:
    return Request((Message(Role.USER, (TextPart(text),)),), **more)


async def ask(mind: OpenAIChat, what: Request | None = None) -> list[Delta]:
    said: list[Delta] = []

    async def emit(delta: Delta) -> None:
        said.append(delta)

    await mind.reply(what or request(), emit)
    return said


def descriptors() -> int:
    gc.collect()
    return len(list(Path("/proc/self/fd").iterdir()))


def text(said: list[Delta]) -> str:
    return "".join(delta.text for delta in said if isinstance(delta, TextDelta))


async def hang(client: Client, asked: dict[str, Any]) -> None:
    await trio.sleep_forever()


async def speak_for_ever(client: Client, asked: dict[str, Any]) -> None:
    await client.begin()
    while not client.gone.is_set():
        await client.say("word ")


def failing(status: int, body: bytes = b"{}") -> Answer:
    async def answer(client: Client, asked: dict[str, Any]) -> None:
        await client.begin(status, [("content-type", "application/json"), ("content-length", str(len(body)))])
        await client.data(body)
        await client.send(h11.EndOfMessage())

    return answer
