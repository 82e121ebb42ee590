"""Lengths of time, as people say and ears write them, made into seconds: "an hour and a half", "1h30". Pure.

`canonical` writes each one in a sentence as "5400 seconds", which a grammar can match, and tells what stood there
before; `parse_duration` and `read_duration` read one by itself, in words or in the figures of `numbers`.
"""

from __future__ import annotations

import re
from datetime import timedelta

_ONES = (
    "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen",
    "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_VALUES: dict[str, float] = {
    **{word: at for at, word in enumerate(_ONES, 1)},
    **{word: 10 * at for at, word in enumerate(_TENS, 2)},
    "a": 1, "an": 1, "another": 1,
}  # fmt: skip
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800, "f": 1_209_600}
_SIGNS = {"½": 0.5, "¼": 0.25, "¾": 0.75}

_WORD = (
    rf"(?:(?:{'|'.join(_TENS)})(?:[-\s](?:{'|'.join(_ONES[:9])}))?|{'|'.join(sorted(_ONES, key=len, reverse=True))})"
)
_NUMBER = (
    rf"(?:\d+(?:[.,]\d+)?(?:\s?[½¼¾]|\s\d/\d)?|[½¼¾]|\d/\d"
    rf"|(?:(?:an?|{_WORD})\s+hundred(?:\s+(?:and\s+)?{_WORD})?)|{_WORD}|another|an\s+(?:extra|additional)|an?)"
)
_UNIT = r"(?:seconds?|secs?|minutes?|mins?|hours?|hrs?|days?|weeks?|wks?|fortnights?)\b"
_HALF, _QUARTER, _THREE = r"(?:an?|one|1)\s+half", r"(?:an?|one|1)\s+quarter", r"(?:three|3)\s+quarters"
_EXTRA = rf"(?:\s+and\s+(?:{_HALF}|{_QUARTER}|{_THREE}))"
_TERM = (
    rf"(?:(?:(?:an?|one|1)\s+)?half[-\s]+(?:(?:of\s+)?an?\s+)?{_UNIT}"
    rf"|(?:(?:an?|one|1)\s+)?quarter[-\s]+(?:of\s+)?(?:an?\s+)?hour\b|{_THREE}\s+of\s+an\s+hour\b"
    rf"|(?:an?\s+)?(?:couple|dozen)\s+(?:of\s+)?{_UNIT}"
    rf"|(?:{_NUMBER}){_EXTRA}?[-\s]*(?:(?:more|full|whole)[-\s]+)?{_UNIT}{_EXTRA}?"
    r"|\d+\s?h\s?\d{1,2}(?:\s?m(?:in)?)?\b|\d+\s?[hms]\b)"
)
_TRAILING = rf"(?:\s+(?:and\s+)?(?:\d{{1,2}}|{_WORD})(?=\s*(?:$|[.!?]|timer\b|please\b|to\b)))"
_SPAN = re.compile(rf"\b(?:{_TERM})(?:(?:\s*,\s*and\s+|\s*,\s*|\s+and\s+|\s+)(?:{_TERM}))*{_TRAILING}?", re.IGNORECASE)
_ONE_TERM = re.compile(rf"(?P<term>{_TERM})|(?P<rest>\d{{1,2}}|{_WORD})", re.IGNORECASE)
_EXTRAS = tuple(
    (re.compile(rf"\band\s+{part}"), value) for part, value in ((_HALF, 0.5), (_QUARTER, 0.25), (_THREE, 0.75))
)
_BEFORE_EXTRA = re.compile(rf"\band\s+(?:{_HALF}|{_QUARTER}|{_THREE})")
_ORDINAL = re.compile(r"^an?\s+second$", re.IGNORECASE)
_THING = re.compile(r"^\s+(?:\S+\s+)?(?:timer|alarm|reminder|one|thing|time)\b", re.IGNORECASE)

MAX_SECONDS = 10**9
"""What is longer is cut to one second less than this: it is too long for anything, and is told so."""

