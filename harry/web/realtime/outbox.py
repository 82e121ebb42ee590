"""What waits to be sent to a Realtime client, in order, and bounded: one that does not read is paused, then closed.

Sound that waits behind something else grows into one message, so that a process with much to do sends fewer; sound of
a reply that was cut is not sent any more.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections import deque
from dataclasses import dataclass
from itertools import count
from typing import Any

import trio

from channels.messages import SAMPLE_BYTES
from harry.web.realtime.settings import RATE
from harry.web.server.websocket import Socket

PAUSED_AT = 64
PAUSED_AT_BYTES = RATE // 10 * SAMPLE_BYTES
"""Messages, and bytes of sound (100 ms), that may wait before no more sound is made for the client."""

LONGEST_SOUND = RATE // 5 * SAMPLE_BYTES
"""Bytes of sound in one message: 200 ms."""

UNHEARD_AT = 256
UNHEARD_CHARACTERS = 2_000_000
"""Messages, and characters of them, that may wait before no more is taken from a client who does not read."""

MOST = 4096
"""Messages that may wait at all: more, and the conversation is over."""


@dataclass(slots=True)
class _Sound:
    fields: dict[str, Any]
    pcm: bytes


class Outbox:
    """Takes messages at any time without waiting; `send` sends them while there is a client."""

    def __init__(self, *, knows_harry: bool = False) -> None:
        self.knows_harry = knows_harry
        self.overflown = trio.Event()
        self._waiting: deque[str | _Sound] = deque()
        self._characters = 0
        self._sound = 0
        self._going: str | _Sound | None = None
        self._more = trio.Event()
        self._less = trio.Event()
        self._number = count()
        self._series = secrets.token_hex(6)

    @property
    def full(self) -> bool:
        """Whether the client is behind, so that sound has to wait."""
        return len(self._waiting) >= PAUSED_AT or self._sound >= PAUSED_AT_BYTES

    def put(self, kind: str, /, **fields: Any) -> None:
        """Have an event sent."""
        text = self._event(kind, fields)
        self._characters += len(text)
        self._add(text)

    def put_own(self, kind: str, /, **fields: Any) -> None:
        """Have an event of Harry's own sent to a client that asked for those."""
        if self.knows_harry:
            self.put(kind, **fields)

    def put_sound(self, fields: dict[str, Any], pcm: bytes) -> None:
        """Have sound sent as `response.output_audio.delta` with these fields, together with what waits of the same."""
        self._sound += len(pcm)
        last = self._waiting[-1] if self._waiting else None
        if (
            isinstance(last, _Sound)
            and last is not self._going
            and last.fields == fields
            and len(last.pcm) + len(pcm) <= LONGEST_SOUND
        ):
            last.pcm += pcm
        else:
            self._add(_Sound(fields, pcm))

    def drop_sound(self) -> int:
        """Send none of the sound that waits. Returns its bytes."""
        kept = [event for event in self._waiting if not isinstance(event, _Sound) or event is self._going]
        before = self._sound
        self._waiting = deque(kept)
        self._sound = sum(len(event.pcm) for event in kept if isinstance(event, _Sound))
        return before - self._sound

    async def room(self) -> None:
        """Wait while the client is so far behind that answers to him would only pile up."""
        while len(self._waiting) > UNHEARD_AT or self._characters > UNHEARD_CHARACTERS:
            self._less = trio.Event()
            await self._less.wait()

    async def send(self, socket: Socket) -> None:
        """Send what waits until cancelled. Raises `SocketClosed`; what was not sent then waits on."""
        while True:
            while self._waiting:
                await self._send_first(socket)
            self._more = trio.Event()
            await self._more.wait()

    async def _send_first(self, socket: Socket) -> None:
        first = self._going = self._waiting[0]
        try:
            await socket.send(first if isinstance(first, str) else self._spelled(first))
        finally:
            self._going = None
        self._waiting.popleft()
        if isinstance(first, str):
            self._characters -= len(first)
        else:
            self._sound -= len(first.pcm)
        self._less.set()

    def _add(self, message: str | _Sound) -> None:
        self._waiting.append(message)
        if len(self._waiting) > MOST:
            self.overflown.set()
        self._more.set()

    def _spelled(self, sound: _Sound) -> str:
        delta = base64.b64encode(sound.pcm).decode("ascii")
        return self._event("response.output_audio.delta", {**sound.fields, "delta": delta})

    def _event(self, kind: str, fields: dict[str, Any]) -> str:
        return json.dumps({"type": kind, "event_id": f"event_{self._series}{next(self._number)}", **fields})
