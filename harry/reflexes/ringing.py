"""Whatever comes due rings: where it was set if somebody can hear or see it there, else where somebody is, else later.

The wait is for the next one alone. Besides, everything is looked at every two seconds: so a wall clock that was set, a
computer that slept, a client that came back and what another process wrote are noticed. (A timerfd tells of the first
alone, on Linux alone.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NoReturn, Protocol

import structlog
import trio

from harry.errors import StoreError
from harry.memory.store.reminders import Reminder
from harry.reflexes.bells import Bell, Place
from harry.reflexes.clocks import Clocks
from harry.reflexes.ring_words import LATE, RingWords

LATE_ALARM = 3600.0
"""Seconds that an alarm may be late and still rings, which is longer than a timer: who sleeps wants to be woken."""

LOOK = 2.0
"""Seconds between two looks at the clocks and at what others wrote."""

LATER = 60.0
"""Seconds until what nobody heard is tried again."""

RECENT = 600.0
"""Seconds for which what has rung can still be snoozed, and a "stop the timer" means it."""

_AGAIN = 5.0  # seconds after a store failed

State = Literal["set", "changed", "paused", "ringing", "stopped", "told", "snoozed", "cancelled"]

log = structlog.get_logger(__name__)


class ReminderStore(Protocol):
    """Where reminders are kept: `harry.memory.store.reminders.Reminders`."""

    async def put(self, user: str, *, gone: Sequence[str] = (), made: Sequence[Reminder] = ()) -> int | None:
        """Take some away and keep others; None where there would be too many."""
        ...

    async def change(self, changed: Reminder) -> bool:
        """Write one as it is now; False where it is gone."""
        ...

    async def of(self, user: str) -> list[Reminder]:
        """Give a user's."""
        ...

    async def all(self) -> list[Reminder]:
        """Give all."""
        ...

    async def version(self) -> int:
        """Give a number that changes with the file."""
        ...


@dataclass(frozen=True, slots=True)
class Rings:
    """For how many seconds a timer and an alarm ring at most, and for how many they are snoozed."""

    timer: float = 60.0
    alarm: float = 600.0
    snooze: float = 540.0


