"""The gate before the loudspeaker: the one place where sound becomes audible, and so where silence is guaranteed.

A turn writes into its slot; the sink pulls from whichever slot is open. Each rule has a test, most a mutant too:

1. A slot is SHUT (may be written, is not heard), OPEN, PAUSED or CLOSED. CLOSED is for ever.
2. At most one slot is open or paused, and at most one is shut.
3. No sample of a closed slot is pulled. Closing drops what is queued and wakes the writers, who are told False.
4. A slot holds at most `ahead` seconds that were not pulled; writers wait for room.
5. A word counts as heard when its last sample was pulled and not flushed back out of the sink.
6. Pausing puts flushed samples back at the front, so a resume loses none.
7. A finished slot has played when its last sample left the sink, not when it was pulled.
8. Every opening and every resume takes a new epoch.

`pull` runs in the sound card's thread and holds the lock for one copy; everything else runs in trio's thread. The
sink's flush runs after the lock is released: an abort that joins the callback would deadlock under it.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from enum import Enum
from typing import Protocol

import trio

from channels.messages import SAMPLE_BYTES, Word
from channels.signals import Signal
from channels.turn import Turn

AHEAD = 0.2
"""Seconds of sound a slot may hold beyond what was pulled."""

_LEDGER = 2.0
"""Seconds of pulled sound the gate can still take back: more than any sink holds."""

_ZEROS = bytes(1 << 16)


class Sink(Protocol):
    """What the gate asks of a loudspeaker. Both answer at once, in trio's thread."""

    def flush(self) -> int:
        """Throw away what was pulled and has not sounded; returns how many samples, silence included."""
        ...

    def pending(self) -> int:
        """Return how many of the newest samples pulled have not sounded yet."""
        ...


class _NoSink:
    def flush(self) -> int:
        return 0

    def pending(self) -> int:
        return 0


class State(Enum):
    """What a slot may do."""

    SHUT = "shut"
    OPEN = "open"
    PAUSED = "paused"
    CLOSED = "closed"


class Slot:
    """One turn's way to the loudspeaker. Made by `Gate.admit`, changed by the conductor alone.

    `arrived` is set by the first write, `sounded` when the first sample was pulled.
    """

    def __init__(self, gate: Gate, turn: Turn, state: State) -> None:
        self.turn = turn
        self.state = state
        self.epoch = 0
        self.finished = False
        self._gate = gate
        self._queue: deque[memoryview] = deque()
        self._queued = 0
        self._accepted = 0
        self._pulled = 0
        self._last_pulled_at = 0
        self._opened = False
        self._words: list[tuple[int, str]] = []
        self._changed = Signal()
        self._played = trio.Event()
        self.arrived = trio.Event()
        self.sounded = trio.Event()

    @property
    def samples_heard(self) -> int:
        """Samples that were pulled and not flushed."""
        return self._pulled

    @property
    def samples_waiting(self) -> int:
        """Samples written that were not pulled yet."""
        return self._queued

    @property
    def spoken(self) -> str:
        """The wording of everything written so far."""
        return "".join(text for _, text in self._words)

    @property
    def heard(self) -> str:
        """The wording of every word whose last sample was heard: always a prefix of `spoken`."""
        return self.heard_within(self._pulled)

    def heard_within(self, samples: int) -> str:
        """Return the wording of every word that ends within the first `samples` of what was heard."""
        if not self._opened:
            return ""
        heard = []
        for end, text in self._words:
            if end > min(samples, self._pulled):
                break
            heard.append(text)
        return "".join(heard)

    @property
    def closed(self) -> bool:
        """Whether the slot is closed, for ever."""
        return self.state is State.CLOSED

    async def write(self, pcm: bytes, words: Sequence[Word] = ()) -> bool:
        """Queue sound at the gate's rate, waiting for room. Always a checkpoint. False once the slot is closed.

        `words` are those that end within this sound, their ends counted in samples from its start.
        """
        await trio.lowlevel.checkpoint()
        with self._gate._lock:
            if self.closed or self.finished:
                return False
            self._words.extend((self._accepted + word.end, word.text) for word in words)
        self.arrived.set()
        rest = memoryview(pcm)
        while rest:
            with self._gate._lock:
                if self.closed:
                    return False
                room = self._gate._ahead - self._queued
                taken = rest[: max(room, 0) * SAMPLE_BYTES]
                rest = rest[len(taken) :]
                self._queued += len(taken) // SAMPLE_BYTES
                self._accepted += len(taken) // SAMPLE_BYTES
                if taken:
                    self._queue.append(taken)
            if rest:
                await self._changed.wait()
        return not self.closed

    def finish(self) -> None:
        """End writing. `played()` returns once the last sample left the sink."""
        self.finished = True
        self._gate.advance()

    async def wait_played(self) -> bool:
        """Wait until everything written has sounded. False if the slot was closed before."""
        await self._played.wait()
        return not self.closed


