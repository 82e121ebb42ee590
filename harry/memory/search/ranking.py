"""How what was found is put in order: words and meaning mixed by their z-scores, neighbours, and three habits of talk.

Measured on turn-level evidence: mixing by z-score keeps the gaps between scores, which mixing by rank throws away. A
turn shares in the score of those said right before and after it. In conversation, and there alone: a turn of the
speaker whom the question names is likelier evidence, a longer one is, one that asks is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harry.memory.search.index import SearchIndex
from harry.memory.search.vectors import DIMENSIONS, count_to_rescore, find_nearest
from harry.memory.text.analysis import Terms, asks_when, find_named, hash_query_terms

CANDIDATES = 200
"""Rows that are taken from each side, words and meaning."""

SMOOTHING = (0.2, 0.1)
"""How much a row shares in the scores of its neighbours, and of theirs."""

NAMED, LONGER, ASKING, TIMELY = 1.0, 0.5, -1.0, 0.5
"""In standard deviations: of the named speaker; for a standard deviation of length; a question; a word of time, when
a time is asked for."""

SMALL = 2000
"""Rows up to which every product is taken truly."""

_COSINES = np.cos(np.pi / DIMENSIONS * np.arange(DIMENSIONS + 2)).astype(np.float32)
_COSINES[DIMENSIONS + 1] = np.nan  # there is no vector

Floats = npt.NDArray[np.float32]
Places = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Question:
    """A question as it was read. `vector` has length one; None finds by words alone."""

    text: str
    terms: Terms
    vector: Floats | None = None

    @classmethod
    def read(cls, text: str, vector: Floats | None = None) -> Question:
        """Build a question from a text."""
        return cls(text, hash_query_terms(text), vector)


@dataclass(frozen=True, slots=True)
class Hit:
    """A row that was found. `score` orders the hits of one question; `strength` can be compared between questions."""

    seq: int
    score: float
    strength: float


@dataclass
class _Part:
    """What one index has to say: its rows `places`, of which `chosen` are candidates and the others neighbours."""

    index: SearchIndex
    places: Places
    chosen: npt.NDArray[np.bool_]
    words: Floats
    most: float
    meaning: Floats


def rank(question: Question, indexes: Sequence[SearchIndex], count: int) -> list[Hit]:
    """Find the `count` best rows, best first."""
    parts = [part for index in indexes if index.rows and len((part := _look(question, index)).places)]
    if not parts:
        return []
    # A word that two rows hold stands out among all those that do not, which count as candidates, too.
    chosen = [part.chosen for part in parts]
    others = min(sum(part.index.rows for part in parts), CANDIDATES) - sum(
        int(candidates.sum()) for candidates in chosen
    )
    by_words = _z([part.words for part in parts], chosen, zeros=max(others, 0))
    by_meaning = _z([part.meaning for part in parts], chosen)
    seqs, scores, strengths = [], [], []
    for part, words, meaning in zip(parts, by_words, by_meaning, strict=True):
        mixed = words if question.vector is None or not part.index.has_vectors else (words + meaning) * np.float32(0.5)
        seqs.append(part.index.seqs[part.places])
        scores.append(_smoothed(part, mixed) + _habits(question, part))
        strengths.append(_strength(part))
    seq, score, strength = np.concatenate(seqs), np.concatenate(scores), np.concatenate(strengths)
    best = np.argsort(-score, kind="stable")[:count]
    return [Hit(int(seq[place]), float(score[place]), float(strength[place])) for place in best]


def _look(question: Question, index: SearchIndex) -> _Part:
    words, most = index.score_words(question.terms)
    found = _largest(words, CANDIDATES)
    meaning = np.full(index.rows, np.nan, np.float32)
    if question.vector is not None and index.has_vectors:
        distances = index.count_differences(question.vector)
        # An estimate, by the share of signs that differ, is good enough for the neighbours of what was found.
        meaning = _COSINES[distances]
        near = find_nearest(distances, count_to_rescore(index.rows))
        looked_at = np.arange(index.rows) if index.rows <= SMALL else _together(index.rows, found, near)
        meaning[looked_at] = index.compute_cosines(looked_at, question.vector)
        if len(near) > CANDIDATES:
            near = near[np.argpartition(-meaning[near], CANDIDATES)[:CANDIDATES]]
        found = _together(index.rows, found, near)
    around = range(-len(SMOOTHING), len(SMOOTHING) + 1)
    neighbours = _together(index.rows, *(np.clip(found + step, 0, index.rows - 1) for step in around))
    neighbours = neighbours[index.alive[neighbours]]
    chosen = np.zeros(index.rows, bool)
    chosen[found] = True
    return _Part(index, neighbours, chosen[neighbours], words[neighbours], most, meaning[neighbours])


def _together(rows: int, *places: Places) -> Places:
    """Return all of these row numbers once, in ascending order."""
    there = np.zeros(rows, bool)
    for indices in places:
        there[indices] = True
    return np.flatnonzero(there)


def _largest(scores: Floats, count: int) -> Places:
    found = np.flatnonzero(scores > 0)
    if len(found) > count:
        found = np.sort(found[np.argpartition(-scores[found], count)[:count]])
    return found


def _z(values: list[Floats], chosen: list[npt.NDArray[np.bool_]], *, zeros: int = 0) -> list[Floats]:
    """Standardise values by the candidates of all parts plus `zeros` zeros; a missing value becomes 0, the mean."""
    known = np.concatenate([scores[which] for scores, which in zip(values, chosen, strict=True)])
    known = np.append(known[np.isfinite(known)], np.zeros(zeros, np.float32))
    mean, spread = (float(known.mean()), float(known.std())) if len(known) else (0.0, 0.0)
    if spread < 1e-6:
        return [np.zeros_like(scores) for scores in values]
    return [np.nan_to_num((scores - np.float32(mean)) / np.float32(spread), nan=0.0) for scores in values]


def _smoothed(part: _Part, mixed: Floats) -> Floats:
    smoothed = mixed.copy()
    adjacent = (np.diff(part.places) == 1) & part.index.follows[part.places[1:]]
    joined = adjacent
    for distance, share in enumerate(SMOOTHING, start=1):
        if len(mixed) <= distance:
            break
        smoothed[distance:] += share * np.where(joined, mixed[:-distance], 0)
        smoothed[:-distance] += share * np.where(joined, mixed[distance:], 0)
        joined = joined[1:] & adjacent[:-distance]
    return smoothed


def _habits(question: Question, part: _Part) -> Floats:
    index = part.index
    habits = np.zeros(len(part.places), np.float32)
    if index.kind != "memory":
        return habits
    habits += LONGER * index.length[part.places] + ASKING * index.asks[part.places]
    speakers = find_named(question.text, index.speakers, index.namespace)
    if speakers:
        numbers = [number for number, name in enumerate(index.speakers) if name in speakers]
        habits += NAMED * np.isin(index.speaker[part.places], numbers)
    if asks_when(question.text):
        habits += TIMELY * index.tells_time[part.places]
    return habits


def _strength(part: _Part) -> Floats:
    """Return each row's own relevance: the cosine, plus a quarter of its share of the highest word score."""
    share = part.words / max(part.most, 1e-6)
    strength: Floats = (np.nan_to_num(part.meaning, nan=0.0) + share / 4).astype(np.float32)
    return strength
