"""What is held in memory of one namespace and kind, so that a question is answered in milliseconds: all of it derived.

It is read from the store in one go, in the order of the conversation, and then follows the store's changes: new rows
gather in a second, small segment behind the large one until that is worth reading again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from harry.memory.search.bm25 import Postings, weigh_rarity
from harry.memory.search.embedding import MODEL
from harry.memory.search.vectors import Vectors
from harry.memory.text.analysis import SESSION_GAP, Terms, hash_time_terms

_COLUMNS = "item.seq, at, speaker, source, asks, terms, vec.v"
_FROM = "FROM item LEFT JOIN vec ON vec.seq = item.seq AND vec.model = :model"
_ALL = f"SELECT {_COLUMNS} {_FROM} WHERE ns = :ns AND kind = :kind AND valid_to IS NULL ORDER BY item.seq"
_ONE = f"SELECT {_COLUMNS} {_FROM} WHERE item.seq = :seq AND ns = :ns AND kind = :kind AND valid_to IS NULL"

_TIME_TERMS = hash_time_terms()
_SPREAD = 0.15  # of the logarithm of lengths, at least: among turns of nearly one length none is long
_MIN_TAIL_ROWS = 1000  # rows in the second segment, at least, before the first is read again

Places = npt.NDArray[np.intp]
Floats = npt.NDArray[np.float32]
Row = tuple[int, float | None, str, str, int, bytes, bytes | None]
"""A row of `_ALL`."""


class _Segment:
    """Rows in order with their two indexes. `before` is the row before the first; `alive` tells what is left."""

    def __init__(self, rows: Sequence[Row], before: Row | None = None, mean: float | None = None) -> None:
        self.count = len(rows)
        columns: Sequence[Sequence[Any]] = list(zip(*rows, strict=True)) or [()] * 7
        seqs, times, speakers, sources, asks, terms, vectors = columns
        self.last = rows[-1] if rows else None
        self.seqs = np.array(seqs, np.int64)
        self.speakers = speakers
        self.asks = np.array(asks, bool)
        self.alive = np.ones(self.count, bool)
        self.lengths = np.fromiter(map(len, terms), np.int64, self.count) // 4
        self.follows = _follows(times, sources, before)
        self.terms = np.frombuffer(b"".join(terms), np.uint32)
        said = np.frombuffer(before[5] if before else b"", np.uint32)
        self.postings = Postings(self.terms, self.lengths, self.follows, said, mean)
        self.vectors = Vectors(vectors)

    def place(self, seq: int) -> int | None:
        """Find a row by its number."""
        found = int(np.searchsorted(self.seqs, seq))
        return found if found < self.count and self.seqs[found] == seq else None


def _follows(times: Sequence[float | None], sources: Sequence[str], before: Row | None) -> npt.NDArray[np.bool_]:
    """Return which rows follow the one before in the same conversation; a row without a time counts as following."""
    if not times:
        return np.empty(0, bool)
    at = np.array([before[1] if before else None, *times], np.float64)  # None becomes NaN
    names = {name: number for number, name in enumerate(dict.fromkeys(sources))}
    source = np.array([names.get(before[3], -1) if before else -1, *map(names.__getitem__, sources)], np.int32)
    follows: npt.NDArray[np.bool_] = (source[1:] == source[:-1]) & ~(np.abs(np.diff(at)) > SESSION_GAP)
    return follows


class SearchIndex:
    """The index of one namespace and kind. Rows have places from 0, in the order of the conversation."""

    def __init__(self, namespace: str, kind: str) -> None:
        self.namespace = namespace
        self.kind = kind
        self._base = self._tail = _Segment([])
        self._added: dict[int, Row] = {}
        self._gather()

    def read(self, connection: sqlite3.Connection) -> None:
        """Read everything from the store."""
        rows = connection.execute(_ALL, {"model": MODEL, "ns": self.namespace, "kind": self.kind}).fetchall()
        self._base, self._tail, self._added = _Segment(rows), _Segment([]), {}
        self._gather()

    def follow(self, connection: sqlite3.Connection, changed: set[int]) -> None:
        """Update the rows with these numbers from the store."""
        limit = max(_MIN_TAIL_ROWS, self._base.count // 20)
        if self._base.count <= limit or len(self._added) + len(changed) > limit:
            self.read(connection)
            return
        for seq in changed:
            parameters = {"model": MODEL, "seq": seq, "ns": self.namespace, "kind": self.kind}
            row = connection.execute(_ONE, parameters).fetchone()
            place = self._base.place(seq)
            if place is not None:
                self._base.alive[place] = False
                self._base.vectors.forget(place)
            self._added.pop(seq, None)
            if row is not None:
                self._added[seq] = row
        added = [self._added[seq] for seq in sorted(self._added)]
        self._tail = _Segment(added, self._base.last, self._base.postings.mean)
        self._gather()

    def _gather(self) -> None:
        segments = self._segments = (self._base, self._tail)
        self.rows = sum(segment.count for segment in segments)
        self.seqs = np.concatenate([segment.seqs for segment in segments])
        self.alive = np.concatenate([segment.alive for segment in segments])
        self.follows = np.concatenate([segment.follows for segment in segments])
        self.asks = np.concatenate([segment.asks for segment in segments])
        names = {
            name: number for number, name in enumerate(dict.fromkeys([*segments[0].speakers, *segments[1].speakers]))
        }
        self.speakers = list(names)
        self.speaker = np.array([names[name] for segment in segments for name in segment.speakers], np.int32)
        length = np.log1p(np.concatenate([segment.lengths for segment in segments])).astype(np.float32)
        spread = float(length.std()) if self.rows else 0.0
        self.length: Floats = (length - length.mean() if self.rows else length) / max(spread, _SPREAD)
        self._tells_time: npt.NDArray[np.bool_] | None = None

    @property
    def tells_time(self) -> npt.NDArray[np.bool_]:
        """Which rows hold a word of time of their own."""
        if self._tells_time is None:
            lengths = np.concatenate([segment.lengths for segment in self._segments])
            hold = np.isin(np.concatenate([segment.terms for segment in self._segments]), _TIME_TERMS)
            self._tells_time = np.zeros(self.rows, bool)
            self._tells_time[np.repeat(np.arange(self.rows), lengths)[hold]] = True
        return self._tells_time

    @property
    def has_vectors(self) -> bool:
        """Whether any row can be found by meaning."""
        return any(bool(segment.vectors.known.any()) for segment in self._segments)

    def score_words(self, terms: Terms) -> tuple[Floats, float]:
        """Score every row by a question's terms; return the scores, shape (rows,), and about the highest possible."""
        scores = [np.zeros(segment.count, np.float32) for segment in self._segments]
        most = 0.0
        for term in terms.tolist():
            weight = weigh_rarity(self.rows, sum(segment.postings.rows_with(term) for segment in self._segments))
            most += weight
            for segment, score in zip(self._segments, scores, strict=True):
                if segment.count:
                    segment.postings.add(term, weight, score)
        found = np.concatenate(scores)
        found[~self.alive] = 0
        return found, most

    def count_differences(self, question: Floats) -> npt.NDArray[np.uint16]:
        """Count the signs in which each row's vector differs from the question's."""
        return np.concatenate([segment.vectors.count_differences(question) for segment in self._segments])

    def compute_cosines(self, places: Places, question: Floats) -> Floats:
        """Return the cosine of these rows, in ascending order, with a question; NaN where there is no vector."""
        split = int(np.searchsorted(places, self._base.count))
        return np.concatenate(
            [
                self._base.vectors.compute_cosines(places[:split], question),
                self._tail.vectors.compute_cosines(places[split:] - self._base.count, question),
            ]
        )
