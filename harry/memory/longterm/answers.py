"""Answers from what was told, without a language model: the one statement that says what is asked for, or none.

Found by the search, judged by words: a statement answers if it meets every telling word of the question, is about the
same people, and holds a value of the kind that is asked for. The newest wins, and what it corrects is not told.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TypeAlias

import numpy as np
import trio

from harry.memory.longterm.everyday_phrases import expressed
from harry.memory.longterm.questions import Asked, is_about_what_was_told, known, read_question
from harry.memory.longterm.service import Item, LongTermMemory
from harry.memory.longterm.statements import Statement, in_context, people_of, read, sentences, undoes
from harry.memory.longterm.statements import words_in as surfaces
from harry.memory.longterm.values import TIME_WORDS, answers, fragment_answers, replaced_by, values_in
from harry.memory.search.embedding import Embedder
from harry.memory.text.analysis import stem
from harry.memory.text.everyday_words import kin, kinds, met_by, stem_set, word_set

SEARCHED_FOR = 30
"""Hits of each search whose surroundings are read."""

BEFORE, AFTER = 12, 24
"""Rows around a hit that are read: what it goes on from, and what corrects it. Every other is Harry's."""

ALIKE = 0.83
"""Cosine of two single words from which one may stand for the other, where no table knows the one asked with.

Lower, and sunglasses are glasses, and a coach is a teacher."""

Aliases: TypeAlias = dict[str, frozenset[str]]
"""For a relative the names that he has, for a name what relative it is."""

_RELATIVES = frozenset(kin().values()) | {stem("friend")}

Alike: TypeAlias = Callable[[str, Sequence[str]], float]
"""Tells how near in meaning a word is to the nearest of some others."""

_SUBJECT_VERBS = frozenset(
    ("do", "does", "did", "is", "are", "was", "were", "has", "have", "had", "will", "would", "can", "can't")
)
_NO_HEAD = frozenset(map(stem, ("favourite", "favorite", "best", "new", "old", "first", "last", "next", "own")))


@dataclass(frozen=True, slots=True)
class ToldFact:
    """What was told that answers a question; `about` is what a correction of few words is about, else ""."""

    text: str
    at: float | None
    about: str = ""


@dataclass(frozen=True, slots=True)
class Remembered:
    """What memory says to a question about what was told: the fact, or None where it was not told."""

    fact: ToldFact | None


async def answer(
    question: str, memory: LongTermMemory, user: str, *, is_wish: Callable[[str], bool] = lambda text: False
) -> Remembered | None:
    """Answer a question from what its user stated; None where it is no question that his memory can answer.

    `is_wish` tells of a sentence of his that it asked for something to be done, which states nothing; it is slow.
    """
    asked = read_question(question)
    if asked is None or not asked.needs:
        return None
    pool = await _pool(asked, memory, user)
    alike = _alike(memory.embedder) if memory.embedder is not None else None
    return await trio.to_thread.run_sync(_judged, asked, question, pool, is_wish, alike)


def _judged(
    asked: Asked, question: str, pool: Sequence[Statement], is_wish: Callable[[str], bool], alike: Alike | None
) -> Remembered | None:
    fact = fact_of(asked, pool, is_wish=is_wish, alike=alike)
    if fact is None and not (is_about_what_was_told(question) and is_personal(asked, question, pool)):
        return None
    return Remembered(fact)


async def _pool(asked: Asked, memory: LongTermMemory, user: str) -> list[Statement]:
    """Return the user's statements that may bear on a question, in order, each with what it goes on from."""
    words = set(asked.needs)
    rows: dict[int, Item] = {}
    for _ in range(2):
        wider = {other for word in words for other in met_by().get(word, ())} | {
            word for word, head in kin().items() if head in words
        }
        for text in (asked.text, " ".join(sorted(words | wider))):
            found = await memory.search(text, namespace=user, kinds=["memory"], count=SEARCHED_FOR)
            for each in found.found:
                if each.item.id not in {item.id for item in rows.values()}:
                    rows.update(await memory.around(user, each.item.id, before=BEFORE, after=AFTER))
        names = aliases_of(statements_of(rows, user))
        more = {name for person in asked.people for name in names.get(person, ())} - words
        if not more:
            break
        words |= more
    return statements_of(rows, user)


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
                statement = replace(statement, id=item.id, at=item.at, order=order)
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
            if relative in _RELATIVES and not one.endswith("'s") and other[:1].isupper() and people_of(f"x {other}"):
                name = stem(other.lower().removesuffix("'s"))
                if name not in _RELATIVES:
                    found.setdefault(relative, set()).add(name)
                    found.setdefault(name, set()).add(relative)
        if (
            "name" in statement.stems
            and not statement.owners
            and statement.about & _RELATIVES
            and len(statement.people - _RELATIVES) == 1
        ):
            for relative in statement.about & _RELATIVES:
                (name,) = statement.people - _RELATIVES
                found.setdefault(relative, set()).add(name)
                found.setdefault(name, set()).add(relative)
    return {one: frozenset(others) for one, others in found.items()}