class Gate:
    """All slots of one loudspeaker. `rate` is the sink's rate in Hz.

    `volume` (1: as it was written) and `ducked` ask the sink to change how loud it plays. `tap`, if set, is told by the
    sink's thread each buffer that will sound, as it will sound, or how many samples of silence: the reference for
    telling Harry's voice from others.
    """

    def __init__(self, rate: int, *, ahead: float = AHEAD, on_sound: Callable[[Slot], None] | None = None) -> None:
        self.rate = rate
        self.epoch = 0
        self.ducked = False
        self.volume = 1.0
        self.tap: Callable[[bytes | int], object] | None = None
        self._on_sound = on_sound
        self._ahead = max(1, int(rate * ahead))
        self._lock = threading.Lock()
        self._live: Slot | None = None
        self._speculative: Slot | None = None
        self._ledger: deque[tuple[Slot | None, memoryview]] = deque()
        self._ledger_samples = 0
        self._ledger_limit = int(rate * _LEDGER)
        self._total = 0
        self._sink: Sink = _NoSink()

    @property
    def live(self) -> Slot | None:
        """The slot that is open or paused, if any."""
        return self._live

    @property
    def speculative(self) -> Slot | None:
        """The slot that is shut, if any."""
        return self._speculative

    def attach(self, sink: Sink) -> None:
        """Name the sink that pulls from this gate."""
        self._sink = sink

    # Called by the conductor, in trio's thread.

    def admit(self, turn: Turn, *, shut: bool = False) -> Slot:
        """Give the turn a slot. Raises `RuntimeError` where rule 2 would be broken."""
        slot = Slot(self, turn, State.SHUT)
        if shut:
            if self._speculative is not None:
                raise RuntimeError("a speculative slot stands already")
            self._speculative = slot
        else:
            self._open(slot)
        return slot

    def open(self, slot: Slot) -> bool:
        """Let a shut slot be heard. False if it was closed meanwhile."""
        if slot.state is not State.SHUT:
            return slot.state is State.OPEN
        self._open(slot)
        if self._speculative is slot:
            self._speculative = None
        self.advance()
        return True

    def _open(self, slot: Slot) -> None:
        with self._lock:
            if self._live is not None:
                raise RuntimeError("another slot is open: close it first")
            self._live = slot
            self._new_epoch(slot)

    def _new_epoch(self, slot: Slot) -> None:
        self.epoch += 1
        slot.epoch = self.epoch
        slot.state = State.OPEN
        slot._opened = True

    def pause(self, slot: Slot) -> None:
        """Silence an open slot without losing a sample."""
        with self._lock:
            if slot.state is not State.OPEN:
                return
            slot.state = State.PAUSED
        self._take_back(self._sink.flush())

    def resume(self, slot: Slot) -> bool:
        """Let a paused slot sound on from the very sample at which it was silenced. False if it is closed."""
        with self._lock:
            if slot.state is not State.PAUSED:
                return slot.state is State.OPEN
            self._new_epoch(slot)
        return True

    def close(self, slot: Slot) -> int:
        """Silence a slot for ever. Returns how many samples its sink still plays because it could not flush them."""
        with self._lock:
            if slot.state is State.CLOSED:
                return 0
            sounding = slot.state is State.OPEN
            slot.state = State.CLOSED
            slot._queue.clear()
            slot._queued = 0
            if self._live is slot:
                self._live = None
            if self._speculative is slot:
                self._speculative = None
        if sounding:
            self._take_back(self._sink.flush())
        slot._changed.notify()
        slot._played.set()
        return max(0, slot._last_pulled_at - (self._total - self._sink.pending())) if slot._pulled else 0

    def _take_back(self, flushed: int) -> None:
        """Correct the books by the newest `flushed` samples, which never sounded."""
        with self._lock:
            while flushed > 0 and self._ledger:
                slot, view = self._ledger.pop()
                kept = max(0, len(view) // SAMPLE_BYTES - flushed)
                back = view[kept * SAMPLE_BYTES :]
                if kept:
                    self._ledger.append((slot, view[: kept * SAMPLE_BYTES]))
                count = len(back) // SAMPLE_BYTES
                flushed -= count
                self._ledger_samples -= count
                self._total -= count
                if slot is not None:
                    slot._pulled -= count
                    slot._last_pulled_at = min(slot._last_pulled_at, self._total)
                    if slot.state is State.PAUSED:
                        slot._queue.appendleft(back)
                        slot._queued += count

    # Called by the sink.

    def pull(self, into: memoryview) -> int:
        """Fill a buffer of bytes with what may sound now, padded with silence. Any thread. Returns samples of speech.

        One copy under the lock: no mapping, no logging, no waking. The sink calls `advance` in trio's thread after it.
        """
        size = len(into)
        filled = 0
        with self._lock:
            slot = self._live
            if slot is not None and slot.state is State.OPEN:
                while filled < size and slot._queue:
                    view = slot._queue.popleft()
                    part = view[: size - filled]
                    into[filled : filled + len(part)] = part
                    filled += len(part)
                    if len(part) < len(view):
                        slot._queue.appendleft(view[len(part) :])
                    self._enter(slot, part)
                samples = filled // SAMPLE_BYTES
                slot._queued -= samples
                slot._pulled += samples
                if samples:
                    slot._last_pulled_at = self._total
            rest = filled
            while rest < size:
                silence = memoryview(_ZEROS)[: size - rest]
                into[rest : rest + len(silence)] = silence
                rest += len(silence)
                self._enter(None, silence)
        return filled // SAMPLE_BYTES

    def _enter(self, slot: Slot | None, part: memoryview) -> None:
        self._ledger.append((slot, part))
        count = len(part) // SAMPLE_BYTES
        self._total += count
        self._ledger_samples += count
        while self._ledger_samples > self._ledger_limit:
            self._ledger_samples -= len(self._ledger.popleft()[1]) // SAMPLE_BYTES

    def advance(self) -> None:
        """Tell the gate that the sink pulled. In trio's thread, after `pull`, never in the sound card's.

        Wakes waiting writers, announces a slot's first sound, and finds out whether a finished slot has played.
        """
        slot = self._live
        if slot is None:
            return
        if slot._pulled and not slot.sounded.is_set():
            slot.sounded.set()
            if self._on_sound is not None:
                self._on_sound(slot)
        if slot._queued * 2 <= self._ahead:
            # Half of what may wait is room worth waking a writer for; at every pull it would write in crumbs.
            slot._changed.notify()
        with self._lock:  # a pull takes samples out of the queue before they stand in the books
            all_pulled = slot.finished and not slot._queue
            since = self._total - slot._last_pulled_at
        if all_pulled and since >= self._sink.pending():
            slot._played.set()
