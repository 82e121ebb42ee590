"""Is somebody dictating: figures, letters, an address, a date, or a wish that still lacks its time.

Such things are said piece by piece, and each piece sounds finished. So a pause within them tells nothing, whatever the
mark or melody, and the words before the pause, even those of an utterance that was cut in two by mistake, are judged
together:

1. Two or more figures or letters at the end, one by one ("four, seven", "S, M"), go on until ten figures have come.
2. One of them is enough where a word announces them ("the code is four", "spelled S", "the password is tango").
3. An address goes on, a mail address until its end ("dot com"); so does a surname, which may be spelled.
4. A date goes on until its year.
5. "Remind me" wants a time and something to do, "wake me" a time, "set a timer" a number with its unit.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeAlias

from actors.text.phrases import Phrases, tokenize

MAX_CHARACTERS = 300
"""Characters at the end of a text that are looked at."""

_WHOLE_NUMBER = 10
"""Figures of a telephone number with its area code: no more is waited for."""
_GAP = 4
"""Words at most between the word that announces a code and the code ("the code for the front door is")."""
_ADDRESS = 12
"""Words of an address at most."""
_DIGITS = re.compile(r"\d+")
_ORDINAL = re.compile(r"\d{1,2}(?:st|nd|rd|th)")
_YEAR = re.compile(r"(?:1[5-9]|20)\d\d")
_TIME = re.compile(r"\d{1,2}(?:am|pm)")


Words: TypeAlias = Mapping[str, frozenset[tuple[str, ...]]]
"""The table `dictation` of a language."""


class _Run(NamedTuple):
    """Figures and letters at the end of the words: where they begin, and how many of each there are."""

    begins: int
    figures: int
    letters: int
    parts: int


def is_dictating(text: str, phrases: Phrases) -> bool:
    """Return whether the end of these words is the middle of something that is dictated."""
    tail = text[-MAX_CHARACTERS:]
    said = [token.word for token in tokenize(tail)]
    if not said:
        return False
    words = phrases.dictation
    run = _find_run(tail, said, words)
    return (
        _codes(said, run, words)
        or _address(said, words)
        or _date(said, words)
        or _lacks_time(_last_wish(tail, said, words), words)
    )


def _codes(said: Sequence[str], run: _Run, words: Words) -> bool:
    if not run.parts or run.figures >= _WHOLE_NUMBER:
        return False
    if run.parts > 1 and tuple(said[run.begins :]) not in words["abbreviations"]:
        return True
    before = said[max(0, run.begins - _GAP - 2) : run.begins]
    announced = words["codes"] if run.figures or not _is_letter(said[-1]) else words["codes"] | words["spelling"]
    # "A number between 1 and 6" announces none.
    bounded = any((word,) in words["bounds"] for word in before)
    return not bounded and any(_at(before, place, announced) for place in range(len(before)))


def _address(said: Sequence[str], words: Words) -> bool:
    place = _last_place(said, words["addresses"])
    if place is None or not 0 < len(said) - place <= _ADDRESS:
        return False
    return (said[-1],) not in words["domains"] or said[-1] == "at"


def _date(said: Sequence[str], words: Words) -> bool:
    place = _last_place(said, words["dates"])
    if place is None or not 0 < len(said) - place <= _ADDRESS:
        return False
    rest = said[place:]
    dated = any((word,) in words["months"] | words["ordinals"] or _ORDINAL.fullmatch(word) for word in rest)
    # "Nineteen seventy six" is a year, and so is "1976"; "nineteen" alone is the beginning of one.
    spoken = [word for word in rest if (word,) in words["tens"] or (word,) in words["figures"]]
    return dated and not any(_YEAR.fullmatch(word) for word in rest) and len(spoken) < 2


def _last_wish(text: str, said: Sequence[str], words: Words) -> Sequence[str]:
    """Return the words from the last wish for a reminder, an alarm or a timer on."""
    wishes = words["reminders"] | words["clocks"] | words["timers"]
    begins = [place for place in range(len(said)) if _at(said, place, wishes)]
    return said[begins[-1] :] if begins and not text.rstrip().endswith("?") else ()


def _lacks_time(wish: Sequence[str], words: Words) -> bool:
    if not wish:
        return False
    for kind in ("reminders", "clocks", "timers"):
        length = _at(wish, 0, words[kind])
        if not length:
            continue
        rest = wish[length:]
        if (*rest[:1],) in words["no_wish"]:
            return False  # "remind me who wrote it" asks
        timed = _is_timed(rest, words, bare=kind != "timers")
        if kind != "reminders":
            return not timed
        about = any((word,) in words["about"] for word in rest[:-1])
        return not (timed and about)
    return False


def _is_timed(rest: Sequence[str], words: Words, *, bare: bool) -> bool:
    """Return whether a time is told; `bare`: an hour without anything behind it is one ("at seven")."""
    for place, word in enumerate(rest):
        if any(_at(rest, place, words[kind]) for kind in ("times", "units", "months")) or _TIME.fullmatch(word):
            return True
        number = _DIGITS.fullmatch(word) or (word,) in words["figures"] | words["tens"]
        if bare and number and place and rest[place - 1] in {"at", "for", "by", "past", "to"}:
            return True
    return False


def _find_run(text: str, said: Sequence[str], words: Words) -> _Run:
    """Find the figures and letters at the end. What is joined by a mark ("7:30", "U.S.A.", "1,000") is none of them."""
    tokens = tokenize(text)
    figures = letters = parts = 0
    begins = at = len(said)
    while at:
        at -= 1
        word = said[at]
        joint = text[tokens[at].end : tokens[at + 1].start] if at + 1 < len(said) else ""
        if joint and joint in ":.,/'":
            break
        if _DIGITS.fullmatch(word):
            figures += len(word)
        elif (word,) in words["figures"]:
            figures += 1
        elif word == "x" and at and _DIGITS.fullmatch(said[at - 1]):
            break  # "3 x 4"
        elif _is_letter(word) or (word,) in words["alphabet"]:
            letters += 1
        elif parts and (word,) in words["between"]:
            continue
        else:
            break
        parts += 1
        begins = at
    return _Run(begins, figures, letters, parts)


def _is_letter(word: str) -> bool:
    return len(word) == 1 and word.isalpha()


def _last_place(said: Sequence[str], announcing: frozenset[tuple[str, ...]]) -> int | None:
    """Return where the words behind the last announcement begin."""
    ends = [place + length for place in range(len(said)) if (length := _at(said, place, announcing))]
    return ends[-1] if ends else None


def _at(said: Sequence[str], place: int, phrases: frozenset[tuple[str, ...]]) -> int:
    """Return how many words the longest phrase that begins at a place has; 0 if none does."""
    return next((size for size in range(4, 0, -1) if tuple(said[place : place + size]) in phrases), 0)
