"""Moments as they are said: "half past seven", "next Friday at noon", "in an hour and a half". Pure.

Durations of hours and less are counted in real time, days and weeks on the calendar, so both stay right where the
clocks change. `now` carries the zone: a `ZoneInfo`, or what `datetime.astimezone()` gives, which stands for the
system's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo

from harry.reflexes.calendar_days import moved, read_day
from harry.reflexes.durations import read_duration
from harry.reflexes.numbers import figures

_MORNING = 9  # the hour of a day that is named without one
_HOURS = {"am": 9, "pm": 18, "morning": 9, "afternoon": 15, "evening": 18, "night": 20}

_FILLER = re.compile(
    r"(?:,|\bat\b|\bon\b|\bby\b|\bfor\b|\babout\b|\baround\b|\bround\b|\bexactly\b|\bsharp\b|\bprecisely\b"
    r"|\bthen\b|\s)+"
)
_PART = re.compile(
    r"(?:(?P<half>am|pm|a m|p m)|(?P<now>tonight)|this (?P<this>morning|afternoon|evening|night)"
    r"|(?:in the |early in the |late in the |at )?(?P<part>morning|afternoon|evening|night)(?: time)?)\b"
)
_NAMED = re.compile(r"(?P<noon>12 noon|noon|midday)\b|(?P<midnight>12 midnight|midnight)\b")
_HOUR = r"(?P<hour>[01]?\d|2[0-4])"
_CLOCKS = (
    re.compile(rf"half past {_HOUR}(?![\d:.])(?P<half_past>)"),
    re.compile(rf"half {_HOUR}(?![\d:.])(?P<half_past>)"),
    re.compile(rf"(?:a )?quarter (?:past|after) {_HOUR}(?![\d:.])(?P<quarter_past>)"),
    re.compile(rf"(?:a )?quarter (?:to|of|before|till|til) {_HOUR}(?![\d:.])(?P<quarter_to>)"),
    re.compile(rf"(?P<past>[1-5]?\d)(?: minutes?)? (?:past|after) {_HOUR}(?![\d:.])"),
    re.compile(rf"(?P<to>[1-5]?\d)(?: minutes?)? (?:to|before|till|til) {_HOUR}(?![\d:.])"),
    re.compile(rf"{_HOUR}[:.h](?P<minute>[0-5]\d)(?![\d:])(?::00)?(?: hours)?"),
    re.compile(rf"{_HOUR} (?:oh|o|0) ?(?P<minute>\d)\b"),
    re.compile(rf"{_HOUR} (?P<minute>[0-5]\d)(?! ?(?:minutes?|hours?|seconds?|days?|weeks?))\b"),
    re.compile(r"(?P<hour>[01]\d|2[0-3])(?P<minute>[0-5]\d)(?: hours)?(?![\d:])"),
    re.compile(rf"{_HOUR} hundred(?: hours)?\b"),
    re.compile(
        rf"{_HOUR}(?! ?(?:minutes?|hours?|seconds?|days?|weeks?|months?|years?)\b)"
        r"(?: ?o ?'?clock)?(?![\d:.])(?:\b|(?=am|pm))"
    ),
)
_BY_NOON = re.compile(
    r"(?P<count>[1-5]?\d|half|quarter|a quarter)(?: minutes?)? (?P<way>past|to|before|after|till) "
    r"(?P<at>noon|midday|midnight)\b"
)
_IN = re.compile(r"(?:in|after|within)\s+(?:another |about |around )?(?!the\b)")
_CALENDAR = re.compile(r"(?P<n>\d{1,3}|an?|1) (?P<unit>day|week|month|year)s?(?P<and>(?: and a half)?)\b")
_FROM_NOW = re.compile(r"\s*(?:from now|hence|from today|time|'s time|' time)\b")
_DAYTIME = re.compile(r"\b([ap])\.?\s?m\b\.?")
_MARKED = re.compile(
    r"\b(?:at|past|to|am|pm|o'?clock|noon|midday|midnight|morning|afternoon|evening|night|half|quarter)\b|\d[:]\d\d"
)


@dataclass(frozen=True, slots=True)
class _Said:
    """What has been read so far. `part` is am, pm, or a part of the day; `until` is a moment that stands for itself."""

    day: date | None = None
    clock: tuple[int, int] | None = None
    part: str | None = None
    named: str | None = None
    ahead: tuple[int, str] | None = None
    until: timedelta | None = None
    tonight: bool = False


def parse_moment(text: str, now: datetime) -> datetime | None:
    """Return the moment that the words are, or None where they are not just that.

    It lies ahead, unless the words name one that is over ("yesterday", "this morning" in the evening).
    """
    said = _plain(text)
    read = _read(said, now) if said else None
    if read is None:
        return None
    try:
        return _resolved(read, now)
    except (ValueError, OverflowError):
        return None


def split_moment(text: str, now: datetime) -> tuple[datetime, str] | None:
    """Return the moment that stands at the end or the beginning of the words, and the other words.

    None where there is none that is plainly a time: in "buy a cake for 12" there is none, in "at 12" there is.
    """
    words = text.split()
    for size in range(min(len(words), 12), 0, -1):
        for span, rest in ((words[-size:], words[:-size]), (words[:size], words[size:])):
            said = " ".join(span)
            if is_plainly_a_time(said, now) and (at := parse_moment(said, now)) is not None:
                return at, " ".join(rest).strip(" ,.;")
    return None


def is_plainly_a_time(text: str, now: datetime) -> bool:
    """Return whether words that can be a time can hardly be anything else: "12" can, "at 12" and "Friday" cannot."""
    said = _plain(text)
    if said.startswith(("in ", "after ", "on ", "by ", "next ", "this ", "tonight")) and not said.endswith(
        (" in", " on")
    ):
        return True
    return bool(_MARKED.search(said)) or read_day(_FILLER.sub(" ", said).strip(), 0, now.date()) is not None


def _plain(text: str) -> str:
    said = _DAYTIME.sub(r"\1m", text.lower().replace("\u2019", "'"))
    said = re.sub(r"(?<=\d)(?=[ap]m\b)", " ", said)
    return re.sub(r"\s+", " ", figures(said)).strip(" .!?,:;")


def _read(said: str, now: datetime) -> _Said | None:
    """Read all of it, piece by piece; None where something is no part of a time."""
    read, at = _Said(), 0
    while at < len(said):
        filler = _FILLER.match(said, at)
        if filler is not None:
            at = filler.end()
            continue
        step = _step(said, at, read, now)
        if step is None:
            return None
        read, at = step
    return read if read != _Said() else None


def _step(said: str, at: int, read: _Said, now: datetime) -> tuple[_Said, int] | None:
    """Read one more piece. A piece of a kind that was read already makes it no time at all."""
    for reader in (_ahead, _daytime, _calendar_day, _named, _clock):
        step = reader(said, at, read, now)
        if step is not None:
            return step
    return None


def _ahead(said: str, at: int, read: _Said, _: datetime) -> tuple[_Said, int] | None:
    inside = _IN.match(said, at)
    begin = inside.end() if inside else at
    if read.ahead or read.until or read.day:
        return None
    found = _CALENDAR.match(said, begin)
    if found is not None and not found["and"] and not re.match(r"(?:,| and) ?\d+ (?:hour|min)", said[found.end() :]):
        tail = _FROM_NOW.match(said, found.end())
        if inside or tail:
            count = int(found["n"]) if found["n"].isdigit() else 1
            return replace(read, ahead=(count, found["unit"])), tail.end() if tail else found.end()
        return None
    duration = read_duration(said, begin)
    if duration is None:
        return None
    tail = _FROM_NOW.match(said, duration[1])
    return (replace(read, until=duration[0]), tail.end() if tail else duration[1]) if inside or tail else None


def _daytime(said: str, at: int, read: _Said, now: datetime) -> tuple[_Said, int] | None:
    found = _PART.match(said, at)
    if found is None or (read.part and not found["this"] and not found["now"]):
        return None
    part = (found["half"] or "").replace(" ", "") or found["this"] or found["part"] or "night"
    today = bool(found["now"] or found["this"])
    if today and read.day:
        return None
    day = now.date() if today else read.day
    tonight = bool(found["now"]) or found["this"] == "night" or read.tonight
    return replace(read, part=read.part or part, day=day, tonight=tonight), found.end()


def _calendar_day(said: str, at: int, read: _Said, now: datetime) -> tuple[_Said, int] | None:
    found = read_day(said, at, now.date())
    if found is None or read.ahead or read.until:
        return None
    # "Friday the 4th", "Christmas, December 25": two names of one day, or no day at all.
    return (replace(read, day=found[0]), found[1]) if read.day is None or read.day == found[0] else None


def _named(said: str, at: int, read: _Said, _: datetime) -> tuple[_Said, int] | None:
    found = _NAMED.match(said, at)
    if found is None or read.clock or read.named:
        return None
    return replace(read, named="noon" if found["noon"] else "midnight"), found.end()


def _clock(said: str, at: int, read: _Said, _: datetime) -> tuple[_Said, int] | None:
    if read.clock or read.named:
        return None
    noon = _BY_NOON.match(said, at)
    if noon is not None:
        return _by_noon(noon, read), noon.end()
    for pattern in _CLOCKS:
        found = pattern.match(said, at)
        if found is not None:
            return replace(read, clock=_hands(found)), found.end()
    return None


def _by_noon(found: re.Match[str], read: _Said) -> _Said:
    """Read "half past noon" and "five to midnight"."""
    minutes = {"half": 30, "quarter": 15, "a quarter": 15}.get(found["count"]) or int(found["count"])
    minutes = minutes if found["way"] in ("past", "after") else -minutes
    whole = ((0 if found["at"] == "midnight" else 720) + minutes) % 1440
    return replace(read, clock=divmod(whole, 60), part=read.part or ("am" if whole < 720 else "pm"))


def _hands(found: re.Match[str]) -> tuple[int, int]:
    hour, groups = int(found["hour"]) % 24, found.groupdict()
    before = 15 if "quarter_to" in groups else int(groups.get("to") or 0)
    if before:
        return ((hour - 1) % 24 or (12 if hour == 1 else 0)), 60 - before
    after = 30 if "half_past" in groups else 15 if "quarter_past" in groups else int(groups.get("past") or 0)
    return hour, after or int(groups.get("minute") or 0)


def _resolved(read: _Said, now: datetime) -> datetime | None:
    if read.until is not None:
        if read.clock or read.named or read.part or read.day:
            return None
        return (now.astimezone(UTC) + read.until).astimezone(_zone(now))
    today = now.date()
    if read.ahead is not None:
        day = moved(today, *read.ahead)
        if read.clock is None and read.named is None and read.part is None:
            return _at(day, now.time().replace(microsecond=0), now)
        read = replace(read, day=day)
    return _at_clock(read, now)


def _at_clock(read: _Said, now: datetime) -> datetime | None:
    if read.named is not None:
        return _noon_or_midnight(read, now)
    if read.clock is None:
        return _without_clock(read, now)
    if read.day is not None and read.day != now.date():
        return _on_day(read, read.day, now)
    return _next(read, now)


def _noon_or_midnight(read: _Said, now: datetime) -> datetime:
    midnight = read.named == "midnight"
    if read.day is not None:
        return _at(read.day + timedelta(days=int(midnight)), time(0 if midnight else 12), now)
    days = (_at(now.date() + timedelta(days=ahead), time(0 if midnight else 12), now) for ahead in (0, 1))
    return next(at for at in days if _is_ahead(at, now))


def _without_clock(read: _Said, now: datetime) -> datetime | None:
    if read.part in ("am", "pm"):
        return None
    if read.part is not None:
        at = _at(read.day or now.date(), time(_HOURS[read.part]), now)
        if _is_ahead(at, now) or read.day not in (None, now.date()):
            return at
        if read.day is None:
            return _at(now.date() + timedelta(days=1), time(_HOURS[read.part]), now)
        hours = (_at(now.date(), time(hour), now) for hour in (22, 23) if read.tonight)
        return next((later for later in hours if _is_ahead(later, now)), at)
    assert read.day is not None  # noqa: S101  nothing else is left
    if read.day != now.date():
        return _at(read.day, time(_MORNING), now)
    hours = (_at(read.day, time(hour), now) for hour in (_MORNING, 12, 15, 18, 20, 22))
    return next((at for at in hours if _is_ahead(at, now)), now + timedelta(minutes=30))


def _on_day(read: _Said, day: date, now: datetime) -> datetime:
    assert read.clock is not None  # noqa: S101  asked by the caller
    hour, minute = read.clock
    if read.part is None:
        # "Tomorrow at three" is an afternoon, "tomorrow at seven" a morning.
        return _at(day, time(hour + 12 if 0 < hour < 6 else hour, minute), now)
    hour, later = _hour(hour, read.part)
    return _at(day + timedelta(days=later), time(hour, minute), now)


def _hour(hour: int, part: str) -> tuple[int, int]:
    """Return the hour of the day, and 1 where it is of the day that follows: midnight ends an evening."""
    if hour > 12 or hour == 0:
        return hour, 0
    if part in ("am", "morning"):
        return hour % 12, 0
    if part in ("evening", "night") and hour == 12:
        return 0, 1
    if part == "night" and hour < 6:
        return hour, 1
    return hour % 12 + 12, 0


def _next(read: _Said, now: datetime) -> datetime:
    """Return the next time that a clock shows this; without am or pm the nearer one of both."""
    assert read.clock is not None  # noqa: S101  asked by the caller
    hour, minute = read.clock
    today = now.date()
    if read.part is not None:
        hour, later = _hour(hour, read.part)
        if read.day is not None:
            return _at(today + timedelta(days=later), time(hour, minute), now)
        hours = [hour]
    else:
        hours = [hour] if hour > 12 or hour == 0 else [hour % 12, hour % 12 + 12]
    days = (0,) if read.day is not None else (0, 1)
    times = [_at(today + timedelta(days=ahead), time(full_hour, minute), now) for ahead in days for full_hour in hours]
    return min((at for at in times if _is_ahead(at, now)), key=datetime.timestamp, default=times[-1])


def _at(day: date, clock: time, now: datetime) -> datetime:
    """Return that time in the zone of `now`; a time that the clocks leave out is the same time later.

    Of a time that comes twice it is the first that is still to come.
    """
    zone = _zone(now)
    made = datetime.combine(day, clock)
    first = (made.astimezone() if zone is None else made.replace(tzinfo=zone)).astimezone(UTC).astimezone(zone)
    if not _is_ahead(first, now):
        twice = made.replace(fold=1)
        second = (twice.astimezone() if zone is None else twice.replace(tzinfo=zone)).astimezone(UTC)
        if _is_ahead(second, now):
            return second.astimezone(zone)
    return first


def _is_ahead(at: datetime, now: datetime) -> bool:
    # Times of one zone compare by what their clocks show, which is wrong in an hour that comes twice.
    return at.timestamp() > now.timestamp()


def _zone(now: datetime) -> tzinfo | None:
    """Return the zone to reckon in; None for the system's."""
    zone = now.tzinfo
    if zone is None or (isinstance(zone, timezone) and now.astimezone().utcoffset() == now.utcoffset()):
        return None
    return zone
