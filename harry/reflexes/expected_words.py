"""Which words follow one another in wishes: an ear that looks for other words in a sound looks there first.

They come from the sentences of the grammar, all ways through each, and from the examples of the second reading. Numbers
are one mark, and so are units, days and the words of a moment; free words may be any.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from itertools import pairwise
from typing import Any

import yaml
from hassil import Intents
from hassil.expression import Alternative, Expression, Group, ListReference, Permutation, RuleReference, TextChunk
from hassil.intents import RangeSlotList, TextSlotList

from harry.reflexes.grammar import grammar_of
from harry.reflexes.sentence_classes import NONE
from harry.reflexes.wish_kinds import has_language, read_language

EXPECTED, FREE = 2.0, 0.5
"""Logarithms: how much likelier a word is that stands there in a wish, and one in the place of free words."""

ANY, NUMBER, SPAN, MOMENT = "#x", "#n", "#span", "#moment"
_ENDS = ""
_WORD = re.compile(r"#\w+|[\w']+")
_CACHED = 16_384

Ends = tuple[frozenset[str], frozenset[str], bool]
"""The words with which something may begin and end, and whether it may be nothing."""


class WishWords:
    """One language's, as `actors.protocols.ExpectedWords` wants them."""

    def __init__(
        self, intents: Intents, sentences: Iterable[str], told: Mapping[str, Any], names: Sequence[str]
    ) -> None:
        """Learn from a grammar and from sentences; `told` is what the language's file says."""
        self._marks: dict[str, set[str]] = {}
        for mark, words in {**told["marks"], MOMENT: told["times"]}.items():
            for word in words:
                self._marks.setdefault(str(word), {str(word)}).add(mark)
        for mark in ("#n", "#day"):
            for word in told["marks"][mark]:
                self._marks[str(word)].add(MOMENT)
        after: dict[str, set[str]] = {}
        for first, second in [*_Pairs(intents).found, *_pairs(sentences)]:
            after.setdefault(_marked(first), set()).add(_marked(second))
        begins = after[_ENDS]
        around = [*told["around"], *(name.lower() for name in names)]
        begins.update(around)
        for word in around:
            after.setdefault(word, set()).update(begins, (_ENDS,))
        for seconds in after.values():
            if _ENDS in seconds:
                seconds.update(around)
        after.setdefault(NUMBER, set()).update(told["number"])
        after.setdefault(SPAN, set()).update(told["span"])
        after.setdefault(MOMENT, set()).add(MOMENT)
        self._after = after
        self._members = {mark: tuple(word for word, marks in self._marks.items() if mark in marks) for mark in _ALL}
        self.follows = functools.lru_cache(_CACHED)(self._follows)  # words alone, never what was said with them
        self.begins = functools.lru_cache(_CACHED)(self._begins)

    def _follows(self, before: str, word: str) -> float:
        """Return how much `word` is expected after another; "" is the beginning as the one, the end as the other."""
        wanted = self._marks_of(word)
        free = False
        for mark in self._marks_of(before):
            words = self._after.get(mark, set())
            if not wanted.isdisjoint(words):
                return EXPECTED
            free = free or ANY in words
        return FREE if free else 0.0

    def _begins(self, before: str, letters: str) -> float:
        """Return how much a word that begins with these letters is expected."""
        free = False
        for mark in self._marks_of(before):
            for word in self._after.get(mark, ()):
                if word.startswith(letters) or any(each.startswith(letters) for each in self._members.get(word, ())):
                    return EXPECTED
                free = free or word == ANY
        return FREE if free else 0.0

    def _marks_of(self, word: str) -> set[str]:
        if word.isdigit():
            return {word, NUMBER, MOMENT}
        return self._marks.get(word, {word})


_ALL = (NUMBER, SPAN, MOMENT, "#day", "#unit")


class _Pairs:
    """All pairs of words that follow one another in the sentences of a grammar; "" stands at both ends."""

    def __init__(self, intents: Intents) -> None:
        self.found: set[tuple[str, str]] = set()
        self._intents = intents
        self._rules: dict[str, Ends] = {}
        for intent in intents.intents.values():
            for data in intent.data:
                for sentence in data.sentences:
                    first, last, _ = self._ends(sentence.expression)
                    self.found.update((_ENDS, word) for word in first)
                    self.found.update((word, _ENDS) for word in last)

    def _ends(self, part: Expression) -> Ends:
        if isinstance(part, TextChunk):
            return self._in_turn([_only(word) for word in _WORD.findall(part.text.lower())])
        if isinstance(part, ListReference):
            return self._list(part.list_name)
        if isinstance(part, RuleReference):
            if part.rule_name not in self._rules:
                self._rules[part.rule_name] = self._ends(self._intents.expansion_rules[part.rule_name].expression)
            return self._rules[part.rule_name]
        parts = [self._ends(item) for item in part.items] if isinstance(part, Group) else []
        if isinstance(part, Alternative):
            return _either(parts)
        return self._in_turn([*parts, *parts] if isinstance(part, Permutation) else parts)

    def _list(self, name: str) -> Ends:
        values = self._intents.slot_lists.get(name)
        if isinstance(values, RangeSlotList):
            return _only(MOMENT if name == "moment" else NUMBER)
        if isinstance(values, TextSlotList):
            texts = [value.text_in for value in values.values]
            return _either([self._ends(getattr(text, "expression", text)) for text in texts])
        return _only(ANY)

    def _in_turn(self, parts: Sequence[Ends]) -> Ends:
        first, last, empty = frozenset[str](), frozenset[str](), True
        for begins, ends, may_be_nothing in parts:
            self.found.update((before, word) for before in last for word in begins)
            if empty:
                first |= begins
            last = last | ends if may_be_nothing else ends
            empty = empty and may_be_nothing
        return first, last, empty


def _only(word: str) -> Ends:
    return frozenset((word,)), frozenset((word,)), False


def _either(parts: Sequence[Ends]) -> Ends:
    first = frozenset[str]().union(*(part[0] for part in parts))
    return first, frozenset[str]().union(*(part[1] for part in parts)), any(part[2] for part in parts)


def _pairs(sentences: Iterable[str]) -> Iterable[tuple[str, str]]:
    for sentence in sentences:
        words = [_ENDS, *_WORD.findall(sentence.lower()), _ENDS]
        yield from pairwise(words)


def _marked(word: str) -> str:
    return NUMBER if word.isdigit() else MOMENT if word == "moment" else SPAN if word == "seconds" else word


@functools.lru_cache(maxsize=4)
def wish_words(language: str = "en", names: tuple[str, ...] = ()) -> WishWords | None:
    """Return the words of a language's wishes, to somebody of these names; None where it has no file. Takes a while."""
    tag = language.lower()[:2]
    file = files("harry.reflexes") / "languages" / f"expected-{tag}.yaml"
    if not has_language(tag) or not file.is_file():
        return None
    second, examples = read_language(tag)
    told = yaml.safe_load(file.read_text("utf-8"))
    sentences = [text for name, texts in examples.items() if name != NONE for text in texts]
    told = {**told, "marks": second["marks"]}
    return WishWords(grammar_of(language).intents, [*sentences, *told["sentences"]], told, names)
