"""Which class a sentence belongs to, learned from example sentences by least squares. Pure, and the same every time.

Learning takes a fraction of a second, a sentence far less than a millisecond.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from harry.reflexes.sentence_features import counted, features_of, tokens_of

LEAST = 2
LEAST_PAIRS = 4
"""Examples that have a word, and that have a pair of words, for it to count."""

RIDGE = 0.1
"""Keeps the weights small."""

NONE = "none"
"""The class of what belongs to none."""


class Judged(NamedTuple):
    """The likeliest class, how sure that is (about 1 where it is, 0 where not), and how much surer than the next."""

    name: str
    score: float
    margin: float


class SentenceClasses:
    """Learned once, from examples by class."""

    def __init__(self, examples: Mapping[str, Sequence[str]], marks: Mapping[str, str]) -> None:
        """Learn from `examples`; `marks` tells of words that look alike."""
        self._marks = marks
        self._names = list(examples)
        told = [(number, tokens_of(text, marks)) for number, name in enumerate(examples) for text in examples[name]]
        self._known = frozenset(counted([tokens for _, tokens in told], LEAST))
        rows = [sorted(set(features_of(tokens, self._known))) for _, tokens in told]
        # What only sentences of no class have tells nothing that the missing of all else does not tell.
        telling = [row for row, (number, _) in zip(rows, told, strict=True) if self._names[number] != NONE]
        self._places = {each: place for place, each in enumerate(_common(telling))}
        self._weights = self._learned([self._filled(row) for row in rows], [number for number, _ in told])

    def judge(self, text: str) -> Judged:
        """Return the class of a sentence."""
        filled = self._filled(sorted(set(features_of(tokens_of(text, self._marks), self._known))))
        scores = self._weights[-1] + self._weights[filled].sum(axis=0) / _length(len(filled))
        first, second = np.argsort(scores)[::-1][:2]
        return Judged(self._names[first], float(scores[first]), float(scores[first] - scores[second]))

    def _filled(self, row: Sequence[str]) -> list[int]:
        return [self._places[each] for each in row if each in self._places]

    def _learned(self, rows: Sequence[Sequence[int]], classes: Sequence[int]) -> NDArray[np.float32]:
        """Return the weight of each feature for each class, the constant last: ridge regression, solved at once."""
        size = len(self._places) + 1
        summed = np.zeros(size * size)
        aimed = np.zeros((size, len(self._names)), np.float32)
        by_length: dict[int, list[tuple[Sequence[int], int]]] = {}
        for row, number in zip(rows, classes, strict=True):
            by_length.setdefault(len(row), []).append((row, number))
        # Rows of one length at once: a matrix product of them all would take most of the time that this takes.
        for length, same in by_length.items():
            places = np.array([[*row, size - 1] for row, _ in same])
            values = np.full(length + 1, 1 / _length(length), np.float32)
            values[-1] = 1
            cells = (places[:, :, None] * size + places[:, None, :]).ravel()
            products = np.tile(np.outer(values, values).ravel(), len(same))
            summed += np.bincount(cells, products, size * size)
            np.add.at(aimed, (places, np.array([number for _, number in same])[:, None]), values)
        square = summed.reshape(size, size).astype(np.float32)
        square[np.diag_indices(size)] += RIDGE
        learned: NDArray[np.float32] = np.linalg.solve(square, aimed)
        return learned


def _length(count: int) -> float:
    return float(np.sqrt(max(count, 1)))


def _common(rows: Sequence[Sequence[str]]) -> list[str]:
    often = frozenset(counted(rows, LEAST_PAIRS))
    return [each for each in counted(rows, LEAST) if " " not in each or each in often]
