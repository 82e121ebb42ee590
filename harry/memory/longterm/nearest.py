"""The statement that comes nearest to a question which none surely answers, found by the meaning of whole sentences.

It is never told as the answer: who asks is told that it is not known, and what comes nearest. Who is asked about, and
whether something is done or not done, must agree all the same; of two that are equally near none is told.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from harry.memory.longterm.fitting import Aliases, is_opposite, same
from harry.memory.longterm.questions import Asked
from harry.memory.longterm.statements import Statement
from harry.memory.longterm.values import answers
from harry.memory.text.everyday_words import kinds

COMPARED = 8
"""Statements at most whose meaning is compared: the search has put the best first."""

NEAR, SURELY_NEAR = 0.3, 0.5
"""Likeness (cosine) from which a statement comes near: to a question about oneself, and to any other."""

_SURE_KINDS = frozenset(("age", "number", "clock", "money", "date", "day", "month", "size", "code", "colour"))
"""Kinds of answer that are known by their form: without one a statement does not come near."""

APART = 0.05
"""By how much more than the next it must be like the question."""

Embed: TypeAlias = Callable[[Sequence[str]], npt.NDArray[np.float32]]
"""Gives a vector for each text."""


def nearest(
    asked: Asked,
    question: str,
    statements: Sequence[Statement],
    aliases: Aliases,
    embed: Embed,
    *,
    least: float = NEAR,
) -> Statement | None:
    """Choose the statement that comes nearest to a question; None where none is near. Blocking: some 10 ms each."""
    possible = [each for each in statements if _may_be_meant(asked, each, aliases)][:COMPARED]
    if not possible:
        return None
    vectors = np.asarray(embed([question, *(each.text for each in possible)]), np.float32)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    likeness = vectors[1:] @ vectors[0]
    order = np.argsort(-likeness)
    best = likeness[order[0]]
    if best < least or (len(order) > 1 and best - likeness[order[1]] < APART):
        return None
    chosen: Statement = possible[int(order[0])]
    return chosen


def _may_be_meant(asked: Asked, statement: Statement, aliases: Aliases) -> bool:
    if statement.retracts or statement.pronoun or is_opposite(asked, statement):
        return False
    stems = statement.stems | statement.people
    if asked.kind in _SURE_KINDS and not answers(asked.kind, asked.noun, statement, asked.needs):
        return False
    return all(same(person, aliases) & stems for person in asked.people) and not any(
        _is_another(need, stems) for need in asked.needs
    )


def _is_another(need: str, stems: frozenset[str]) -> bool:
    """Whether something else of the same kind is spoken of: a cat where the dog is asked about."""
    return need not in stems and any(need in each and each & stems for each in kinds().values())
