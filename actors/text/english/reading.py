"""Finds what has to be read in words at a place of a text, by the rules of each kind, the most certain first."""

# ruff: noqa: RUF001 - typographic quotes and dashes are looked for

from __future__ import annotations

import re
from collections.abc import Callable

from actors.text.english import amounts, codes, dates, foreign, short_forms, signs
from actors.text.english.words import BEFORE_NUMBER, CURRENCIES, FRACTIONS, MONTHS, SHORT, SIGNS, any_of

Rule = tuple[re.Pattern[str], Callable[[re.Match[str]], str | None]]
"""A pattern, and how what it found is said; None if it is something else."""

_FIGURES: tuple[Rule, ...] = (
    *codes.ADDRESSES,
    *dates.DATES,
    *codes.PHONES,
    *dates.TIMES,
    *amounts.MONEY,
    *amounts.FRACTIONS_,
    *amounts.UNITS_,
    *codes.CODES,
    *amounts.NUMBERS,
)
_LETTERS: tuple[Rule, ...] = (
    *codes.ADDRESSES,
    *amounts.MONEY,
    *short_forms.RULES,
    *dates.MONTHS_,
    *codes.MIXED,
    *signs.LETTERS,
)
_SIGNS: tuple[Rule, ...] = (*amounts.MONEY, *codes.PHONES, *dates.DECADES, *amounts.SIGNED, *signs.RULES)

_STARTS = re.compile(rf"[(.$£€¥₹₩₽₿#@'’(~^/\\-]|[-–—]|{any_of({sign[0] for sign in SIGNS})}")


def read(text: str, at: int) -> tuple[int, str] | None:
    """Return where what stands at a place ends and how it is said; None if it is said as it is written."""
    char = text[at]
    if char.isdecimal() or char in FRACTIONS:
        return _first(_FIGURES, text, at) if at == 0 or not text[at - 1].isdecimal() else None
    if char.isalpha():
        if char > "\u024f" and char not in SIGNS:
            return foreign.read(text, at)
        if at and (text[at - 1].isalnum() or text[at - 1] in "'’"):
            return None
        return _first(_LETTERS, text, at)
    return _first(_SIGNS, text, at) if _STARTS.match(char) else None


_BARE = frozenset(
    {word for word in (*SHORT, *BEFORE_NUMBER) if word.isalpha()}
    | {"i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii"}
    | {"st", "dr", "sq", "ct", "pl", "sept", *(month[:3].lower() for month in MONTHS), *map(str.lower, MONTHS)}
    | {code.lower() for code in CURRENCIES if code.isalpha()}
)
_DOTTED = frozenset(word for word in (*SHORT, *BEFORE_NUMBER) if word.endswith(".")) | {f"{word}." for word in _BARE}


def is_plain(token: str) -> bool:
    """Tell at once that a token, as it stands between spaces, is said as written; False: it has to be looked at."""
    word = token.strip(",;:!?\"'()”“’…")
    if word.endswith("."):
        return word[:-1].isalpha() and word.isascii() and word.lower() not in _DOTTED and not _is_roman(word[:-1])
    word = word.replace("’", "'").partition("'")[0].replace("-", "")
    return word.isalpha() and word.isascii() and word.lower() not in _BARE and not _is_roman(word)


def _is_roman(word: str) -> bool:
    return word.isupper() and not word.strip("IVXLCDM")


def _first(rules: tuple[Rule, ...], text: str, at: int) -> tuple[int, str] | None:
    for pattern, say in rules:
        found = pattern.match(text, at)
        if found is not None:
            said = say(found)
            if said is not None:
                return found.end(), said
    return None
