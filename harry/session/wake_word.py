"""Listens for the wake phrase while the window of attention is shut, in a thread of its own, next to the listener.

The listener goes on cutting out utterances meanwhile, so the one in which the phrase fell is whole, with its first
word: it is meant for Harry because the window was opened before its words are judged.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol

from actors.listener import Cleaned
from actors.turn_taking.attention import Attention, Talk
from channels.event_types import Woken
from channels.events import EventStream
from channels.messages import EAR_RATE, FRAME_SAMPLES, Frame
from channels.signals import Signal
from harry.engines.worker_threads import WorkerThreads

MAX_WAITING_FRAMES = 2 * EAR_RATE // FRAME_SAMPLES
"""Frames that wait for the thread, two seconds; beyond that the oldest are dropped."""

FRAMES_PER_SEARCH = 4
"""Frames that are searched together: a thread for each would cost more than the search."""

SEARCH_DEADLINE_SECONDS = 20.0
"""Seconds that one search may take. The first one loads the acoustic model."""


class Spotter(Protocol):
    """Hears one phrase in sound that is handed over piece by piece. Blocks."""

    def hear(self, pcm: bytes) -> bool:
        """Return whether the phrase was said by the end of this 16-bit mono sound at `EAR_RATE`."""
        ...

    def forget(self) -> None:
        """Start over: what comes next does not follow what was heard."""
        ...


class WakeWordDetector:
    """An actor of the session. `load` makes the spotter, in the thread, when it is first needed."""

    def __init__(self, load: Callable[[], Spotter], attention: Attention, events: EventStream) -> None:
        self._load = load
        self._attention = attention
        self._events = events
        self._spotter: Spotter | None = None
        self._waiting: deque[Frame] = deque(maxlen=MAX_WAITING_FRAMES)
        self._next_start = 0
        self._came = Signal()

    def wrap(self, clean: Callable[[Frame], Cleaned]) -> Callable[[Frame], Cleaned]:
        """Return `clean` as a function whose frames are watched as well."""

        def watched(frame: Frame) -> Cleaned:
            cleaned = clean(frame)
            self._watch(cleaned.frame)
            return cleaned

        return watched

    async def run(self) -> None:
        """Search what is heard until cancelled. Raises what the spotter raises."""
        offload = WorkerThreads("wake phrase", deadline=SEARCH_DEADLINE_SECONDS)
        # A fresh one in place of one that crashed.
        self._spotter = None
        while True:
            while len(self._waiting) < FRAMES_PER_SEARCH:
                await self._came.wait()
            frames = list(self._waiting)
            self._waiting.clear()
            spotted = await offload.run(self._search, frames)
            if spotted:
                self._waiting.clear()
                self._attention.wake(self._events.clock.now())
                self._events.publish(Woken())

    def _wanted(self) -> bool:
        attention, now = self._attention, self._events.clock.now()
        return attention.talk is Talk.OPEN and not attention.muted and not attention.is_open(now)

    def _watch(self, frame: Frame) -> None:
        if not self._wanted():
            self._waiting.clear()
            return
        self._waiting.append(frame)
        if len(self._waiting) >= FRAMES_PER_SEARCH:
            self._came.notify()

    def _search(self, frames: list[Frame]) -> bool:
        if self._spotter is None:
            self._spotter = self._load()
        if frames[0].start != self._next_start:
            self._spotter.forget()
        self._next_start = frames[-1].start + FRAME_SAMPLES
        return self._spotter.hear(b"".join(frame.pcm for frame in frames))
