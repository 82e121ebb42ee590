"""What waits to be sent to a Realtime client, in order, and bounded: one that does not read is paused, then closed."""

from __future__ import annotations

import json
from collections import deque
from typing import Any

import trio

from channels.turn import new_id
from harry.web.socket import Socket

PAUSED_AT = 64
"""Messages that may wait before no more sound is made for the client."""

UNHEARD_AT = 256
UNHEARD_CHARACTERS = 2_000_000
"""Messages, and characters of them, that may wait before no more is taken from a client who does not read."""

MOST = 4096
"""Messages that may wait at all: more, and the conversation is over."""


class Outbox:
    """Takes messages at any time without waiting; `send` sends them while there is a client."""

    def __init__(self, *, knows_harry: bool = False) -> None:
        self.knows_harry = knows_harry
        self._waiting: deque[str] = deque()
        self._size = 0
        self._more = trio.Event()
        self._less = trio.Event()
        self.overflown = trio.Event()

    @property
    def full(self) -> bool:
        """Whether the client is behind, so that sound has to wait."""
        return len(self._waiting) >= PAUSED_AT

    def put(self, kind: str, **fields: Any) -> None:
        """Have an event sent."""
        text = json.dumps({"type": kind, "event_id": f"event_{new_id()}", **fields})
        self._waiting.append(text)
        self._size += len(text)
        if len(self._waiting) > MOST:
            self.overflown.set()
        self._more.set()

    def put_own(self, kind: str, **fields: Any) -> None:
        """Have an event of Harry's own sent to a client that asked for those."""
        if self.knows_harry:
            self.put(kind, **fields)

    async def room(self) -> None:
        """Wait while the client is so far behind that answers to him would only pile up."""
        while len(self._waiting) > UNHEARD_AT or self._size > UNHEARD_CHARACTERS:
            self._less = trio.Event()
            await self._less.wait()

    async def send(self, socket: Socket) -> None:
        """Send what waits until cancelled. Raises `SocketClosed`; what was not sent then waits on."""
        while True:
            while self._waiting:
                await socket.send(self._waiting[0])
                self._size -= len(self._waiting.popleft())
                self._less.set()
            self._more = trio.Event()
            await self._more.wait()
