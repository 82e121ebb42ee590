"""All pairs of words that follow one another in the sentences of a grammar, by all ways through each. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

from hassil import Intents
from hassil.expression import Alternative, Expression, Group, ListReference, Permutation, RuleReference, TextChunk
from hassil.intents import RangeSlotList, TextSlotList

ENDS = ""
"""Stands before the first word and behind the last."""

ANY, NUMBER, MOMENT = "#x", "#n", "#moment"
"""Stand for any word, for any number, and for a word of a moment."""

_WORD = re.compile(r"#\w+|[\w']+")

Ends = tuple[frozenset[str], frozenset[str], bool]
"""The words with which something may begin and end, and whether it may be nothing."""


def pairs_of_grammar(intents: Intents) -> frozenset[tuple[str, str]]:
    """Return the pairs of a grammar. Takes tenths of a second."""
    return frozenset(_Pairs(intents).found)


def pairs_of_sentences(sentences: Iterable[str]) -> Iterable[tuple[str, str]]:
    """Give the pairs of sentences without alternatives."""
    for sentence in sentences:
        words = [ENDS, *_WORD.findall(sentence.lower()), ENDS]
        yield from pairwise(words)


class _Pairs:
    def __init__(self, intents: Intents) -> None:
        self.found: set[tuple[str, str]] = set()
        self._intents = intents
        self._rules: dict[str, Ends] = {}
        for intent in intents.intents.values():
            for data in intent.data:
                for sentence in data.sentences:
                    first, last, _ = self._ends(sentence.expression)
                    self.found.update((ENDS, word) for word in first)
                    self.found.update((word, ENDS) for word in last)

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
