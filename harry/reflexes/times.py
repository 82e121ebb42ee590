"""When a reminder is due, by the slots of a wish, and times as a person says them. Pure; all times are local."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from harry.reflexes.moments import parse_moment, split_moment
from harry.reflexes.spoken_durations import parse_duration

__all__ = [
    "moment_of", "parse_duration", "parse_moment", "seconds_of", "split_moment", "told_date", "told_duration",
    "told_time", "told_when",
]  # fmt: skip

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MORNING = 9  # the hour of a day that is named without one

_UNITS = (("weeks", 604_800), ("days", 86_400), ("hours", 3_600), ("minutes", 60), ("seconds", 1))


def seconds_of(slots: Mapping[str, Any]) -> int | None:
    """A duration in seconds; None where none was said."""
    told = sum(int(slots[unit]) * length for unit, length in _UNITS if unit in slots) + int(slots.get("part", 0))
    return told + int(slots.get("base", 0)) or None


def moment_of(slots: Mapping[str, Any], now: datetime) -> datetime | None:
    """The next moment that the slots name; None where none was said. `now` is local."""
    clock = _clock(slots)
    day = slots.get("day")
    weekday = str(slots["weekday"]).lower() if "weekday" in slots else None
    if clock is None and day is None and weekday is None:
        return None
    hour, minute = clock if clock is not None else (_hour_of_half(slots), 0)
    date = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if weekday is not None:
        ahead = (_WEEKDAYS.index(weekday) - now.weekday()) % 7 or 7
        return date + timedelta(days=ahead, hours=_daytime(hour, slots, waking=True), minutes=minute)
    if day is not None and int(day) > 0:
        return date + timedelta(days=int(day), hours=_daytime(hour, slots, waking=True), minutes=minute)
    return _next(now, date, hour, minute, slots)


def _next(now: datetime, date: datetime, hour: int, minute: int, slots: Mapping[str, Any]) -> datetime:
    """The next time that a clock shows this; without am or pm the nearer one of both."""
    half = slots.get("half")
    hours = (
        [_daytime(hour, slots)] if half is not None or hour > 12 or "named" in slots else [hour % 12, hour % 12 + 12]
    )
    if half is None and "day" in slots and hour <= 12 and "named" not in slots:
        hours = [hour % 12 + 12] if now.hour >= 12 else hours
    times = [date + timedelta(days=days, hours=each, minutes=minute) for days in (0, 1) for each in hours]
    return min(time for time in times if time > now)


def _clock(slots: Mapping[str, Any]) -> tuple[int, int] | None:
    if "named" in slots:
        named = str(slots["named"]).split(":")
        return int(named[0]), int(named[1])
    if "before" in slots:
        return _minus(int(slots["before"]), int(slots.get("past", 0)))
    if "hour" not in slots:
        return None
    hour = int(slots["hour"])
    if "quarter" in slots:
        quarter = int(slots["quarter"])
        return (hour, quarter) if quarter > 0 else _minus(hour, -quarter)
    return hour, int(slots.get("past", 0))


def _minus(hour: int, minutes: int) -> tuple[int, int]:
    return ((hour - 1) % 24 or 12 if hour <= 12 else hour - 1), 60 - minutes


def _daytime(hour: int, slots: Mapping[str, Any], *, waking: bool = False) -> int:
    half = slots.get("half")
    if half == "pm" and hour < 12:
        return hour + 12
    if half == "am" and hour == 12:
        return 0
    # "tomorrow at three" is an afternoon, "tomorrow at seven" a morning.
    return hour + 12 if waking and half is None and 0 < hour < 6 else hour


def _hour_of_half(slots: Mapping[str, Any]) -> int:
    return 6 if slots.get("half") == "pm" else _MORNING


def told_time(at: datetime) -> str:
    """Return a time of day as it is said: "7 a.m.", "8:26 p.m.", "noon"."""
    if at.minute == 0 and at.hour % 12 == 0:
        return "noon" if at.hour else "midnight"
    minute = f":{at.minute:02}" if at.minute else ""
    return f"{at.hour % 12 or 12}{minute} {'p.m.' if at.hour >= 12 else 'a.m.'}"


def told_date(at: datetime) -> str:
    """A date, as it is said."""
    return f"{at:%A, %B} {at.day}, {at.year}"


def told_when(at: datetime, now: datetime) -> str:
    """A moment to come, as it is said."""
    days = (at.date() - now.date()).days
    if days == 0:
        return f"at {told_time(at)}"
    if days == 1:
        return f"tomorrow at {told_time(at)}"
    return f"on {at:%A} at {told_time(at)}" if days < 7 else f"on {told_date(at)} at {told_time(at)}"


def told_duration(seconds: float) -> str:
    """A duration, as it is said, to the second below an hour."""
    rest = max(0, round(seconds))
    told = []
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1)):
        count, rest = divmod(rest, length)
        if count:
            told.append(f"{count} {unit}{'s' if count > 1 else ''}")
    return " and ".join(told[:2]) or "no time"
