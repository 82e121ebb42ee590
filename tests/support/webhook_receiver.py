"""A server of somebody's own, real HTTP on loopback, that is told by webhooks what happens."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any

import h11
import trio


@dataclass
class Told:
    """One request."""

    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class ReceiverServer:
    """Answers with the next of `statuses`; 0: not at all. `told` are the requests that came whole."""

    port: int = 0
    statuses: Iterator[int] = field(default_factory=lambda: repeat(204))
    told: list[Told] = field(default_factory=list)
    _came: trio.Event = field(default_factory=trio.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    async def wait_for(self, count: int) -> list[Told]:
        """Wait until so many requests have come."""
        with trio.fail_after(20):
            while len(self.told) < count:
                await self._came.wait()
        return self.told

    async def serve(self, stream: trio.SocketStream) -> None:
        connection = h11.Connection(h11.SERVER)
        async with stream:
            while True:
                headers, body = {}, b""
                while True:
                    event = connection.next_event()
                    if event is h11.NEED_DATA:
                        connection.receive_data(bytes(await stream.receive_some()))
                    elif isinstance(event, h11.Request):
                        headers = {name.decode(): value.decode() for name, value in event.headers}
                    elif isinstance(event, h11.Data):
                        body += event.data
                    elif isinstance(event, h11.EndOfMessage):
                        break
                    else:
                        return
                self.told.append(Told(headers, body))
                self._came.set()
                self._came = trio.Event()
                status = next(self.statuses)
                if not status:
                    await trio.sleep_forever()
                answer = h11.Response(status_code=status, headers=[("content-length", "0")], reason=b"")
                for part in (answer, h11.EndOfMessage()):
                    await stream.send_all(connection.send(part) or b"")
                connection.start_next_cycle()


@asynccontextmanager
async def receiving(*statuses: int) -> AsyncIterator[ReceiverServer]:
    """Receive; with these statuses first, then with 204."""
    server = ReceiverServer()
    if statuses:
        server.statuses = iter([*statuses, *[204] * 1000])
    async with trio.open_nursery() as nursery:
        [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
        server.port = listener.socket.getsockname()[1]
        nursery.start_soon(trio.serve_listeners, server.serve, [listener])
        yield server
        nursery.cancel_scope.cancel()
