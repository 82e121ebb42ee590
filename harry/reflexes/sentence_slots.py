"""What a sentence holds that a parser reads: lengths of time, moments, days, numbers, amounts of a unit. Pure.

Only what a kind of wish asks for is looked for; the rest of the words stays, with a mark in the place of each.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Set
from dataclasses import dataclass, field
from datetime import datetime

from harry.reflexes.calendar_days import read_day
from harry.reflexes.durations import canonical
from harry.reflexes.marked_times import marked
from harry.reflexes.numbers import figures
from harry.reflexes.units import UNITS

MARK = "#slot"
"""Stands in the rest of the words where something was found."""

_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?![\w.]*\w)")
_TEMPERATURES = ("celsius", "fahrenheit", "kelvin")
_NAMES = "|".join(sorted(map(re.escape, (*UNITS, *_TEMPERATURES)), key=len, reverse=True))
_AMOUNT = re.compile(rf"(?<![\w.])(?P<amount>-?\d+(?:\.\d+)? (?:degrees? )?(?:{_NAMES}))\b|\b(?P<unit>{_NAMES})\b")
_ALARM = "alarm: "
"""Before words in which any time is meant as a moment."""


@dataclass(frozen=True, slots=True)
class Slots:
    """What was found, as it was said, by its name; and the rest of the words."""

    rest: str
    found: dict[str, list[str]] = field(default_factory=dict)


def found_in(said: str, wanted: Set[str], now: datetime) -> Slots:
    """Return everything in the words of the kinds that are `wanted`. Milliseconds for moments, else well below one."""
    if "moment" in wanted:
        return _times(said, now)
    if "length" in wanted:
        return _marked_lengths(said)
    if "day" in wanted:
        return _days(said, now)
    if "amount" in wanted:
        return _sorted_out(_AMOUNT, figures(said), lambda found: str(found.lastgroup))
    if "number" in wanted:
        return _sorted_out(_NUMBER, figures(said), lambda _: "number")
    return Slots(said)


def _sorted_out(pattern: re.Pattern[str], said: str, name: Callable[[re.Match[str]], str]) -> Slots:
    found: dict[str, list[str]] = {}
    for each in pattern.finditer(said):
        found.setdefault(name(each), []).append(each[0])
    return Slots(pattern.sub(MARK, said), found)


def _marked_lengths(said: str) -> Slots:
    rest, lengths = canonical(said)
    return _with_marks(rest, {}, lengths)


def _times(said: str, now: datetime) -> Slots:
    told = marked(_ALARM + said, now)
    moments = {mark: words for mark, words in told.said.items() if mark.startswith("moment ")}
    lengths = {mark: words for mark, words in told.said.items() if mark not in moments}
    return _with_marks(told.words.removeprefix(_ALARM), moments, lengths)


def _with_marks(rest: str, moments: dict[str, str], lengths: dict[str, str]) -> Slots:
    found: dict[str, list[str]] = {}
    for name, marks in (("moment", moments), ("length", lengths)):
        for mark, words in marks.items():
            rest = rest.replace(mark, MARK)
            found.setdefault(name, []).append(words)
    if len(found.get("moment", ())) > 1:
        found["moment"] = [" ".join(found["moment"])]  # "tomorrow ... at nine"
    return Slots(rest, found)


def _days(said: str, now: datetime) -> Slots:
    words, at, rest, days = figures(said), 0, "", list[str]()
    while at < len(words):
        found = read_day(words, at, now.date()) if at == 0 or not words[at - 1].isalnum() else None
        if found is None:
            rest, at = rest + words[at], at + 1
            continue
        days.append(words[at : found[1]])
        rest, at = f"{rest}{MARK} ", found[1]
    return Slots(rest, {"day": days} if days else {})
