"""How a text of any length is cut into what a voice says in one breath: sentences, and no more than it can chew."""

from __future__ import annotations

import re

MAX_SENTENCE_LETTERS = 200
"""The most a voice is given at once, in letters; whatever is read out at length (a digit, a symbol) counts for more."""

_UNFOLDED = 8
"""Letters' worth of speech in a digit or symbol."""

# White space goes with what follows it: then a reply that is cut ends with a word or its mark.
# A run of marks is tried from its first alone, or a thousand of them would cost a million steps.
_SENTENCE_END = re.compile(r"(?<![.!?…])[.!?…]++[\"'\u201d\u2019)\]]*+(?=\s)|\S(?=[ \t]*\n)")
_ABBREVIATION = re.compile(r"(?:\b(?:Mr|Mrs|Ms|Dr|Prof|St|Jr|Sr|vs|e\.g|i\.e|etc|cf|approx)|\b[A-HJ-Z])\.\Z")
_CLAUSE_END = re.compile(r"[,;:\u2013\u2014](?=\s)")
_SPACE = re.compile(r"(?<=\S)(?=\s)")
_PLAIN = re.compile(r"[A-Za-z\u00c0-\u024f\s.,;:!?'\u2019\"()\u2026\u2013\u2014-]")


def split_sentences(text: str) -> list[str]:
    """Cut after each sentence, and longer ones at a clause, a space or, failing all, anywhere. Joined: `text`."""
    cut: list[str] = []
    start = 0
    for end in _SENTENCE_END.finditer(text):
        sentence = text[start : end.end()]
        if _ABBREVIATION.search(sentence[-16:]):
            continue
        cut.extend(_shorter(sentence))
        start = end.end()
    cut.extend(_shorter(text[start:]))
    return cut


def _shorter(sentence: str) -> list[str]:
    cut: list[str] = []
    while (room := _room(sentence)) < len(sentence):
        head = sentence[:room]
        place = _last(_CLAUSE_END, head) or _last(_SPACE, head) or room
        cut.append(sentence[:place])
        sentence = sentence[place:]
    return [*cut, sentence] if sentence else cut


def _room(text: str) -> int:
    """Return how many characters of `text` can be said at once."""
    worth = 0
    for place, character in enumerate(text[: MAX_SENTENCE_LETTERS + 1]):
        worth += 1 if _PLAIN.match(character) else _UNFOLDED
        if worth > MAX_SENTENCE_LETTERS:
            return place
    return len(text)


def _last(mark: re.Pattern[str], head: str) -> int:
    """Find the end of the last such mark in the second half of `head`, or 0: a cut near the start gains little."""
    return max((found.end() for found in mark.finditer(head, len(head) // 2)), default=0)
