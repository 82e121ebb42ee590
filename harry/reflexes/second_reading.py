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
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from typing import Any

from harry.reflexes.bare_words import readings
from harry.reflexes.free_words import WORD, FreeWords
from harry.reflexes.sentence_classes import SentenceClasses
from harry.reflexes.sentence_slots import found_in
from harry.reflexes.wish_kinds import Kind, has_language, kinds_of, read_language
from harry.reflexes.wishes import Wish

SURE, APART = 0.5, 0.25
"""How sure the class of a wish that changes nothing is at least, and how much surer than the next."""

SURE_TO_CHANGE, APART_TO_CHANGE = 0.6, 0.3
"""The same of what changes something."""

PLAIN = 0.7
"""How sure the class is, for a word that fits nowhere to do no harm."""

LONGEST = 120
"""Characters of a sentence that is read so."""

TOLD = "Told"
"""A wish that is answered already, in words that have nothing of the wish's."""

Understand = Callable[[str], Wish | None]

_SLOT = re.compile(r"\{(\w+)\}")


class SecondReading:
    """One language's."""

    def __init__(self, told: Mapping[str, Any], examples: Mapping[str, Sequence[str]]) -> None:
        """Learn from `examples`; `told` is what the language's file says."""
        marks = {word: mark for mark, words in told["marks"].items() for word in words}
        self._kinds, common = kinds_of(told, examples, marks)
        self._classes = SentenceClasses(examples, marks)
        self._free = FreeWords(told, common, marks)
        self._asks = frozenset(told["asks"])
        self._goes_on: Mapping[str, Sequence[str]] = told["goes_on"]

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
                # Which half of the day is meant may stand in the words around: who is woken is so in the morning.
                return replace(wish, text=said) if "at" in wish.slots else wish
        return None

    def _may_be(self, said: str, kind: Kind) -> bool:
        """Return whether the words can be a wish of this kind: none of another list, and no question about a change."""
        words = [word.lower() for word in WORD.findall(said.replace("\u2019", "'"))]
        if any(after in kind.named and before not in kind.named[after] for before, after in pairwise(words)):
            return False
        if kind.needs and kind.needs.isdisjoint(words):
            return False
        if not kind.changes:
            return True
        begins = (*words, "", "")[:2]
        return begins[0] not in self._asks and begins[1] in self._goes_on.get(begins[0], (begins[1],))

    def _sentences(self, said: str, kind: Kind, now: datetime, slack: int) -> Iterator[tuple[str, str]]:
        """Give the kind's sentences of which the words fill every slot, and that have a slot for all that was said.

        With each come the free words that are in it.
        """
        slots = found_in(said, {slot for words in kind.say for slot in _SLOT.findall(words)}, now)
        words = self._free.left_over(slots.rest, kind, slack)
        if words is None:
            return
        found = {**slots.found, **({"words": [words]} if words else {})}
        counts = Counter({slot: len(values) for slot, values in found.items()})
        for sentence in kind.say:
            if Counter(_SLOT.findall(sentence)) == counts:
                yield _filled(sentence, found), words


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
    return SecondReading(*read_language(tag)) if has_language(tag) else None
