"""Timers, alarms and reminders of all users, as their users set and change them.

They are in the store, so they survive a restart, and are changed there before anybody says so. What comes due rings by
itself (see `ringing`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from channels.turn import new_id
from harry.errors import HarryError
from harry.memory.store.reminders import MAX_TEXT, Reminder, ReminderKind
from harry.reflexes.ringing import Ringing, Rings, State

__all__ = ["LONGEST", "Reminding", "Rings", "TooManyRemindersError"]

LONGEST = 366 * 86_400.0
"""Seconds for which a timer may be set."""


class TooManyRemindersError(HarryError):
    """One more would be more than are kept."""


class Reminding(Ringing):
    """Those of all users. What returns is on disk; all of it raises `StoreError`."""

    async def set(
        self,
        user: str,
        kind: ReminderKind,
        *,
        seconds: float | None = None,
        at: datetime | None = None,
        text: str = "",
        name: str = "",
        session: str = "",
        days: str = "",
    ) -> Reminder:
        """Keep one that is due in so many seconds, or at a local time. Raises `TooManyRemindersError`, `HarryError`."""
        wall = self.clocks.wall()
        made = Reminder(
            new_id(), user, kind, wall, wall, text[:MAX_TEXT], name[:100], session, seconds or 0.0, days=days
        )
        if seconds is not None:
            if not 0 < seconds <= LONGEST:
                raise HarryError("A timer runs for a year at most.")
            made = self.clocks.counting(made, seconds)
        elif at is not None:
            made = self.clocks.at(made, at)
        if await self._shelf.put(user, made=[made]) is None:
            raise TooManyRemindersError("There are too many timers and reminders already.", remedy="Cancel some.")
        self._tell(made, "set")
        return made

    async def of(self, user: str) -> list[Reminder]:
        """Return a user's, the next first."""
        return sorted(await self._shelf.of(user), key=self.clocks.left)

    async def cancel(self, user: str, ids: Iterable[str]) -> int:
        """Forget some; returns how many there were."""
        gone = list(ids)
        held = {reminder.id: reminder for reminder in await self._shelf.of(user)}
        count = await self._shelf.put(user, gone=gone) or 0
        for identity in gone:
            self._drop(identity)
            if identity in held:
                self._tell(held[identity], "cancelled")
        return count

    async def pause(self, reminder: Reminder) -> Reminder | None:
        """Let a timer stand still; None where it is gone."""
        return await self._change(self.clocks.stopped(reminder, max(0.0, self.clocks.left(reminder))), "paused")

    async def resume(self, reminder: Reminder) -> Reminder | None:
        """Let a timer go on; None where it is gone."""
        return await self._change(self.clocks.counting(reminder, self.clocks.left(reminder)), "changed")

    async def extend(self, reminder: Reminder, seconds: float) -> Reminder | None:
        """Add to what is left of a timer, or take from it; None where it is gone. Raises `HarryError` if too long."""
        left = max(0.0, self.clocks.left(reminder)) + seconds
        if left > LONGEST:
            raise HarryError("A timer runs for a year at most.")
        move = self.clocks.stopped if reminder.paused else self.clocks.counting
        longer = replace(reminder, length=max(0.0, reminder.length + seconds))
        return await self._change(move(longer, max(0.0, left)), "changed")

    async def stop(self, user: str, ids: Iterable[str] | None = None) -> list[Reminder]:
        """Stop what rings, here or in another process; returns what it was."""
        rang = await self._ringing(user, ids)
        if rang:
            await self._settle(rang, "stopped")
        return rang

    async def snooze(self, user: str, seconds: float | None = None, ids: Iterable[str] | None = None) -> list[Reminder]:
        """Let what rings, or has just rung, ring again in a while; returns what it is now."""
        wanted = set(ids) if ids is not None else None
        rang = await self._ringing(user, wanted) or [
            reminder for reminder in self.rung_lately(user) if wanted is None or reminder.id in wanted
        ]
        again = [
            self.clocks.counting(replace(reminder, id=new_id(), days=""), seconds or self.rings.snooze)
            for reminder in rang
        ]
        if not again:
            return []
        moved = [next_one for reminder in rang if (next_one := self.clocks.again(reminder)) is not None]
        if await self._shelf.put(user, gone=[reminder.id for reminder in rang], made=[*moved, *again]) is None:
            raise TooManyRemindersError("There are too many timers and reminders already.", remedy="Cancel some.")
        self._recent.pop(user, None)
        for reminder in rang:
            self._drop(reminder.id)
            if self._known is not None:
                self._known.pop(reminder.id, None)
        for reminder in moved:
            self._tell(reminder, "changed")
        for reminder in again:
            self._tell(reminder, "snoozed")
        return again

    async def _ringing(self, user: str, ids: Iterable[str] | None) -> list[Reminder]:
        wanted = set(ids) if ids is not None else None
        return [
            reminder
            for reminder in await self._shelf.of(user)
            if reminder.rang_at is not None
            and self.clocks.left(reminder) <= 0
            and (wanted is None or reminder.id in wanted)
        ]

    async def _change(self, changed: Reminder, state: State) -> Reminder | None:
        changed = replace(changed, rang_at=None)
        if not await self._shelf.change(changed):
            return None
        self._drop(changed.id)
        self._tell(changed, state)
        return changed
