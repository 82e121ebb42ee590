"""A virtual duplex sound card with somebody in front of it, and the notes that are taken of both.

Every 20 ms one buffer of the microphone comes in and one block of the loudspeaker goes out, on absolute deadlines, in
one task. The user speaks, hears the reply begin, lets Harry talk for a while and interrupts him, again and again.
What sounds is judged by content: each reply's samples carry its number. All instants are trio's, so virtual time works.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import trio

from channels.clock import AudioClock
from channels.gate import Slot, State
from channels.messages import EAR_RATE, FRAME_SAMPLES, SAMPLE_BYTES, Frame
from harry.audio.resampling import EAR, Reblocker

TICK = 0.02
"""Seconds of a buffer."""

RATE = 24_000
"""Hz of the loudspeaker, and of the voice, so that nothing is resampled."""

GIVE_UP = 5.0
"""Seconds without a reply after which the user speaks again."""

_BUFFER = round(EAR_RATE * TICK)
SILENT = bytes(_BUFFER * SAMPLE_BYTES)
VOICED = (np.sin(2 * np.pi * 220 / EAR_RATE * np.arange(_BUFFER)) * 8000).astype(np.int16).tobytes()


@dataclass(slots=True)
class Instant:
    """A moment in seconds of trio's clock and of the process's CPU time."""

    at: float = field(default_factory=trio.current_time)
    cpu: float = field(default_factory=time.process_time)


@dataclass(slots=True)
class Interruption:
    """The user spoke into reply `mark`: when the voice came, when it was declared one, when the card fell silent.

    `stale_until`: when the last sample of that reply has sounded that the card took after the cut.
    """

    mark: int
    voice: Instant
    declared: Instant | None = None
    cut: Instant | None = None
    stale_until: float | None = None

    def times(self) -> list[float | None]:
        """Return when it was declared, cut, and the reply silent for good, in ms after the voice; None: not at all."""
        declared, cut = (None if each is None else each.at for each in (self.declared, self.cut))
        silent = cut if self.stale_until is None else self.stale_until
        return [None if at is None else round((at - self.voice.at) * 1000, 2) for at in (declared, cut, silent)]


@dataclass(slots=True)
class Reply:
    """A reply's first chunk at the output, and the end of speech that it answers."""

    ended: Instant
    first: Instant


class Notes:
    """What happened in one conversation, told by the engines and the card around Harry, never by Harry himself."""

    def __init__(self) -> None:
        self.mark = 0
        self.talking = 0
        self.stale_samples = 0
        self.unanswered = 0
        self.interruptions: list[Interruption] = []
        self.replies: list[Reply] = []
        self._current: Interruption | None = None
        self._ended: Instant | None = None
        self._shut: dict[Slot, int] = {}
        self.last_cut = 0

    def voice_came(self, tick: float) -> None:
        """Note that the user began to speak at `tick`, by the schedule."""
        self._current = None
        if self.talking:
            self._current = Interruption(self.talking, Instant(at=tick))
            self.interruptions.append(self._current)

    def voice_declared(self) -> None:
        """Note that the voice activity detector says that somebody speaks."""
        current = self._current
        if current is not None and current.declared is None and current.cut is None:
            current.declared = Instant()

    def silence_declared(self) -> None:
        """Note that the voice activity detector says that nobody speaks any more."""
        self._ended = Instant()

    def note_silence(self) -> None:
        """Note that the card was told to throw away what it holds: a cut, or a pause."""
        now = Instant()
        current = self._current
        # Harry may be faster than the declaration: a strong window after a mere sign silences him too.
        if current is not None and current.cut is None:
            current.cut = now
        self.last_cut, self.talking = max(self.last_cut, self.talking), 0

    def stale(self, samples: int, until: float) -> None:
        """Note samples of a reply that the card took after it was cut, and that have sounded at `until`."""
        self.stale_samples += samples
        if samples and self.interruptions:
            self.interruptions[-1].stale_until = until

    def begin_reply(self) -> int:
        """Note that a reply is being thought of, and return its number, which its samples carry."""
        self.mark = self.mark % 32767 + 1
        return self.mark

    async def watch(self, slot: Slot, mark: int) -> None:
        """Wait until the gate has the first chunk of a reply. In a shut slot it counts from the opening on."""
        await slot.arrived.wait()
        if slot.state is State.SHUT:
            self._shut[slot] = mark
        else:
            self.first_chunk(mark)

    def note_opening(self, slot: Slot) -> None:
        """Note that a shut slot was opened."""
        mark = self._shut.pop(slot, None)
        self._shut.clear()
        if mark is not None:
            self.first_chunk(mark)

    def first_chunk(self, mark: int) -> None:
        """Note that the output has the first chunk of a reply."""
        first = Instant()
        self.talking = mark
        if self._ended is not None:
            self.replies.append(Reply(self._ended, first))
            self._ended = None


