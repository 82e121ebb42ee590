"""Are these Harry's own words, come back through the microphone.

Letters are compared, not words: an ear that hears an echo joins and splits words, and misspells some.
"""

from __future__ import annotations

from collections import Counter
from difflib import SequenceMatcher
from functools import lru_cache

from actors.text.phrases import MAX_TEXT_CHARACTERS, Token, tokenize
from actors.text.spoken_form import SpokenForms

MAX_LETTERS = 120
"""Letters that are compared on either side: about eight seconds of speech."""

_RUN = 3
"""Letters in a row that must agree to count."""
_TAILS = (MAX_LETTERS * 3 // 2, MAX_LETTERS * 4)
"""Characters of a text that are read: as a rule, and where most of them are no letters."""
_OF_A_WORD = 0.6
"""Share of a word's letters that must be found for the word to be explained."""
_OF_ALL = 0.65
"""Share of all letters that must be found for the whole to be an echo."""


def find_unexplained(heard: str, saying: str) -> str | None:
    """Return what in `heard` is no echo of `saying`, the words being spoken: "" if all is echo, None if none is.

    A whole is an echo when most of its letters are found in `saying`, in the same order; the words that are not found
    are returned, for a stop phrase may be among them. Of either side only the end is read.
    """
    said = _tokens(heard)
    place: list[int] = [number for number, token in enumerate(said) for _ in token.word]
    letters = "".join(token.word for token in said)[-MAX_LETTERS:]
    place = place[len(place) - len(letters) :]
    spoken = _last_letters(saying)
    if not letters or not spoken:
        return None
    found = [0] * len(said)
    for block in SequenceMatcher(None, letters, spoken, autojunk=False).get_matching_blocks():
        complete = block.size and block.size == len(letters)
        if block.size >= _RUN or complete:
            for at in range(block.a, block.a + block.size):
                found[place[at]] += 1
    if sum(found) < _OF_ALL * len(letters):
        return None
    # Of the first word some letters may be cut away: it is not compared.
    seen = {number for number, letters_seen in Counter(place).items() if letters_seen == len(said[number].word)}
    return " ".join(
        token.word
        for number, (token, count) in enumerate(zip(said, found, strict=True))
        if number in seen and count < _OF_A_WORD * len(token.word)
    )


@lru_cache(4)
def _last_letters(saying: str) -> str:
    """Return the letters compared of what Harry says, which is asked for at each guess of the ear."""
    return "".join(token.word for token in _tokens(saying))[-MAX_LETTERS:]


def _tokens(text: str) -> list[Token]:
    """Return the last words of a text as they are said: enough for `MAX_LETTERS`, and few more."""
    for most in _TAILS:
        tail = text[-most:]
        if len(tail) < len(text):
            tail = tail.partition(" ")[2] or tail
        # He says "five dollars" where "$5" is written, and an ear may write either.
        tokens = tokenize(SpokenForms().next(tail).spoken[-MAX_TEXT_CHARACTERS:])
        if len(text) <= most or sum(len(token.word) for token in tokens) >= MAX_LETTERS:
            break
    return tokens
