"""Durations as they are said: "an hour and a half", "2 minutes 30", "three quarters of an hour". Pure."""

from __future__ import annotations

import re
from datetime import timedelta

from harry.reflexes.numbers import figures

SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 604_800, "fortnight": 1_209_600}

LONGEST = timedelta(days=3660)
"""What is longer is taken for a mistake of the ear."""

_UNITS = (
    ("second", r"seconds?|secs?|s"), ("minute", r"minutes?|mins?|m"), ("hour", r"hours?|hrs?|h"), ("day", r"days?"),
    ("week", r"weeks?|wks?"), ("fortnight", r"fortnights?"),
)  # fmt: skip
_SMALLER = {"minute": "second", "hour": "minute"}

_UNIT = "|".join(f"(?P<{name}>{words})" for name, words in _UNITS)
_AMOUNT = (
    r"(?P<amount>\d+(?:\.\d+)?)(?:\s+more)?|(?P<half>a half(?: an?)?|half(?: an?| of an?)?)"
    r"|(?P<quarters>3|three) quarters? of an?|(?P<quarter>(?:a )?quarter(?: of)?(?: an?)?)"
    r"|(?P<couple>(?:a )?couple(?: of)?)|(?P<dozen>a dozen)|(?P<a>an|a|another)(?: full| whole)?"
)
_REST = (
    r"(?P<and_half>\s+and (?:a |1 )?half\b)|(?P<and_quarters>\s+and 3 quarters\b)|(?P<and_quarter>\s+and a quarter\b)"
)
_PART = re.compile(rf"(?:(?:{_AMOUNT})\s*)(?:{_UNIT})(?![a-z])(?:{_REST})?")
_JOINT = re.compile(r"\s*(?:,\s*and\b|,|\band\b)?\s*")
_BARE = re.compile(r"(\d{1,2})\Z")


def parse_duration(text: str) -> timedelta | None:
    """Return the duration that the words are, or None where they are not just that."""
    said = re.sub(r"(?<=\d)-(?=[a-z])", " ", figures(text).strip(" .,!?"))
    found = read_duration(said)
    return found[0] if found is not None and found[1] == len(said) else None


def read_duration(said: str, at: int = 0) -> tuple[timedelta, int] | None:
    """Return the duration that begins at a place of `figures`, and where it ends; None where there is none."""
    total, end, smallest = 0.0, at, float("inf")
    while True:
        begin = _JOINT.match(said, end).end() if end > at else end  # type: ignore[union-attr]  # it matches nothing, too
        part = _PART.match(said, begin)
        if part is None:
            bare = _BARE.match(said, begin)
            unit = _SMALLER.get(next((name for name, length in SECONDS.items() if length == smallest), ""))
            if bare is not None and unit is not None and end > at:
                total, end = total + int(bare[1]) * SECONDS[unit], bare.end()
            break
        length = SECONDS[next(name for name in SECONDS if part[name])]
        if length >= smallest:
            break
        total += (_amount(part) + _and(part)) * length
        smallest, end = length, part.end()
    duration = timedelta(seconds=round(total)) if total < LONGEST.total_seconds() else None
    return (duration, end) if end > at and duration else None


def _amount(part: re.Match[str]) -> float:
    if part["amount"]:
        return float(part["amount"])
    named = {"half": 0.5, "quarters": 0.75, "quarter": 0.25, "couple": 2.0, "dozen": 12.0, "a": 1.0}
    return next(value for name, value in named.items() if part[name])


def _and(part: re.Match[str]) -> float:
    named = {"and_half": 0.5, "and_quarters": 0.75, "and_quarter": 0.25}
    return next((value for name, value in named.items() if part[name]), 0.0)
