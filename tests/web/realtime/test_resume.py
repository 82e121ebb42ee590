"""A Realtime conversation whose connection breaks is taken up again within a minute, by its own user alone."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
import trio
from trio_websocket import ConnectionClosed, WebSocketConnection, wrap_client_stream

from harry.web.realtime import conversation
from tests.support.loopback_server import Away
from tests.support.realtime_clients import harry


class Line:
    """One websocket of a client's."""

    def __init__(self, socket: WebSocketConnection, stream: trio.SocketStream) -> None:
        self.socket = socket
        self._stream = stream

    async def send(self, kind: str, **fields: Any) -> None:
        await self.socket.send_message(json.dumps({"type": kind, **fields}))

    async def until(self, kind: str) -> dict[str, Any]:
        with trio.fail_after(10):
            while True:
                event: dict[str, Any] = json.loads(await self.socket.get_message())
                if event["type"] == kind:
                    return event

    async def refused(self) -> int:
        """The code with which the door ends the connection."""
        with trio.fail_after(10):
            with suppress(ConnectionClosed):
                while True:
                    await self.socket.get_message()
        assert self.socket.closed is not None
        return self.socket.closed.code

    async def breaks(self) -> None:
        """The network is gone: no farewell is said."""
        await trio.lowlevel.checkpoint()
        self._stream.socket.shutdown(trio.socket.SHUT_RDWR)

    async def say(self, text: str) -> None:
        content = [{"type": "input_text", "text": text}]
        await self.send("conversation.item.create", item={"type": "message", "role": "user", "content": content})
        await self.until("conversation.item.done")


@asynccontextmanager
async def line(door: Away, query: str = "", *, token: str = "") -> AsyncIterator[Line]:
    """Connect; how the connection ends is the test's business."""
    stream = await trio.open_tcp_stream("127.0.0.1", door.port)
    headers = [(b"Authorization", f"Bearer {token or door.token}".encode())]
    path = f"/v1/realtime?model=harry{query}"
    async with stream, trio.open_nursery() as nursery:
        socket = await wrap_client_stream(nursery, stream, f"127.0.0.1:{door.port}", path, extra_headers=headers)
        yield Line(socket, stream)
        nursery.cancel_scope.cancel()


async def _written(first: Line) -> dict[str, Any]:
    created = await first.until("session.created")
    await first.send("session.update", session={"type": "realtime", "output_modalities": ["text"]})
    await first.until("session.updated")
    return created


async def test_a_broken_connection_goes_on_with_its_items_and_its_settings() -> None:
    async with harry(replies=["one.", "two."]) as door:
        async with line(door) as first:
            created = await _written(first)
            await first.say("First?")
            await first.send("response.create")
            await first.until("response.done")
            await first.breaks()
        async with line(door, "&resume=" + created["session"]["harry"]["resume"]) as second:
            again = await second.until("session.created")
            assert again["session"]["harry"]["resumed"]
            assert again["session"]["id"] == created["session"]["id"]
            assert again["session"]["output_modalities"] == ["text"]
            await second.say("Second?")
            await second.send("response.create")
            done = await second.until("response.done")
    assert done["response"]["output"][0]["content"][0]["text"] == "two."


async def test_a_client_that_comes_back_before_its_old_connection_is_seen_to_be_dead_takes_over() -> None:
    async with harry() as door, line(door) as first:
        created = await _written(first)
        async with line(door, "&resume=" + created["session"]["harry"]["resume"]) as second:
            assert (await second.until("session.created"))["session"]["harry"]["resumed"]
            assert await first.refused() == 1001
            await second.send("session.update", session={"type": "realtime"})
            await second.until("session.updated")


async def test_nobody_else_takes_a_conversation_up() -> None:
    async with harry() as door:
        stranger = door.front.tokens.new("ben")
        async with line(door) as first:
            created = await _written(first)
            await first.breaks()
        word = created["session"]["harry"]["resume"]
        async with line(door, f"&resume={word}", token=stranger) as second:
            assert await second.refused() == 1008
        async with line(door, f"&resume={word}") as own:
            assert (await own.until("session.created"))["session"]["harry"]["resumed"]


async def test_who_says_farewell_has_ended_the_conversation() -> None:
    async with harry() as door:
        async with line(door) as first:
            created = await _written(first)
            await first.socket.aclose()
        with trio.fail_after(5):
            while door.host.sessions:  # noqa: ASYNC110  (the last to leave tells nobody)
                await trio.sleep(0.01)
        async with line(door, "&resume=" + created["session"]["harry"]["resume"]) as second:
            assert await second.refused() == 1008


async def test_a_conversation_that_nobody_takes_up_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversation, "RESUMED_WITHIN", 0.05)
    async with harry() as door:
        async with line(door) as first:
            await _written(first)
            await first.breaks()
        with trio.fail_after(5):
            while door.host.sessions:  # noqa: ASYNC110  (as above)
                await trio.sleep(0.01)
