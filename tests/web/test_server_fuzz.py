"""Whatever bytes come in at the door: no crash, no task and no descriptor left, and the next client is served."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
import trio
import trio.testing

from harry.web.server import rate_limits as limits
from harry.web.server.http import Request, Response
from harry.web.server.websocket import Socket
from tests.support.loopback_server import Away, away

TOGETHER = 16
"""Clients at once."""


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def head(door: Away, *more: str, line: str = "GET /api/me HTTP/1.1") -> bytes:
    lines = [line, "Host: localhost", f"Authorization: Bearer {door.token}", *more]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def samples(door: Away) -> list[bytes]:
    upgrade = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13")
    key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
    return [
        head(door),
        head(door, "Content-Length: 5", line="POST /test/take HTTP/1.1") + b"hello",
        head(door, "Transfer-Encoding: chunked", line="POST /test/take HTTP/1.1") + b"5\r\nhello\r\n0\r\n\r\n",
        head(door, "Expect: 100-continue", "Content-Length: 5", line="POST /test/take HTTP/1.1") + b"hello",
        head(door, *upgrade, key, line="GET /test/echo HTTP/1.1") + b"\x81\x85\x01\x02\x03\x04igohn",
        head(door, *upgrade, key, "Sec-WebSocket-Protocol: realtime, x", line="GET /test/echo?model=x HTTP/1.1"),
        head(door, "Cookie: a=b; harry-1=c", "Origin: http://localhost", line="DELETE /api/memories/x HTTP/1.1"),
        head(door, line="HEAD /api/turns?limit=3&before=9 HTTP/1.0"),
        head(door, line="GET /enter?code=%FF%00 HTTP/1.1") * 3,
    ]


def mutated(dice: random.Random, sound: bytes) -> bytes:
    """Some bytes changed, taken away, doubled or put in."""
    data = bytearray(sound)
    for _ in range(dice.randint(0, 6)):
        at = dice.randrange(len(data) + 1)
        change = dice.randrange(5)
        if change == 0 and data:
            data[at % len(data)] = dice.randrange(256)
        elif change == 1:
            data[at:at] = dice.randbytes(dice.randint(1, 8))
        elif change == 2:
            del data[at : at + dice.randint(1, 20)]
        elif change == 3:
            data[at:at] = data[at : at + dice.randint(1, 60)]
        else:
            data[at:at] = dice.choice([b"\r\n", b"\n", b"\0", b": ", b"\xff", b"%00", b"9" * 40, b"\r\n\r\n", b"{}"])
    return bytes(data)


def frames(dice: random.Random) -> bytes:
    """A websocket's messages: right, half right and not at all."""
    made = bytearray()
    for _ in range(dice.randint(1, 5)):
        opcode = dice.choice([0, 1, 1, 1, 2, 8, 9, 10, 3, 15])
        payload = dice.randbytes(dice.choice([0, 1, 5, 125, 126, 700])) if dice.random() < 0.5 else b'{"type": "x"}'
        first = (0x80 if dice.random() < 0.8 else 0) | (dice.randrange(8) << 4 if dice.random() < 0.1 else 0) | opcode
        length = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + len(payload).to_bytes(2, "big")
        made += bytes([first]) + length + bytes(4) + payload
    return bytes(made) if dice.random() < 0.7 else mutated(dice, bytes(made))


async def attack(door: Away, data: bytes, *, half_open: bool) -> None:
    stream = await door.connect()
    async with stream:
        try:
            await stream.send_all(data)
            if half_open:
                await stream.send_eof()
            with trio.move_on_after(0.02):
                while await stream.receive_some():
                    pass
        except (trio.BrokenResourceError, OSError):
            pass  # the door may be shut on us


async def fuzz(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    monkeypatch.setattr(limits, "Bucket", lambda rate, burst: FREE(1e9, 1e9))
    dice = random.Random(6)

    async def take(request: Request) -> Response:
        await trio.lowlevel.checkpoint()
        return Response(body=request.body)

    async def echo(request: Request, socket: Socket) -> None:
        async for message in socket:
            await socket.send(message)

    async with away() as door:
        door.front.door.routes.add("POST", "/test/take", take)
        door.front.door.routes.socket("/test/echo", echo)
        kinds: list[Callable[[], bytes]] = [
            lambda: dice.randbytes(dice.randint(0, 2000)),
            lambda: mutated(dice, dice.choice(samples(door))),
            lambda: mutated(dice, dice.choice(samples(door))),
            lambda: samples(door)[5] + frames(dice),
        ]
        assert (await door.ask("GET", "/healthz")).status == 200
        await trio.testing.wait_all_tasks_blocked(0.05)
        tasks = trio.lowlevel.current_statistics().tasks_living
        descriptors = open_descriptors()
        room = trio.CapacityLimiter(TOGETHER)

        async def one(data: bytes) -> None:
            async with room:
                await attack(door, data, half_open=dice.random() < 0.3)

        for _ in range(0, count, 500):
            async with trio.open_nursery() as nursery:
                for _ in range(min(500, count)):
                    nursery.start_soon(one, dice.choice(kinds)())
        with trio.fail_after(20):
            while door.front.door.limits.connections:  # noqa: ASYNC110  (the last to leave tells nobody)
                await trio.sleep(0.01)
        assert door.front.door.tally.failures == 0
        assert (await door.ask("GET", "/api/me")).json() == {"user": "ann"}
        await trio.testing.wait_all_tasks_blocked(0.05)
        assert trio.lowlevel.current_statistics().tasks_living <= tasks
        assert open_descriptors() <= descriptors
        # Something of it was understood, or nothing was tried.
        assert door.front.door.tally.answers["/test/echo", 101]
        assert door.front.door.tally.answers["/test/take", 200]


FREE = limits.Bucket


async def test_random_and_mutated_bytes_harm_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    await fuzz(monkeypatch, 2_000)


@pytest.mark.acceptance
async def test_a_hundred_thousand_random_and_mutated_heads_and_messages_harm_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await fuzz(monkeypatch, 100_000)


async def test_a_thousand_connections_are_turned_away_or_served(monkeypatch: pytest.MonkeyPatch) -> None:
    async with away(connections=300, connections_per_address=300) as door:
        held: list[trio.SocketStream] = []
        async with trio.open_nursery() as nursery:

            async def connect() -> None:
                held.append(await door.connect())

            for _ in range(1000):
                nursery.start_soon(connect)
        with trio.fail_after(20):
            while door.front.door.tally.turned_away < 700:  # noqa: ASYNC110  (it is only counted)
                await trio.sleep(0.01)
        assert door.front.door.limits.connections == 300
        for each in held:
            await each.aclose()
        with trio.fail_after(20):
            while door.front.door.limits.connections:  # noqa: ASYNC110  (as above)
                await trio.sleep(0.01)
        assert (await door.ask("GET", "/api/me")).status == 200
