"""What a sentence looks like: its words and pairs of words, with numbers, days and the like as one mark each. Pure.

"Eight minutes on a timer" and "20 minutes on a timer" look the same: "#length on a timer". Which words stand for what
is in a language's file of examples.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from itertools import pairwise

UNKNOWN = "#x"
"""Stands for any number of words that no example has."""

MOST_WORDS = 40

_TOKEN = re.compile(r"#\w+|\d+|[^\W\d_]+(?:'[^\W\d_]+)*|%")
_LENGTH = {("#n", "#span"): "#length", ("#length", "#length"): "#length", ("#n", "#n"): "#n"}


def tokens_of(text: str, marks: Mapping[str, str]) -> list[str]:
    """Return the words in lower case, each as its mark where `marks` has one, and what belongs together as one."""
    said: list[str] = []
    for word in _TOKEN.findall(text.lower().replace("\u2019", "'"))[:MOST_WORDS]:
        token = "#n" if word.isdigit() else marks.get(word, word)
        joined = _LENGTH.get((said[-1], token)) if said else None
        if joined is not None:
            said[-1] = joined
        else:
            said.append(token)
    return said


def features_of(tokens: Iterable[str], known: Set[str]) -> Iterator[str]:
    """Give each word and each pair of neighbours, the ends of the sentence being neighbours, too."""
    said: list[str] = ["^"]
    for token in tokens:
        word = token if token in known else UNKNOWN
        if word != UNKNOWN or said[-1] != UNKNOWN:
            said.append(word)
    said.append("$")
    yield from said[1:-1]
    yield from (f"{first} {second}" for first, second in pairwise(said))


def counted(sentences: Sequence[Iterable[str]], least: int) -> list[str]:
    """Return what stands in at least so many of the sentences, in order."""
    counts: dict[str, int] = {}
    for sentence in sentences:
        for each in set(sentence):
            counts[each] = counts.get(each, 0) + 1
    return sorted(each for each, count in counts.items() if count >= least)