def fact_of(
    asked: Asked,
    pool: Sequence[Statement],
    *,
    is_wish: Callable[[str], bool] = lambda text: False,
    alike: Alike | None = None,
) -> ToldFact | None:
    """Choose the statement that answers; None where none surely does."""
    aliases = aliases_of(pool)
    fitting = [
        (quality, each) for each in pool if (quality := fits(asked, each, aliases, alike)) and not is_wish(each.text)
    ]
    if not fitting:
        return None
    best = max(quality for quality, _ in fitting)
    fact = [each for quality, each in fitting if quality == best or each.corrects][-1]
    for later in pool:
        if later.order <= fact.order:
            continue
        if undoes(later, fact, asked.needs):
            return ToldFact(later.text, later.at)
        if not later.corrects:
            continue
        if later.retracts and later.order == fact.order + 1:
            return None
        goes_on = later.antecedent is not None and later.antecedent.order == fact.order
        if goes_on and fragment_answers(asked.kind, asked.noun, later, fact, asked.needs):
            return ToldFact(*_mended(asked.kind, fact, later))
    about = ""
    if fact.pronoun and fact.antecedent is not None and not fact.people:
        about = fact.antecedent.subject
    return ToldFact(fact.text, fact.at, about)


def _mended(kind: str, fact: Statement, later: Statement) -> tuple[str, float | None, str]:
    """Return what a correction of few words makes of a fact: its one value replaced, else the correction by itself."""
    old, new = values_in(kind, fact.text), values_in(kind, later.text)
    if len(old) == len(new) == 1 and not later.pronoun:
        return fact.text.replace(old[0], new[0]), later.at, ""
    return later.text, later.at, "" if fact.mine else fact.subject


def fits(asked: Asked, statement: Statement, aliases: Aliases, alike: Alike | None = None) -> int:
    """Judge whether a statement answers a question: 0 no, else the more the plainer."""
    if statement.retracts or not asked.needs:
        return 0
    before = statement.antecedent
    stems = statement.stems | (before.stems if before is not None else frozenset())
    wanted = frozenset().union(*(_same(person, aliases) for person in asked.people))
    if not _is_about(asked, statement, aliases, asked.needs | wanted):
        return 0
    # "She" brings along who she is, and a correction what it corrects; nothing else is taken from another sentence.
    telling = stems if statement.corrects else statement.stems | statement.all_people
    met, loose = _met(asked, statement, telling, wanted, alike)
    if not met or not _is_placed(asked, statement, stems) or not _has_its_head(asked, statement, wanted):
        return 0
    said = (
        asked.needs
        | (wanted if asked.kind not in ("who", "name") else asked.people)
        | {stem(word) for word in asked.words}
    )
    kind = "thing" if asked.noun in statement.own and asked.kind == asked.noun else asked.kind
    only_people = len(asked.people) == 1 and asked.needs == asked.people
    if not answers(kind, asked.noun, statement, said, only_people=only_people):
        return 0
    borrowed = before is not None and not statement.corrects
    return 4 - 2 * borrowed - loose


def _same(person: str, aliases: Aliases) -> frozenset[str]:
    """Return by what a person may be called. A name stands for its relative only where no other has it.

    Of two daughters "my daughter" may be either.
    """
    others = aliases.get(person, frozenset())
    return frozenset({person}) | frozenset(
        other for other in others if person in _RELATIVES or aliases.get(other) == frozenset({person})
    )


def _is_about(asked: Asked, statement: Statement, aliases: Aliases, subjects: frozenset[str]) -> bool:
    """Return whether everyone who is asked about is spoken of, and nobody else is the statement's subject."""
    before = statement.antecedent
    spoken_of = statement.all_people | statement.stems | (before.stems if before is not None else frozenset())
    if any(not _same(person, aliases) & spoken_of for person in asked.people):
        return False
    about = statement.about or (before.about if before is not None and statement.pronoun else frozenset())
    if asked.kind not in ("who", "name") and any(not _same(person, aliases) & subjects for person in about):
        return False
    strangers = any(not _same(person, aliases) & subjects for person in statement.owners)
    if strangers and "whose" not in asked.text.lower().split()[:2]:
        return False
    doer = _doer(asked)
    if doer and statement.mine and not doer & about and asked.kind != "who":
        return False
    return not (statement.pronoun and before is not None and asked.mine and not asked.people and before.about)


