"""A second, forgiving reading of words in which the grammar found nothing: which wish they look like, and its slots.

The kind is learned from examples (`sentence_classes`); the slots come from the same parsers as the grammar's. Both are
put into a sentence that the grammar understands, so that what follows is the same. A word that fits nowhere, a slot too
many, a question about a change, or a statement: then there is no wish.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from importlib.resources import files
from itertools import pairwise
from typing import Any

import yaml

from harry.reflexes.bare_words import readings
from harry.reflexes.sentence_classes import NONE, SentenceClasses
from harry.reflexes.sentence_features import UNKNOWN, tokens_of
from harry.reflexes.sentence_slots import MARK, found_in
from harry.reflexes.wishes import Wish

SURE, APART = 0.5, 0.25
"""How sure the class of a wish that changes nothing is at least, and how much surer than the next."""

SURE_TO_CHANGE, APART_TO_CHANGE = 0.6, 0.3
"""The same of what changes something."""

PLAIN = 0.7
"""How sure the class is, for a word that fits nowhere to do no harm."""

LONGEST = 120
"""Characters of a sentence that is read so."""

COMMON = 8
"""Kinds in whose examples a word stands that says nothing of the kind."""

TOLD = "Told"
"""A wish that is answered already, in words that have nothing of the wish's."""

_VALUES = frozenset(("#n", "#length", "#day"))
"""What is left over of these would be left out of the wish."""

Understand = Callable[[str], Wish | None]

_FOLDER = files("harry.reflexes") / "languages"
_WORD = re.compile(r"#\w+|\d+|[^\W\d_]+(?:['\u2019-][^\W\d_]+)*|%")
_SLOT = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Kind:
    """What a class of sentences wishes for; see languages/second-en.yaml."""

    wish: str
    say: Sequence[str]
    changes: bool = False
    negated: bool = False
    most: int = 0
    sure: float = 0.0
    slack: int = 0
    to_end: bool = False
    named: Mapping[str, Sequence[str]] = field(default_factory=dict)
    beside: frozenset[str] = field(default_factory=frozenset)
    behind: frozenset[str] = field(default_factory=frozenset)
    needs: frozenset[str] = field(default_factory=frozenset)
    frame: frozenset[str] = field(default_factory=frozenset)


