"""Questions about dates: "how many days until Christmas", "what day is the 24th", "is 2028 a leap year". Pure."""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable
from datetime import date, datetime, timedelta

from harry.reflexes.calendar_days import HOLIDAYS, MONTHS, WEEKDAYS, day_of, month_of, read_day
from harry.reflexes.moments import parse_moment
from harry.reflexes.named_days import read_question
from harry.reflexes.numbers import figures
from harry.reflexes.times import told_duration, told_time

_IS = r"(?: is|'s|s| was| will| are| does| did| do)"
_UNTIL = re.compile(
    r"(?:how (?:(?:many|much)(?: more)? (?P<unit>days|weeks|months|hours|minutes|sleeps|nights|time|longer)|long|far)"
    r"(?: more)?(?: (?:do (?:we|i) have|have (?:we|i) got|are there|are left|are|is there|is it|is left|is"
    r"|there are|it is|away is|off is|from now is|from today is|"
    r"left|remain|have we got left|to go|to wait|will it be|away))*"
    r"(?: (?:until|till|'?til|to|before|up to|away is))? )(?P<to>.+?)"
    r"(?: (?:is|away|comes|is coming|from now|from today))*"
)
_COUNTDOWN = re.compile(r"(?:days|weeks|hours|time|countdown) (?:until|till|'?til|to) (?P<to>.+)")
_SINCE = re.compile(
    r"how (?:many (?P<unit>days|weeks|months|years)|long)(?: (?:is it|has it been|have passed|has passed"
    r"|is that|ago (?:is|was)"
    r"|it is|it has been|it's been|are there|are))* (?:since |ago was |ago is )?(?P<to>.+)"
)
_BETWEEN = re.compile(
    r"how (?:many (?P<unit>days|weeks|months|years)|long)(?: (?:are|is|is it|there|are there|lie))* "
    r"(?:between|from) (?P<a>.+?) (?:and|to|until|till) (?P<b>.+)"
)
_WEEKDAY_OF = re.compile(
    rf"(?:(?:on )?(?:what|which) (?:day of the week|week ?day|day){_IS}? (?:it )?(?:(?:on|be) )?(?P<a>.+?)"
    r"(?:,? (?:fall on|fall|land on|be on|be|on|come on|going to be))?(?: this year)?"
    rf"|(?:what|which) (?:day|date) (?:of the week )?(?:{_IS.strip()})?(?:it )?(?:will )?(?P<b>.+?) (?:be|fall on))"
)
_DATE_OF = re.compile(
    rf"(?:(?:what|which)(?: the)? date{_IS}? (?:it )?(?:(?:on|be|is) )?(?P<a>.+?)(?: be| fall on)?"
    rf"|(?:what{_IS} (?:the|today's) (?:date|day)(?: (?:of|on|for))?|the date of) (?P<b>.+)"
    r"|(?:what|which) day(?: and date)? (?:is|was|will) (?:it )?(?:be )?(?P<c>.+)|when(?: is| are|'s|s| was"
    r"| will)(?: it)? (?P<d>.+?)(?: be| this year)?)"
)
_NUMBERED = r"(?:(?:calendar|iso|current|exact) )*(?:week|kw)(?: number| no)?"
_WEEK = re.compile(
    rf"(?:in |and )?(?:what|which)(?: is)?(?: the| this)?(?: number)?(?: of)?(?: the"
    rf"| this)? {_NUMBERED}(?: of the year)?"
    r"(?: (?:is|are|do|have|has|got|it|this|week|we|we're|i|in|on|at|now|today|currently|right|the|moment|number"
    r"|year|of|then))*"
    r"|(?:the |this )?(?:(?:current |calendar |iso )+week(?: number)?|(?:calendar )?week number|kw(?: number)?"
    r"|week of the year|number of (?:the|this) week|week's number)(?: (?:of|the|this|year|week|please|now|today))*"
    r"|what is (?:the number of )?this week's number|what number (?:is (?:this|the) week"
    r"|week (?:is (?:this(?: one)?|it)"
    r"|are we in))"
    r"|how many weeks into the year (?:are we|is it)|we are in (?:what|which) week"
    r"|(?:is it|is this|are we in)(?: calendar)? week (?P<guess>\d{1,2})"
    r"(?: or (?:week )?\d{1,2})?(?: of the year)?(?: now| already| yet)?"
)
_WEEK_OF = re.compile(
    r"(?:what|which)(?: calendar)? week(?: number)?(?: of the year)? (?:is|does|will|has) (?P<to>.+?)(?: (?:in"
    r"|fall in|be in|have))?"
)
_LEAP = re.compile(
    r"(?:is|was|will) (?P<year>\d{4}|\d\d \d\d|this(?: year)?|next year|it)(?: be)? a leap[ -]?year(?: this year)?"
)
_NEXT_LEAP = re.compile(
    r"(?:when|what year)(?:'s| is| will be) the next leap[ -]?year(?: be)?|when do we have the next leap year"
    r"|(?:what|which) year is the next leap[ -]?year"
)
_LENGTH = re.compile(
    r"how many days (?:are in|are there in|in|does|has|is|do we have in|there are in) (?P<what>.+?)(?: have| got)?"
)
_DAY_OF_YEAR = re.compile(
    r"(?:what|which) (?:day|number day) of the year (?:is it|is (?:this|today)|are we on)(?: today)?"
    r"|what is the day of the year"
)
_MONTH_YEAR = re.compile(
    r"(?P<month>" + "|".join(MONTHS) + r")(?: (?:of |in )?(?P<year>\d{4}|\d\d \d\d|this year|next year))?"
)
_NAMED_MONTH = "|".join(MONTHS)
_NO_SUCH_DAY = re.compile(
    r"(?:what|which|how many|how long|when|is|was) .*?"
    rf"(?:\b(?P<month>{_NAMED_MONTH}) (?:the )?(?P<day>\d{{1,2}})(?:st|nd|rd|th)?"
    rf"|\b(?P<day2>\d{{1,2}})(?:st|nd|rd|th)? (?:of )?(?P<month2>{_NAMED_MONTH}))\b.*"
)
_PAST = re.compile(r"\b(?:was|did|were)\b")


