"""Times as a person says them, understood and told. Pure; all times are local."""

from __future__ import annotations

from datetime import datetime

from harry.reflexes.durations import parse_duration
from harry.reflexes.moments import parse_moment, split_moment

__all__ = ["parse_duration", "parse_moment", "split_moment", "told_date", "told_duration", "told_time", "told_when"]

_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_UNITS = (("week", 604_800), ("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))


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


def number_words(number: int) -> str:
    """Return a number as it is written in a sentence: in letters up to twelve."""
    return _NUMBERS[number] if 0 < number < len(_NUMBERS) else str(number)


def largest_units(seconds: float, most: int = 3) -> list[tuple[int, str]]:
    """Return the largest units of a length of time, each with how many there are; weeks only if nothing is left."""
    rest, parts = max(0, round(seconds)), []
    for unit, length in _UNITS:
        if unit == "week" and (rest % length or rest < length):
            continue
        count, rest = divmod(rest, length)
        if count:
            parts.append((count, unit))
    return parts[:most]


def told_duration(seconds: float) -> str:
    """Return a length of time: "one minute", "two hours and 30 minutes"; its three largest units."""
    parts = [f"{number_words(count)} {unit}{'s' if count != 1 else ''}" for count, unit in largest_units(seconds)]
    if len(parts) == 3:
        return f"{parts[0]}, {parts[1]} and {parts[2]}"
    return " and ".join(parts) or "less than a second"
