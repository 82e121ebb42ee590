"""What words about timers, alarms and reminders hold: which kind, which name, how long."""

from __future__ import annotations

import re

from harry.memory.store.reminders import ReminderKind
from harry.reflexes.durations import canonical
from harry.reflexes.grammar import Wish

_PLAIN_NAMES = frozenset(("", "new", "another", "second", "third", "quick", "short", "simple", "little", "countdown"))
ARTICLES = re.compile(r"^(?:(?:a|an|the|my|our|another|new|quick|short)\s+)+", re.IGNORECASE)
NOUNS = re.compile(r"\b(?:timers?|alarms?|reminders?|one|countdowns?)\b", re.IGNORECASE)
_LENGTH = re.compile(
    r"(?:(?:for|make it|just|about|in|um|uh|oh|please|say)[,\s]+)*(\d+) seconds(?:[,\s]+please)?", re.IGNORECASE
)


def find_kind(text: str) -> ReminderKind | None:
    """Return which kind the words name."""
    said = text.lower()
    if "timer" in said or "countdown" in said:
        return "timer"
    return "alarm" if "alarm" in said else "reminder" if "reminder" in said else None


def find_name(said: str) -> str:
    """Return what a timer is called: "the pasta timer" is "pasta", and "a quick timer" has no name."""
    name = NOUNS.sub("", ARTICLES.sub("", said.strip())).strip()
    return "" if name.lower() in _PLAIN_NAMES else name


def parse_length(text: str) -> int | None:
    """Return the seconds that these words, with nothing else but politeness, are."""
    found = _LENGTH.fullmatch(canonical(text)[0].strip(" .,!?"))
    return int(found[1]) if found else None


def trim_moment(text: str) -> str:
    """Return an answer to "when?" without what only surrounds it."""
    return re.sub(r"^(?:(?:um|uh|oh|well|please|make it|say)[,\s]+)+|[.!?\s]+$", "", text.strip(), flags=re.IGNORECASE)


def seconds_of(wish: Wish) -> int | None:
    """Return the length of time that was said, in seconds; None where none was."""
    return int(wish.slots["seconds"]) if wish.slots.get("seconds") else None


def capitalize(text: str) -> str:
    """Return the text with its first letter large, and the others as they were."""
    return text[:1].upper() + text[1:]
