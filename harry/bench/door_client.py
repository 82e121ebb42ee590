"""The clients of `harry bench door`, in a process of their own: users who speak, listen and interrupt through sockets.

Run as `python -m harry.bench.door_client PORT SESSIONS SECONDS`, the token on standard input; prints one JSON object.
"""

from __future__ import annotations

import gc
import json
import random
import sys
import time
from typing import Any

import numpy as np
import trio
from trio_websocket import ConnectionClosed, WebSocketConnection, connect_websocket

TICK = 0.02
SILENT = bytes(640)
VOICED: bytes = (np.sin(2 * np.pi * 220 / 16_000 * np.arange(320)) * 8000).astype(np.int16).tobytes()
SPEECH, TALK, GIVE_UP = 0.8, 2.0, 5.0


class User:
    """Speaks for `SPEECH` s, lets Harry talk for `TALK` s, and speaks again. Times are of the monotonic clock."""

    def __init__(self) -> None:
        self.detected: list[float] = []
        self.voiced: list[float] = []
        self.late: list[float] = []
        self.lost = 0
        self.frames = 0
        self._speaking_until = 0.0
        self._heard_since: float | None = None
        self._silent_since = 0.0
        self._interrupting: float | None = None

    def frame(self, now: float) -> bytes:
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

    def hear(self, message: str | bytes) -> None:
        """Take what came."""
        now = time.monotonic()
        if isinstance(message, bytes):
            self.frames += 1
            if self._heard_since is None and now > self._speaking_until + 0.1 and message.strip(b"\0"):
                self._heard_since = now
        elif self._interrupting is not None:
            declared = float(json.loads(message)["flush"])
            self.voiced.append(now - self._interrupting)
            if declared >= self._interrupting:
                self.detected.append(now - declared)
            self._interrupting = None


async def converse(socket: WebSocketConnection, user: User, until: float) -> None:
    """Send a frame every `TICK`, on absolute deadlines, and hear what comes."""

    async def hear() -> None:
        try:
            while True:
                user.hear(await socket.get_message())
        except ConnectionClosed:
            return

    async with trio.open_nursery() as nursery:
        nursery.start_soon(hear)
        tick = trio.current_time()
        while tick < until:
            await trio.sleep_until(tick)
            user.late.append(trio.current_time() - tick)
            await socket.send_message(user.frame(time.monotonic()))
            tick += TICK
        nursery.cancel_scope.cancel()


async def main(port: int, n: int, seconds: float, token: str) -> dict[str, Any]:
    """Hold `n` conversations and tell what was seen."""
    users = [User() for _ in range(n)]
    dice = random.Random(1)  # noqa: S311  no secret: the same in every run
    headers = [(b"Authorization", f"Bearer {token}".encode())]
    gc.freeze()
    async with trio.open_nursery() as nursery:
        until = trio.current_time() + seconds

        async def one(user: User) -> None:
            await trio.sleep(dice.random() * (SPEECH + TALK))
            socket = await connect_websocket(nursery, "127.0.0.1", port, "/bench", use_ssl=False, extra_headers=headers)
            await converse(socket, user, until)
            await socket.aclose()

        for user in users:
            nursery.start_soon(one, user)
    ticks = sum(len(user.late) for user in users)
    return {
        "detected": [measured for user in users for measured in user.detected[1:]],
        "voiced": [measured for user in users for measured in user.voiced[1:]],
        "late": [measured for user in users for measured in user.late],
        "lost": sum(user.lost for user in users),
        "frames": round(sum(user.frames for user in users) / ticks, 4),
    }


if __name__ == "__main__":
    print(json.dumps(trio.run(main, int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), sys.stdin.read().strip())))