LONGEST = timedelta(days=3660)
"""A length that stands by itself and is longer is taken for a mistake of the ear."""


def canonical(text: str) -> tuple[str, dict[str, str]]:
    """Return the text with each length of time as "N seconds", and what each of these stood for.

    "A second timer" is another timer, and no length. "Five more minutes" becomes "300 seconds more".
    """
    before: dict[str, str] = {}
    made, at = [], 0
    for found in _SPAN.finditer(text):
        words = found[0]
        if _ORDINAL.match(words) and _THING.match(text[found.end() :]):
            continue
        seconds = min(seconds_in(words), MAX_SECONDS - 1)
        if seconds <= 0:
            continue
        more = " more" if re.search(r"\b(?:more|another|extra|additional)\b", words, re.IGNORECASE) else ""
        written = f"{seconds} seconds{more}"
        before[written] = words
        made += [text[at : found.start()], written]
        at = found.end()
    return "".join([*made, text[at:]]), before


def parse_duration(text: str) -> timedelta | None:
    """Return the length of time that the words are, or None where they are not just that."""
    said = text.strip(" .,!?")
    found = read_duration(said)
    return found[0] if found is not None and found[1] == len(said) else None


def read_duration(said: str, at: int = 0) -> tuple[timedelta, int] | None:
    """Return the length of time that begins at a place of the words, and where it ends; None where there is none."""
    found = _SPAN.match(said, at)
    seconds = seconds_in(found[0]) if found is not None else 0
    if found is None or not 0 < seconds < LONGEST.total_seconds():
        return None
    return timedelta(seconds=seconds), found.end()


def seconds_in(words: str) -> int:
    """Return the seconds of a length of time, 0 where it is none. "An hour thirty" is an hour and thirty minutes."""
    total, unit = 0.0, 0
    for found in _ONE_TERM.finditer(words):
        if found["term"]:
            seconds, unit = _term(found["term"].lower())
            total += seconds
        elif unit:
            total += _number(found["rest"].lower()) * (60 if unit == 3600 else 1 if unit == 60 else 0)
    return round(min(total, float(MAX_SECONDS)))


def _term(words: str) -> tuple[float, int]:
    """Return the seconds of one number with its unit, and the seconds of the unit."""
    short = re.match(r"(\d+)\s?h\s?(\d{1,2})", words)
    if short:
        return float(short[1]) * 3600 + int(short[2]) * 60, 60
    named = re.search(r"(?<![a-z])(second|sec|minute|min|hour|hr|day|week|wk|fortnight)s?\b|(?<=\d)\s?([hms])$", words)
    unit = _SECONDS[(named[1] or named[2])[0]] if named else 0
    extra = sum(value for part, value in _EXTRAS if part.search(words))
    words = _BEFORE_EXTRA.split(words)[0]
    return (_amount(words) + extra) * unit, unit


def _amount(words: str) -> float:
    for start, value in ((r"(?:(?:an?|one|1)\s+)?half\b", 0.5), (r"(?:three|3)\s+quarters\b", 0.75),
                         (r"(?:(?:an?|one|1)\s+)?quarter\b", 0.25)):  # fmt: skip
        if re.match(start, words):
            return value
    return 2.0 if "couple" in words else 12.0 if "dozen" in words else _number(words)


def _number(words: str) -> float:
    total = 0.0
    for found in re.finditer(r"\d+/\d+|\d+(?:[.,]\d+)?|[½¼¾]|[a-z]+", words):
        word = found[0]
        if word == "hundred":
            total = max(total, 1.0) * 100
        elif word in _VALUES:
            total += _VALUES[word]
        elif word in _SIGNS:
            total += _SIGNS[word]
        elif "/" in word:
            above, below = word.split("/")
            total += int(above) / int(below) if int(below) else 0
        elif word[0].isdigit():
            total += float(word.replace(",", "."))
        elif word != "and":
            break
    return total
