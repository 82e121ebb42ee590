"""A whole session in virtual time: hand-fed microphone, scripted or given engines, a virtual loudspeaker, no thread."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import trio

from actors.protocols import Delta, Message, Recognition, Request, Role, Samples, TextDelta, TextPart
from channels.clock import AudioClock
from channels.events import Event, EventSubscription
from channels.messages import Exchange, Recollection
from harry.engines.engine_set import Engines
from harry.engines.lease import EnginePool
from harry.hearing.energy import Energy, EnergySettings
from harry.host.conversation import ConversationDevices, ConversationServices, ConversationSettings, build_conversation
from harry.memory.store.in_memory import InMemoryStore
from harry.memory.store.spill import MemorySpill
from harry.session.actor_registry import ActorSet
from harry.session.conductor import Identity
from harry.session.session import Session, TurnTakingSettings
from harry.testing.engines import ScriptedLanguageModel, ScriptedSettings, ScriptedVoice
from harry.testing.loudspeaker import VirtualLoudspeaker
from harry.testing.microphone import SILENT_FRAME, VOICED_FRAME, HandFedMicrophone

FRAME = 0.032
RATE = 16_000
REPLY = "one two three four five."


class FakeEar:
    """Hears the next of `texts` in each utterance's final decode; early decodes hear the same."""

    name = "fake ear"

    def __init__(self, *texts: str | Exception) -> None:
        self.texts = list(texts) or ["hello"]
        self.calls = 0
        self.takes = 0.0

    def describe(self) -> str:
        return self.name

    async def transcribe(self, samples: Samples) -> Recognition | str:
        self.calls += 1
        await trio.sleep(self.takes)
        text = self.texts[0] if len(self.texts) == 1 else self.texts.pop(0)
        if isinstance(text, Exception):
            raise text
        return text

    async def aclose(self) -> None:
        await trio.lowlevel.checkpoint()


class FakeMind:
    """Runs `answer(request, emit)`."""

    name = "fake mind"

    def __init__(self, answer: Callable[[Request, Callable[[Delta], Awaitable[None]]], Awaitable[None]]) -> None:
        self.answer = answer
        self.requests: list[Request] = []

    def describe(self) -> str:
        return self.name

    async def reply(self, request: Request, emit: Callable[[Delta], Awaitable[None]]) -> None:
        self.requests.append(request)
        await trio.lowlevel.checkpoint()
        await self.answer(request, emit)

    async def aclose(self) -> None:
        await trio.lowlevel.checkpoint()


def says(text: str) -> FakeMind:
    async def answer(request: Request, emit: Callable[[Delta], Awaitable[None]]) -> None:
        await emit(TextDelta(text))

    return FakeMind(answer)


def prompt(user: str, mind: Any, recollection: Recollection) -> tuple[Message, ...]:
    return (Message(Role.USER, (TextPart(recollection.utterance.text),)),)


@dataclass
class House:
    session: Session
    microphone: HandFedMicrophone
    told: EventSubscription
    sounded: list[tuple[float, bytes]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    engines: Engines = field(default_factory=Engines)

    async def hear(self, frame: bytes, seconds: float) -> None:
        """Let the microphone hear a frame again and again, at the pace of the clock."""
        for _ in range(round(seconds / FRAME)):
            await trio.sleep(FRAME)
            await self.microphone.push(frame)

    async def voice(self, seconds: float) -> None:
        await self.hear(VOICED_FRAME, seconds)

    async def silence(self, seconds: float) -> None:
        await self.hear(SILENT_FRAME, seconds)

    def happened(self, *names: str) -> list[Event]:
        self.events += self.told.take_waiting()
        return [event for event in self.events if not names or event.event in names]

    def loud_until(self) -> float:
        """When the last sound was heard."""
        return max(
            (at + (np.flatnonzero(np.frombuffer(pcm, np.int16))[-1] + 1) / RATE
             for at, pcm in self.sounded if any(pcm)),
            default=-1.0,
        )  # fmt: skip


@asynccontextmanager
async def house(
    *,
    ear: Any = None,
    mind: Any = None,
    voice: Any = None,
    turn_taking: TurnTakingSettings | None = None,
    store: Any = None,
    spill: Any = None,
    history: Sequence[Exchange] = (),
    loudspeaker: bool = True,
    cast: Any = None,
    wake: Any = None,
    chime: bool = False,
    detector: Any = None,
    turn_detector: Any = None,
) -> AsyncIterator[House]:
    clock = AudioClock()
    sounded: list[tuple[float, bytes]] = []
    microphone = HandFedMicrophone()
    engines = Engines(
        voice_activity=EnginePool("voice_activity", detector or Energy("energy", EnergySettings())),
        speech_to_text=EnginePool("speech_to_text", ear or FakeEar()),
        turn_detector=EnginePool("turn_detector", turn_detector) if turn_detector is not None else None,
        language_model=EnginePool("language_model", mind or ScriptedLanguageModel("scripted", [REPLY])),
        text_to_speech=EnginePool("text_to_speech", voice or ScriptedVoice("scripted", ScriptedSettings(rate=RATE))),
    )
    assert engines.language_model is not None
    assert engines.text_to_speech is not None
    session = build_conversation(
        Identity("you", "session", "harry"),
        ConversationSettings(turn_taking=turn_taking or TurnTakingSettings(), chime=chime),
        ConversationServices(
            engines=engines,
            mind=engines.language_model,
            voice=engines.text_to_speech,
            store=store or InMemoryStore(),
            spill=spill or MemorySpill(),
            prompt=prompt,
            today=lambda: "2000-01-01",
            actors=cast or ActorSet(),
            wake=wake,
            wall=lambda: 946_684_800 + trio.current_time(),
        ),
        ConversationDevices(
            clock=clock,
            microphone=microphone,
            loudspeaker=VirtualLoudspeaker(clock, rate=RATE, on_sound=lambda at, pcm: sounded.append((at, pcm)))
            if loudspeaker
            else None,
        ),
        history=tuple(history),
    )
    told = session.events.listen(10_000, lossless=True)
    made = House(session, microphone, told, sounded, engines=engines)
    async with trio.open_nursery() as nursery:
        await nursery.start(session.run)
        yield made
        nursery.cancel_scope.cancel()