def answer(text: str, now: datetime) -> str | None:
    """Return the answer to a question about dates, as a sentence; None where the words are none."""
    said = re.sub(r"[\s?!.,]+$", "", figures(text)).replace("what's", "what is").replace("when's", "when is")
    said = re.sub(r"\b(tomorrow|yesterday|\w+day)'s date", r"the date \1", said)
    said = re.sub(r"(?:left|remaining|remain) (?:(?:in|of) (?:the|this)|this) year", "until the end of the year", said)
    said = re.sub(r"\b(day|weekday)'s\b", r"\1 is", said)
    for pattern, reply in _QUESTIONS:
        found = pattern.fullmatch(said)
        if found is not None:
            try:
                told = reply(found, now)
            except (ValueError, OverflowError):  # a day that no calendar has
                return None
            if told is not None:
                return told
    return _about_named_day(said, now) or _about_no_day(said)


def _about_no_day(said: str) -> str | None:
    """Say of a day that no year has, "February 30", that there is none."""
    found = _NO_SUCH_DAY.fullmatch(said)
    if found is None:
        return None
    month, day = found["month"] or found["month2"], int(found["day"] or found["day2"])
    longest = calendar.monthrange(2000, month_of(month))[1]
    if 1 <= day <= longest:
        return None
    days = "28 days, and 29 in a leap year" if longest == 29 else f"{longest} days"
    return f"There is no such day: {month.capitalize()} has {days}."


def _about_named_day(said: str, now: datetime) -> str | None:
    """Return the answer to a question in which a day stands anywhere."""
    asked = read_question(said, now.date())
    if asked is None:
        return None
    day = asked.day or _named(asked.words, now, past=bool(_PAST.search(said)) and asked.asked != "until")
    if day is None:
        return None
    if asked.asked == "until":
        return _until_day(day, asked.unit, now) or _until_moment(asked.words, now)
    told = _told(asked.words, day, now)
    if asked.asked == "weekday":
        return told
    yes = "Yes" if WEEKDAYS[day.weekday()] == asked.weekday else "No"
    return f"{yes}, {told[0].lower() if told.startswith('That') else told[0]}{told[1:]}"


def told_day(day: date, today: date) -> str:
    """Return a date as it is said, with its year where that is not this one."""
    return f"{day:%A, %B} {day.day}" + (f", {day.year}" if day.year != today.year else "")


