"""Whether a statement answers a question, judged by its words: all that tell are met, of the same people."""

from __future__ import annotations

import re
from typing import TypeAlias

from harry.memory.longterm.everyday_phrases import expressed
from harry.memory.longterm.questions import Asked, known
from harry.memory.longterm.statements import Statement
from harry.memory.longterm.statements import words_in as surfaces
from harry.memory.longterm.values import TIME_WORDS, answers
from harry.memory.text.analysis import STOP_WORDS, stem
from harry.memory.text.everyday_words import kin, kinds, met_by, stem_set, word_set

Aliases: TypeAlias = dict[str, frozenset[str]]
"""For a relative the names that he has, for a name what relative it is."""

RELATIVES = frozenset(kin().values()) | {stem("friend")}

_DENIED = re.compile(
    r"n't\b|\b(?:not|cannot|never|nobody|nothing|no longer|avoid\w*|dislike\w*|hates?|hated|loathe\w*|detest\w*"
    r"|allerg\w+|intoleran\w+|without|off|away|vegetarian|vegan|coeliac|celiac|scared|afraid|least|stopped|quit|gave up"
    r"|danger\w*|poison\w*|upsets?|harm\w*|bad for|disgust\w*|sick|ill|rash)\b",
    re.IGNORECASE,
)
_USED_TO = re.compile(r"\bused to \w+", re.IGNORECASE)
_PAST = re.compile(r"\b(?:did|was|were|used|once|past|before|former\w*|previous\w*|had|old)\b", re.IGNORECASE)
_ASKS_WHAT_NOT = re.compile(
    r"n't\b|\b(?:not|cannot|never|no longer|avoid|dislikes?|hates?|loathes?|detests?|allerg\w+|intoleran\w+)\b",
    re.IGNORECASE,
)
_NEGATED = re.compile(r"n't\b|\b(?:not|cannot|never|no longer)\b", re.IGNORECASE)
TAIL = re.compile(r"\b(?:of|to|for|in|at|from|on|with|near|about|that|who|which)\b.*$", re.IGNORECASE)
_I_DO = re.compile(r"\b(?:do|did|have|had|will|can|should|must|would) (?:i|we)\b", re.IGNORECASE)
_TO_ME = re.compile(r"\b(?:me|us)\b", re.IGNORECASE)
_SUBJECT_VERBS = frozenset(
    ("do", "does", "did", "is", "are", "was", "were", "has", "have", "had", "will", "would", "can", "can't")
)


def is_opposite(asked: Asked, statement: Statement) -> bool:
    """Whether one speaks of what somebody does not do, or does no more, and the other of what he does."""
    if _USED_TO.search(statement.text) and not _PAST.search(asked.text):
        return True
    if _ASKS_WHAT_NOT.search(asked.text):
        return not _DENIED.search(statement.text)
    return bool(_NEGATED.search(statement.text)) and not _DENIED.search(asked.text)


def meets(need: str, stems: frozenset[str]) -> bool:
    """Whether a telling word is met by one that means the same."""
    if (met_by().get(need, frozenset()) | kinds().get(need, frozenset())) & stems:
        return True
    return any(_does(each, need) or _does(need, each) for each in stems)


def _does(doer: str, deed: str) -> bool:
    """Whether a word is who does what another says: cleaner and clean, owner and own."""
    return len(deed) > 3 and doer in (f"{deed}er", f"{deed}or", f"{deed}r")


def fits(asked: Asked, statement: Statement, aliases: Aliases) -> int:
    """Judge whether a statement answers a question: 0 no, else the more the plainer."""
    if statement.retracts or not asked.needs or asked.kind == "how":
        return 0
    if is_opposite(asked, statement):
        return 0
    before = statement.antecedent
    stems = statement.stems | (before.stems if before is not None else frozenset())
    wanted = frozenset().union(*(same(person, aliases) for person in asked.people))
    if not is_about(asked, statement, aliases, asked.needs | wanted):
        return 0
    # "She" brings along who she is, and a correction what it corrects; nothing else is taken from another sentence.
    telling = stems if statement.corrects else statement.stems | statement.all_people
    met, loose = _met(asked, statement, telling, wanted)
    if not met or not is_placed(asked, statement, stems) or not has_its_head(asked, statement, wanted):
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


def same(person: str, aliases: Aliases) -> frozenset[str]:
    """Return by what a person may be called. A name stands for its relative only where no other has it.

    Of two daughters "my daughter" may be either.
    """
    others = aliases.get(person, frozenset())
    return frozenset({person}) | frozenset(
        other for other in others if person in RELATIVES or aliases.get(other) == frozenset({person})
    )


def is_about(asked: Asked, statement: Statement, aliases: Aliases, subjects: frozenset[str]) -> bool:
    """Return whether everyone who is asked about is spoken of, and nobody else is the statement's subject."""
    before = statement.antecedent
    spoken_of = statement.all_people | statement.stems | (before.stems if before is not None else frozenset())
    if any(not same(person, aliases) & spoken_of for person in asked.people):
        return False
    about = statement.about or (before.about if before is not None and statement.pronoun else frozenset())
    if asked.kind not in ("who", "name") and any(not same(person, aliases) & subjects for person in about):
        return False
    strangers = any(not same(person, aliases) & subjects for person in statement.owners)
    if strangers and "whose" not in asked.text.lower().split()[:2]:
        return False
    if _I_DO.search(asked.text) and statement.about and not statement.mine and _TO_ME.search(statement.text):
        return False
    doer = _doer(asked)
    if doer and statement.mine and not doer & about and asked.kind != "who":
        return False
    return not (statement.pronoun and before is not None and asked.mine and not asked.people and before.about)


