"""Questions around a day that they name: "which weekday was 14 July 1789", "days until my trip on 3 August". Pure.

The day is found wherever it stands; what is left of the words must be a question for its weekday, or for how long it is
until then, and nothing else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from harry.reflexes.calendar_days import WEEKDAYS, read_day

_DAY = "\N{WHITE SQUARE}"

_OF_WEEKDAY = (
    r"(?:is|was|will|would|it|be|been|on|does|did|do|fall|falls|falling|land|lands|come|comes|coming|the|for|of|in|this"
    r"|next|last|year|going|to|a|that|then|we|have|date|again)"
)
_WHICH_DAY = r"(?:on )?(?:what|which) (?:day of the week|week ?day|day)"
_SOMEBODY = r"(?:i|he|she|we|you|they|(?:my|our|his|her|the) [a-z' ]{1,30}?)"
_HAPPENS = r"(?:be|born|fall|married|happen|start|begin|on)"
_IT_IS = r"(?:(?:it's|it is|that's|that is|which is) )?(?:on )?"
_WEEKDAY_ASKED = tuple(
    re.compile(pattern.replace("DAY", _DAY))
    for pattern in (
        rf"(?:and |so |then )*{_WHICH_DAY}(?:,? {_OF_WEEKDAY})* DAY(?:,? {_OF_WEEKDAY})*",
        rf"(?:is |was )?DAY,? (?:(?:is|was|falls|fall|will be|lands|and) )?{_WHICH_DAY}(?: {_OF_WEEKDAY})*",
        (
            r"(?:what is |what was |which is |tell me |give me )?(?:the )?(?:week ?day|day of the week|day) (?:of|for"
            r"|on) DAY"
        ),
        r"DAY,? (?:week ?day|day of the week)",
        rf"[a-z', ]{{1,60}} DAY,? (?:so |and |but )?{_WHICH_DAY}(?: {_OF_WEEKDAY})*",
        rf"{_WHICH_DAY} (?:was|were|is|will|did|does) {_SOMEBODY}(?: {_HAPPENS})*,? {_IT_IS}DAY(?: {_OF_WEEKDAY})*",
    )
)
_UNIT = r"(?P<unit>days|weeks|months|sleeps|nights|hours|minutes|time|longer)"
_UNTIL = (
    r"(?:more|longer|is|are|it|there|left|to|go|wait|until|till|'?til|before|up|do|does|we|i|you|have|got|away|off|from"
    r"|now|today|be|will|still|remain|remaining|that|must|the|between|and|then|exactly|for|in|on|of|take|takes|comes"
    r"|here|this|next|year)"
)
_THING = r"(?: (?:my|our|his|her|the) [a-z' ]{1,30}?(?: (?:is|on|at|in|starts|begins|of))*)?"
_UNTIL_ASKED = tuple(
    re.compile(pattern.replace("DAY", _DAY))
    for pattern in (
        rf"(?:and |so |in )*how (?:many|much)(?: more)? {_UNIT}(?: {_UNTIL})*{_THING} DAY(?:,? {_UNTIL})*",
        (
            rf"(?:and |so )*how (?:long|far|near|close)(?=.* (?:until|till|'?til|to|before|away|off|for|from)\b)"
            rf"(?: {_UNTIL})*{_THING} DAY(?:,? {_UNTIL})*?(?:,? in (?P<unit>days|weeks|months|sleeps|nights|hours))?"
        ),
        rf"how soon(?: {_UNTIL})* DAY(?: {_UNTIL})*",
        (
            rf"(?:(?:the|number|of|count the|what is|how about) )*(?P<unit>days|weeks|sleeps|nights|time|countdown)"
            rf"(?=.* (?:until|till|'?til|to|before) )(?: {_UNTIL})*{_THING} DAY"
        ),
        (
            rf"[a-z', ]{{1,60}} DAY[.,]? (?:so |and |but )?(?:in )?how (?:(?:many|much) (?:more )?{_UNIT}|long"
            rf"|far)(?: {_UNTIL})*"
        ),
        rf"(?:when is |in )?DAY,? (?:and )?(?:in )?how many {_UNIT}(?: {_UNTIL})*",
    )
)
_WEEKDAY = "|".join(WEEKDAYS)
_IS_IT = re.compile(
    rf"(?:(?P<asks>is|was|will|does) )?(?P<day>.+?)(?P<that>,? (?:is|was) (?:that|it))?(?: be| fall"
    rf"| falls)?(?: on)?(?: an?)? "
    rf"(?P<first>{_WEEKDAY})(?: or (?:on )?(?:an? )?(?P<second>{_WEEKDAY}))?(?: this year| or not)?"
)
_YEAR = re.compile(r"\b(?P<which>this|next|last) year\b")


@dataclass(frozen=True, slots=True)
class NamedDay:
    """What is asked about a day: its weekday, how long it is until then (in a `unit`), or whether it is a weekday."""

    asked: str
    words: str
    day: date | None
    unit: str | None = None
    weekday: str = ""


def read_question(said: str, today: date) -> NamedDay | None:
    """Return what the words ask about the day that they name, in `figures`; None where they ask nothing of the kind.

    `day` is set only where the words say the year elsewhere; else the caller reads `words`.
    """
    found = _IS_IT.fullmatch(said)
    if found is not None and (found["asks"] or found["that"]) and _is_a_day(found["day"], today):
        return NamedDay("is", found["day"], _in_year(found["day"], said, today), None, found["first"])
    marked = _marked(said, today)
    if marked is None:
        return None
    rest, words = marked
    for pattern in _WEEKDAY_ASKED:
        if pattern.fullmatch(rest):
            return NamedDay("weekday", words, _in_year(words, rest, today))
    for pattern in _UNTIL_ASKED:
        asked = pattern.fullmatch(rest)
        if asked is not None:
            return NamedDay("until", words, _in_year(words, rest, today), asked.groupdict().get("unit"))
    return None


def _is_a_day(words: str, today: date) -> bool:
    found = read_day(words, 0, today)
    return found is not None and found[1] == len(words) and words.rsplit(maxsplit=1)[-1] not in WEEKDAYS


def _marked(said: str, today: date) -> tuple[str, str] | None:
    """Return the words with a mark for the one day that they name, and that day's words."""
    spans, at = [], 0
    while at < len(said):
        found = read_day(said, at, today) if at == 0 or not said[at - 1].isalnum() else None
        if found is None:
            at += 1
            continue
        spans.append((at, found[1]))
        at = found[1]
    others = [span for span in spans if said[span[0] : span[1]] not in ("today", "this year", "next year")] or spans
    if len(others) != 1:
        return None
    begin, end = others[0]
    return re.sub(r"\s+", " ", f"{said[:begin]}{_DAY}{said[end:]}").strip(), said[begin:end]


def _in_year(words: str, rest: str, today: date) -> date | None:
    """Return the day in the year that is said elsewhere: "what day does Halloween fall on next year"."""
    found = _YEAR.search(rest)
    if found is None:
        return None
    year = today.year + {"this": 0, "next": 1, "last": -1}[found["which"]]
    day = read_day(words, 0, date(year, 1, 1))
    return day[0] if day is not None else None
