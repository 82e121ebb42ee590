"""What counts as the same word, and as a whole one.

Texts are compared as Unicode says for caseless identity: compatibility forms are one (NFKC), case is folded, invisible
joiners vanish, apostrophes and white space are of one kind. A key is found only where it is not a piece of a longer
word. Scripts that write no spaces between words (Chinese, Japanese, Thai, Lao, Khmer, Burmese) have no such pieces to
tell, and Korean attaches its particles: there a key is found wherever it stands.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_SPACE = re.compile(r"\s+")
_LAST_WORD = re.compile(r".*\s(?=\S)", re.DOTALL)

_ALIKE = {0xAD: None, 0x200C: None, 0x200D: None, 0x2060: None, 0xFE0E: None, 0xFE0F: None, 0xFEFF: None} | {
    0x2019: "'",
    0x02BC: "'",
}
"""Soft hyphen, joiners, variation selectors and byte order marks are invisible; transcripts mix apostrophes."""

_WITHOUT_SPACES = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Burmese
    (0x1100, 0x11FF),  # Hangul
    (0x1780, 0x17FF),  # Khmer
    (0x3005, 0x3007),
    (0x3040, 0x30FF),  # Hiragana, Katakana
    (0x3100, 0x318F),  # Bopomofo, Hangul
    (0x31A0, 0x31FF),
    (0x3400, 0x4DBF),  # Han
    (0x4E00, 0x9FFF),
    (0xA960, 0xA97F),
    (0xAC00, 0xD7FF),
    (0xF900, 0xFAFF),
    (0x20000, 0x3FFFF),
)


def fold(text: str, *, exact: bool = False) -> str:
    """Return the form in which texts and keys are compared; `exact` keeps the case. A few microseconds a sentence."""
    if text.isascii():
        folded = text if exact else text.lower()
    else:
        folded = unicodedata.normalize("NFKC", text.translate(_ALIKE))
        if not exact:
            folded = unicodedata.normalize("NFKC", folded.casefold())
        folded = folded.translate(_ALIKE)
    return _SPACE.sub(" ", folded)


def find_last_word(text: str) -> int:
    """Return where the last word begins: what stands before is folded for good, however the text goes on."""
    found = _LAST_WORD.match(text)
    return found.end() if found else 0


def join_folded(before: str, after: str) -> str:
    """Join two folded pieces of a text as if they had been folded together."""
    return before + (after.lstrip(" ") if before.endswith(" ") else after)


def is_whole_word(text: str, start: int, end: int) -> bool:
    """Return whether `text[start:end]`, of a folded text, is not part of a longer word."""
    if end < len(text):
        following = text[end]
        if following > "\x7f" and _is_mark(following):
            return False
        if _joins(following) and _joins(text[end - 1]):
            return False
    return not (start > 0 and _joins(text[start - 1]) and _joins(text[start]))


def can_be_found(key: str) -> bool:
    """Return whether a folded key holds a letter, digit or symbol. Punctuation alone stands in every sentence."""
    return any(unicodedata.category(sign)[0] in "LNS" for sign in key)


def find_original_place(text: str, folded_place: int, *, exact: bool = False) -> int:
    """Find the character of `text` that stands at a place of its folded form. Some milliseconds for a long text."""
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if len(fold(text[:middle], exact=exact)) <= folded_place:
            low = middle
        else:
            high = middle - 1
    return low


def _joins(sign: str) -> bool:
    if sign < "\x80":
        return sign.isalnum() or sign == "_"
    return _joins_beyond_ascii(sign)


@lru_cache(maxsize=4096)
def _joins_beyond_ascii(sign: str) -> bool:
    if unicodedata.category(sign)[0] not in "LNM":
        return False
    return not any(first <= ord(sign) <= last for first, last in _WITHOUT_SPACES)


@lru_cache(maxsize=4096)
def _is_mark(sign: str) -> bool:
    return unicodedata.category(sign)[0] == "M"
