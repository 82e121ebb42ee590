"""One bounded fan-out of what happened: the file, the live line, the page and the tests all listen here.

What can happen is declared in `channels.event_types`.

Publishing never waits. A listener that falls behind loses ordinary events, counted; the records that end a turn are
reserved when the turn is admitted, so that no cut ever waits for a reader and none of them is lost. Only a reader that
has stopped reading loses those, too: turns go on without it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import overload

import trio

from channels.clock import AudioClock
from channels.event_types import AnyEvent, Heard, Interrupted, TurnEnded, make_event, serialize
from channels.signals import Signal

RESERVED: frozenset[type[AnyEvent]] = frozenset({Interrupted, Heard, TurnEnded})
"""The events each admitted turn has room for in every lossless listener."""

STALLED_AFTER = 1.5
"""Seconds without a read after which a full reader has stopped; a turn waits so long for it, once."""


@dataclass(frozen=True, slots=True)
class Event:
    """What happened, and when: `at` is seconds on the session's audio clock. Readers `match` on `what`."""

    at: float
    what: AnyEvent

    @property
    def event(self) -> str:
        """Its name on the wire."""
        return self.what.event

    @property
    def turn(self) -> str | None:
        """The id of the turn it belongs to, or None."""
        return self.what.turn

    @property
    def fields(self) -> dict[str, object]:
        """What it tells beyond `at`, `event` and `turn`, as on the wire."""
        return serialize(self.what)

    def to_dict(self) -> dict[str, object]:
        """Return everything in one mapping, as it is written to the event file."""
        return {"at": round(self.at, 4), "event": self.event, "turn": self.turn, **self.fields}


class EventSubscription:
    """One reader of the stream: an async iterator over events, with `missed` counting those it was too slow for."""

    def __init__(self, capacity: int, lossless: bool, leave: Callable[[EventSubscription], None]) -> None:
        self.capacity = capacity
        self.lossless = lossless
        self.missed = 0
        self._queue: deque[Event] = deque()
        self._reserved: dict[str, set[type[AnyEvent]]] = {}
        self._changed = Signal()
        self._closed = False
        self._taken = 0
        self._stalled = False
        self._leave = leave

    @property
    def _promised(self) -> int:
        return sum(map(len, self._reserved.values()))

    def _room(self, count: int) -> bool:
        promised = self._promised if self._reserved else 0
        return len(self._queue) + promised + count <= self.capacity

    def _reserve(self, turn: str) -> None:
        self._reserved[turn] = set(RESERVED)

    def _release(self, turn: str) -> None:
        self._reserved.pop(turn, None)
        self._changed.notify()

    def _offer(self, event: Event) -> None:
        kind = type(event.what)
        promised = self._reserved.get(event.what.turn or "") if self._reserved else None
        if promised is not None and kind in promised:
            promised.discard(kind)
        elif not self._room(1) and (self._stalled or not (self.lossless and kind in RESERVED)):
            # A turn cut before its reservation was granted still tells its end: at most three such events a turn.
            self.missed += 1
            return
        self._queue.append(event)
        self._changed.notify()

    async def _wait_for_room(self) -> None:
        """Wait until there is room for a turn's end; returns without where the reader has stopped reading."""
        while not (self._room(len(RESERVED)) or self._closed or self._stalled):
            taken = self._taken
            with trio.move_on_after(STALLED_AFTER) as patience:
                while taken == self._taken and not (self._room(len(RESERVED)) or self._closed):
                    await self._changed.wait()
            # Where nothing waits to be read, it is other turns' reservations that fill it.
            self._stalled = patience.cancelled_caught and bool(self._queue)

    def _read(self) -> None:
        self._taken += 1
        self._stalled = False
        self._changed.notify()

    def __aiter__(self) -> EventSubscription:
        return self

    async def __anext__(self) -> Event:
        await trio.lowlevel.checkpoint()
        while not self._queue:
            if self._closed:
                raise StopAsyncIteration
            await self._changed.wait()
        event = self._queue.popleft()
        self._read()
        return event

    def take_waiting(self) -> list[Event]:
        """Return everything that waits now, at once; an empty list if nothing does."""
        waiting = list(self._queue)
        self._queue.clear()
        self._read()
        return waiting

    async def wait_closed(self) -> None:
        """Wait until nothing more can come."""
        while not self._closed:
            await self._changed.wait()

    def close(self) -> None:
        """Stop listening. What waits can still be iterated. A second call changes nothing."""
        if not self._closed:
            self._closed = True
            self._leave(self)
            self._changed.notify()


class EventStream:
    """The fan-out of one session."""

    def __init__(self, clock: AudioClock) -> None:
        self.clock = clock
        self._listeners: list[EventSubscription] = []

    def listen(self, capacity: int = 1024, *, lossless: bool = False) -> EventSubscription:
        """Add a listener that holds at most `capacity` unread events."""
        listener = EventSubscription(capacity, lossless, self._listeners.remove)
        self._listeners.append(listener)
        return listener

    @overload
    def publish(self, what: AnyEvent, /, *, at: float | None = None) -> None: ...

    @overload
    def publish(self, what: str, /, *, turn: str | None = None, at: float | None = None, **fields: object) -> None: ...

    def publish(
        self, what: AnyEvent | str, /, *, turn: str | None = None, at: float | None = None, **fields: object
    ) -> None:
        """Tell every listener, without waiting. `at` defaults to now on the session's clock.

        Plug-ins may tell an event by its name and fields; see `channels.event_types.make_event` for what is raised.
        """
        if isinstance(what, str):
            what = make_event(what, turn, fields)
        happened = Event(self.clock.now() if at is None else at, what)
        for listener in self._listeners:
            listener._offer(happened)

    async def reserve(self, turn: str) -> None:
        """Promise room for the turn's terminal records in every lossless listener; waits while a read one is full.

        Always a checkpoint, first of all: a turn that was cut before it began promises nothing.
        """
        await trio.lowlevel.checkpoint()
        for listener in [reader for reader in self._listeners if reader.lossless]:
            await listener._wait_for_room()
            if not listener._stalled:
                listener._reserve(turn)

    def release(self, turn: str) -> None:
        """Give back what the turn did not use of its reservation."""
        for listener in self._listeners:
            listener._release(turn)

    def close(self) -> None:
        """End every listener."""
        for listener in list(self._listeners):
            listener.close()
