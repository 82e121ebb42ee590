"""Days as they are named: "next Friday", "the 24th", "December 3rd", "Christmas Eve", "the day after tomorrow". Pure.

A day without a year is the next one of its name. "Friday" and "next Friday" are the first one after today.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable
from datetime import date, timedelta

from harry.reflexes.numbers import ORDINALS, TENS

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
_SHORT = {"jan": 1, "feb": 2, "mar": 3, "apr": 4, "jun": 6, "jul": 7, "aug": 8, "sep": 9, "sept": 9, "oct": 10,
          "nov": 11, "dec": 12}  # fmt: skip


def easter(year: int) -> date:
    """Return Easter Sunday of the Gregorian calendar (Meeus, Jones and Butcher)."""
    a, (b, c) = year % 19, divmod(year, 100)
    d, e = divmod(b, 4)
    h = (19 * a + b - d - (b - (b + 8) // 25 + 1) // 3 + 15) % 30
    i, k = divmod(c, 4)
    lag = (32 + 2 * e + 2 * i - h - k) % 7
    m = (a + 11 * h + 22 * lag) // 451
    month, day = divmod(h + lag - 7 * m + 114, 31)
    return date(year, month, day + 1)


def _nth(month: int, weekday: int, number: int) -> Callable[[int], date]:
    def of(year: int) -> date:
        first = date(year, month, 1)
        return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (number - 1))

    return of


def _on(month: int, day: int) -> Callable[[int], date]:
    return lambda year: date(year, month, day)


def _from_easter(days: int) -> Callable[[int], date]:
    return lambda year: easter(year) + timedelta(days=days)


HOLIDAYS: dict[str, Callable[[int], date]] = {
    "christmas eve": _on(12, 24), "christmas day": _on(12, 25), "christmas": _on(12, 25), "xmas": _on(12, 25),
    "boxing day": _on(12, 26), "new year's eve": _on(12, 31), "new years eve": _on(12, 31),
    "new year's day": _on(1, 1), "new years day": _on(1, 1), "new year's": _on(1, 1), "new year": _on(1, 1),
    "valentine's day": _on(2, 14), "valentines day": _on(2, 14), "saint patrick's day": _on(3, 17),
    "st patrick's day": _on(3, 17), "april fools' day": _on(4, 1), "april fools day": _on(4, 1),
    "april fool's day": _on(4, 1), "halloween": _on(10, 31), "good friday": _from_easter(-2),
    "easter sunday": easter, "easter monday": _from_easter(1), "easter": easter, "whit sunday": _from_easter(49),
    "pentecost": _from_easter(49), "ash wednesday": _from_easter(-46), "thanksgiving day": _nth(11, 3, 4),
    "thanksgiving": _nth(11, 3, 4), "the fourth of july": _on(7, 4), "bonfire night": _on(11, 5),
    "the end of the year": _on(12, 31), "the end of this year": _on(12, 31),
}  # fmt: skip
"""What falls on one date, or is reckoned the same wherever it is kept. Thanksgiving is that of the United States."""

_NAME = "|".join(sorted((re.escape(name) for name in HOLIDAYS), key=len, reverse=True))
_MONTH = "|".join((*MONTHS, *sorted(_SHORT, key=len, reverse=True)))
_WEEKDAY = "|".join(WEEKDAYS) + "|mon|tues|tue|thurs|thu|fri"
_TEN = "|".join(TENS)
_ORDINAL = "|".join(sorted(ORDINALS, key=len, reverse=True))
_DAY = rf"(?:the )?(?P<spoken>(?:(?:20|30) )?(?:{_ORDINAL}))\b|(?:the )?(?P<day>\d{{1,2}})(?:st|nd|rd|th)?"
_DAY2 = rf"(?:the )?(?P<spoken2>(?:(?:20|30) )?(?:{_ORDINAL}))\b|(?:the )?(?P<day2>\d{{1,2}})(?:st|nd|rd|th)?"
_YEAR = r"(?:,? (?:in )?(?P<year>(?:1[5-9]|2[0-9])\d\d|(?:19|20) \d\d|2000|20 \d\d))?"

_RELATIVE = re.compile(
    r"(?:(?P<after>the day after tomorrow|overmorrow)|(?P<before>the day before yesterday)"
    r"|(?P<yesterday>yesterday)|(?P<tomorrow>tomorrow)|(?P<today>today))\b"
)
_OF_WEEK = re.compile(
    rf"(?:(?P<which>this coming|the coming|the next|the following|next|this|coming|last) )?(?P<weekday>{_WEEKDAY})\b"
    r"(?P<week> next week| (?:in )?a week| after next| week)?"
)
_WEEK_ON = re.compile(rf"next week,? (?:on )?(?P<weekday>{_WEEKDAY})\b")
_FROM = re.compile(r"(?:(?P<n>\d{1,3})|a) (?P<unit>day|week|month)s? (?:from|after) ")
_SPAN = re.compile(r"(?P<which>next|this) (?P<unit>weekend|week|month|year)\b|(?:on |at )?the (?P<weekend>weekend)\b")
_DATE = re.compile(
    rf"(?:(?P<month>{_MONTH})\.? (?:{_DAY})|(?:{_DAY2}) (?:of )?(?P<month2>{_MONTH})\b\.?)(?![\d:]){_YEAR}"
)
_ALONE = re.compile(
    rf"the (?:(?P<day>\d{{1,2}})(?:st|nd|rd|th)|(?P<spoken>(?:(?:20|30) )?(?:{_ORDINAL})))"
    r"(?: of (?P<which>this|next) month)?\b"
)
_ISO = re.compile(r"(\d{4})-(\d{2})-(\d{2})\b")
_SLASHED = re.compile(r"(?P<a>\d{1,2})(?P<mark>[./])(?P<b>\d{1,2})(?P=mark)(?P<year>\d{4})\b")
_HOLIDAY = re.compile(
    rf"(?:(?P<which>next|this) )?(?P<name>{_NAME})(?!')(?:\b|$)"
    r"(?:,? (?:(?:in )?(?P<year>(?:19|20) ?\d\d)|(?P<later>next year)|this year)\b)?"
)


def weekday_of(word: str) -> int:
    """Return 0 for a Monday. The word may be shortened to three letters."""
    return next(index for index, name in enumerate(WEEKDAYS) if name.startswith(word[:3]))


def month_of(word: str) -> int:
    """Return 1 for January. The word may be shortened to three letters."""
    return _SHORT.get(word) or MONTHS.index(word) + 1


def read_day(said: str, at: int, today: date) -> tuple[date, int] | None:
    """Return the day that is named at a place of `figures`, and where its name ends; None where none is."""
    for pattern, read in _READERS:
        found = pattern.match(said, at)
        if found is not None:
            day = read(found, today)
            if day is not None:
                return day, found.end()
    found = _FROM.match(said, at)
    if found is not None:
        base = read_day(said, found.end(), today)
        if base is not None:
            try:
                return moved(base[0], int(found["n"] or 1), found["unit"]), base[1]
            except (ValueError, OverflowError):  # a day that no calendar has
                return None
    return None


def moved(day: date, count: int, unit: str) -> date:
    """Return the day so many days, weeks, months or years later; a month that is too short gives its last day."""
    if unit in ("day", "week"):
        return day + timedelta(days=count * (7 if unit == "week" else 1))
    years, month = divmod(day.month - 1 + count * (12 if unit == "year" else 1), 12)
    year = day.year + years
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def next_of(named: Callable[[int], date], today: date) -> date:
    """Return the next day that a rule for each year names, today among them."""
    return next(day for day in (named(today.year), named(today.year + 1)) if day >= today)


def _relative(found: re.Match[str], today: date) -> date:
    days = {"after": 2, "before": -2, "yesterday": -1, "tomorrow": 1, "today": 0}
    return today + timedelta(days=next(count for name, count in days.items() if found[name]))


def _of_week(found: re.Match[str], today: date) -> date | None:
    weekday = weekday_of(found["weekday"])
    if found["which"] == "last":
        return None if found["week"] else today - timedelta(days=(today.weekday() - weekday) % 7 or 7)
    if found["week"] == " next week":
        return _next_week(weekday, today)
    day = today + timedelta(days=(weekday - today.weekday()) % 7 or 7)
    return day + timedelta(days=7) if found["week"] else day


def _next_week(weekday: int, today: date) -> date:
    return today + timedelta(days=7 - today.weekday() + weekday)


def _week_on(found: re.Match[str], today: date) -> date:
    return _next_week(weekday_of(found["weekday"]), today)


def _span(found: re.Match[str], today: date) -> date | None:
    unit = found["unit"] or found["weekend"]
    if unit == "weekend":
        saturday = today + timedelta(days=(5 - today.weekday()) % 7)
        return saturday + timedelta(days=7) if found["which"] == "next" else saturday
    return None if found["which"] == "this" else moved(today, 1, unit)


def _number_of(digits: str | None, spoken: str | None) -> int:
    if digits:
        return int(digits)
    words = (spoken or "").split()
    return sum(int(word) if word.isdigit() else ORDINALS[word] for word in words)


def _date(found: re.Match[str], today: date) -> date | None:
    month = month_of(found["month"] or found["month2"])
    day = _number_of(found["day"] or found["day2"], found["spoken"] or found["spoken2"])
    return day_of(month, day, found["year"], today)


def day_of(month: int, day: int, year: str | None, today: date) -> date | None:
    """Return that date, of the next year in which it comes where none is told; None where there is none."""
    years = (int(year.replace(" ", "")),) if year else range(today.year, today.year + 9)
    for candidate in years:
        if 1 <= day <= calendar.monthrange(candidate, month)[1]:
            made = date(candidate, month, day)
            if year or made >= today:
                return made
    return None


def _alone(found: re.Match[str], today: date) -> date | None:
    day = _number_of(found["day"], found["spoken"])
    if not 1 <= day <= 31:
        return None
    first = today.replace(day=1)
    for months in range(1 if found["which"] == "next" else 0, 3):
        month = moved(first, months, "month")
        if day <= calendar.monthrange(month.year, month.month)[1] and month.replace(day=day) >= today:
            return month.replace(day=day)
    return None


def _iso(found: re.Match[str], _: date) -> date | None:
    try:
        return date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        return None


def _slashed(found: re.Match[str], _: date) -> date | None:
    """Read "24.12.2026" and "12/24/2026"; between "4/7" and "7/4" nobody can tell, so it is none."""
    first, second = int(found["a"]), int(found["b"])
    day_first = found["mark"] == "." or first > 12 or first == second
    if not day_first and second <= 12:
        return None
    try:
        return date(int(found["year"]), *((second, first) if day_first else (first, second)))
    except ValueError:
        return None


def _holiday(found: re.Match[str], today: date) -> date:
    named = HOLIDAYS[found["name"]]
    if found["later"]:
        return named(today.year + 1)
    return named(int(found["year"].replace(" ", ""))) if found["year"] else next_of(named, today)


_READERS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str], date], date | None]], ...] = (
    (_HOLIDAY, _holiday), (_RELATIVE, _relative), (_WEEK_ON, _week_on), (_OF_WEEK, _of_week), (_SPAN, _span),
    (_ISO, _iso), (_SLASHED, _slashed), (_DATE, _date), (_ALONE, _alone),
)  # fmt: skip
