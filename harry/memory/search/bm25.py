"""The lexical index of one namespace and kind: every term's rows, in flat arrays, weighed when they are asked for.

Why not FTS5, or Tantivy: over 100,000 rows of two fields a question of ten words takes FTS5 140 ms of processor time,
10 without the frequent words, 3 when only its rarest words are asked; Tantivy takes 1.9, and 1.4 s to rebuild at each
start, or files of its own outside the store's transaction. These arrays take 1 with every word asked, are loaded from
the rows in a fraction of a second, and count each namespace's words by themselves. (docs/memory.md)

The formula is FTS5's bm25() with weights 1.0 and .35 for a row's own text and the one said before it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial

import numpy as np
import numpy.typing as npt

PREVIOUS = 0.35
"""Weight of a word in the text before, against one in the text itself."""

K1, B = 1.2, 0.75

SMALL = 100
"""Rows that a smaller store is counted as: the frequency of a word in five rows means nothing."""

_FREQUENT = 8  # a term that one in so many rows holds is kept as a whole column
_TERMS = 4096  # whose weights are kept
_COLUMNS = 48

Floats = npt.NDArray[np.float32]
Places = npt.NDArray[np.int32]


class _Rows:
    """The terms of rows, sorted.

    `terms` holds the terms of all rows, one after the other; `lengths` how many each row has; `follows` which rows were
    said after the one before them; `before` the terms of the row before the first. `mean` is the mean length of a row
    together with the one before it, in terms; None: of these rows.
    """

    def __init__(
        self,
        terms: npt.NDArray[np.uint32],
        lengths: npt.NDArray[np.int64],
        follows: npt.NDArray[np.bool_],
        before: npt.NDArray[np.uint32],
        mean: float | None = None,
    ) -> None:
        self.rows = len(lengths)
        self._follows = np.append(follows, False)
        previous = np.concatenate([[len(before)], lengths[:-1]]) * follows if self.rows else lengths
        both = lengths + previous
        self.mean = mean or (float(both.mean()) if self.rows else 1.0) or 1.0
        self._norm = (K1 * (1 - B + B * both / self.mean)).astype(np.float32)
        self._before = before if self.rows and follows[0] else before[:0]
        # Term and row in one number: sorting it brings together all there is to count.
        keys = terms.astype(np.uint64) << np.uint64(32)
        keys |= np.repeat(np.arange(self.rows, dtype=np.uint64), lengths)
        keys.sort()
        self._sorted_terms = (keys >> np.uint64(32)).astype(np.uint32)
        self._sorted_rows = keys.astype(np.uint32).astype(np.int32)
        self._scratch = np.zeros(self.rows + 1, np.float32)

    def weigh(self, term: int) -> tuple[Places, Floats]:
        """Return the rows that hold a term or follow on one that does, each once, and their weights."""
        key = np.uint32(term)
        first, last = np.searchsorted(self._sorted_terms, key), np.searchsorted(self._sorted_terms, key, "right")
        own, times = _counted(self._sorted_rows[first:last])
        said_before = self._follows[own + 1]
        after, often = own[said_before] + 1, times[said_before]
        if count := int(np.count_nonzero(self._before == key)):
            after, often = np.append(np.int32(0), after), np.append(np.float32(count), often)
        frequency = self._scratch
        frequency[own] = times
        only_after = after[frequency[after] == 0]
        frequency[after] += often * np.float32(PREVIOUS)
        rows = np.concatenate([own, only_after])
        found = frequency[rows]
        frequency[rows] = 0
        return rows, found * np.float32(K1 + 1) / (found + self._norm[rows])


class Postings:
    """Rows and weights of every term; made of what `_Rows` is.

    What remembers weights holds the rows and not this: in a circle with it, each index that was replaced would stay in
    memory until the next full collection, which is rare.
    """

    def __init__(
        self,
        terms: npt.NDArray[np.uint32],
        lengths: npt.NDArray[np.int64],
        follows: npt.NDArray[np.bool_],
        before: npt.NDArray[np.uint32],
        mean: float | None = None,
    ) -> None:
        held = _Rows(terms, lengths, follows, before, mean)
        self.rows = held.rows
        self.mean = held.mean
        self.term = lru_cache(maxsize=_TERMS)(held.weigh)
        self._column = lru_cache(maxsize=_COLUMNS)(partial(_spread, self.term, held.rows))

    def rows_with(self, term: int) -> int:
        """Count the rows that hold a term, or follow on one that does."""
        return len(self.term(term)[0]) if self.rows else 0

    def add(self, term: int, weight: float, scores: Floats) -> None:
        """Add a term's weights times `weight` to `scores`, shape (rows,)."""
        rows, weights = self.term(term)
        if len(rows) * _FREQUENT < self.rows:
            scores[rows] += weights * np.float32(weight)
        else:
            scores += self._column(term) * np.float32(weight)


def _spread(term_weights: Callable[[int], tuple[Places, Floats]], count: int, term: int) -> Floats:
    rows, weights = term_weights(term)
    column = np.zeros(count, np.float32)
    column[rows] = weights
    return column


def _counted(rows: Places) -> tuple[Places, Floats]:
    """Count how often each row stands in a sorted list."""
    firsts = np.flatnonzero(np.append(True, rows[1:] != rows[:-1])) if len(rows) else np.empty(0, np.intp)
    return rows[firsts], np.diff(np.append(firsts, len(rows))).astype(np.float32)


def weigh_rarity(rows: int, rows_with: int) -> float:
    """Return a term's inverse document frequency, as FTS5 computes it; about 0 for a term in half of the rows."""
    return max(float(np.log((max(rows, SMALL) - rows_with + 0.5) / (rows_with + 0.5))), 1e-6)
