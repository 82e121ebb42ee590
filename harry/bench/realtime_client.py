"""The clients of `harry bench realtime`, in a process of their own: they speak, play what comes, and interrupt.

Run as `python -m harry.bench.realtime_client PORT SESSIONS SECONDS`, the token on standard input; prints one JSON
object. A client keeps what was sent to it in a buffer that plays in real time, as a loudspeaker does.
"""

from __future__ import annotations

import base64
import gc
import json
import random
import sys
import time
from typing import Any

import numpy as np
import trio
from trio_websocket import ConnectionClosed, WebSocketConnection, connect_websocket

from harry.bench.realtime import PATH
from harry.web.realtime.settings import RATE

TICK = 0.02
SPEECH, TALK, GIVE_UP = 0.8, 2.0, 5.0


def _append(pcm: bytes) -> str:
    return json.dumps({"type": "input_audio_buffer.append", "audio": base64.b64encode(pcm).decode()})


SILENT = _append(bytes(round(RATE * TICK) * 2))
VOICED = _append((np.sin(2 * np.pi * 220 / RATE * np.arange(round(RATE * TICK))) * 8000).astype(np.int16).tobytes())


class User:
    """Speaks for `SPEECH` s, lets Harry talk for `TALK` s, and speaks again. Times are of the monotonic clock."""

    def __init__(self) -> None:
        self.session = ""
        self.flushes: list[tuple[float, float]] = []
        self.lost = 0
        self.ahead = 0.0
        self.stale = 0
        self._played_until = 0.0
        self._flushed_item: str | None = None
        self._speaking_until = 0.0
        self._heard_since: float | None = None
        self._silent_since = 0.0
        self._interrupting: float | None = None

    def frame(self, now: float) -> str:
        """Return what is said now."""
        if now < self._speaking_until:
            return VOICED
        heard = self._heard_since is not None and now - self._heard_since >= TALK
        if heard or now - max(self._silent_since, self._speaking_until) > GIVE_UP:
            self.lost += self._interrupting is not None
            self._interrupting = now if heard else None
            self._speaking_until = self._silent_since = now + SPEECH
            self._heard_since = None
            return VOICED
        return SILENT

    def take(self, text: str | bytes) -> None:
        """Take an event."""
        now, event = time.monotonic(), json.loads(text)
        kind = event["type"]
        if kind == "response.output_audio.delta":
            self._sound(now, event["item_id"], len(event["delta"]) * 3 // 4 / 2 / RATE)
        elif kind == "harry.flush":
            self._played_until = now
            if event["reason"] == "cut":
                self._flushed_item = event["item_id"]
            if self._interrupting is not None:
                self.flushes.append((self._interrupting, now))
                self._interrupting = None
        elif kind == "session.created":
            self.session = event["session"]["id"]

    def _sound(self, now: float, item: str, seconds: float) -> None:
        self.stale += item == self._flushed_item
        self._played_until = max(self._played_until, now) + seconds
        self.ahead = max(self.ahead, self._played_until - now)
        if self._heard_since is None and now > self._speaking_until + 0.1:
            self._heard_since = now


async def converse(socket: WebSocketConnection, user: User, until: float, late: list[float]) -> None:
    """Send a frame every `TICK`, on absolute deadlines, and hear what comes."""

    async def hear() -> None:
        try:
            while True:
                user.take(await socket.get_message())
        except ConnectionClosed:
            return

    async with trio.open_nursery() as nursery:
        nursery.start_soon(hear)
        tick = trio.current_time()
        while tick < until:
            await trio.sleep_until(tick)
            late.append(trio.current_time() - tick)
            await socket.send_message(user.frame(time.monotonic()))
            tick += TICK
        nursery.cancel_scope.cancel()


async def main(port: int, n: int, seconds: float, token: str) -> dict[str, Any]:
    """Hold `n` conversations and tell what was seen."""
    users = [User() for _ in range(n)]
    late: list[float] = []
    dice = random.Random(1)  # noqa: S311  no secret: the same in every run
    headers = [(b"Authorization", f"Bearer {token}".encode())]
    gc.freeze()
    async with trio.open_nursery() as nursery:
        until = trio.current_time() + seconds

        async def one(user: User) -> None:
            await trio.sleep(dice.random() * (SPEECH + TALK))
            path = f"{PATH}?model=harry&harry=1"
            socket = await connect_websocket(nursery, "127.0.0.1", port, path, use_ssl=False, extra_headers=headers)
            await converse(socket, user, until, late)
            await socket.aclose()

        for user in users:
            nursery.start_soon(one, user)
    seen = [
        {
            "session": user.session,
            "flushes": user.flushes[1:],
            "lost": user.lost,
            "ahead": user.ahead,
            "stale": user.stale,
        }
        for user in users
    ]
    return {"users": seen, "late": late}


if __name__ == "__main__":
    print(json.dumps(trio.run(main, int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), sys.stdin.read().strip())))
