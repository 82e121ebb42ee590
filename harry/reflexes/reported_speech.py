"""What somebody told, told to him: in the second person, with the day it was told, and days that are meant from today.

"My plumber comes tomorrow", said yesterday, is "your plumber comes today". Nothing else of the words is changed.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta

from harry.memory.text.analysis import STOP_WORDS
from harry.memory.text.everyday_words import word_set
from harry.reflexes.wording import second_person

_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
_RELATIVE = re.compile(
    r"\bthe day after tomorrow\b|\btomorrow\b|\btoday\b|\btonight\b|\byesterday\b"
    r"|\bthis (?P<part>morning|afternoon|evening)\b",
    re.IGNORECASE,
)
_OPENS = word_set("opens")


def day_told(at: float | None, now: datetime) -> str:  # noqa: PLR0911  (a table of days)
    """Say when something was told, as people do: "this morning", "yesterday", "on Saturday", "in March"."""
    if at is None:
        return "once"
    told = datetime.fromtimestamp(at, tz=now.tzinfo)
    days = (now.date() - told.date()).days
    if days <= 0:
        if (now - told) < timedelta(minutes=15):
            return "just now"
        return "this morning" if told.hour < 12 else "this afternoon" if told.hour < 17 else "this evening"
    if days == 1:
        return "yesterday"
    if days < 7:
        return f"on {told:%A}"
    if days < 45:
        return f"on {told:%B} {told.day}"
    return f"in {told:%B}" if days < 330 else f"in {told:%B} {told.year}"


def days_from_now(text: str, at: float | None, now: datetime) -> str:
    """Return the text with "tomorrow" and its like as they are to be said now, where it was told on an earlier day."""
    if at is None:
        return text
    told = datetime.fromtimestamp(at, tz=now.tzinfo).date()
    if told == now.date():
        return text

    def meant(found: re.Match[str]) -> str:
        word = found[0].lower()
        shift = {"tomorrow": 1, "yesterday": -1, "the day after tomorrow": 2}.get(word, 0)
        part = found["part"] or ("evening" if word == "tonight" else "")
        return _day(told + timedelta(days=shift), now.date(), part)

    return _RELATIVE.sub(meant, text)


def _day(day: date, today: date, part: str) -> str:
    away = (day - today).days
    if part:
        return (
            f"yesterday {part}" if away == -1 else f"on {day:%A} {part}" if -7 < away < 7 else f"on {day:%B} {day.day}"
        )
    named = {0: "today", 1: "tomorrow", -1: "yesterday"}.get(away)
    return named or (f"on {day:%A}" if -7 < away < 7 else f"on {day:%B} {day.day}")


def as_told(text: str, at: float | None, now: datetime) -> str:
    """Return a statement as it is told to the one who made it, without a capital that only began it, or its end."""
    said = second_person(days_from_now(text.strip().rstrip(".!"), at, now))
    first = _WORD.match(text)
    if first is not None and (first[0].lower() in _OPENS or first[0].lower() in STOP_WORDS):
        said = said[:1].lower() + said[1:]
    return re.sub(r"^i\b", "I", said)