class Ringing:
    """What is known of the timers, alarms and reminders of all users, what rings, and what was settled of it.

    One class, because these change together. `places_of(user)` gives the conversations in which something can ring.
    """

    def __init__(
        self,
        shelf: ReminderStore,
        places_of: Callable[[str], Sequence[Place]],
        *,
        language: str = "en",
        replies: Mapping[str, tuple[str, ...]] | None = None,
        clocks: Clocks | None = None,
        rings: Rings | None = None,
    ) -> None:
        self.clocks = clocks or Clocks()
        self.rings = rings or Rings()
        self._shelf = shelf
        self._places_of = places_of
        self._words = RingWords(self.clocks, language, replies or {})
        self._changed = trio.Event()
        self._bells: dict[str, Bell] = {}
        self._known: dict[str, Reminder] | None = None
        self._version: int | None = None
        self._later: dict[str, float] = {}
        self._settled: dict[str, Reminder] = {}
        self._recent: dict[str, list[tuple[float, Reminder]]] = {}

    def rings_at(self, user: str, session: str | None = None) -> bool:
        """Return whether something rings for a user now, in this process: anywhere, or in one conversation."""
        return any(
            reminder.user == user
            for bell in self._bells.values()
            if session in (None, bell.place.id)
            for reminder in bell.due.values()
        )

    def silence(self, user: str) -> None:
        """Stop all that rings for a user in this process, at once; it is forgotten right after."""
        for bell in self._bells.values():
            if any(reminder.user == user for reminder in bell.due.values()):
                bell.stop()

    def rung_lately(self, user: str) -> list[Reminder]:
        """Return what has rung for a user and is over, for a while."""
        since = self.clocks.steady() - RECENT
        return [reminder for at, reminder in self._recent.get(user, []) if at >= since]

    def rung_within(self, user: str, seconds: float) -> bool:
        """Return whether something has rung for a user and was over within the last seconds."""
        return any(at >= self.clocks.steady() - seconds for at, _ in self._recent.get(user, []))

    def stops(self, text: str, names: Sequence[str] = ()) -> bool:
        """Return whether these words, while something rings, stop it."""
        return self._words.stops(text, names)

    def look(self) -> None:
        """Something changed: a reminder, or who can be told one."""
        self._later.clear()
        self._changed.set()

    async def run(self) -> NoReturn:
        """Let ring what comes due, until cancelled."""
        async with trio.open_nursery() as nursery:
            while True:
                self._changed = trio.Event()
                wait = LOOK
                try:
                    await self._read()
                except StoreError as error:
                    # What is known of them rings all the same.
                    log.warning("reminders cannot be read", cause=str(error))
                    wait = _AGAIN
                for reminder in (self._known or {}).values():
                    left = self.clocks.left(reminder)
                    if not reminder.paused and left <= 0:
                        await self._ring(reminder, nursery)
                    elif not reminder.paused:
                        wait = min(wait, left)
                with trio.move_on_after(wait):
                    await self._changed.wait()

    async def _read(self) -> None:
        """Bring what is known up to what is in the store."""
        for reminder in list(self._settled.values()):
            await self._forget(reminder)
        version = await self._shelf.version()
        if self._known is not None and version == self._version:
            return
        held = {reminder.id: reminder for reminder in await self._shelf.all()}
        before, self._known, self._version = self._known, held, version
        for reminder in list(held.values()):
            if reminder.boot_due is not None and reminder.boot != self.clocks.boot:
                # The computer was started anew: from here on it counts by this start's clock.
                held[reminder.id] = replace(
                    self.clocks.counting(reminder, self.clocks.left(reminder)), rang_at=reminder.rang_at
                )
                await self._shelf.change(held[reminder.id])
        self._compare(before if before is not None else dict(held), held)

    def _compare(self, before: Mapping[str, Reminder], held: Mapping[str, Reminder]) -> None:
        """Tell what another process has changed, and silence what it took away."""
        for reminder in held.values():
            if reminder.id not in before:
                self._publish(reminder, "set")
            elif replace(before[reminder.id], rang_at=reminder.rang_at) != reminder:
                self._publish(reminder, "paused" if reminder.paused else "changed")
        for identity, gone in before.items():
            if identity not in held:
                self._publish(gone, "stopped" if gone.rang_at else "cancelled")
        for bell in list(self._bells.values()):
            for identity in list(bell.due):
                if identity not in held or self.clocks.left(held[identity]) > 0:
                    bell.drop(identity)

    async def _ring(self, due: Reminder, nursery: trio.Nursery) -> None:
        """Let one ring in its place, unless it does already or nobody is there."""
        if due.id in self._settled or self._later.get(due.id, 0.0) > self.clocks.steady():
            return
        if any(due.id in bell.due for bell in self._bells.values()):
            return
        there = [place for place in self._places_of(due.user) if place.attended()]
        there = [place for place in there if place.id == due.session] or there
        if not there:
            return
        if due.rang_at is None:
            due = replace(due, rang_at=self.clocks.wall())
            try:
                await self._shelf.change(due)
            except StoreError as error:
                log.warning("that something rings cannot be written", cause=str(error))
            if self._known is not None:
                self._known[due.id] = due
        self._publish(due, "ringing", {place.id for place in there})
        for place in there:
            bell = self._bells.get(place.id)
            if bell is None:
                bell = self._bells[place.id] = Bell(place, self._settle, self._words.describe, self._seconds)
                bell.add(due)
                nursery.start_soon(self._run_bell, bell)
            else:
                bell.add(due)

    async def _run_bell(self, bell: Bell) -> None:
        try:
            await bell.run()
        finally:
            del self._bells[bell.place.id]
            for identity in bell.unheard:
                self._later[identity] = self.clocks.steady() + LATER
            self._changed.set()

    async def _settle(self, told: Iterable[Reminder], how: Literal["stopped", "told"]) -> None:
        """Be done with what rang: it comes again on the next of its days, or is forgotten."""
        for reminder in told:
            if reminder.id in self._settled:
                continue
            self._settled[reminder.id] = reminder
            recent = self._recent.setdefault(reminder.user, [])
            recent.append((self.clocks.steady(), reminder))
            del recent[:-8]
            self._drop(reminder.id)
            self._publish(reminder, how)
            try:
                await self._forget(reminder)
            except StoreError as error:
                log.warning("a reminder that was told cannot be forgotten", cause=str(error))
        self._changed.set()

    async def _forget(self, told: Reminder) -> None:
        again = self.clocks.again(told)
        if again is None:
            await self._shelf.put(told.user, gone=[told.id])
        else:
            await self._shelf.change(again)
        if self._known is not None:
            self._known.pop(told.id, None)
            if again is not None:
                self._known[again.id] = again
        self._settled.pop(told.id, None)

    def _drop(self, identity: str) -> None:
        for bell in self._bells.values():
            bell.drop(identity)

    def _tell(self, reminder: Reminder, state: State) -> None:
        """Take in what this process has changed, and tell it."""
        if self._known is not None:
            if state == "cancelled":
                self._known.pop(reminder.id, None)
            else:
                self._known[reminder.id] = reminder
        self._publish(reminder, state)
        self._changed.set()

    def _publish(self, reminder: Reminder, state: State, rings_in: Iterable[str] = ()) -> None:
        fields = self.told(reminder)
        for place in self._places_of(reminder.user):
            place.tell({**fields, "state": state, "here": place.id in rings_in})

    def told(self, reminder: Reminder) -> dict[str, object]:
        """Return it as events and the API tell it."""
        left = self.clocks.left(reminder)
        return {
            "id": reminder.id,
            "kind": reminder.kind,
            "name": reminder.name,
            "text": reminder.text,
            "due": None
            if reminder.paused
            else self.clocks.local(self.clocks.due(reminder)).isoformat(timespec="seconds"),
            "left": round(max(0.0, left), 1),
            "length": reminder.length,
            "paused": reminder.paused,
            "days": reminder.days,
            "words": self._words.describe(reminder),
        }

    def _seconds(self, due: Reminder) -> float:
        late = -self.clocks.left(due)
        if due.kind == "timer":
            return self.rings.timer if late <= LATE else 0.0
        return self.rings.alarm if due.kind == "alarm" and late <= LATE_ALARM else 0.0