def is_placed(asked: Asked, statement: Statement, stems: frozenset[str]) -> bool:
    """Return whether a question for a place finds one: where somebody lives, where something is."""
    if asked.lives and asked.people and not met_by()["live"] & stems and not _is_somewhere(statement):
        return False
    whereabouts = asked.kind == "where" and asked.words[:1] in (("is",), ("are",)) and not asked.people
    return not whereabouts or _is_somewhere(statement)


def has_its_head(
    asked: Asked, statement: Statement, wanted: frozenset[str], telling: frozenset[str] = frozenset()
) -> bool:
    """Whether the thing that a statement is about is asked for, or is the relation itself."""
    if statement.pronoun or statement.mine or asked.kind in ("who", "name"):
        return True
    subject = [stem(each.lower().removesuffix("'s")) for each in surfaces(TAIL.sub("", expressed(statement.subject)))]
    telling_subject = [kin().get(each, each) for each in subject if each not in STOP_WORDS]
    if not telling_subject:
        return True
    while len(telling_subject) > 1 and telling_subject[-1] in _HELD:
        telling_subject.pop()
    head = telling_subject[-1]
    return head in telling | wanted | asked.needs | {asked.noun, asked.kind} or any(
        head == need or meets(need, frozenset({head})) for need in asked.needs
    )


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


def _met(asked: Asked, statement: Statement, stems: frozenset[str], wanted: frozenset[str]) -> tuple[bool, int]:
    """Tell whether all telling words of a question are met, and whether one of them only by its likeness."""
    loose = 0
    something = other = False
    for need in asked.needs:
        if need in stems:
            something = something or need not in asked.people | TIME_WORDS
            other = other or need not in asked.people | TIME_WORDS | {asked.noun}
            continue
        if need in asked.people and wanted & stems:
            continue
        if meets(need, stems):
            something = something or need not in TIME_WORDS
            other = other or need not in TIME_WORDS | {asked.noun}
            continue
        if need == asked.noun and asked.kind == need and need in kinds():  # a value of its kind is looked for
            continue
        if (
            need in _PASSING or _is_lone_verb(asked, need)
        ) and not loose:  # it tells little, where what it is about is told
            loose = 1
            continue
        return False, 0
    # A verb that tells little is passed over where more is met than what kind of thing is asked for.
    if loose and not (other or (something and (asked.kind == "thing" or _ASKS_WHAT_NOT.search(asked.text)))):
        return False, 0
    if asked.kind == "who" and not something and len(asked.words) > 4:
        return False, 0
    if not is_meant(asked, statement):
        return False, 0
    specific = asked.kind not in ("thing", "when", "clock", "number", "often", "day")
    return bool(something or (specific and asked.people) or asked.kind in ("age", "name")), loose


def is_meant(asked: Asked, statement: Statement) -> bool:
    """Whether a statement is about the very thing whose code is asked for, or that is asked what it is."""
    if asked.kind in ("code", "secret"):
        of = statement.head - frozenset().union(*(met_by().get(each, frozenset({each})) for each in _SECRETS))
        return not of or bool(of & asked.needs) or any(meets(each, of) for each in asked.needs)
    if asked.words[:1] in (("kind",), ("sort",), ("type",)) and asked.noun in statement.head:
        return bool(_IS_A.search(statement.text)) or bool(statement.stems & {stem("favourite"), stem("favorite")})
    named = _WHAT_IS.match(asked.text)
    if named is None or asked.kind != "thing":
        return True
    noun = stem(named["noun"].lower())
    if noun not in statement.own or noun in statement.head:
        return True
    return bool(
        re.search(rf"\b(?:is|are|was|were|have|has|got)\b[^,.]*\b{re.escape(named['noun'])}\W*$", statement.text)
    )


_WHAT_IS = re.compile(
    r"what (?:is|are|was|were) (?:my|our|his|her|the|[^\W_]+'s) (?:(?!of |for |in |at |on |to )[^\W_]+ )*?"
    r"(?P<noun>[^\W_]+)(?: (?:of|for|in|at|on|to) .*)?$",
    re.IGNORECASE,
)
_IS_A = re.compile(r"(?:\b(?:is|are|was|were)|'s) (?:an?\b|called\b|[A-Z])")
_HELD = frozenset(
    map(stem, ("class", "lesson", "course", "session", "practice", "training", "group", "club", "rehearsal"))
)
"""What somebody has of something that he does: a yoga class is where he does yoga."""

_SECRETS = frozenset(map(stem, ("code", "password", "number")))


def _is_lone_verb(asked: Asked, need: str) -> bool:
    """Whether a word that no table knows is a question's verb: nicked of "where did my bike get nicked"."""
    if known(need) or need == asked.noun or asked.kind == "thing" or need in asked.people:
        return False
    place = next((number for number, word in enumerate(asked.words) if stem(word) == need), 0)
    last = place == len(asked.words) - 1 and place > 1 and asked.words[place - 1] not in _BEFORE_NOUNS
    return last and not _OF_SOMEBODY.search(asked.text)


_OF_SOMEBODY = re.compile(r"(?:'s|s') [^\W_]+$")
_BEFORE_NOUNS = word_set("before_nouns")


def _is_somewhere(statement: Statement) -> bool:
    return bool(stem_set("placing") & (statement.stems)) or bool(
        _COPULA & {each.lower() for each in surfaces(statement.text)}
    )


_PASSING = stem_set("passing")
"""Verbs of a question of which one may be unmet, where something else that it is about is met."""

_COPULA = frozenset(("is", "are", "was", "were", "it's", "they're", "he's", "she's", "i'm", "we're"))
