"""The two clocks that reminders go by: a steady one for what counts down, the wall clock for times of day.

The steady clock is CLOCK_BOOTTIME: it goes on while the computer sleeps, and nobody can set it. It begins anew with
each start of the computer, so the start is kept beside it; after another one the wall clock has to do. A time of day
is kept as local time and turned into a moment only when it is looked at: so it is right after a change to or from
summer time, after a journey, and after the clock was set.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, tzinfo
from functools import cache
from pathlib import Path

from harry.memory.store.reminders import Reminder

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def steady() -> float:
    """Return seconds on a clock that counts sleep too and is never set; where there is none, one that nobody sets."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


@cache
def this_boot() -> str:
    """Return what tells this start of the computer from others; without that, this process from others."""
    try:
        return _BOOT_ID.read_text("ascii").strip()
    except (OSError, ValueError):
        return uuid.uuid4().hex


@dataclass(frozen=True)
class Clocks:
    """`wall` is seconds since the epoch, `steady` seconds since the start `boot`. `zone` None: the computer's."""

    wall: Callable[[], float] = time.time
    steady: Callable[[], float] = steady
    boot: str = field(default_factory=this_boot)
    zone: tzinfo | None = None

    def now(self) -> datetime:
        """Return the local time."""
        return self.local(self.wall())

    def local(self, seconds: float) -> datetime:
        """Return a moment, in seconds since the epoch, as local time."""
        if self.zone is not None:
            return datetime.fromtimestamp(seconds, self.zone)
        return datetime.fromtimestamp(seconds).astimezone()

    def moment(self, local: str) -> float:
        """Return when a local time is, in seconds since the epoch.

        Of a time that comes twice the first counts; one that is left out in spring comes an hour later by the clock.
        """
        naive = datetime.fromisoformat(local)
        return (naive.replace(tzinfo=self.zone) if self.zone is not None else naive.astimezone()).timestamp()

    def left(self, reminder: Reminder) -> float:
        """Return the seconds until it is due; negative when it was due before."""
        if reminder.left_over is not None:
            return reminder.left_over
        if reminder.boot_due is not None and reminder.boot == self.boot:
            return reminder.boot_due - self.steady()
        return (self.moment(reminder.local) if reminder.local else reminder.due) - self.wall()

    def due(self, reminder: Reminder) -> float:
        """Return when it is due, in seconds since the epoch, as the wall clock is now."""
        if reminder.left_over is not None or (reminder.boot_due is not None and reminder.boot == self.boot):
            return round(self.wall() + self.left(reminder), 1)
        return self.moment(reminder.local) if reminder.local else reminder.due

    def counting(self, reminder: Reminder, seconds: float) -> Reminder:
        """Return it so that it is due in so many seconds from now."""
        return replace(
            reminder, due=self.wall() + seconds, boot=self.boot, boot_due=self.steady() + seconds,
            left_over=None, local="", rang_at=None,
        )  # fmt: skip

    def stopped(self, reminder: Reminder, seconds: float) -> Reminder:
        """Return it paused, with so many seconds left."""
        return replace(reminder, due=self.wall() + seconds, boot="", boot_due=None, left_over=seconds)

    def at(self, reminder: Reminder, when: datetime) -> Reminder:
        """Return it so that it is due at a local time; `when` may name its zone or not."""
        local = when.replace(tzinfo=None, microsecond=0).isoformat()
        return replace(
            reminder, due=self.moment(local), boot="", boot_due=None, left_over=None, local=local, rang_at=None
        )

    def again(self, reminder: Reminder) -> Reminder | None:
        """Return it for the next of its days after now; None for one that comes once."""
        if not reminder.days or not reminder.local:
            return None
        when, now = datetime.fromisoformat(reminder.local), self.wall()
        today = self.now().replace(tzinfo=None)
        when = max(when, when.replace(year=today.year, month=today.month, day=today.day) - timedelta(days=1))
        for _ in range(9):
            when += timedelta(days=1)
            if str(when.weekday()) in reminder.days and self.moment(when.isoformat()) > now:
                return self.at(reminder, when)
        return None
