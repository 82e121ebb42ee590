"""A whole session in virtual time with faults around every part of it, and what has to hold however it went."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import trio

from actors.protocols import Delta, Message, Request, TextDelta, Tool, ToolCall
from channels.clock import AudioClock
from channels.event_types import TurnBegan, TurnEnded
from channels.events import Event, EventSubscription
from channels.messages import Recollection, TurnRecord
from channels.signals import Signal
from channels.turn import Turn
from harry.engines.engine_set import Engines
from harry.engines.lease import EnginePool
from harry.hearing.energy import Energy, EnergySettings
from harry.host.conversation import ConversationDevices, ConversationServices, ConversationSettings, build_conversation
from harry.memory.store.in_memory import InMemoryStore
from harry.memory.store.spill import MemorySpill
from harry.session.conductor import Identity
from harry.session.session import Session
from harry.testing.engines import ScriptedSettings, ScriptedVoice
from harry.testing.faults import Faults
from harry.testing.loudspeaker import RemovableLoudspeaker
from harry.testing.microphone import PacedMicrophone
from harry.tools.toolbox import Offer
from tests.support.virtual_session import FakeEar, FakeMind, prompt

RATE = 16_000

REPLY = "one two three. four five."

LISTENS_WITHIN = 1.0
"""Seconds after the end of an utterance within which a turn has to begin."""


async def calls_once(request: Request, emit: Callable[[Delta], Awaitable[None]]) -> None:
    """A mind that calls for a tool, where there is one it has not called yet, and then answers."""
    if request.tools and len(request.messages) == 1 and "lamp" in request.messages[0].parts[0].text:
        await emit(ToolCall("a", "switch", "{}"))
        return
    for word in REPLY.split():
        await emit(TextDelta(word + " "))


class Keeping(InMemoryStore):
    """A store that remembers each record it was given, with a record that came twice."""

    def __init__(self) -> None:
        super().__init__()
        self.records: dict[str, TurnRecord] = {}

    async def write(self, records: Any) -> list[int]:
        sequences = await super().write(records)
        self.records.update({record.turn: record for record in records if isinstance(record, TurnRecord)})
        return sequences


class Lamp:
    """A tool with an effect: how often it was called, and how often it was done. `scope` is that of the newest call."""

    def __init__(self, takes: float = 0.0, *, stubborn: bool = False) -> None:
        self.used = 0
        self.done = 0
        self.takes = takes
        self.stubborn = stubborn
        self.scope = trio.CancelScope()
        self.began = trio.Event()

    async def switch(self, arguments: Any) -> str:
        self.used += 1
        self.began.set()
        with trio.CancelScope(shield=self.stubborn) as self.scope:
            await trio.sleep(self.takes)
            self.done += 1
            return "The lamp is on."
        return "Somebody stopped it."


class _Detector(Energy):
    """Energy, with streams that faults are around."""

    def __init__(self, faults: Faults) -> None:
        super().__init__("energy", EnergySettings())
        self._faults = faults

    def open_stream(self) -> Any:
        return self._faults.around(super().open_stream(), "detector")


@dataclass
class FaultyHouse:
    session: Session
    microphone: PacedMicrophone
    store: Keeping
    lamp: Lamp
    mind: FakeMind
    told: EventSubscription
    sounded: list[tuple[float, bytes]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    admitted: list[str] = field(default_factory=list)
    another: Signal = field(default_factory=Signal)
    recollections: list[Recollection] = field(default_factory=list)
    """What the mind was told, each time it was asked."""

    def happened(self, kind: type) -> list[Any]:
        self.events += self.told.take_waiting()
        return [event.what for event in self.events if isinstance(event.what, kind)]

    async def say(self, seconds: float = 0.3, silence: float = 0.0) -> None:
        """Speak, and be silent for a while."""
        await self.microphone.speak(seconds)
        await trio.sleep(silence)

    async def began(self, before: int, within: float) -> bool:
        """Return whether another turn than the first `before` ones begins within so many seconds."""
        with trio.move_on_after(within):
            while len(self.admitted) <= before:
                await self.another.wait()
            return True
        return False

    async def settle(self, within: float) -> bool:
        """Return whether all that was said is answered and kept within so many seconds."""
        with trio.move_on_after(within):
            await self.session.wait_quiet(0)
            await self.session.conductor.wait_quiet()
            return True
        return False

    def loud_since(self, at: float) -> bool:
        """Return whether anything sounded after an instant of the session's clock."""
        return any(when >= at and any(pcm) for when, pcm in self.sounded)

    def broken(self) -> list[str]:
        """Return what does not hold, of what has to hold at every moment when nothing is under way."""
        found = []
        kept, conductor = self.store.records, self.session.conductor
        acknowledged = [told.turn for told in self.happened(TurnEnded)]
        if len(set(acknowledged)) != len(acknowledged):
            found.append("a turn was acknowledged twice")
        if lost := set(acknowledged) - set(kept):
            found.append(f"{len(lost)} turns were acknowledged and not kept")
        if open_turns := {told.turn for told in self.happened(TurnBegan)} - set(acknowledged):
            found.append(f"{len(open_turns)} turns began and never ended")
        if strayed := [record for record in kept.values() if not record.spoken.startswith(record.heard)]:
            found.append(f"{len(strayed)} turns were heard otherwise than they were spoken")
        shown = [exchange.turn for exchange in conductor.history]
        amended = {record.amends for record in kept.values()}
        if shown != [turn for turn in kept if turn not in amended]:
            found.append("history and store do not tell the same")
        if any(kept[exchange.turn].heard != exchange.heard for exchange in conductor.history if exchange.turn in kept):
            found.append("history and store do not tell what was heard alike")
        if conductor.turns_running or self.session.gate.live or self.session.gate.speculative:
            found.append("a turn goes on")
        if self.session.supervisor.degraded:
            found.append(f"degraded: {', '.join(self.session.supervisor.degraded)}")
        return found


