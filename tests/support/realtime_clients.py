"""A Harry of scripted engines behind a door, and people at the other end who speak with the official SDKs.

The SDKs are of asyncio: each conversation runs in a thread with a loop of its own, in real time.
"""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import numpy as np
import openai
import trio
from openai.resources.realtime.realtime import AsyncRealtimeConnection
from openai.types.realtime import RealtimeServerEvent
from pydantic import TypeAdapter

from harry.engines.engine_set import Engines
from harry.engines.lease import EnginePool
from harry.hearing.energy import Energy, EnergySettings
from harry.testing.engines import ScriptedLanguageModel, ScriptedSettings, ScriptedSpeechToText, ScriptedVoice
from tests.support.loopback_server import Away, away

T = TypeVar("T")

RATE = 24_000
FRAME = RATE // 50
QUIET = bytes(2 * FRAME)
LOUD: bytes = (np.sin(2 * np.pi * 200 / RATE * np.arange(FRAME)) * 9000).astype(np.int16).tobytes()

EVENTS: TypeAdapter[Any] = TypeAdapter(RealtimeServerEvent)

LONG = "one two three four five six seven eight nine ten eleven twelve."


@asynccontextmanager
async def harry(
    *,
    mind: Any = None,
    replies: list[str] | None = None,
    heard: list[str] | None = None,
    senses: Any = None,
    **web: Any,
) -> AsyncIterator[Away]:
    engines = Engines(
        voice_activity=EnginePool("voice_activity", senses or Energy("energy", EnergySettings(threshold=-40.0))),
        speech_to_text=EnginePool("speech_to_text", ScriptedSpeechToText("ear", heard or ["Tell me more about it."])),
        language_model=EnginePool("language_model", mind or ScriptedLanguageModel("mind", replies or [LONG])),
        text_to_speech=EnginePool("text_to_speech", ScriptedVoice("voice", ScriptedSettings())),
    )
    async with away(engines=engines, **web) as door:
        yield door


async def conversing(door: Away, talk: Callable[[Client], Awaitable[T]], **query: str) -> T:
    """Hold a conversation with the `openai` SDK in a thread."""

    async def hold() -> T:
        sdk = openai.AsyncOpenAI(base_url=f"http://127.0.0.1:{door.port}/v1", api_key=door.token)
        async with sdk.realtime.connect(model="harry", extra_query=dict(query)) as connection:
            client = Client(connection)
            reading = asyncio.create_task(client.read())
            try:
                return await asyncio.wait_for(talk(client), 30)
            finally:
                reading.cancel()

    return await trio.to_thread.run_sync(asyncio.run, hold())


class Client:
    """Somebody at the other end: notes every event, and checks each against the SDK's own types."""

    def __init__(self, connection: AsyncRealtimeConnection) -> None:
        self.connection = connection
        self.events: list[dict[str, Any]] = []
        self.times: list[float] = []
        self._more = asyncio.Event()
        self._seen = 0

    async def read(self) -> None:
        while True:
            raw = await self.connection.recv_bytes()
            self.note(raw)

    def note(self, raw: bytes) -> None:
        import json  # noqa: PLC0415

        event = json.loads(raw)
        if not event["type"].startswith("harry."):
            EVENTS.validate_json(raw, strict=False)
        self.events.append(event)
        self.times.append(time.monotonic())
        self._more.set()

    async def until(self, kind: str) -> dict[str, Any]:
        """The next event of a type that was not waited for yet."""
        while True:
            while self._seen < len(self.events):
                event = self.events[self._seen]
                self._seen += 1
                if event["type"] == kind:
                    return event
            self._more.clear()
            await self._more.wait()

    def kinds(self) -> list[str]:
        return [each["type"] for each in self.events]

    async def say(self, seconds: float, *, then_quiet: float = 0.0) -> None:
        """Speak, and be silent, in frames of 20 ms in real time."""
        frames = [LOUD] * round(seconds * 50) + [QUIET] * round(then_quiet * 50)
        at = time.monotonic()
        for frame in frames:
            await self.connection.input_audio_buffer.append(audio=base64.b64encode(frame).decode())
            at += 0.02
            await asyncio.sleep(max(0.0, at - time.monotonic()))

    def sound(self) -> bytes:
        """All sound that came."""
        return b"".join(
            base64.b64decode(each["delta"]) for each in self.events if each["type"] == "response.output_audio.delta"
        )
