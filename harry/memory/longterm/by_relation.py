"""Whether a statement answers a question by the relation that one asks for and the other tells, in whatever words.

The relation takes the place of the words that say it; every other telling word of the question must still be met, whom
and what the statement is about must be what is asked about, and it must hold an answer of the right kind.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from harry.memory.longterm.fitting import (
    TAIL,
    Aliases,
    has_its_head,
    is_about,
    is_meant,
    is_opposite,
    is_placed,
    meets,
    same,
)
from harry.memory.longterm.questions import Asked
from harry.memory.longterm.relations import Frame, asked_in, told_in
from harry.memory.longterm.statements import Statement, stems_of
from harry.memory.longterm.values import TIME_WORDS, answers
from harry.memory.text.analysis import STOP_WORDS, stem
from harry.memory.text.everyday_words import kinds

_TIMES = frozenset(("when", "clock", "date", "day", "month", "year"))
_FEW = frozenset(("be", "not", "at", "in", "on", "to", "the", "#"))
_UNCLEAR = frozenset(("thing", "how"))
_ALSO = {"money": ("number",), "size": ("number",), "where": ("street",), "who": ("name",), "job": ("brand",)}
"""Kinds that answer as well, where the relation is the same."""

_I_DID = re.compile(r"\b(?:do|did|am|was|have|had|will|can|should|must|would) (?:i|we)\b", re.IGNORECASE)
_ASIDE = re.compile(r"\b(?:when|while|whenever) (?:i|we|they|he|she)(?:'\w+)?\b.*$", re.IGNORECASE)
_MEETING_KINDS = _TIMES | {"where", "city"}
_WITH_SOMEBODY = re.compile(r"\b(?:I|[Ww]e)(?:'m|'re|'ll| am| are| will)? \w+ (?:my \w+ )?(?!I\b)[A-Z]\w+")
"""Somebody is met, seen or called who was not asked about."""

_ME = re.compile(r"\b(?:i|we|me|us)\b", re.IGNORECASE)


class Fit(NamedTuple):
    """How well a statement answers by a relation: the better the greater; `told` are the words that tell it."""

    directly: bool
    exactly: bool
    same: int
    met: int
    shared: int
    told: frozenset[str]


def fit(asked: Asked, statement: Statement, aliases: Aliases) -> Fit | None:
    """Judge whether a statement answers a question by a relation; None where it does not."""
    frames = asked_in(asked.text)
    if statement.retracts or not frames or is_opposite(asked, statement):
        return None
    told = {frame.relation.name: frame for frame in told_in(_without_attributes(statement))}
    shared = [frame for frame in frames if frame.relation.name in told]
    if asked.kind == "how":
        shared = [frame for frame in shared if "how" in frame.relation.kinds]
    wanted = frozenset().union(*(same(person, aliases) for person in asked.people))
    if not shared or not is_about(asked, statement, aliases, asked.needs | wanted):
        return None
    found = [
        each
        for frame in shared
        if (each := _fit_of(asked, statement, frame, told[frame.relation.name].words, wanted)) is not None
    ]
    return max(found, key=lambda each: each[:5])._replace(shared=len(shared)) if found else None


def _fit_of(
    asked: Asked, statement: Statement, frame: Frame, telling: frozenset[str], wanted: frozenset[str]
) -> Fit | None:
    own = statement.stems | statement.people
    met = 0
    aside = _ASIDE.search(asked.text)
    for need in asked.needs - frame.words - (stems_of(aside[0]) if aside is not None else frozenset()):
        if need in own or (need in asked.people and wanted & (own | statement.all_people)) or meets(need, own):
            met += need not in TIME_WORDS
        elif need != asked.noun or asked.kind not in {"street", *kinds()}:
            return None
    if not met and not asked.people and asked.kind in _MEETING_KINDS and _WITH_SOMEBODY.search(statement.text):
        return None
    if not met and asked.kind not in _UNCLEAR | _TIMES | kinds().keys() and not _tells(frame, asked.kind):
        return None
    if asked.kind == "who" and _I_DID.search(asked.text) and not _is_mine(statement, telling):
        return None
    if (
        not is_meant(asked, statement)
        or not has_its_head(asked, statement, wanted, telling)
        or not is_placed(asked, statement, own)
    ):
        return None
    exactly = _holds(asked, statement, frame, telling, wanted)
    return (
        None
        if exactly is None
        else Fit(
            statement.antecedent is None or statement.corrects,
            exactly,
            len(telling & frame.words - _FEW),
            met,
            1,
            telling,
        )
    )


def _without_attributes(statement: Statement) -> str:
    """Return a statement with nothing before the head of its subject: an "old school friend" tells of no school."""
    words = TAIL.sub("", statement.subject).split()
    while words and words[-1].lower() in STOP_WORDS:
        words.pop()
    head = statement.text.find(words[-1]) if words else 0
    return statement.text[head:]


def _holds(
    asked: Asked, statement: Statement, frame: Frame, telling: frozenset[str], wanted: frozenset[str]
) -> bool | None:
    """Whether an answer is there: True of a kind that is surely meant, False of any, None where there is none."""
    said = asked.needs | {stem(word) for word in asked.words} | frame.words
    said |= wanted if asked.kind not in ("who", "name") else asked.people
    said |= {word for word in telling if frame.relation.asks.search(f" {word} ")}
    if asked.kind not in _UNCLEAR:
        held = any(answers(kind, asked.noun, statement, said) for kind in (asked.kind, *_ALSO.get(asked.kind, ())))
        if asked.kind == "who" and "firm" in frame.relation.kinds:
            held = held or answers("thing", "", statement, said)
        return True if held else None
    found = [
        kind
        for kind in frame.relation.kinds
        if kind not in ("how", "firm") and answers(kind, asked.noun, statement, said)
    ]
    return None if not found else any(kind != "thing" for kind in found)


def _tells(frame: Frame, kind: str) -> bool:
    return bool({kind, *_ALSO.get(kind, ())} & {*frame.relation.kinds})


def _is_mine(statement: Statement, telling: frozenset[str]) -> bool:
    return statement.mine or bool(statement.head & telling) or bool(_ME.search(statement.text))


def choose(asked: Asked, pool: Sequence[Statement], aliases: Aliases) -> Statement | None:
    """Choose the statement that answers best; None where none does, or two that tell different things do."""
    found = [(each, found) for each in pool if (found := fit(asked, each, aliases)) is not None]
    if not found:
        return None
    best = max(each[:5] for _, each in found)
    level = [(statement, each) for statement, each in found if each[:5] == best]
    newest, last = level[-1]
    if any(not each.told & last.told for _, each in level):
        return None
    return newest
