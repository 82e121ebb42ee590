"""A server of the OpenAI kind that streams at a set pace, on the loopback interface: what a mind is measured against.

It notes when it sent its first token and when it saw the connection end.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any

import trio

from channels.signals import Signal

_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


class PacedServer:
    """Answers each question with `tokens(question)`, `pace` seconds apart; None among them hangs for ever."""

    def __init__(self, tokens: Callable[[dict[str, Any]], Sequence[str | None]], pace: float) -> None:
        self.url = ""
        self.first_sent: list[float] = []
        self.ended: list[float] = []
        self.saw_end = trio.Event()
        self._tokens = tokens
        self._pace = pace
        self._open = 0
        self._closing = Signal()

    async def wait_idle(self) -> None:
        """Wait until no connection is open."""
        while self._open:
            await self._closing.wait()

    async def serve(self, stream: trio.SocketStream) -> None:
        """Serve one connection, question after question."""
        self._open += 1
        try:
            await self._serve(stream)
        finally:
            self._open -= 1
            self._closing.notify()

    async def _serve(self, stream: trio.SocketStream) -> None:
        async with stream:
            while (question := await _question(stream)) is not None:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._watch, stream, nursery.cancel_scope)
                    # Its end is the watcher's to notice.
                    with suppress(trio.BrokenResourceError):
                        await self._answer(stream, question)
                        nursery.cancel_scope.cancel()

    async def _watch(self, stream: trio.SocketStream, answering: trio.CancelScope) -> None:
        """Stop answering when the client leaves; nothing else comes meanwhile."""
        with suppress(trio.BrokenResourceError):
            await stream.receive_some(1)
        self.ended.append(time.perf_counter())
        self.saw_end.set()
        answering.cancel()

    async def _answer(self, stream: trio.SocketStream, question: dict[str, Any]) -> None:
        await stream.send_all(_HEAD)
        for number, token in enumerate(self._tokens(question)):
            if token is None:
                await trio.sleep_forever()
            if number:
                await trio.sleep(self._pace)
            else:
                self.first_sent.append(time.perf_counter())
            event = json.dumps({"choices": [{"index": 0, "delta": {"content": token}}]})
            await stream.send_all(_chunk(f"data: {event}\n\n"))
        await stream.send_all(_chunk("data: [DONE]\n\n") + b"0\r\n\r\n")


async def _question(stream: trio.SocketStream) -> dict[str, Any] | None:
    read = b""
    while b"\r\n\r\n" not in read:
        more = await _received(stream)
        if not more:
            return None
        read += more
    head, _, body = read.partition(b"\r\n\r\n")
    lengths = [line.partition(b":")[2] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    while len(body) < int(lengths[0]):
        more = await _received(stream)
        if not more:
            return None
        body += more
    asked: dict[str, Any] = json.loads(body)
    return asked


async def _received(stream: trio.SocketStream) -> bytes:
    try:
        return bytes(await stream.receive_some(1 << 16))
    except trio.BrokenResourceError:
        return b""


def _chunk(text: str) -> bytes:
    data = text.encode()
    return b"%x\r\n%b\r\n" % (len(data), data)


@asynccontextmanager
async def serve_paced(
    tokens: Callable[[dict[str, Any]], Sequence[str | None]], pace: float = 0.02
) -> AsyncIterator[PacedServer]:
    """Serve for the block's length."""
    server = PacedServer(tokens, pace)
    async with trio.open_nursery() as nursery:
        listeners: list[trio.SocketListener] = await nursery.start(
            partial(trio.serve_tcp, server.serve, 0, host="127.0.0.1")
        )
        server.url = f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}/v1"
        yield server
        nursery.cancel_scope.cancel()
