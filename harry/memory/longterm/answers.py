"""Answers from what was told, without a language model: the one statement that says what is asked for, or none.

Found by the search, judged by words: a statement answers if it meets every telling word of the question, is about the
same people, and holds a value of the kind that is asked for. The newest wins, and what it corrects is not told.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import trio

from harry.memory.longterm.by_relation import choose, fit
from harry.memory.longterm.everyday_phrases import expressed
from harry.memory.longterm.fitting import RELATIVES, Aliases, fits
from harry.memory.longterm.nearest import NEAR, SURELY_NEAR, nearest
from harry.memory.longterm.questions import Asked, is_about_what_was_told, known, read_question
from harry.memory.longterm.relations import Frame, asked_in, told_in
from harry.memory.longterm.service import Item, LongTermMemory
from harry.memory.longterm.statements import Statement, in_context, people_of, read, sentences, undoes
from harry.memory.longterm.statements import words_in as surfaces
from harry.memory.longterm.values import fragment_answers, replaced_by, values_in
from harry.memory.store.items import IMPORTED
from harry.memory.text.analysis import STOP_WORDS, stem
from harry.memory.text.everyday_words import kin, met_by

SEARCHED_FOR = 30
"""Hits of each search that are looked at."""

SURROUNDED = 24
"""Hits at most whose surroundings are read."""

A_DAY = 86_400.0
"""Seconds within which things told count as told on one day."""

BEFORE, AFTER = 12, 24
"""Rows around a hit that are read: what it goes on from, and what corrects it. Every other is Harry's."""


@dataclass(frozen=True, slots=True)
class ToldFact:
    """What was told that answers a question; `about` is what a correction of few words is about, else "".

    `origin` says to whom it was told, if that was not Harry: it was imported.
    """

    text: str
    at: float | None
    about: str = ""
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Remembered:
    """What memory says to a question about what was told: the fact, or None where it is not known.

    `near` is then what comes nearest to it, if something does.
    """

    fact: ToldFact | None
    near: ToldFact | None = None


async def answer(
    question: str, memory: LongTermMemory, user: str, *, is_wish: Callable[[str], bool] = lambda text: False
) -> Remembered | None:
    """Answer a question from what its user stated; None where it is no question that his memory can answer.

    `is_wish` tells of a sentence of his that it asked for something to be done, which states nothing; it is slow.
    """
    asked = read_question(question)
    if asked is None or not asked.needs:
        return None
    pool, seen = await _pool(asked, memory, user)
    found = await trio.to_thread.run_sync(_judged, asked, question, pool, seen, is_wish)
    if (found is not None and found.fact is not None) or memory.embedder is None:
        return found
    if found is None and not (is_about_what_was_told(question) or is_personal(asked, question, seen)):
        return None
    least = NEAR if found is not None else SURELY_NEAR
    embed = memory.embedder.encode
    near = await trio.to_thread.run_sync(
        lambda: nearest(asked, question, seen, aliases_of(seen), embed, least=least), abandon_on_cancel=True
    )
    if near is None or await _is_mended(near, memory, user) or await trio.to_thread.run_sync(is_wish, near.text):
        return found
    return Remembered(None, ToldFact(near.text, near.at, origin=near.origin))


async def _is_mended(statement: Statement, memory: LongTermMemory, user: str) -> bool:
    """Whether something that was said after a statement corrects it, or says that it is over."""
    rows = dict(await memory.around(user, statement.id, before=BEFORE, after=AFTER))
    told = await trio.to_thread.run_sync(statements_of, rows, user)
    said = [each for each in told if each.text == statement.text]
    return any(
        later.order > each.order
        and (
            undoes(later, each, each.stems)
            or (later.corrects and later.antecedent is not None and later.antecedent.order == each.order)
        )
        for each in said
        for later in told
    )


def _judged(
    asked: Asked, question: str, pool: Sequence[Statement], seen: Sequence[Statement], is_wish: Callable[[str], bool]
) -> Remembered | None:
    fact = fact_of(asked, pool, is_wish=is_wish)
    if fact is None and not (is_about_what_was_told(question) and is_personal(asked, question, seen)):
        return None
    return Remembered(fact)


