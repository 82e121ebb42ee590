"""WordPiece: how MiniLM reads, so that its model runs without a tokenizer library and what that brings along.

The vocabulary is that of BERT base uncased, as all-MiniLM-L6-v2 ships it (Apache-2.0; `minilm_vocabulary.txt`, one
piece a line, a piece's number is its line's). The rules are BERT's own: clean, lower case, no accents, split at spaces,
punctuation and Chinese characters, then the longest known piece first.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from importlib.resources import files

VOCABULARY = "minilm_vocabulary.txt"

MAX_WORD_CHARACTERS = 100
"""Characters; a longer word is unknown as a whole."""

_HAN = (
    (0x4E00, 0x9FFF),
    (0x3400, 0x4DBF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2CEAF),
    (0xF900, 0xFAFF),
    (0x2F800, 0x2FA1F),
)


_DROPPED = frozenset({"Cc", "Cf", "Co"})


class WordPiece:
    """Cuts texts into numbered pieces."""

    def __init__(self) -> None:
        lines = files("harry.memory.search").joinpath(VOCABULARY).read_text("utf-8").split("\n")
        self._pieces = {piece: number for number, piece in enumerate(lines[:-1])}
        self._unknown = self._pieces["[UNK]"]
        self._head, self._tail = self._pieces["[CLS]"], self._pieces["[SEP]"]
        self._word = lru_cache(maxsize=50_000)(self._cut)

    def encode(self, text: str, limit: int) -> list[int]:
        """Return the numbers of a text's pieces between the model's head and tail marks, at most `limit` in all."""
        numbers = [self._head]
        # A piece has at least one character, so no more of the text can matter; marks and accents are left some room.
        for word in _words(text[: limit * MAX_WORD_CHARACTERS]):
            numbers.extend(self._word(word))
            if len(numbers) >= limit - 1:
                break
        return [*numbers[: limit - 1], self._tail]

    def _cut(self, word: str) -> tuple[int, ...]:
        if len(word) > MAX_WORD_CHARACTERS:
            return (self._unknown,)
        numbers: list[int] = []
        start = 0
        while start < len(word):
            end = len(word)
            prefix = "##" if start else ""
            while end > start and (number := self._pieces.get(prefix + word[start:end])) is None:
                end -= 1
            if end == start or number is None:
                return (self._unknown,)
            numbers.append(number)
            start = end
        return tuple(numbers)


def _words(text: str) -> list[str]:
    cleaned = []
    for character in text:
        code = ord(character)
        if character in "\t\n\r":
            cleaned.append(" ")
        elif code in (0, 0xFFFD) or unicodedata.category(character) in _DROPPED:
            continue
        elif character.isspace() or unicodedata.category(character) == "Zs":
            cleaned.append(" ")
        elif any(first <= code <= last for first, last in _HAN):
            cleaned.append(f" {character} ")
        else:
            cleaned.append(character)
    plain = "".join(
        character
        for character in unicodedata.normalize("NFD", "".join(cleaned))
        if unicodedata.category(character) != "Mn"
    ).lower()
    return [piece for word in plain.split() for piece in _at_punctuation(word)]


def _at_punctuation(word: str) -> list[str]:
    if word.isalnum():
        return [word]
    pieces: list[str] = []
    joined = False
    for character in word:
        if _is_punctuation(character):
            pieces.append(character)
            joined = False
        elif joined:
            pieces[-1] += character
        else:
            pieces.append(character)
            joined = True
    return pieces


def _is_punctuation(character: str) -> bool:
    code = ord(character)
    in_ascii = 33 <= code <= 47 or 58 <= code <= 64 or 91 <= code <= 96 or 123 <= code <= 126
    return in_ascii or unicodedata.category(character).startswith("P")