def _named(text: str, now: datetime, *, past: bool = False) -> date | None:
    """Return the day that these words alone name."""
    said = re.sub(r"^(?:on|in|for|of|the day of) (?!(?:\d+|an?) (?:day|week|month|year))", "", text.strip())
    said = re.sub(r" (?:day|eve's)$", "", said) if said.removesuffix(" day") in HOLIDAYS else said
    if past:
        earlier = _last(said, now.date())
        if earlier is not None:
            return earlier
    found = read_day(said, 0, now.date())
    if found is not None and found[1] == len(said):
        return found[0]
    if said in MONTHS:
        return day_of(month_of(said), 1, None, now.date())
    if re.search(r"\b(?:days?|weeks?|months?|years?)\b", said):
        said = re.sub(r"^in (?=in )|^(?=\d+ \w+$)", "", said)
        at = parse_moment(said, now) or _ago(said, now)
        return at.date() if at is not None else None
    return None


def _last(said: str, today: date) -> date | None:
    """Return the last day of a name, where a year is not told: "since Christmas"."""
    if re.search(r"\d{4}|\d\d \d\d|yesterday|last", said):
        return None
    found = read_day(said, 0, today - timedelta(days=366))
    if found is None or found[1] != len(said):
        return None
    day, base = found[0], today
    for _ in range(60):
        later = read_day(said, 0, day + timedelta(days=1))
        if later is None or later[0] > base:
            break
        day = later[0]
    return day if day <= today else None


def _ago(said: str, now: datetime) -> datetime | None:
    found = re.fullmatch(r"(?P<n>\d{1,5}|an?) (?P<unit>day|week)s? ago", said)
    if found is None:
        return None
    count = int(found["n"]) if found["n"].isdigit() else 1
    return now - timedelta(days=count * (7 if found["unit"] == "week" else 1))


def _counted(days: int, unit: str | None) -> str:
    if unit == "weeks" and days >= 7:
        weeks, rest = divmod(days, 7)
        return _many(weeks, "week") + (f" and {_many(rest, 'day')}" if rest else "")
    if unit == "years" and days >= 366:
        return f"about {_many(round(days / 365.2425), 'year')}"
    if unit == "months" and days >= 28:
        return f"about {_many(max(1, round(days / 30.44)), 'month')}, or {_many(days, 'day')},"
    return _many(days, "sleep" if unit == "sleeps" else "night" if unit == "nights" else "day")


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _until(found: re.Match[str], now: datetime) -> str | None:
    day = _named(found["to"], now)
    told = _until_day(day, found.groupdict().get("unit"), now) if day is not None else None
    return told or _until_moment(found["to"], now)


def _until_day(day: date, unit: str | None, now: datetime) -> str | None:
    if unit not in ("hours", "minutes"):
        days = (day - now.date()).days
        if days < 0:
            return f"That was {_counted(-days, unit).rstrip(',')} ago, on {told_day(day, now.date())}."
        if days == 0:
            return "That is today."
        verb = "is" if days == 1 else "are"
        counted = _counted(days, unit)
        if counted.startswith("about"):
            return f"It is {counted} until {told_day(day, now.date())}."
        return f"There {verb} {counted} until {told_day(day, now.date())}."
    return None


