"""What a question asks for, and what a statement tells, by everyday relations: home, boss, birthday, place of a thing.

"What city does my sister call home?" asks for a residence, and "my sister moved to Oslo" tells one, though they share
no word that says so. English: `english/relations.txt` holds for each relation the kinds of its answers, the words that
ask for it (?) and those that tell it (!): `_` joins words, `..` skips up to four, `#` is a number.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache

from harry.memory.longterm.everyday_phrases import NUMBER
from harry.memory.text.analysis import stem
from harry.memory.text.everyday_words import lines

_TOKEN = re.compile(r"[^\W_]+(?:-[^\W_]+)*(?:'[^\W_]+)?")
_NUMBER = re.compile(rf"{NUMBER}(?:-\w+)?", re.IGNORECASE)
_BEING = frozenset(("is", "are", "was", "were", "am", "been", "being", "be", "'s", "s"))
_APART = (
    (re.compile(r"\b(?:can't|cannot)\b", re.IGNORECASE), "can not"),
    (re.compile(r"\b(?:shan't|won't)\b", re.IGNORECASE), "will not"),
    (re.compile(r"n't\b|\bnever\b", re.IGNORECASE), " not"),
    (
        re.compile(r"\b(i|we|you|they|he|she|it|that|who|what|where|when|how|there)'(?:m|re|s)\b", re.IGNORECASE),
        r"\1 is",
    ),
    (re.compile(r"'(?:ve|d|ll)\b", re.IGNORECASE), ""),
)


@dataclass(frozen=True, slots=True)
class Relation:
    """A kind of fact. `kinds` are those of its answers; `asks` and `tells` match the words of `spread`."""

    name: str
    kinds: tuple[str, ...]
    asks: re.Pattern[str]
    tells: re.Pattern[str]
    words: frozenset[str]


@dataclass(frozen=True, slots=True)
class Frame:
    """A relation that was found in a text, and the stems of the words that say it."""

    relation: Relation
    words: frozenset[str]


@cache
def relations() -> tuple[Relation, ...]:
    """Return all relations, in the table's order."""
    table = list(lines("relations"))
    found = []
    for head, ask, tell in zip(table[::3], table[1::3], table[2::3], strict=True):
        name, _, kinds = head.partition(":")
        found.append(Relation(name, tuple(kinds.split()), _pattern(ask), _pattern(tell), _words(f"{ask} {tell}")))
    return tuple(found)


@lru_cache(maxsize=1_000)
def asked_in(text: str) -> tuple[Frame, ...]:
    """Return the relations that a question may ask for."""
    return _frames(text, asks=True)


@lru_cache(maxsize=20_000)
def told_in(text: str) -> tuple[Frame, ...]:
    """Return the relations that a statement tells."""
    return _frames(text, asks=False)


def _frames(text: str, *, asks: bool) -> tuple[Frame, ...]:
    words = spread(text)
    single = frozenset(words.split())
    found = []
    for relation in relations():
        if relation.words.isdisjoint(single):
            continue
        pattern = relation.asks if asks else relation.tells
        said = [word for match in pattern.finditer(words) for word in match[0].split() if word in relation.words]
        if said:
            found.append(Frame(relation, frozenset(said)))
    return tuple(found)


def spread(text: str) -> str:
    """Return the stems of all words of a text with a space around each; contractions apart, forms of "to be" as one."""
    plain = text.replace("\u2019", "'")
    for pattern, words in _APART:
        plain = pattern.sub(words, plain)
    return " " + "  ".join(_plain(each) for each in _TOKEN.findall(plain)) + " "


def _plain(word: str) -> str:
    low = word.lower().removesuffix("'s").removesuffix("'")
    if low in _BEING:
        return "be"
    if low == "goes":  # the stemmer leaves it apart from "go"
        return "go"
    return "#" if _NUMBER.fullmatch(low) else stem(low)


def _words(line: str) -> frozenset[str]:
    return frozenset(_plain(each) for each in re.split(r"[\s_]+|\.\.", line) if each) - {"do", "i"}


def _pattern(line: str) -> re.Pattern[str]:
    return re.compile("|".join(sorted((_term(each) for each in line[1:].split()), key=len, reverse=True)))


def _term(term: str) -> str:
    parts = ["".join(f" {re.escape(_plain(word))} " for word in part.split("_")) for part in term.split("..")]
    return r"(?: \S+ ){0,4}".join(part.replace(r"\ ", " ") for part in parts)
