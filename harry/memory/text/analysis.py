"""The words by which something is found: the text an item is indexed under, its terms, and how a question is read.

The date is written out because people say months, and the speaker stands before the text because they say names. Terms
are stems without accents, held as 32-bit hashes: in a vocabulary of 100,000 one pair collides, and nothing but the
rows themselves has to be wiped when something is to be forgotten.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from zlib import crc32

import numpy as np
import numpy.typing as npt
from snowballstemmer.english_stemmer import EnglishStemmer

from harry.memory.text.irregular_verbs import BASE

Terms = npt.NDArray[np.uint32]
"""Hashes of stems, shape (terms,), in the order of the text."""

SESSION_GAP = 6 * 3600.0
"""Seconds between two items of a source after which the second no longer answers the first."""

MAX_INDEXED_CHARACTERS = 200_000
"""Characters of a text that are indexed. What stands beyond them is kept, and not found by its words."""

# Chinese and Japanese write no spaces, so each of their characters is a word.
_WORD = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|[^\W_\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+(?:'[^\W_]+)?"
)


def _listed(words: str) -> list[str]:
    return words.split()


_MONTHS = _listed("January February March April May June July August September October November December")

STOP_WORDS = frozenset(
    _listed(
        """
        a about after all also am an and any are as at be because been before being both but by can could did do does
        doing for from had has have having he her here hers him his how i if in into is it its just kind me might more
        most my of on or our out over shall she should so some such than that the their theirs them then there these
        they this those to too type up us very was we were what when where which while who whom whose why will with
        would you your yours
        """
    )
)
"""Words of a question that tell nothing about its answer."""

_MYSELF = frozenset(_listed("i me my mine myself"))
_TIME_WORDS = _listed(
    """
    yesterday today tomorrow tonight ago last next week weekend month year day morning evening night afternoon recently
    soon monday tuesday wednesday thursday friday saturday sunday since
    """
)
_ASKS_WHEN = re.compile(
    r"\b(when|how long|how long ago|since when|(what|which) (date|day|month|year|time|week|season))\b", re.IGNORECASE
)

_stemmer = EnglishStemmer()


def format_date(at: float, zone: tzinfo | None = None) -> str:
    """Write a local day as people say it: `8 May 2023`. `at` is seconds since the epoch; "" where that has no day."""
    try:
        local = datetime.fromtimestamp(at, tz=UTC).astimezone(zone)
    except (OverflowError, OSError, ValueError):
        return ""
    return f"{local.day} {_MONTHS[local.month - 1]} {local.year}"


def format_spoken(text: str, speaker: str = "", heading: str = "") -> str:
    """Return the text to embed: `Speaker: text`, or a passage under its headings."""
    head = speaker or heading
    return f"{head}: {text}" if head else text


def format_indexed(
    text: str, *, speaker: str = "", heading: str = "", at: float | None = None, zone: tzinfo | None = None
) -> str:
    """Return the text to index: `[8 May 2023] Speaker: text`."""
    day = format_date(at, zone) if at is not None else ""
    spoken = format_spoken(text, speaker, heading)
    return f"[{day}] {spoken}" if day else spoken


def split_words(text: str) -> list[str]:
    """Split a text into lower-case words without accents and without a genitive ending."""
    plain = text[:MAX_INDEXED_CHARACTERS].replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    if not plain.isascii():
        plain = "".join(
            character for character in unicodedata.normalize("NFKD", plain) if not unicodedata.combining(character)
        )
    return [word.removesuffix("'s") for word in _WORD.findall(plain.casefold())]


@lru_cache(maxsize=100_000)
def stem(word: str) -> str:
    """Return the stem of a word from `split_words`."""
    return str(_stemmer.stemWord(BASE.get(word, word))) if len(word) < 40 else word  # no English word is longer


@lru_cache(maxsize=100_000)
def hash_term(word: str) -> int:
    """Hash the stem of a word from `split_words`."""
    return crc32(stem(word).encode())


def hash_terms(text: str) -> Terms:
    """Hash every stem of a text, in order."""
    return np.fromiter((hash_term(word) for word in split_words(text)), np.uint32)


def hash_query_terms(text: str) -> Terms:
    """Hash each different stem of a question that may tell something; all of them if none does."""
    words = split_words(text)
    telling = [word for word in words if word not in STOP_WORDS and word.split("'")[0] not in STOP_WORDS]
    return np.array(list(dict.fromkeys(hash_term(word) for word in telling or words)), np.uint32)


def hash_time_terms() -> Terms:
    """Hash the words with which people say when something happens."""
    return np.unique(np.array([hash_term(word) for word in _TIME_WORDS], np.uint32))


def asks_when(question: str) -> bool:
    """Return whether the answer is a time."""
    return _ASKS_WHEN.search(question) is not None


def asks(text: str) -> bool:
    """Return whether a text ends as a question."""
    return text.rstrip().rstrip("\"'\N{RIGHT DOUBLE QUOTATION MARK})]*").endswith(("?", "\N{FULLWIDTH QUESTION MARK}"))


def find_named(question: str, speakers: Iterable[str], namespace: str) -> set[str]:
    """Return which of the speakers a question names, by any of their names; "I" is the namespace's own."""
    said = set(split_words(question))
    found = {
        speaker for speaker in speakers if any(word in said for word in split_words(speaker) if word not in STOP_WORDS)
    }
    if said & _MYSELF:
        found.update(speaker for speaker in speakers if speaker == namespace)
    return found


_STEPS = ((60.0, "minute"), (3600.0, "hour"), (86_400.0, "day"), (604_800.0, "week"), (2_629_800.0, "month"))
_YEAR = 31_557_600.0


def format_age(at: float | None, now: float) -> str:
    """Return how long before `now` something was, as people say it: `3 weeks ago`. Both in seconds since the epoch."""
    if at is None:
        return "some time ago"
    passed = now - at
    if passed < -_STEPS[0][0]:
        return "in the future"
    if passed < _STEPS[0][0]:
        return "just now"
    seconds, unit = _YEAR, "year"
    for (size, name), (larger, _) in zip(_STEPS, (*_STEPS[1:], (_YEAR, "")), strict=True):
        if passed < larger:
            seconds, unit = size, name
            break
    count = int(passed // seconds)
    return "yesterday" if (count, unit) == (1, "day") else f"{count} {unit}{'s' * (count != 1)} ago"
