"""The words of a sentence that are in no slot and in no example: what is bought, or a reason to do nothing.

Pure. What would be cut short, or holds words that mean something else, is no slot.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from harry.reflexes.sentence_features import UNKNOWN, tokens_of
from harry.reflexes.sentence_slots import MARK
from harry.reflexes.wish_kinds import Kind

WORD = re.compile(r"#\w+|\d+|[^\W\d_]+(?:['\u2019-][^\W\d_]+)*|%")

_VALUES = frozenset(("#n", "#length", "#day"))
"""What is left over of these would be left out of the wish."""


class FreeWords:
    """One language's."""

    def __init__(self, told: Mapping[str, Any], common: frozenset[str], marks: Mapping[str, str]) -> None:
        """Take what the language's file says, the words that say nothing of a kind, and those that look alike."""
        self._asks, self._tells, self._not = (frozenset(told[name]) for name in ("asks", "tells", "not"))
        self._articles, self._leads = frozenset(told["articles"]), frozenset(told["leads"])
        self._common = common
        self._marks = marks

    def left_over(self, rest: str, kind: Kind, slack: int) -> str | None:
        """Return the one run of words that belongs to no slot and to no example, "" for none; None for several."""
        words = list(WORD.finditer(rest))
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
        if end < len(tokens) and last > first and tokens[last] in self._leads:
            last -= 1  # "in" five minutes
        return (first - 1 if first and tokens[first - 1] in self._articles else first), last, is_whole

    def _token(self, word: str) -> str:
        if word == MARK:
            return MARK
        found = tokens_of(word, self._marks)
        return found[0] if len(found) == 1 else UNKNOWN
