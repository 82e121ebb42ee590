"""A conductor with a gate and a virtual loudspeaker, for virtual time: what sounded is known by content."""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import trio

from channels.clock import AudioClock
from channels.events import Event, EventStream, EventSubscription
from channels.gate import Gate, Slot
from channels.messages import Source, TurnRecord, Utterance, Word
from channels.turn import Turn, new_id
from harry.session.conductor import Conductor, Identity
from harry.testing.loudspeaker import VirtualLoudspeaker

RATE = 8_000
WORD = 0.1
"""Seconds of a word as the rig's stages speak it."""

Answer = Callable[[Turn, Slot], Awaitable[None]]


def sound(mark: int, seconds: float) -> bytes:
    return struct.pack("<h", mark) * round(RATE * seconds)


def speaks(words: int, mark: int = 1, delay: float = 0.0) -> Answer:
    """A stage that writes `words` words of `WORD` seconds each and ends as it should."""

    async def answer(turn: Turn, slot: Slot) -> None:
        for number in range(words):
            await trio.sleep(delay)
            pcm = sound(mark, WORD)
            await slot.write(pcm, [Word(f" {number}" if number else "0", len(pcm) // 2)])

    return answer


def dies_slowly(answer: Answer, seconds: float, mark: int) -> Answer:
    """The same stage, which after its cancellation goes on writing behind a shield."""

    async def stubborn(turn: Turn, slot: Slot) -> None:
        try:
            await answer(turn, slot)
        finally:
            with trio.CancelScope(shield=True):
                until = trio.current_time() + seconds
                while trio.current_time() < until:
                    await slot.write(sound(mark, WORD), [Word(" late", round(RATE * WORD))])
                    await trio.sleep(0.05)

    return stubborn


def utterance(text: str = "hello", source: Source = Source.VOICE, speak: str | None = None) -> Utterance:
    return Utterance(new_id(), text, source, speak=speak)


class Rig:
    """What a test sees: the conductor, what sounded (`heard`: pairs of time and mark), what was kept, what was told."""

    def __init__(self, answer: Answer, *, keep_at_once: bool = True, flushable: bool = True) -> None:
        self.clock = AudioClock()
        self.events = EventStream(self.clock)
        self.told: EventSubscription = self.events.listen(10_000, lossless=True)
        self.gate = Gate(RATE)
        self.sounded: list[tuple[float, int]] = []
        self.kept: list[TurnRecord] = []
        self.keep_at_once = keep_at_once
        self.loudspeaker = VirtualLoudspeaker(self.clock, rate=RATE, flushable=flushable, on_sound=self._hear)
        self.gate.attach(self.loudspeaker)
        self.conductor = Conductor(
            gate=self.gate,
            events=self.events,
            identity=Identity("user", "session", "user"),
            answer=answer,
            keep=self._keep,
            wall=trio.current_time,
        )

    def _keep(self, record: TurnRecord) -> None:
        self.kept.append(record)
        if self.keep_at_once:
            self.conductor.acknowledge(record)

    def _hear(self, at: float, pcm: bytes) -> None:
        marks = [mark for (mark,) in struct.iter_unpack("<h", pcm)]
        self.sounded += [(at + offset / RATE, mark) for offset, mark in enumerate(marks) if mark]

    def samples(self, mark: int) -> int:
        return sum(each == mark for _, each in self.sounded)

    def last_sound(self, mark: int) -> float:
        return max((at for at, each in self.sounded if each == mark), default=-1.0)

    def events_told(self) -> list[Event]:
        return self.told.take_waiting()


@asynccontextmanager
async def rig(answer: Answer, **options: bool) -> AsyncIterator[Rig]:
    made = Rig(answer, **options)
    made.clock.start()
    async with trio.open_nursery() as nursery:
        await nursery.start(made.loudspeaker.play, made.gate)
        await nursery.start(made.conductor.run)
        yield made
        nursery.cancel_scope.cancel()