class SecondReading:
    """One language's."""

    def __init__(self, told: Mapping[str, Any], examples: Mapping[str, Sequence[str]]) -> None:
        """Learn from `examples`; `told` is what the language's file says."""
        self._marks = {word: mark for mark, words in told["marks"].items() for word in words}
        self._asks, self._tells, self._not = (frozenset(told[name]) for name in ("asks", "tells", "not"))
        self._goes_on: Mapping[str, Sequence[str]] = told["goes_on"]
        self._articles, self._leads = frozenset(told["articles"]), frozenset(told["leads"])
        self._classes = SentenceClasses(examples, self._marks)
        frames = {
            name: frozenset(token for text in examples[name] for token in tokens_of(text, self._marks))
            for name in told["kinds"]
        }
        counts = Counter(token for frame in frames.values() for token in frame)
        self._common = frozenset(token for token, count in counts.items() if count >= COMMON)
        self._kinds = {
            name: Kind(
                **{**kind, **{key: frozenset(kind.get(key, ())) for key in ("beside", "behind", "needs")}},
                frame=frames[name] | self._common,
            )
            for name, kind in told["kinds"].items()
        }

    def read(self, text: str, names: Sequence[str], understand: Understand, now: datetime) -> Wish | None:
        """Return the wish that the words look like, as `understand` gives it; None where it is not certain."""
        if len(text) > LONGEST:
            return None
        said = next(reversed(readings(text, names, depth=0)), "")
        judged = self._classes.judge(said)
        kind = self._kinds.get(judged.name)
        if kind is None:
            return None
        sure, apart = (SURE_TO_CHANGE, APART_TO_CHANGE) if kind.changes else (SURE, APART)
        if judged.score < max(sure, kind.sure) or judged.margin < apart or not self._may_be(said, kind):
            return None
        slack = kind.slack if judged.score >= PLAIN else 0
        for sentence, words in self._sentences(said, kind, now, slack):
            wish = understand(sentence)
            if wish is not None and wish.name == kind.wish and _is_kept(words, wish):
                return wish if wish.name == TOLD else replace(wish, text=said)
        return None

    def _may_be(self, said: str, kind: Kind) -> bool:
        """Return whether the words can be a wish of this kind: none of another list, and no question about a change."""
        words = [word.lower() for word in _WORD.findall(said.replace("\u2019", "'"))]
        if any(after in kind.named and before not in kind.named[after] for before, after in pairwise(words)):
            return False
        if kind.needs and kind.needs.isdisjoint(words):
            return False
        if not kind.changes:
            return True
        begins = (*words, "", "")[:2]
        return words[0] not in self._asks and begins[1] in self._goes_on.get(begins[0], (begins[1],))

    def _sentences(self, said: str, kind: Kind, now: datetime, slack: int) -> Iterator[tuple[str, str]]:
        """Give the kind's sentences of which the words fill every slot, and that have a slot for all that was said.

        With each come the free words that are in it.
        """
        slots = found_in(said, {slot for words in kind.say for slot in _SLOT.findall(words)}, now)
        words = self._left_over(slots.rest, kind, slack)
        if words is None:
            return
        found = {**slots.found, **({"words": [words]} if words else {})}
        counts = Counter({slot: len(values) for slot, values in found.items()})
        for sentence in kind.say:
            if Counter(_SLOT.findall(sentence)) == counts:
                yield _filled(sentence, found), words

    def _left_over(self, rest: str, kind: Kind, slack: int) -> str | None:
        """Return the one run of words that belongs to no slot and to no example, "" for none; None for several."""
        words = list(_WORD.finditer(rest))
        tokens = [self._token(word[0]) for word in words]
        if not _VALUES.isdisjoint(tokens):
            return None
        strange = [at for at, token in enumerate(tokens) if token not in kind.frame and token != MARK]
        words_wanted = kind.most > 0
        if not strange or (not words_wanted and len(strange) <= slack):
            return "" if not kind.changes or self._orders(tokens, kind) else None
        first, last = strange[0], strange[-1]
        if kind.to_end:
            first, last, is_whole = self._widened(tokens, first, last)
            if not is_whole:
                return None
        inside = tokens[first : last + 1]
        around = {*tokens[max(first - 1, 0) : first], *tokens[last + 1 : last + 2]}
        if (
            len(inside) > kind.most
            or any(token == MARK or (token in kind.frame and token not in self._common) for token in inside)
            or (kind.needs and not (self._asks | self._tells).isdisjoint(inside))
            or (kind.behind and first and tokens[first - 1] not in kind.behind | {MARK})
            or (kind.beside and kind.beside.isdisjoint(around))
        ):
            return None
        if kind.changes and not self._orders([*tokens[:first], *tokens[last + 1 :]], kind):
            return None
        return rest[words[first].start() : words[last].end()]

    def _orders(self, tokens: Sequence[str], kind: Kind) -> bool:
        """Return whether the words around what is wished for neither tell nor, where that matters, forbid."""
        return (self._tells if kind.negated else self._tells | self._not).isdisjoint(tokens)

    def _widened(self, tokens: Sequence[str], first: int, last: int) -> tuple[int, int, bool]:
        """Return the run with the words that lead to its end: "the kettle is on", although "is on" says nothing.

        Last comes whether it goes on until the end, or until a time.
        """
        end = last + 1
        while end < len(tokens) and tokens[end] in self._common:
            end += 1
        is_whole = end == len(tokens) or tokens[end] == MARK
        last = end - 1
        while last > first and tokens[last] in self._leads:
            last -= 1
        return (first - 1 if first and tokens[first - 1] in self._articles else first), last, is_whole

    def _token(self, word: str) -> str:
        if word == MARK:
            return MARK
        found = tokens_of(word, self._marks)
        return found[0] if len(found) == 1 else UNKNOWN


def _is_kept(words: str, wish: Wish) -> bool:
    """Return whether the free words came out of the sentence as they went in."""
    return not words or wish.name == TOLD or words.lower() in (str(value).lower() for value in wish.slots.values())


def _filled(sentence: str, found: Mapping[str, Sequence[str]]) -> str:
    left = {slot: iter(values) for slot, values in found.items()}
    return _SLOT.sub(lambda slot: next(left[slot[1]]), sentence)


@functools.cache
def second_reading_of(language: str = "en") -> SecondReading | None:
    """Return the second reading of a language tag, None where there are no examples. Learns, the first time."""
    tag = language.lower()[:2]
    if not all((_FOLDER / name).is_file() for name in (f"second-{tag}.yaml", f"examples-{tag}.txt")):
        return None
    return SecondReading(*read_language(tag))


def read_language(tag: str) -> tuple[Mapping[str, Any], dict[str, list[str]]]:
    """Return what a language's two files hold: what its classes are, and the examples of each."""
    told = yaml.safe_load((_FOLDER / f"second-{tag}.yaml").read_text("utf-8"))
    return told, read_examples((_FOLDER / f"examples-{tag}.txt").read_text("utf-8"))


def read_examples(text: str) -> dict[str, list[str]]:
    """Return the example sentences by class: those below a line "= Class"."""
    found: dict[str, list[str]] = {}
    name = NONE
    for line in text.splitlines():
        if line.startswith("= "):
            name = line[2:].strip()
        elif line.strip():
            found.setdefault(name, []).append(line.strip())
    return found
