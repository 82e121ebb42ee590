"""Lengths of time in a sentence, as people say and ears write them, made into seconds: "an hour and a half", "1h30".

`canonical` writes each as "5400 seconds", which a grammar can match, and tells what stood there before.
"""

from __future__ import annotations

import re

_ONES = [
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_VALUES: dict[str, float] = {
    **{word: at for at, word in enumerate(_ONES, 1)},
    **{word: 10 * at for at, word in enumerate(_TENS, 2)},
    "a": 1, "an": 1, "another": 1,
}  # fmt: skip
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_PARTS = {"half": 0.5, "quarter": 0.25, "three quarters": 0.75}

_WORD = (
    rf"(?:(?:{'|'.join(_TENS)})(?:[-\s](?:{'|'.join(_ONES[:9])}))?|{'|'.join(sorted(_ONES, key=len, reverse=True))})"
)
_NUMBER = (
    rf"(?:\d+(?:[.,]\d+)?(?:\s?[½¼¾]|\s\d/\d)?|[½¼¾]|\d/\d"
    rf"|(?:(?:an?|{_WORD})\s+hundred(?:\s+(?:and\s+)?{_WORD})?)|{_WORD}|another|an\s+(?:extra|additional)|an?)"
)
_UNIT = r"(?:seconds?|secs?|minutes?|mins?|hours?|hrs?|days?|weeks?)\b"
_EXTRA = r"(?:\s+and\s+(?:an?\s+half|an?\s+quarter|three\s+quarters))"
_TERM = (
    rf"(?:(?:an?\s+)?half[-\s]+(?:an?\s+)?{_UNIT}"
    rf"|(?:(?:an?|one)\s+)?quarter[-\s]+(?:of\s+)?(?:an?\s+)?hour\b|three\s+quarters\s+of\s+an\s+hour\b"
    rf"|(?:an?\s+)?couple\s+(?:of\s+)?{_UNIT}"
    rf"|(?:{_NUMBER}){_EXTRA}?[-\s]*(?:more[-\s]+)?{_UNIT}{_EXTRA}?"
    r"|\d+\s?h\s?\d{1,2}(?:\s?m(?:in)?)?\b|\d+\s?[hms]\b)"
)
_TRAILING = rf"(?:\s+(?:and\s+)?(?:\d{{1,2}}|{_WORD})(?=\s*(?:$|[.!?]|timer\b|please\b|to\b)))"
_SPAN = re.compile(rf"\b(?:{_TERM})(?:(?:\s*,\s*and\s+|\s*,\s*|\s+and\s+|\s+)(?:{_TERM}))*{_TRAILING}?", re.IGNORECASE)
_ONE_TERM = re.compile(rf"(?P<term>{_TERM})|(?P<rest>\d{{1,2}}|{_WORD})", re.IGNORECASE)
_ORDINAL = re.compile(r"^an?\s+second$", re.IGNORECASE)
_THING = re.compile(r"^\s+(?:\S+\s+)?(?:timer|alarm|reminder|one|thing|time)\b", re.IGNORECASE)

MAX_SECONDS = 10**9
"""Above this nobody means it."""


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
        seconds = seconds_in(words)
        if not 0 < seconds < MAX_SECONDS:
            continue
        more = " more" if re.search(r"\b(?:more|another|extra|additional)\b", words, re.IGNORECASE) else ""
        written = f"{seconds} seconds{more}"
        before[written] = words
        made += [text[at : found.start()], written]
        at = found.end()
    return "".join([*made, text[at:]]), before


def seconds_in(words: str) -> int:
    """Return the seconds of a length of time, 0 where it is none. "An hour thirty" is an hour and thirty minutes."""
    total, unit = 0.0, 0
    for found in _ONE_TERM.finditer(words):
        if found["term"]:
            seconds, unit = _term(found["term"].lower())
            total += seconds
        elif unit:
            total += _number(found["rest"].lower()) * (60 if unit == 3600 else 1 if unit == 60 else 0)
    return round(total)


def _term(words: str) -> tuple[float, int]:
    """Return the seconds of one number with its unit, and the seconds of the unit."""
    short = re.match(r"(\d+)\s?h\s?(\d{1,2})", words)
    if short:
        return int(short[1]) * 3600 + int(short[2]) * 60, 60
    named = re.search(r"(?<![a-z])(second|sec|minute|min|hour|hr|day|week)s?|(?<=\d)\s?([hms])$", words)
    unit = _UNITS[(named[1] or named[2])[0]] if named else 0
    extra = sum(
        value
        for part, value in _PARTS.items()
        if re.search(rf"\band\s+(?:an?\s+)?{part.replace(' ', chr(92) + 's+')}\b", words)
    )
    words = re.split(r"\band\s+(?:an?\s+(?:half|quarter)|three)\b", words)[0]
    if re.match(r"(?:an?\s+)?half\b", words):
        number = 0.5
    elif re.match(r"three\s+quarters\b", words):
        number = 0.75
    elif re.match(r"(?:(?:an?|one)\s+)?quarter\b", words):
        number = 0.25
    elif "couple" in words:
        number = 2.0
    else:
        number = _number(words)
    return (number + extra) * unit, unit


_SIGNS = {"½": 0.5, "¼": 0.25, "¾": 0.75}


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