@asynccontextmanager
async def faulty_house(
    faults: Faults,
    *,
    store: Any = None,
    lamp: Lamp | None = None,
    mind: Any = None,
    wrap: Callable[[Session], None] = lambda session: None,
    name: str = "session",
) -> AsyncIterator[FaultyHouse]:
    clock = AudioClock()
    sounded: list[tuple[float, bytes]] = []
    microphone, lamp = PacedMicrophone(), lamp or Lamp()
    recollections: list[Recollection] = []
    kept = store or Keeping()
    answering = mind or FakeMind(calls_once)

    def told(user: str, mind: Any, recollection: Recollection) -> tuple[Message, ...]:
        recollections.append(recollection)
        return prompt(user, mind, recollection)

    class Card(RemovableLoudspeaker):
        """Faults of the card's own thread come up where a block sounds."""

        def _play_block(self) -> None:
            block()
            super()._play_block()

    class _Block:
        def block(self) -> None:
            """Do nothing: the place is what matters."""

    block = faults.around(_Block(), "card").block
    voice = ScriptedVoice("voice", ScriptedSettings(rate=RATE, word_seconds=0.1, gap_seconds=0.02))
    card = Card(clock, rate=RATE, block=0.04, buffer=0.08, on_sound=lambda at, pcm: sounded.append((at, pcm)))
    session = build_conversation(
        Identity("you", name, "harry"),
        ConversationSettings(),
        ConversationServices(
            engines=Engines(
                voice_activity=EnginePool("voice_activity", _Detector(faults)),
                speech_to_text=EnginePool("speech_to_text", faults.around(FakeEar("switch the lamp on"), "ear")),
            ),
            mind=EnginePool("language_model", faults.around(answering, "mind")),
            voice=EnginePool("text_to_speech", faults.around(voice, "voice")),
            store=faults.around(kept, "store"),
            spill=faults.around(MemorySpill(), "spill"),
            prompt=told,
            today=lambda: "2000-01-01",
            wall=lambda: 946_684_800 + trio.current_time(),
        ),
        ConversationDevices(
            clock=clock,
            microphone=faults.around(microphone, "microphone"),
            loudspeaker=faults.around(card, "card"),
        ),
    )
    tool = Tool("switch", "Switch the lamp on.", effect=True)
    session.tools.offer(Offer(tool, faults.around(lamp, "tool").switch))
    wrap(session)
    made = FaultyHouse(
        session, microphone, kept, lamp, answering, session.events.listen(10_000, lossless=True), sounded
    )
    made.recollections = recollections
    commit = session.conductor._committed

    def noted(turn: Turn, *more: Any) -> None:
        made.admitted.append(turn.id)
        made.another.notify()
        commit(turn, *more)

    session.conductor._committed = noted  # type: ignore[method-assign, assignment]
    async with trio.open_nursery() as nursery:
        await nursery.start(session.run)
        yield made
        nursery.cancel_scope.cancel()
