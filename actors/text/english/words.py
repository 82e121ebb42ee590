"""The tables of `languages/en.spoken.toml`, read once."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from importlib.resources import files
from typing import Any

_DATA: dict[str, Any] = tomllib.loads((files("actors") / "languages" / "en.spoken.toml").read_text("utf-8"))

MONTHS: tuple[str, ...] = tuple(_DATA["months"])
SHORT: dict[str, str] = _DATA["short"]
BEFORE_NUMBER: dict[str, str] = _DATA["before_number"]
UNITS: dict[str, tuple[str, str]] = {unit: (one, many) for unit, (one, many) in _DATA["units"].items()}
CURRENCIES: dict[str, tuple[str, str, str, str]] = {sign: tuple(names) for sign, names in _DATA["currencies"].items()}
SCALES: dict[str, str] = _DATA["scales"]
SIGNS: dict[str, str] = _DATA["signs"]
FRACTIONS: dict[str, str] = _DATA["fractions"]
FIXED: dict[str, str] = _DATA["fixed"]
WORDS: dict[str, frozenset[str]] = {name: frozenset(words) for name, words in _DATA["words"].items()}

_WORD = re.compile(r"[^\W_]+")


def any_of(words: Iterable[str]) -> str:
    """Return a pattern of any of these, the longest first."""
    return "|".join(map(re.escape, sorted(words, key=lambda word: (-len(word), word))))


def words_before(text: str, at: int, count: int = 1) -> list[str]:
    """Return the last `count` words before a place, nearest first, in lower case."""
    return [word.lower() for word in reversed(_WORD.findall(text[max(0, at - 48) : at])[-count:])]


def word_after(text: str, at: int) -> str:
    """Return the word that follows a place after a space or a hyphen, "" if there is none."""
    if text[at : at + 1] not in (" ", "-"):
        return ""
    found = _WORD.match(text, at + 1)
    return found[0] if found is not None else ""
