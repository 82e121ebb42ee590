"""What rings in one conversation: everything that is due there, told together, until it is stopped or its time is over.

Whatever comes due while something rings joins it. A ring that was cut by other words than a stop goes on in the next
gap; what nobody heard is not settled, and comes again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias

import trio

from channels.messages import Ring
from harry.memory.store.reminders import Reminder

GAP = 0.7
"""Seconds in which nobody speaks and nothing happens, before Harry speaks up."""

PATIENCE = 8.0
"""Seconds that what rings waits for such a gap; a mere reminder waits as long as it takes."""

TRIES = 3
"""How often something is told that was cut before a word of it was heard, before it is left for later."""

SETTLED_WITHIN = 5.0
"""Seconds that a store has to forget what was told; longer than that nothing waits for it."""

End: TypeAlias = Literal["finished", "stop", "cut", "refused"]


@dataclass(frozen=True, slots=True)
class Rung:
    """What came of a ring: whether a word or a sound of it was heard, and how it ended."""

    heard: bool
    end: End


class Place(Protocol):
    """A conversation, as far as something can ring in it."""

    @property
    def id(self) -> str:
        """Return the session's id."""
        ...

    def attended(self) -> bool:
        """Return whether somebody can hear or see it."""
        ...

    async def quiet(self, seconds: float) -> None:
        """Wait for a gap of so many seconds."""
        ...

    async def ring(self, words: str, ring: Ring) -> Rung:
        """Ring and say the words. Cancelled, it falls silent."""
        ...

    def tell(self, told: Mapping[str, Any]) -> None:
        """Publish an event `reminder`."""
        ...


class Bell:
    """One conversation's. `settle(ids, how)` is told what is done with: "stopped" for all that rang, or "told"."""

    def __init__(
        self,
        place: Place,
        settle: Callable[[Iterable[Reminder], Literal["stopped", "told"]], Awaitable[None]],
        words: Callable[[Reminder], str],
        seconds: Callable[[Reminder], float],
    ) -> None:
        self.place = place
        self.due: dict[str, Reminder] = {}
        self.unheard: dict[str, Reminder] = {}
        self._settle = settle
        self._words = words
        self._seconds = seconds
        self._until: dict[str, float] = {}
        self._tries: dict[str, int] = {}
        self._scope = trio.CancelScope()
        self._stopped = False

    def add(self, reminder: Reminder) -> None:
        """Let it ring here, together with what does already."""
        self.due[reminder.id] = reminder
        self._until[reminder.id] = trio.current_time() + self._seconds(reminder)
        self._scope.cancel()

    def drop(self, identity: str) -> None:
        """Let it ring no more: it was stopped elsewhere, or is gone."""
        if self.due.pop(identity, None) is not None:
            self._scope.cancel()

    def stop(self) -> None:
        """Stop all that rings here, as a stop phrase does."""
        self._stopped = True
        self._scope.cancel()

    async def run(self) -> None:
        """Ring until nothing is due here any more."""
        while self.due:
            if not self._stopped:  # which it may be before it has begun
                with trio.CancelScope() as self._scope:
                    await self._round()
            if self._stopped:
                self._stopped = False
                await self._done(list(self.due.values()), "stopped")

    async def _round(self) -> None:
        told = list(self.due.values())
        rings = [reminder for reminder in told if self._until[reminder.id] > trio.current_time()]
        with trio.move_on_after(PATIENCE if rings else float("inf")):
            await self.place.quiet(GAP)
        seconds = max((self._until[reminder.id] - trio.current_time() for reminder in rings), default=0.0)
        kinds = {reminder.kind for reminder in rings or told}
        kind = next(candidate for candidate in ("alarm", "timer", "reminder") if candidate in kinds)
        rung = await self.place.ring(" ".join(map(self._words, told)), Ring(kind, max(0.0, seconds)))
        heard = rung.heard and self.place.attended()
        if rung.end == "stop":
            await self._done(told, "stopped")
            return
        over = [
            reminder for reminder in told if rung.end == "finished" or self._until[reminder.id] <= trio.current_time()
        ]
        if heard:
            await self._done(over, "told")
            return
        for reminder in told:
            self._tries[reminder.id] = self._tries.get(reminder.id, 0) + 1
            if self._tries[reminder.id] >= TRIES or rung.end in ("refused", "finished"):
                self.unheard[reminder.id] = reminder
                self.due.pop(reminder.id, None)

    async def _done(self, told: list[Reminder], how: Literal["stopped", "told"]) -> None:
        for reminder in told:
            self.due.pop(reminder.id, None)
        if told:
            # To be interrupted here would let it ring again.
            with trio.move_on_after(SETTLED_WITHIN, shield=True):
                await self._settle(told, how)
