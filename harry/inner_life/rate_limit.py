"""When Harry may think for himself: not in the quiet hours, not too often, and only so often a day. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta


@dataclass(slots=True)
class Allowance:
    """Counts the thoughts of a local day. `quiet` is from and until a time of day, across midnight if it must be.

    `apart` is seconds between two thoughts. The count begins anew with each start; what they cost in all is bounded by
    the budget.
    """

    a_day: int
    apart: float
    quiet: tuple[time, time] | None = None
    _day: str = ""
    _count: int = 0
    _last: float = float("-inf")

    def allows(self, now: datetime) -> bool:
        """Whether a thought may begin at `now`, local time."""
        if now.date().isoformat() != self._day:
            self._day, self._count = now.date().isoformat(), 0
        apart = not 0 <= now.timestamp() - self._last < self.apart
        return self._count < self.a_day and apart and not self._is_quiet(now.time())

    def spent(self, now: datetime) -> None:
        """Note that one began."""
        self._count += 1
        self._last = now.timestamp()

    def _is_quiet(self, at: time) -> bool:
        return is_within(self.quiet, at)


def is_within(hours: tuple[time, time] | None, at: time) -> bool:
    """Whether a time of day lies between two, across midnight if it must be; never within None."""
    if hours is None:
        return False
    begins, ends = hours
    return begins <= at < ends if begins <= ends else at >= begins or at < ends


def seconds_within(hours: tuple[time, time] | None, now: datetime) -> float:
    """Return the seconds until the hours are over, 0 outside of them."""
    if hours is None or not is_within(hours, now.time()):
        return 0.0
    ends = now.replace(hour=hours[1].hour, minute=hours[1].minute, second=hours[1].second, microsecond=0)
    return ((ends - now) % timedelta(days=1)).total_seconds()


def hours(text: str) -> tuple[time, time] | None:
    """Read `23:00-07:00`; None for an empty text. Raises `ValueError`."""
    if not text.strip():
        return None
    begins, _, ends = text.partition("-")
    return time.fromisoformat(begins.strip()), time.fromisoformat(ends.strip())
