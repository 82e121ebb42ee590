"""Which of the timers, alarms and reminders that are kept some words mean."""

from __future__ import annotations

from collections.abc import Sequence

from actors.text.phrases import split_words
from harry.memory.store.reminders import Reminder
from harry.reflexes.clocks import Clocks
from harry.reflexes.timer_slots import ARTICLES, parse_length
from harry.reflexes.times import parse_moment
from harry.reflexes.wording import second_person

ANY = frozenset(("all", "both", "every", "each", "everything", "all of them", "both of them", "them all"))
_LAST = frozenset(("last", "latest", "newest", "most recent", "new"))
_PLACES = {"first": 0, "second": 1, "third": 2, "fourth": 3}
_SMALL = frozenset(["the", "a", "an", "my", "to", "of", "for", "at", "and", "in", "on", "about", "that"])


def choose(held: Sequence[Reminder], which: str, clocks: Clocks) -> list[Reminder]:
    """Return those that words such as "pasta", "ten minute", "last" or "seven o'clock" can mean."""
    which = ARTICLES.sub("", which.strip()).lower()
    if not which or which in ANY:
        return list(held)
    by_age = sorted(held, key=lambda reminder: reminder.made_at)
    if which in _LAST:
        return by_age[-1:]
    if which in _PLACES:
        return by_age[_PLACES[which] : _PLACES[which] + 1]
    seconds, said = parse_length(which), split_words(which)
    own = [
        reminder
        for reminder in held
        if said in (split_words(reminder.name), split_words(reminder.text), split_words(second_person(reminder.text)))
    ]
    own = own or [reminder for reminder in held if split_words(second_person(which)) == split_words(reminder.text)]
    if own or seconds:
        return own or [reminder for reminder in held if reminder.length == seconds]
    some = {*said} - _SMALL
    return [
        reminder for reminder in held if some & {*split_words(reminder.name), *split_words(reminder.text)}
    ] or _due_at(held, which, clocks)


def _due_at(held: Sequence[Reminder], which: str, clocks: Clocks) -> list[Reminder]:
    """Return those of a time of day: "seven o'clock"."""
    at = parse_moment(which, clocks.now())
    if at is None:
        return []
    due = [(reminder, clocks.local(clocks.due(reminder))) for reminder in held if reminder.kind != "timer"]
    return [reminder for reminder, when in due if (when.hour % 12, when.minute) == (at.hour % 12, at.minute)]