async def _pool(asked: Asked, memory: LongTermMemory, user: str) -> tuple[list[Statement], list[Statement]]:
    """Return the user's statements that may answer, in order, each with what it goes on from; and all that were found.

    Only what may answer, or goes on from something else, is read with what stands around it: most hits do not.
    """
    words = set(asked.needs)
    found: dict[str, list[Statement]] = {}
    for _ in range(2):
        wider = {other for word in words for other in met_by().get(word, ())} | {
            word for word, head in kin().items() if head in words
        }
        wider |= {word for frame in asked_in(asked.text) for word in frame.relation.words} - STOP_WORDS - {"#"}
        for text in (asked.text, " ".join(sorted(words | wider))):
            hits = await memory.search(text, namespace=user, kinds=["memory"], count=SEARCHED_FOR)
            new = [
                hit.item
                for hit in hits.found
                if hit.item.speaker == user and not hit.item.id.endswith("/heard") and hit.item.id not in found
            ]
            read_now = await trio.to_thread.run_sync(lambda items: [(item.id, read_all(item)) for item in items], new)
            found.update(read_now)
        names = aliases_of([each for said in found.values() for each in said])
        more = {name for person in asked.people for name in names.get(person, ())} - words
        if not more:
            break
        words |= more
    seen = [each for said in found.values() for each in said]
    aliases = aliases_of(seen)
    rows: dict[int, Item] = {}
    chosen = await trio.to_thread.run_sync(
        lambda: [identity for identity, said in found.items() if any(_bears(asked, each, aliases) for each in said)]
    )
    for identity in chosen[:SURROUNDED]:
        if identity not in {item.id for item in rows.values()}:
            rows.update(await memory.around(user, identity, before=BEFORE, after=AFTER))
    return statements_of(rows, user), seen


def _bears(asked: Asked, statement: Statement, aliases: Aliases) -> bool:
    """Whether a statement may answer, tells who somebody is that was asked about, or goes on from another."""
    return bool(
        statement.pronoun
        or statement.corrects
        or fits(asked, statement, aliases)
        or fit(asked, statement, aliases) is not None
        or any(asked.people & {one, *others} for one, others in aliases_of([statement]).items())
    )


def read_all(item: Item) -> list[Statement]:
    """Read what was said in one turn as statements, each by itself."""
    return [
        replace(statement, id=item.id, at=item.at, origin=_origin(item))
        for each in sentences(item.text)
        if (statement := read(each)) is not None
    ]


def _origin(item: Item) -> str:
    """Say where it was told if not to Harry, such as "ChatGPT"."""
    return item.heading.partition(":")[0] if item.source.startswith(IMPORTED) else ""


def statements_of(rows: dict[int, Item], user: str) -> list[Statement]:
    """Read what the user himself said as statements, oldest first; what Harry said and what was asked is left out."""
    found: list[Statement] = []
    order = 0
    for _, item in sorted(rows.items()):
        if item.speaker != user or item.id.endswith("/heard"):
            continue
        for sentence in sentences(item.text):
            order += 1
            statement = read(sentence)
            if statement is not None:
                statement = replace(statement, id=item.id, at=item.at, order=order, origin=_origin(item))
                statement = in_context(statement, found)
                if statement.corrects and statement.antecedent is None:
                    statement = replace(statement, antecedent=replaced_by(statement, found))
                found.append(statement)
    return found


def aliases_of(statements: Sequence[Statement]) -> Aliases:
    """Find out who is who: "my sister Ada" says that Ada is the sister."""
    found: dict[str, set[str]] = {}
    for statement in statements:
        words = surfaces(expressed(statement.text))
        for one, other in pairwise(words):
            relative = kin().get(stem(one.lower()), stem(one.lower()))
            if relative in RELATIVES and not one.endswith("'s") and other[:1].isupper() and people_of(f"x {other}"):
                name = stem(other.lower().removesuffix("'s"))
                if name not in RELATIVES:
                    found.setdefault(relative, set()).add(name)
                    found.setdefault(name, set()).add(relative)
        if (
            "name" in statement.stems
            and not statement.owners
            and statement.about & RELATIVES
            and len(statement.people - RELATIVES) == 1
        ):
            for relative in statement.about & RELATIVES:
                (name,) = statement.people - RELATIVES
                found.setdefault(relative, set()).add(name)
                found.setdefault(name, set()).add(relative)
    return {one: frozenset(others) for one, others in found.items()}