class User:
    """Says when to speak. `speech` is what is said, in buffers of `TICK`; `talk` how long Harry may, in seconds.

    From one interruption to the next he lets Harry talk one buffer longer, up to seven: so voices begin at every place
    within a window.
    """

    def __init__(self, notes: Notes, speech: Sequence[bytes], talk: float) -> None:
        self._notes = notes
        self._speech = speech
        self._talk = talk
        self._at = 0
        self._silent_since = 0.0
        self._replies = 0

    def buffer(self, tick: float) -> bytes:
        """Return what the microphone hears in the buffer of this tick."""
        if self._at == len(self._speech):
            if len(self._notes.replies) > self._replies:
                patience = self._talk + len(self._notes.replies) % 8 * TICK
                finished = tick - self._notes.replies[-1].first.at >= patience
            else:
                finished = tick - self._silent_since > GIVE_UP
                self._notes.unanswered += finished
            if not finished:
                return SILENT
            self._at = 0
        if self._at == 0:
            self._notes.voice_came(tick)
        said = self._speech[self._at]
        self._at += 1
        if self._at == len(self._speech):
            self._silent_since, self._replies = tick, len(self._notes.replies)
        return said


class Source(Protocol):
    """What the card asks of a gate."""

    def pull(self, into: memoryview) -> int:
        """See `channels.gate.Gate`."""
        ...

    def advance(self) -> None:
        """See `channels.gate.Gate`."""
        ...


class DuplexCard:
    """Microphone and loudspeaker in one. It runs from `go` until `stop` says so; `late` holds each tick's delay."""

    description = "a virtual duplex card"

    def __init__(self, clock: AudioClock, notes: Notes, user: User) -> None:
        self.rate = RATE
        self.ended = trio.Event()
        self.done = trio.Event()
        self.late: list[float] = []
        self._clock = clock
        self._notes = notes
        self._user = user
        self._go = trio.Event()
        self._first = self._stop = 0.0
        self._hear: Callable[[Frame], None] | None = None
        self._block = bytearray(round(RATE * TICK) * SAMPLE_BYTES)
        self._sounds = np.frombuffer(self._block, np.int16)
        self._began = -TICK

    def go(self, first: float, stop: float) -> None:
        """Run from the instant `first` until `stop`."""
        self._first, self._stop = first, stop
        self._go.set()

    async def capture(
        self, hear: Callable[[Frame], None], *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """See `actors.protocols.Microphone`."""
        self._hear = hear
        task_status.started()
        await trio.sleep_forever()

    async def play(self, gate: Source, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """See `actors.protocols.Loudspeaker`; the microphone's buffers come by the same ticks."""
        task_status.started()
        await self._go.wait()
        reblocker = Reblocker(EAR)
        start = round((self._first - trio.current_time() + self._clock.now()) * EAR_RATE)
        into = memoryview(self._block)
        tick = self._first
        while tick < self._stop:
            await trio.sleep_until(tick)
            self._began = trio.current_time()
            self.late.append(self._began - tick)
            said = self._user.buffer(tick)
            if self._hear is not None:
                for frame in reblocker.push(said):
                    self._hear(Frame(frame, start))
                    start += FRAME_SAMPLES
            gate.pull(into)
            gate.advance()
            self._judge()
            tick += TICK
        self.done.set()
        await trio.sleep_forever()

    def _judge(self) -> None:
        """Count samples of a reply that was cut before this block was taken."""
        if self._notes.last_cut:
            stale = (self._sounds > 0) & (self._sounds <= self._notes.last_cut)
            self._notes.stale(int(np.count_nonzero(stale)), self._began + TICK)

    def pending(self) -> int:
        """Return how many samples of the block in hand have not sounded yet."""
        size = len(self._sounds)
        return max(0, size - int((trio.current_time() - self._began) * RATE))

    def flush(self) -> int:
        """Throw them away. This is the moment of silence."""
        self._notes.note_silence()
        unplayed = self.pending()
        self._began = -TICK
        return unplayed


class Nothing:
    """A gate with nobody behind it, to measure what card and user cost alone. A reply begins every `every` seconds."""

    def __init__(self, notes: Notes, every: float) -> None:
        self._notes = notes
        self._ticks = round(every / TICK)
        self._tick = 0

    def pull(self, into: memoryview) -> int:
        """Leave the buffer as it is: nothing sounds."""
        return 0

    def advance(self) -> None:
        """Count the ticks, and pretend."""
        self._tick += 1
        if self._tick % self._ticks == 0:
            self._notes.silence_declared()
            self._notes.first_chunk(self._notes.begin_reply())
