"""How silent is silence: interruptions at random instants, with a stage that dies slowly and keeps writing.

Simulated under trio's virtual clock: every turn writes samples that carry its number, and a sample counts as stale when
the loudspeaker sounds it after that turn's cut. Timed on the real clock with stages that end when asked: how long a
decision takes until the slot is closed and the scope cancelled, and until the turn is over.
"""

from __future__ import annotations

import random
import struct
import time
from typing import Any

import trio
import trio.testing

from channels.clock import AudioClock
from channels.events import EventStream
from channels.gate import Gate, Slot
from channels.messages import Source, Utterance, Word
from channels.turn import Turn, new_id
from harry.bench.figures import percentiles
from harry.session.conductor import MAX_RUNNING_TURNS, Conductor, Identity
from harry.testing.loudspeaker import VirtualLoudspeaker

RATE = 8_000
MAX_DEATH_SECONDS = 2.0
"""Seconds the slow-dying stage goes on behind its shield."""


class StaleCounter:
    """Counts, by content, samples of a turn that sound after the turn was cut."""

    def __init__(self) -> None:
        self.cut_at: dict[int, float] = {}
        self.stale = 0
        self.sounded = 0

    def hear(self, at: float, pcm: bytes) -> None:
        """Take in a block that begins to sound at `at` seconds."""
        for offset, (mark,) in enumerate(struct.iter_unpack("<h", pcm)):
            if mark:
                self.sounded += 1
                # Half a sample of tolerance: a cut falls between two samples.
                if at + (offset + 0.5) / RATE > self.cut_at.get(mark, float("inf")) + 1 / RATE:
                    self.stale += 1


def make_marked_speech(mark: int, seconds: float) -> bytes:
    """Make sound in which every sample is `mark` (1..32767)."""
    return struct.pack("<h", mark) * round(RATE * seconds)


class SlowDyingStage:
    """Writes a turn's marked speech, and goes on writing behind a shield for a while after it was cancelled."""

    def __init__(self, dice: random.Random, longest_death: float = MAX_DEATH_SECONDS) -> None:
        self._dice = dice
        self._longest = longest_death

    async def __call__(self, turn: Turn, slot: Slot) -> None:
        """Answer a turn, as the conductor's `answer`."""
        pcm = make_marked_speech(int(turn.utterance.text), 0.1)
        try:
            for number in range(100):
                await slot.write(pcm, [Word(f" w{number}", len(pcm) // 2)])
                await trio.sleep(self._dice.choice([0, 0, 0.01]))
        finally:
            with trio.CancelScope(shield=True):
                until = trio.current_time() + self._dice.uniform(0, self._longest)
                while trio.current_time() < until:
                    await slot.write(pcm, [Word(" late", len(pcm) // 2)])
                    await trio.sleep(0.03)


class _Rig:
    """A conductor with a stage that dies slowly, and a loudspeaker that counts what is stale."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)  # noqa: S311  no secret; trio shuffles the tasks anyway
        self.clock = AudioClock()
        self.clock.start()
        self.counter = StaleCounter()
        self.gate = Gate(RATE)
        self.loudspeaker = VirtualLoudspeaker(
            self.clock, rate=RATE, block=0.02, buffer=0.06, on_sound=self.counter.hear
        )
        self.gate.attach(self.loudspeaker)
        self.conductor = Conductor(
            gate=self.gate,
            events=EventStream(self.clock),
            identity=Identity("user", "bench", "user"),
            answer=SlowDyingStage(self.dice),
            keep=lambda record: self.conductor.acknowledge(record),  # noqa: PLW0108  the conductor does not exist yet
        )

    async def interrupt(self, mark: int) -> bool:
        """Begin a turn and cut it at a random instant. False if what was heard is no prefix of what was spoken."""
        conductor, dice = self.conductor, self.dice
        self.counter.cut_at.pop(mark, None)
        if conductor.turns_running == MAX_RUNNING_TURNS:
            await conductor.wait_quiet()
        turn = conductor.commit(Utterance(new_id(), str(mark), Source.VOICE))
        slot = self.gate.live
        await trio.sleep(dice.uniform(0, 0.9))
        if dice.random() < 0.2 and conductor.pause():
            await trio.sleep(dice.uniform(0, 0.3))
            if dice.random() < 0.5:
                conductor.resume()
                await trio.sleep(dice.uniform(0, 0.2))
        cut = conductor.cut("barge_in")
        if cut is None or turn is None or slot is None:
            raise RuntimeError("the rig lost a turn")
        self.counter.cut_at[mark] = self.clock.now()
        return slot.spoken.startswith(cut.heard)


async def simulate(n: int, seed: int = 1) -> dict[str, Any]:
    """Interrupt `n` times. To be run under a `trio.testing.MockClock` with autojump."""
    rig = _Rig(seed)
    before = trio.lowlevel.current_statistics().tasks_living
    not_prefix = 0
    async with trio.open_nursery() as nursery:
        await nursery.start(rig.loudspeaker.play, rig.gate)
        await nursery.start(rig.conductor.run)
        for number in range(n):
            not_prefix += not await rig.interrupt(number % 32767 + 1)
        await rig.conductor.wait_quiet()
        await trio.sleep(1)
        nursery.cancel_scope.cancel()
    leaked = trio.lowlevel.current_statistics().tasks_living - before
    return {
        "interruptions": n,
        "stale_samples": rig.counter.stale,
        "leaked_tasks": leaked,
        "heard_not_prefix_of_spoken": not_prefix,
        "samples_sounded": rig.counter.sounded,
        "virtual_seconds": round(rig.clock.now(), 1),
    }


async def _end_when_cut(turn: Turn, slot: Slot) -> None:
    async with trio.open_nursery() as stages:
        for _ in range(2):
            stages.start_soon(trio.sleep_forever)
        while await slot.write(make_marked_speech(1, 0.1)):
            pass


async def time_cuts(n: int) -> dict[str, Any]:
    """Cut `n` turns on the real clock, the moment of decision being the call of `cut`."""
    clock = AudioClock()
    clock.start()
    events = EventStream(clock)
    gate = Gate(RATE)
    loudspeaker = VirtualLoudspeaker(clock, rate=RATE)
    gate.attach(loudspeaker)
    conductor = Conductor(
        gate=gate,
        events=events,
        identity=Identity("user", "bench", "user"),
        answer=_end_when_cut,
        keep=lambda record: conductor.acknowledge(record),  # noqa: PLW0108  the conductor does not exist yet
    )
    closed: list[float] = []
    turn_over: list[float] = []
    async with trio.open_nursery() as nursery:
        await nursery.start(loudspeaker.play, gate)
        await nursery.start(conductor.run)
        for _ in range(n):
            turn = conductor.commit(Utterance(new_id(), "1", Source.VOICE))
            if turn is None or gate.live is None:
                raise RuntimeError("the rig lost a turn")
            await gate.live.sounded.wait()
            began = time.perf_counter()
            conductor.cut("barge_in")
            closed.append(time.perf_counter() - began)
            await turn.over.wait()
            turn_over.append(time.perf_counter() - began)
        nursery.cancel_scope.cancel()
    return {"cut_ms": percentiles(closed), "turn_over_ms": percentiles(turn_over), "real_interruptions": n}


def run(n: int) -> dict[str, Any]:
    """Measure both halves: `n` simulated interruptions, and at most 1,000 timed ones."""
    simulated = trio.run(simulate, n, clock=trio.testing.MockClock(autojump_threshold=0))
    timed = trio.run(time_cuts, min(n, 1000))
    return {**simulated, **timed}