def fact_of(
    asked: Asked,
    pool: Sequence[Statement],
    *,
    is_wish: Callable[[str], bool] = lambda text: False,
) -> ToldFact | None:
    """Choose the statement that answers; None where none surely does."""
    aliases = aliases_of(pool)
    fact = _chosen(asked, pool, aliases, is_wish)
    if fact is None:
        return None
    for later in pool:
        if later.order <= fact.order:
            continue
        if undoes(later, fact, asked.needs):
            return ToldFact(later.text, later.at, origin=later.origin)
        if not later.corrects:
            continue
        if later.retracts and later.order == fact.order + 1:
            return None
        goes_on = later.antecedent is not None and later.antecedent.order == fact.order
        if goes_on and fragment_answers(asked.kind, asked.noun, later, fact, asked.needs):
            return ToldFact(*_mended(asked.kind, fact, later), later.origin)
    others = _as_well(asked, pool, fact, aliases)
    if others:
        every = [*others, fact]
        text = ", and ".join(each.text.rstrip(" .!") for each in every)
        on_one_day = others[0].at is not None and (fact.at or 0.0) - others[0].at < A_DAY
        return ToldFact(text, fact.at if on_one_day else None, origin=fact.origin)
    about = ""
    if fact.pronoun and fact.antecedent is not None and not fact.people:
        about = fact.antecedent.subject
    return ToldFact(fact.text, fact.at, about, fact.origin)


def _chosen(
    asked: Asked, pool: Sequence[Statement], aliases: Aliases, is_wish: Callable[[str], bool]
) -> Statement | None:
    """Choose by words, else by the relation; None where neither surely finds one."""
    fitting = [(quality, each) for each in pool if (quality := fits(asked, each, aliases)) and not is_wish(each.text)]
    if fitting:
        best = max(quality for quality, _ in fitting)
        return [each for quality, each in fitting if quality == best or each.corrects][-1]
    chosen = choose(asked, pool, aliases)
    return None if chosen is None or is_wish(chosen.text) else chosen


def _as_well(asked: Asked, pool: Sequence[Statement], fact: Statement, aliases: Aliases) -> list[Statement]:
    """Return what else answers as well, where one alone would mislead: somebody may have to avoid several things."""
    if not _is_intolerance(asked_in(asked.text)) or not _is_intolerance(told_in(fact.text)):
        return []
    fitting = [each for each in pool if fits(asked, each, aliases) or fit(asked, each, aliases) is not None]
    gone = [each for each in fitting for later in pool if later.order > each.order and undoes(later, each, asked.needs)]
    mended = {later.antecedent.order for later in pool if later.corrects and later.antecedent is not None}
    return [
        each
        for each in fitting
        if each.order != fact.order
        and _is_intolerance(told_in(each.text))
        and each not in gone
        and each.order not in mended
        and not each.corrects
        and (each.about, each.mine, each.pronoun) == (fact.about, fact.mine, "")
    ][-2:]


def _is_intolerance(frames: Sequence[Frame]) -> bool:
    return any(frame.relation.name == "intolerance" for frame in frames)


def _mended(kind: str, fact: Statement, later: Statement) -> tuple[str, float | None, str]:
    """Return what a correction of few words makes of a fact: its one value replaced, else the correction by itself."""
    old, new = values_in(kind, fact.text), values_in(kind, later.text)
    if len(old) == len(new) == 1 and not later.pronoun:
        return fact.text.replace(old[0], new[0]), later.at, ""
    return later.text, later.at, "" if fact.mine else fact.subject


def is_personal(asked: Asked, question: str, pool: Sequence[Statement]) -> bool:
    """Whether a question is about the person who asks it, somebody of his, or something of which he told."""
    if asked.mine or _HIS_OWN.search(question):
        return True
    names = frozenset().union(*(each.people for each in pool)) if pool else frozenset()
    if asked.people & names:
        return True
    telling = asked.needs | ({asked.noun} - {""})
    named = {
        stem(two.lower())
        for one, two in zip(surfaces(question), surfaces(question)[1:], strict=False)
        if one.lower() == "the"
    }
    if asked.kind == "where" and named & telling and not asked.people and all(known(each) for each in telling):
        return True
    return any(len(telling & each.own) >= 2 or named & each.head & telling for each in pool)


_HIS_OWN = re.compile(
    r"\b(?:my|our)\b|\b(?:Mum|Mom|Dad|Mummy|Daddy|Grandma|Grandpa|Granny|Gran|Granddad)\b"
    r"|\b(?:[Uu]ncle|[Aa]unt|[Aa]untie|[Cc]ousin) [A-Z]"
    r"|\bneighbou?rs?'",
)
