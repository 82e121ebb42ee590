"""How timers, alarms and reminders are named and told: "your pasta timer", "a ten-minute timer with 2 minutes left"."""

from __future__ import annotations

from datetime import datetime

from harry.memory.store.reminders import Reminder
from harry.reflexes.clocks import Clocks
from harry.reflexes.times import told_date, told_time, told_when

_NUMBERS = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
_UNITS = (("week", 604_800), ("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_TOGETHER = {"0123456": "every day", "01234": "on weekdays", "56": "at weekends"}


def number_words(number: int) -> str:
    """Return a number as it is written in a sentence: in letters up to twelve."""
    return _NUMBERS[number] if 0 < number < len(_NUMBERS) else str(number)


def _parts(seconds: float, most: int) -> list[tuple[int, str]]:
    rest, parts = max(0, round(seconds)), []
    for unit, length in _UNITS:
        if unit == "week" and (rest % length or rest < length):
            continue
        count, rest = divmod(rest, length)
        if count:
            parts.append((count, unit))
    return parts[:most]


def duration_words(seconds: float) -> str:
    """Return a length of time: "one minute", "two hours and 30 minutes"; its three largest units."""
    parts = [f"{number_words(count)} {unit}{'s' if count != 1 else ''}" for count, unit in _parts(seconds, 3)]
    if len(parts) == 3:
        return f"{parts[0]}, {parts[1]} and {parts[2]}"
    return " and ".join(parts) or "less than a second"


def left_words(seconds: float) -> str:
    """Return what is left, to what a listener cares for: no seconds beside hours."""
    rest = max(0.0, seconds)
    if rest >= 3600:
        rest = round(rest / 60) * 60
    return duration_words(rest)


def timer_name(reminder: Reminder) -> str:
    """Return what a timer is called: "pasta timer", "ten-minute timer"."""
    if reminder.name:
        return f"{reminder.name} timer"
    parts = _parts(reminder.length, 3)
    if not parts:
        return "timer"
    if len(parts) == 1:
        return f"{number_words(parts[0][0])}-{parts[0][1]} timer"
    return f"timer for {duration_words(reminder.length)}"


def days_words(days: str) -> str:
    """Return weekdays: "every day", "on weekdays", "every Monday"."""
    return _TOGETHER.get(days) or "every " + " and ".join(_DAYS[int(day)] for day in days)


def when_words(reminder: Reminder, clocks: Clocks) -> str:
    """Return when it is due: "tomorrow at 7 a.m.", "every day at 7 a.m."."""
    at = clocks.local(clocks.due(reminder))
    return f"{days_words(reminder.days)} at {told_time(at)}" if reminder.days else told_when(at, clocks.now())


def past_words(at: datetime, now: datetime) -> str:
    """Return a moment that has passed: the time, and the day if it was another one."""
    return told_time(at) if at.date() == now.date() else f"{told_time(at)} on {told_date(at)}"


def the_one(reminder: Reminder, clocks: Clocks) -> str:
    """Return it as one that both know: "the pasta timer", "the reminder at 6 p.m.: call Anna"."""
    if reminder.kind == "timer":
        return f"the {timer_name(reminder)}"
    text = f": {reminder.text}" if reminder.text else ""
    return f"the {reminder.kind} {when_words(reminder, clocks)}{text}"


def listed(reminder: Reminder, clocks: Clocks) -> str:
    """Return it as one of a list: "a pasta timer with two minutes left"."""
    if reminder.kind == "timer":
        name = timer_name(reminder)
        article = "an" if name[0] in "aeio" or name.startswith(("11-", "18-", "8-")) else "a"
        left = left_words(clocks.left(reminder))
        return f"{article} {name} {'paused ' if reminder.paused else ''}with {left} left"
    text = f": {reminder.text}" if reminder.text else ""
    article = "an" if reminder.kind == "alarm" else "a"
    return f"{article} {reminder.kind} {when_words(reminder, clocks)}{text}"