def _is_placed(asked: Asked, statement: Statement, stems: frozenset[str]) -> bool:
    """Return whether a question for a place finds one: where somebody lives, where something is."""
    if asked.lives and asked.people and not met_by()["live"] & stems and not _is_somewhere(statement):
        return False
    whereabouts = asked.kind == "where" and asked.words[:1] in (("is",), ("are",)) and not asked.people
    return not whereabouts or _is_somewhere(statement)


def _has_its_head(asked: Asked, statement: Statement, wanted: frozenset[str]) -> bool:
    """Return whether the thing that the statement is about is what the question asks for."""
    head = statement.head - _NO_HEAD
    # "My sister's cat" is a cat.
    head = head - statement.owners or head
    if not head or statement.pronoun or statement.mine or asked.kind == "who":
        return True
    meeting = frozenset().union(*(met_by().get(word, frozenset({word})) for word in asked.needs))
    return bool(head & (meeting | wanted | asked.needs | {asked.noun, asked.kind}))


def _doer(asked: Asked) -> frozenset[str]:
    """Return the person who is the subject of a question's verb: Jonas of "what did Jonas give me"."""
    words = asked.words
    for place, word in enumerate(words[:-1]):
        if word in _SUBJECT_VERBS:
            near = [
                each
                for each in words[place + 1 : place + 4]
                if each not in ("my", "our", "the", "uncle", "aunt") or each in kin()
            ]
            first = kin().get(stem(near[0]), stem(near[0])) if near else ""
            return frozenset({first}) & asked.people
    return frozenset()


def _met(  # noqa: C901  (a table of conditions)
    asked: Asked, statement: Statement, stems: frozenset[str], wanted: frozenset[str], alike: Alike | None
) -> tuple[bool, int]:
    """Tell whether all telling words of a question are met, and whether one of them only by its likeness."""
    loose = 0
    something = False
    for need in asked.needs:
        if need in stems:
            something = something or need not in asked.people | TIME_WORDS
            continue
        if need in asked.people and wanted & stems:
            continue
        if met_by().get(need, frozenset()) & stems:
            something = something or need not in TIME_WORDS
            continue
        if need == asked.noun and asked.kind == need and need in kinds():  # a value of its kind is looked for
            continue
        if (
            need in _PASSING or _is_lone_verb(asked, need)
        ) and not loose:  # it tells little, where what it is about is told
            loose = 1
            continue
        if alike is None or loose or known(need):
            return False, 0
        word = next((each for each in asked.words if stem(each) == need), need)
        others = [
            each.lower()
            for each in surfaces(statement.text)
            if stem(each.lower()) in statement.own - asked.needs and not each.endswith(("ing", "ed"))
        ]
        if not others or alike(word, others) < ALIKE:
            return False, 0
        loose = something = 1  # type: ignore[assignment]
    if loose and not something:
        return False, 0
    if asked.kind == "who" and not something and len(asked.words) > 4:
        return False, 0
    specific = asked.kind not in ("thing", "when", "clock", "number", "often", "day")
    return bool(something or (specific and asked.people) or asked.kind in ("age", "name")), loose


def _is_lone_verb(asked: Asked, need: str) -> bool:
    """Whether a word that no table knows is a question's verb: nicked of "where did my bike get nicked"."""
    if known(need) or need == asked.noun or asked.kind == "thing" or need in asked.people:
        return False
    place = next((number for number, word in enumerate(asked.words) if stem(word) == need), 0)
    return place == len(asked.words) - 1 and place > 1 and asked.words[place - 1] not in _BEFORE_NOUNS


_BEFORE_NOUNS = word_set("before_nouns")


def _is_somewhere(statement: Statement) -> bool:
    return bool(stem_set("placing") & (statement.stems)) or bool(
        _COPULA & {each.lower() for each in surfaces(statement.text)}
    )


_PASSING = stem_set("passing")
"""Verbs of a question of which one may be unmet, where something else that it is about is met."""

_COPULA = frozenset(("is", "are", "was", "were", "it's", "they're", "he's", "she's", "i'm", "we're"))


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


def _alike(embedder: Embedder) -> Alike:
    def alike(word: str, others: Sequence[str]) -> float:
        vectors = embedder.encode([word, *others])
        return float(np.max(vectors[1:] @ vectors[0]))

    return alike
