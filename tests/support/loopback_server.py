"""A door on loopback with a host of scripted engines behind it, and a client that says exactly the bytes it is told."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h11
import trio
from trio_websocket import WebSocketConnection, wrap_client_stream

from harry.config.loading import Config
from harry.config.sections import User, Web
from harry.daemon.web_server import WebServer, opened
from harry.engines.engine_set import Engines
from harry.engines.lease import EnginePool
from harry.host.host import Host
from harry.host.hosting import hosting
from harry.host.storage import Storage
from harry.memory.store.in_memory import InMemoryStore
from harry.testing.engines import ScriptedLanguageModel
from harry.web.server.listener import listen


@dataclass
class Answer:
    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name), None)

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Away:
    """A door and a token for `ann`."""

    front: WebServer
    host: Host
    token: str

    @property
    def port(self) -> int:
        return self.front.port

    async def connect(self) -> trio.SocketStream:
        return await trio.open_tcp_stream("127.0.0.1", self.port)

    async def ask(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        headers: dict[str, str] | None = None,
        body: bytes = b"",
    ) -> Answer:
        """Ask once on a connection of its own; `token` "" sends none."""
        given = {"Host": f"127.0.0.1:{self.port}", **(headers or {})}
        bearer = self.token if token is None else token
        if bearer:
            given.setdefault("Authorization", f"Bearer {bearer}")
        if body:
            given.setdefault("Content-Length", str(len(body)))
        head = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in given.items())
        async with await self.connect() as stream:
            await stream.send_all(head.encode("latin-1") + b"\r\n" + body)
            return await read_answer(stream, method)


async def read_answer(stream: trio.abc.ReceiveStream, method: str = "GET") -> Answer:
    client = h11.Connection(h11.CLIENT)
    hoped = [("Host", "x"), ("Connection", "upgrade"), ("Upgrade", "websocket")]
    client.send(h11.Request(method=method, target="/", headers=hoped))
    client.send(h11.EndOfMessage())
    answer = Answer(0)
    with trio.fail_after(20):
        while True:
            event = client.next_event()
            if event is h11.NEED_DATA:
                client.receive_data(bytes(await stream.receive_some(65536)))
            elif isinstance(event, h11.Response):
                answer.status = event.status_code
                answer.headers = [(name.decode(), value.decode()) for name, value in event.headers]
                if event.status_code == 101:
                    return answer
            elif isinstance(event, h11.Data):
                answer.body += event.data
            elif isinstance(event, h11.InformationalResponse) and event.status_code == 101:
                answer.status = 101
                answer.headers = [(name.decode(), value.decode()) for name, value in event.headers]
                return answer
            elif isinstance(event, h11.EndOfMessage | h11.ConnectionClosed):
                return answer


def upgrade(**more: str) -> dict[str, str]:
    return {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        **{name.replace("_", "-"): value for name, value in more.items()},
    }


@asynccontextmanager
async def open_socket(
    door: Away, path: str = "/test/echo", subprotocols: Sequence[str] = (), *, token: str | None = None
) -> AsyncIterator[WebSocketConnection]:
    """A client whose stream is closed at the end, whoever said farewell first."""
    headers = [] if subprotocols else [(b"Authorization", f"Bearer {token or door.token}".encode())]
    async with await door.connect() as stream, trio.open_nursery() as nursery:
        client = await wrap_client_stream(
            nursery, stream, f"127.0.0.1:{door.port}", path, subprotocols=subprotocols, extra_headers=headers
        )
        yield client
        await client.aclose()
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def away(
    folder: Path | None = None, *, store: Any = None, engines: Engines | None = None, **web: Any
) -> AsyncIterator[Away]:
    config = Config(web=Web(port=0, **web), user=User(name="owner"))
    if folder is not None:
        config._data_folder = folder
    scripted = ScriptedLanguageModel("scripted", ["one two three."])
    engines = engines or Engines(language_model=EnginePool("language_model", scripted))
    async with AsyncExitStack() as held:
        listeners = await listen("127.0.0.1", 0)
        for each in listeners:
            held.push_async_callback(each.aclose)
        kept = store or InMemoryStore()
        host = await held.enter_async_context(hosting(config, engines, Storage.of(kept), most=1 + config.web.sessions))
        front = await held.enter_async_context(opened(config, host, listeners, keeps=folder is not None))
        yield Away(front, host, front.tokens.new("ann"))
