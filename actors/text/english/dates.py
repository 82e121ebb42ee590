"""Dates, decades and times of day."""

# ruff: noqa: RUF001 - typographic apostrophes and dashes are looked for

from __future__ import annotations

import re

from actors.text.english.numbers import cardinal, ordinal, year
from actors.text.english.words import MONTHS, words_before

_FULL = {name[:3].lower(): name for name in MONTHS} | {"sept": "September"}
_MONTH = "|".join([*MONTHS, *(name[:3] + r"\.?" for name in MONTHS if name != "May"), r"Sept\.?"])
_YEAR = r"(?:,? (?P<year>[12]\d{3})(?![\d:%]))?"


def _month(written: str) -> str:
    plain = written.rstrip(".").lower()
    return _FULL.get(plain) or _FULL[plain[:3]]


def _with_year(said: str, written: str | None) -> str:
    return f"{said}, {year(int(written))}" if written else said


def _named(found: re.Match[str]) -> str | None:
    day = int(found["day"])
    if not 1 <= day <= 31:
        return None
    return _with_year(f"{_month(found['month'])} {ordinal(day)}", found["year"])


def _day_first(found: re.Match[str]) -> str | None:
    day = int(found["day"])
    if not 1 <= day <= 31:
        return None
    the = "" if words_before(found.string, found.start())[:1] == ["the"] else "the "
    return _with_year(f"{the}{ordinal(day)} of {_month(found['month'])}", found["year"])


def _numeric(found: re.Match[str]) -> str | None:
    parts = found.groupdict()
    month, day, written = int(parts["m"]), int(parts["d"]), parts["y"]
    if month > 12 and parts.get("swap") is None:
        month, day = day, month
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    if len(written) == 2:
        written = ("20" if int(written) < 50 else "19") + written
    return f"{MONTHS[month - 1]} {ordinal(day)}, {year(int(written))}"


DATES = (
    (re.compile(r"(?P<y>\d{4})([-/.])(?P<m>\d\d?)\2(?P<d>\d\d?)(?![\w/]|[-.]\d)(?:T(?=\d\d:))?"), _numeric),
    (re.compile(r"(?P<y>\d{4})-(?P<m>\d\d)-(?P<d>\d\d)T(?=\d\d:)"), _numeric),
    (re.compile(r"(?P<m>\d{1,2})/(?P<d>\d{1,2})/(?P<y>\d{4}|\d{2})(?![\w/])"), _numeric),
    (re.compile(r"(?P<d>\d{1,2})\.(?P<m>\d{1,2})\.(?P<y>\d{4})(?![\w.]\d)"), _numeric),
    (re.compile(rf"(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?: of)? (?P<month>{_MONTH})(?![a-z]){_YEAR}"), _day_first),
)


def _month_alone(found: re.Match[str]) -> str | None:
    # A dot at the end of a sentence stays, and "Mar" or "Dec" without a dot may be a name.
    return _month(found["month"])


MONTHS_ = (
    (re.compile(rf"(?P<month>{_MONTH}) (?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?![\w:%]|[.,]\d|/){_YEAR}"), _named),
    (
        re.compile(rf"(?P<month>(?:{'|'.join(name[:3] for name in MONTHS if name != 'May')}|Sept)\.)(?= ?[a-z0-9,])"),
        _month_alone,
    ),
    (
        re.compile(rf"(?P<month>(?:{'|'.join(name[:3] for name in MONTHS if name != 'May')}|Sept))(?= \d{{4}})"),
        _month_alone,
    ),
)


def _decade(found: re.Match[str]) -> str | None:
    century, tens = found["century"], int(found["tens"])
    if not century and not found["mark"]:
        before = words_before(found.string, found.start())
        if before[:1] not in (["the"], ["early"], ["mid"], ["late"], ["my"], ["his"], ["her"], ["their"]):
            return None
    if tens == 0:
        return f"{year(int(f'{century}00'))}s" if century else None
    tens_said = f"{cardinal(tens * 10)[:-1]}ies"
    return f"{cardinal(int(century))} {tens_said}" if century else tens_said


DECADES = ((re.compile(r"(?P<mark>['’‘])(?P<century>)(?P<tens>\d)0s(?!\w)"), _decade),)


# Times of day.

_HALF = r"(?: ?(?P<half>[AaPp])\.?[Mm](?P<dot>\.)?(?!\w))"


_RANGED = re.compile(r"[-–]\d")


def _half(found: re.Match[str]) -> str:
    if not found["half"]:
        return ""
    said = f" {found['half'].upper()}-M"
    text, end = found.string, found.end()
    # The dot behind "p.m." ends the sentence, too, where nothing or a capital follows.
    ends = found["dot"] and (not text[end:].strip() or (text[end] == " " and text[end + 1 : end + 2].isupper()))
    return f"{said}." if ends else said


def _time(found: re.Match[str]) -> str | None:  # noqa: PLR0911 - one return for each kind
    hours, minutes = int(found["h"]), int(found["min"])
    if hours > 24 or minutes > 59:
        return None
    half = _half(found)
    if found["s"] and not half:
        parts = ((hours, "hour"), (minutes, "minute"), (int(found["s"]), "second"))
        return " ".join(f"{cardinal(n)} {name}{'' if n == 1 else 's'}" for n, name in parts if n or name == "second")
    hour = cardinal(hours) if hours else "zero"
    if minutes:
        past = cardinal(minutes) if minutes > 9 else f"oh {cardinal(minutes)}"
        return f"{hour} {past}{half}"
    if half:
        return hour + half
    if hours in (0, 24):
        return "midnight"
    if hours > 12:
        return f"{hour} hundred"
    ranged = _RANGED.match(found.string[found.end() : found.end() + 2]) or found.string[: found.start()][-1:] in "-–"
    return hour if ranged else f"{hour} o'clock"


def _hour(found: re.Match[str]) -> str | None:
    hours = int(found["h"])
    return cardinal(hours) + _half(found) if 0 < hours <= 12 else None


TIMES = (
    (re.compile(rf"(?P<h>\d{{1,2}}):(?P<min>\d\d)(?::(?P<s>\d\d))?(?![\d:]){_HALF}?"), _time),
    (re.compile(rf"(?P<h>\d{{1,2}})\.(?P<min>\d\d)(?P<s>){_HALF}"), _time),
    (re.compile(rf"(?P<h>\d{{1,2}}){_HALF}"), _hour),
    (
        re.compile(r"(?P<h>\d{1,2}):(?P<m>\d{1,2})(?![\d:])"),
        lambda found: f"{cardinal(int(found['h']))} to {cardinal(int(found['m']))}",
    ),
    (re.compile(r"(?P<mark>)(?P<century>\d\d)?(?P<tens>\d)0s(?!\w)"), _decade),
)