def _until_moment(to: str, now: datetime) -> str | None:
    at = parse_moment(to, now)
    if at is None:
        return None
    seconds = at.timestamp() - now.timestamp()
    minutes = max(0, -(-seconds // 60))
    return f"There {'is' if minutes == 1 else 'are'} {told_duration(minutes * 60)} until {_clock(at, now)}."


def _clock(at: datetime, now: datetime) -> str:
    days = (at.date() - now.date()).days
    if days == 0 or (days == 1 and at.hour == 0 and at.minute == 0):
        return told_time(at)
    return f"{told_time(at)} {'tomorrow' if days == 1 else 'on ' + told_day(at.date(), now.date())}"


def _since(found: re.Match[str], now: datetime) -> str | None:
    day = _named(found["to"], now, past=True)
    days = (now.date() - day).days if day is not None else -1
    if day is None or days < 0:
        return None
    counted = _counted(days, found["unit"]).rstrip(",")
    return f"{told_day(day, now.date())} was {counted} ago." if days else "That is today."


def _between(found: re.Match[str], now: datetime) -> str | None:
    first = _named(found["a"], now)
    second = _named(found["b"], now)
    if first is None or second is None:
        return None
    days = abs((second - first).days)
    counted = _counted(days, found["unit"]).rstrip(",")
    return f"From {told_day(first, now.date())} to {told_day(second, now.date())} it is {counted}."


def _weekday_of(found: re.Match[str], now: datetime) -> str | None:
    name = (found["a"] or found["b"]).strip()
    past = bool(_PAST.search(found[0]))
    day = _named(name, now, past=past)
    if day is None:
        return None
    return _told(name, day, now)


def _told(name: str, day: date, now: datetime) -> str:
    today = now.date()
    relative = {-1: "Yesterday was", 0: "Today is", 1: "Tomorrow is"}.get((day - today).days)
    if relative is not None and re.search(r"yesterday|today|tomorrow|^it$", name):
        return f"{relative} {told_day(day, today)}."
    verb = "was" if day < today else "is"
    holiday = next((known for known in HOLIDAYS if name.startswith(known)), None)
    if holiday is not None and not holiday.startswith("the "):
        return f"{_titled(holiday)} {verb} on {told_day(day, today)}."
    return f"That {verb} {told_day(day, today)}."


def _titled(name: str) -> str:
    return " ".join(word[0].upper() + word[1:] for word in name.split())


def _date_of(found: re.Match[str], now: datetime) -> str | None:
    name = next((found[letter] for letter in ("a", "b", "c", "d") if found[letter]), "").strip()
    if found["d"]:
        # "When is dinner" is no question about the calendar; "when is Easter" and "when is the next Friday" are.
        name = re.sub(r"^the next ", "next ", name)
        if not re.match(r"(?:next |this )?(?:" + "|".join(map(re.escape, HOLIDAYS)) + r")|next ", name):
            return None
    day = _named(name, now, past=bool(_PAST.search(found[0])))
    return _told(name, day, now) if day is not None else None


def _week(found: re.Match[str], now: datetime) -> str:
    week = now.isocalendar().week
    yes = {True: "Yes, it is", False: "No, it is"}.get(int(found["guess"]) == week) if found["guess"] else "It is"
    return f"{yes} week {week}."


def _week_of(found: re.Match[str], now: datetime) -> str | None:
    day = _named(found["to"], now)
    return f"{told_day(day, now.date())} is in week {day.isocalendar().week}." if day is not None else None


def _year(spoken: str, now: datetime) -> int:
    if spoken.replace(" ", "").isdigit():
        return int(spoken.replace(" ", ""))
    return now.year + (1 if spoken.startswith("next") else 0)


def _leap(found: re.Match[str], now: datetime) -> str | None:
    year = _year(found["year"], now)
    if year < 1583:
        return None
    is_leap = calendar.isleap(year)
    verb = "was" if year < now.year else "is" if year == now.year else "will be"
    return f"{'Yes' if is_leap else 'No'}, {year} {verb} {'a' if is_leap else 'no'} leap year."


def _next_leap(_: re.Match[str], now: datetime) -> str:
    year = next(candidate for candidate in range(now.year + 1, now.year + 9) if calendar.isleap(candidate))
    return f"The next leap year is {year}."


def _length(found: re.Match[str], now: datetime) -> str | None:
    what = found["what"].strip().removeprefix("the month of ")
    if what == "a leap year":
        return "A leap year has 366 days."
    if what in ("this month", "the current month"):
        what = f"{MONTHS[now.month - 1]} {now.year}"
    year = re.fullmatch(r"(?:the year )?(\d{4}|\d\d \d\d|this year|next year)", what)
    if year is not None:
        number = _year(year[1], now)
        return f"{number} has {366 if calendar.isleap(number) else 365} days." if 1 <= number <= 9999 else None
    month = _MONTH_YEAR.fullmatch(what)
    if month is None:
        return None
    number = month_of(month["month"])
    if number == 2 and not month["year"]:
        return "February has 28 days, and 29 in a leap year."
    told_year = _year(month["year"], now) if month["year"] else now.year
    days = calendar.monthrange(told_year, number)[1]
    return f"{month['month'].capitalize()}{f' {told_year}' if month['year'] else ''} has {days} days."


def _day_of_year(_: re.Match[str], now: datetime) -> str:
    return f"It is day {now.timetuple().tm_yday} of {now.year}."


_QUESTIONS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str], datetime], str | None]], ...] = (
    (_WEEK, _week), (_LEAP, _leap), (_NEXT_LEAP, _next_leap), (_DAY_OF_YEAR, _day_of_year), (_LENGTH, _length),
    (_BETWEEN, _between), (_WEEK_OF, _week_of), (_UNTIL, _until), (_COUNTDOWN, _until), (_SINCE, _since),
    (_WEEKDAY_OF, _weekday_of), (_DATE_OF, _date_of),
)  # fmt: skip
