"""What words of everyday life have to do with each other: who is family, what means the same, what is an instrument.

English; the tables are the files of `english/`. Without a language model they decide whether an answer speaks of what
was asked: a word of a question that stands in them is met by the words told there and by no others, so a table that
lacks a word costs an answer, and never makes a wrong one. All words are looked up by their stems.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from harry.memory.text.analysis import stem


@cache
def lines(name: str) -> tuple[str, ...]:
    """Return the lines of a table."""
    text = (files("harry.memory.text") / "english" / f"{name}.txt").read_text("utf-8")
    return tuple(line for line in text.splitlines() if line.strip())


@cache
def word_set(name: str) -> frozenset[str]:
    """Return the words of a table that is nothing but words."""
    return frozenset(word for line in lines(name) for word in line.split())


@cache
def stem_set(name: str) -> frozenset[str]:
    """Return the stems of the words of such a table."""
    return frozenset(map(stem, word_set(name)))


def headed(name: str) -> list[tuple[str, list[str]]]:
    """Return a table of lines that begin with a word and a colon: that word, and the others."""
    parted = [line.partition(":") for line in lines(name)]
    return [(head.strip(), rest.split()) for head, _, rest in parted]


@cache
def kin() -> dict[str, str]:
    """Return the stem of every word for a relative or a neighbour, with the one word that stands for it."""
    return {stem(word): head for head, others in headed("kin") for word in (head, *others)}


@cache
def met_by() -> dict[str, frozenset[str]]:
    """Return for the stem of a word that is known the stems by which it is met: its group's, and those told for it."""
    found: dict[str, set[str]] = {word: {word} for word in stem_set("known")}
    groups = [{stem(word) for word in line.split()} for line in lines("same")]
    for group in groups:
        for word in group:
            found.setdefault(word, set()).update(group)
    for head, others in headed("meets"):
        same = {stem(head)}.union(*(group for group in groups if stem(head) in group))
        for word in same:
            found.setdefault(word, {word}).update(map(stem, others))
    return {word: frozenset(others) for word, others in found.items()}


@cache
def kinds() -> dict[str, frozenset[str]]:
    """Return for the stem of a kind of thing the stems of what is one."""
    found = {stem(head): frozenset(map(stem, others)) for head, others in headed("kinds")}
    found |= {stem(head): found[stem(others[0])] for head, others in headed("kinds_alias")}
    return found
