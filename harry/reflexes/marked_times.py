"""Times in a sentence, replaced by marks that a grammar can match: "wake me at half past seven", "wake me moment 1".

A length of time becomes "5400 seconds" (see `durations`), a moment "moment 1". Only where a wish for an alarm or a
reminder may be: elsewhere a time is a word like any other.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime

from harry.reflexes.durations import canonical, parse_duration
from harry.reflexes.moments import is_plainly_a_time, parse_moment
from harry.reflexes.numbers import ONES, TENS

MOST_WORDS = 9
"""Words of a moment at most."""

MOST = 9
"""Moments of a sentence that are marked."""

MOST_NUMBERS = 16
"""Numbers of a sentence in which moments are looked for: no wish has more, and each would be tried as a time."""

_NUMBER = re.compile(rf"\d+|\b(?:{'|'.join((*ONES, *TENS))})\b", re.IGNORECASE)
_ALARM = re.compile(
    r"\b(?:alarms?|wake|waking|woken|(?:get|be) (?:me |us )?(?:up|out|awake)|(?:i'm|i am) (?:up|awake))\b",
    re.IGNORECASE,
)
_REMINDER = re.compile(r"\bremind(?:er|ers|ed|ing)?\b|\b(?:let|tell|nudge|ping|alert|give) (?:me|us)\b", re.IGNORECASE)
_EVERY = re.compile(
    r"\b(?:every|each)\s+(?:\w+day|day|morning|evening|night|weekend)\b|\bmonday\s+(?:to|through)\s+friday\b",
    re.IGNORECASE,
)
_OPEN = frozenset(("at", "on", "by", "for", "about", "around", "round", "to", "of", "and", "the", "a", "an", "then"))
_NO_BEGINNING = frozenset(
    ("for", "about", "around", "round", "then", "and", "to", "of", "exactly", "precisely", "sharp")
)
_BEFORE_A_CLOCK = frozenset(("for", "at", "by", "alarm", "up", "me", "us"))
_COUNTED = re.compile(r"^(?:in|after|within)\s+|\s+(?:from now|hence)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Marked:
    """The words with marks for times, and what each mark stands for."""

    words: str
    said: dict[str, str] = field(default_factory=dict)


def marked(text: str, now: datetime) -> Marked:
    """Return the words with every length of time and, near "alarm" or "remind", every moment marked. Milliseconds."""
    words, moments = _with_moments(text, now)
    words, lengths = canonical(words)
    return Marked(words, {**lengths, **moments})


def _with_moments(text: str, now: datetime) -> tuple[str, dict[str, str]]:
    alarm = bool(_ALARM.search(text))
    if (not alarm and not _REMINDER.search(text)) or len(_NUMBER.findall(text)) > MOST_NUMBERS:
        return text, {}
    said: dict[str, str] = {}
    recurring = [found.span() for found in _EVERY.finditer(text)]
    words = list(re.finditer(r"\S+", text))
    made, end, at = [], 0, 0
    while at < len(words) and len(said) < MOST:
        inside = any(begin <= words[at].start() < stop for begin, stop in recurring)
        size = 0 if inside else _size(words[at:], words[at - 1][0] if at else "", now, alarm=alarm)
        if size == 0:
            at += 1
            continue
        first, last = words[at].start(), words[at + size - 1].end()
        moment = text[first:last].rstrip(" .,:;!?")
        mark = f"moment {len(said) + 1}"
        said[mark] = moment
        made += [text[end:first], mark]
        # A full stop behind "a.m." ends no sentence here.
        end, at = (last if text[first:last].endswith(".,") else first + len(moment)), at + size
    return "".join([*made, text[end:]]), said


def _size(words: list[re.Match[str]], before: str, now: datetime, *, alarm: bool) -> int:
    """Return of how many words the moment consists that begins here; 0 where none does."""
    if words[0][0].lower() in _NO_BEGINNING:
        return 0
    after_clock_word = before.lower().strip(",:") in _BEFORE_A_CLOCK
    for size in range(min(MOST_WORDS, len(words)), 0, -1):
        if words[size - 1][0].lower().strip(" .,:;!?") in _OPEN:
            continue
        # A sentence ends at a full stop, but "7 a.m. tomorrow" does not.
        span = " ".join(word[0] for word in words[:size])
        if parse_duration(_COUNTED.sub("", span)) is not None:
            return 0
        if parse_moment(span, now) is None:
            continue
        before_alarm = len(words) > size and words[size][0].lower().startswith("alarm")
        if is_plainly_a_time(span, now) or (alarm and (after_clock_word or before_alarm or size > 1)):
            return size
    return 0
