"""How timers, alarms and reminders are named and told: "your pasta timer", "a ten-minute timer with 2 minutes left"."""

from __future__ import annotations

from datetime import datetime

from harry.memory.store.reminders import Reminder
from harry.reflexes.clocks import Clocks
from harry.reflexes.times import largest_units, number_words, told_date, told_duration, told_time, told_when

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_TOGETHER = {"0123456": "every day", "01234": "on weekdays", "56": "at weekends"}


def left_words(seconds: float) -> str:
    """Return what is left, to what a listener cares for: no seconds beside hours."""
    rest = max(0.0, seconds)
    if rest >= 3600:
        rest = round(rest / 60) * 60
    return told_duration(rest)


def timer_name(reminder: Reminder) -> str:
    """Return what a timer is called: "pasta timer", "ten-minute timer"."""
    if reminder.name:
        return f"{reminder.name} timer"
    parts = largest_units(reminder.length)
    if not parts:
        return "timer"
    if len(parts) == 1:
        return f"{number_words(parts[0][0])}-{parts[0][1]} timer"
    return f"timer for {told_duration(reminder.length)}"


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
