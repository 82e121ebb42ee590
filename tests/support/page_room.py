"""A door whose owner has a Harry in a room as well: a microphone fed by hand, a virtual loudspeaker, the same host."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import trio

from channels.clock import AudioClock
from harry.host.conversation import ConversationDevices
from harry.session.session import Session
from harry.testing.loudspeaker import VirtualLoudspeaker
from harry.testing.microphone import SILENT_FRAME, VOICED_FRAME, HandFedMicrophone
from tests.support.loopback_server import Away
from tests.support.realtime_clients import harry

FRAME = 0.032


@dataclass
class Room:
    door: Away
    session: Session
    microphone: HandFedMicrophone

    async def say(self, seconds: float, *, then_quiet: float = 1.0) -> None:
        """Be heard in the room, in real time; what is understood is what the ear is scripted to hear."""
        for frame, length in ((VOICED_FRAME, seconds), (SILENT_FRAME, then_quiet)):
            for _ in range(round(length / FRAME)):
                await trio.sleep(FRAME)
                await self.microphone.push(frame)


@asynccontextmanager
async def room(**given: Any) -> AsyncIterator[Room]:
    """Give the door and the room; `given` goes to `tests.support.realtime_clients.harry`."""
    async with harry(**given) as door:
        clock = AudioClock()
        microphone = HandFedMicrophone()
        async with door.host.open(
            user=door.host.config.user.name,
            devices=ConversationDevices(clock, microphone, VirtualLoudspeaker(clock, rate=24_000)),
        ) as session:
            door.host.room = session
            yield Room(door, session, microphone)
            door.host.room = None
