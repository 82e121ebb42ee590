"""Times as a person says them, understood and told. Pure; all times are local."""

from __future__ import annotations

from datetime import datetime

from harry.reflexes.moments import parse_moment, split_moment
from harry.reflexes.spoken_durations import parse_duration

__all__ = ["parse_duration", "parse_moment", "split_moment", "told_date", "told_duration", "told_time", "told_when"]


def told_time(at: datetime) -> str:
    """Return a time of day as it is said: "7 a.m.", "8:26 p.m.", "noon"."""
    if at.minute == 0 and at.hour % 12 == 0:
        return "noon" if at.hour else "midnight"
    minute = f":{at.minute:02}" if at.minute else ""
    return f"{at.hour % 12 or 12}{minute} {'p.m.' if at.hour >= 12 else 'a.m.'}"


def told_date(at: datetime) -> str:
    """Return a date as it is said."""
    return f"{at:%A, %B} {at.day}, {at.year}"


def told_when(at: datetime, now: datetime) -> str:
    """Return a moment to come as it is said."""
    days = (at.date() - now.date()).days
    if days == 0:
        return f"at {told_time(at)}"
    if days == 1:
        return f"tomorrow at {told_time(at)}"
    return f"on {at:%A} at {told_time(at)}" if days < 7 else f"on {told_date(at)} at {told_time(at)}"


def told_duration(seconds: float) -> str:
    """Return a duration as it is said, to the second below an hour."""
    rest = max(0, round(seconds))
    told = []
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1)):
        count, rest = divmod(rest, length)
        if count:
            told.append(f"{count} {unit}{'s' if count > 1 else ''}")
    return " and ".join(told[:2]) or "no time"
