"""What a person stated, sentence by sentence: the words that bear on it, whom it is about, whether it corrects.

Questions, hedges and dreams state nothing. A sentence about "she" or "it" is read with the one it goes on from.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from harry.memory.longterm.everyday_phrases import expressed, implied
from harry.memory.text.analysis import STOP_WORDS, stem
from harry.memory.text.everyday_words import kin, word_set
from harry.memory.text.irregular_verbs import BASE

LONGEST = 400
"""Characters of a sentence that is told again; a longer one is no plain statement."""

_SENTENCE = re.compile(
    r"(?<=[.!?])[\"'\u201d\u2019)]*\s+(?=[\"'\u201c\u2018(]?[A-Z0-9])(?<!\bMr\. )(?<!\bMrs\. "
    r")(?<!\bDr\. )(?<!\bSt\. )(?<!\bMs\. )"
)
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_JOINED = re.compile(r"[^\W_]+(?:['-][^\W_]+)*")
_ASKS = re.compile(
    r"(?:(?:and|so|but|now|well|hey|ok|okay|harry)[,\s]+)*(?:(?:in|on|at|to|from|by|for"
    r"|with) )?(?:what|which|who|whose|whom|when|where|why|how)\b"
    r"(?! (?:a|an|i (?:like|love|hate|want|need|mean|meant))\b)"
    r"|(?:do|does|did|is|are|was|were|have|has|can|could|will|would|shall|should|am|may|might) (?:i"
    r"|you|we|he|she|it|they|the|my|our|your|there|this|that)\b"
    r"|(?:please )?(?:tell|remind|show|give|read|play|set|call|remember|forget|let's|imagine|suppose|guess) ",
    re.IGNORECASE,
)
_HEDGED = re.compile(
    r"\b(?:if|whether|maybe|perhaps|might|wonder\w*|dream(?:t|ed)|imagine[ds]?|pretend\w*|suppose|supposedly|apparently"
    r"|i wish|would have|could have|no idea|not sure|don't know|do not know|doesn't know|didn't know|don't remember"
    r"|can't remember|cannot remember|don't recall|forgot where|forgot when|forgot what|forget (?:where|when|what|who)"
    r"|can't think of|never told|in the (?:film|book|novel|story|movie))\b",
    re.IGNORECASE,
)
_MARK = (
    r"(?:actually|no|nope|wait|oh|oops|sorry|hang on|hold on|correction|scratch that|well|i mean|i meant|i meant to say"
    r"|i was wrong|i got (?:that|it) wrong|i mixed (?:that|it|them) up|i misspoke|my mistake"
    r"|that's (?:wrong|not right|not true)"
    r"|that was wrong|let me correct (?:that|myself)|to correct myself|i made a mistake"
    r"|i've got (?:that|it) wrong|that was (?:only |just )?a (?:joke|lie)"
    r"|(?:i was |i'm )?(?:only |just )?(?:joking|kidding)"
    r"|i (?:lied|made that up)|rather)"
)
_CORRECTS = re.compile(rf"(?:{_MARK}(?:[\s,.;:!\u2013\u2014-]+|$))+", re.IGNORECASE)
_PLAIN_HEAD = re.compile(
    r"(?:(?:well|oh|so|and|but|also|by the way|you know|anyway|oh yes|yes|listen|harry|hey|hi|hello"
    r"|ok|okay|remember|fyi)[\s,.:!-]+(?:that )?)+",
    re.IGNORECASE,
)
_NOT_THAT = re.compile(r"^not [^,.;]+[,.;]\s*|,?\s+(?:and )?not [^,.;]+(?=[.!]?$)", re.IGNORECASE)
_WEAK = re.compile(r"(?:(?:well|oh|sorry)[\s,.;:!\u2013\u2014-]*)+$", re.IGNORECASE)
_NOT = re.compile(r"\b(?:not|never|isn't|aren't|wasn't|weren't|don't|doesn't|didn't|won't)\b", re.IGNORECASE)
_OVER = re.compile(
    r"\b(?:no longer|any ?more|used to)\b"
    r"|\b(?:quit|left|moved (?:out|away) (?:of|from)|sold|gave up|given up|stopped|lost|divorced)"
    r"(?P<what>(?: [^\W_]+){1,3})",
    re.IGNORECASE,
)
_OFF = re.compile(
    r"\b(?:is|are|was|were|been|got) (?:now )?(?:cancel(?:l?ed)|called off|postponed|put off|not happening)\b"
    r"|\b(?:is|are|was) off\W*$|\bfell through\b",
    re.IGNORECASE,
)
_NOW = re.compile(r"\b(?:now|instead|after all|not any ?more|no longer)\b", re.IGNORECASE)
_NOT_NAMES = word_set("not_names")
_VERBS = word_set("verbs")
_PERSON_PRONOUNS = frozenset(
    (
        "he",
        "she",
        "they",
        "he's",
        "she's",
        "they're",
        "he'll",
        "she'll",
        "they'll",
        "he'd",
        "she'd",
        "his",
        "her",
        "their",
    )
)
_THING_PRONOUNS = frozenset(("it", "it's", "it'll", "its", "that's", "this", "they", "they're"))
_MINE = frozenset(("i", "we", "i'm", "i've", "i'd", "i'll", "we're", "we've", "we'll", "we'd", "me", "us"))
_OWNERS = frozenset(("my", "our"))
_OPENERS = word_set("openers") | STOP_WORDS
_AFTER_VERB = re.compile(
    r"\s+(?:in|on|at|to|from|with|for|by|every|the|a|an|my|our|his|her|as|until|\d)\b", re.IGNORECASE
)
_AND_I = re.compile(r"\band I\b|\bme and\b", re.IGNORECASE)
_TO_A_PLACE = re.compile(r"\s(?:to|from|in|at|near|on)\s.*$", re.IGNORECASE)
_NONE: frozenset[str] = frozenset()
_FEMALE = word_set("female")
_MALE = word_set("male")


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence that states something.

    `text` is what was said, without what introduces it. `stems` are those it is found by, what it implies included;
    `own` those of its very words. `people` are stems of relatives and names in it; `about` those among them that are
    its subject, `owners` those whose something is spoken of, `head` all stems of its subject. `pronoun` is its subject
    where that is one; `antecedent` what it goes on from. `origin` says to whom it was told,
    if that was not Harry: it was imported.
    """

    text: str
    id: str
    at: float | None
    order: int
    stems: frozenset[str]
    own: frozenset[str]
    people: frozenset[str]
    about: frozenset[str]
    head: frozenset[str]
    owners: frozenset[str]
    mine: bool
    pronoun: str = ""
    corrects: bool = False
    retracts: bool = False
    subject: str = ""
    antecedent: Statement | None = field(default=None, repr=False)
    origin: str = ""

    @property
    def all_people(self) -> frozenset[str]:
        """The people it is about, those that it takes from the sentence it goes on from included."""
        return self.people | (self.antecedent.all_people if self.antecedent is not None else frozenset())


def undoes(later: Statement, fact: Statement, asked: frozenset[str]) -> bool:
    """Whether a statement says that an earlier one holds no more: "my sister left Oslo", "the appointment is off".

    It must be about the same, and say again what answered a question with the words `asked`; but for a thing that is
    called off, which is done with whatever was told of it.
    """
    same = (later.about, later.mine) == (fact.about, fact.mine) and (fact.mine or bool(later.head & fact.head))
    if not same or later.pronoun or fact.pronoun:
        return False
    if _OFF.search(later.text):
        return bool(fact.head) and fact.head <= later.head
    told = fact.own - fact.head
    denied = bool(_NOT.search(later.text)) and told <= later.own and not _NOT.search(fact.text)
    over = _OVER.search(later.text)
    ended = stems_of(over["what"] or later.text) if over is not None and not _OVER.search(fact.text) else _NONE
    return bool(told) and (denied or bool(told - asked & ended))


def words_in(text: str) -> list[str]:
    """Return the words of a text as they are written."""
    return _WORD.findall(text)


def sentences(text: str) -> list[str]:
    """Cut what was said in one turn into its sentences; what only leads up to one stands alone."""
    whole = [each.strip() for each in _SENTENCE.split(" ".join(text.replace("\u2019", "'").split()))]
    return [
        part.strip()
        for each in whole
        for part in (
            _LEADS_UP.split(each, maxsplit=1)
            if _OF_SOMEBODY_UNNAMED.match(each) and not _CORRECTS.match(each)
            else [each]
        )
        if part.strip()
    ]


_OF_SOMEBODY_UNNAMED = re.compile(r"(?:they|it|he|she|we|I|that)(?:'\w+)?(?: [^\W_]+){1,5}, ", re.IGNORECASE)
_LEADS_UP = re.compile(
    r"(?<=\w), (?:and |but |so )?(?=(?:the|my|our|[A-Z]\w+)(?:'\w+)? (?:[^\W_]+ ){0,3}?"
    r"(?:is|are|was|were|will|has|have|now)\b)"
)
"""Where a sentence begins that a clause about somebody unnamed leads up to: "They moved him, Anton is in 4c now"."""


@lru_cache(maxsize=20_000)
def read(text: str) -> Statement | None:
    """Read one sentence; None where it states nothing, or too much to be told again."""
    said = " ".join(text.replace("\u2019", "'").split())
    head = _CORRECTS.match(said)
    corrects = head is not None and not _WEAK.match(head[0])
    rest = (said[head.end() :] if head is not None else said).strip()
    rest = _PLAIN_HEAD.sub("", rest, count=1) if _PLAIN_HEAD.match(rest) else rest
    rest = (_NOT_THAT.sub("", rest) if corrects else rest).strip(" ,;:-")
    if len(said) > LONGEST or said.rstrip("\"'").endswith("?") or _ASKS.match(rest) or _HEDGED.search(rest):
        return None
    if not _WORD.search(rest):
        return (
            Statement(
                said, "", None, 0, _NONE, _NONE, _NONE, _NONE, _NONE, _NONE, mine=False, corrects=True, retracts=True
            )
            if corrects
            else None
        )
    weak = head is not None and not corrects
    subject = _subject(rest)
    words = _WORD.findall(subject)
    first = words[0].lower() if words else ""
    pronoun = first if first in _PERSON_PRONOUNS | _THING_PRONOUNS else ""
    own = stems_of(rest)
    people = people_of(rest)
    together = bool(_AND_I.search(subject))
    return Statement(
        text=rest, id="", at=None, order=0,
        stems=own | implied(rest), own=own, people=people,
        about=_NONE if together else _about(subject, people), head=stems_of(subject), owners=_owners(rest),
        mine=first in _MINE or together, pronoun=pronoun,
        corrects=corrects or (weak and (bool(_NOW.search(rest)) or len(rest.split()) <= 5)), subject=subject,
    )  # fmt: skip


@lru_cache(maxsize=20_000)
def stems_of(text: str) -> frozenset[str]:
    """Return the stems of the telling words of a text, set phrases taken for the word that they stand for."""
    words = [each.lower().removesuffix("'s").removesuffix("'") for each in _WORD.findall(expressed(text))]
    return frozenset(
        kin().get(stem(word), stem(word)) for word in words if word.split("'")[0] not in STOP_WORDS or word == "may"
    )


@lru_cache(maxsize=20_000)
def people_of(text: str) -> frozenset[str]:
    """Return the relatives and the names in a text, as stems; the first word is a name only where it must be one."""
    found: set[str] = set()
    said = expressed(text)
    for match in _WORD.finditer(said):
        word = match[0]
        lower = word.lower().removesuffix("'s")
        relative = kin().get(stem(lower))
        if relative is not None:
            found.add(relative)
        elif (
            word[0].isupper()
            and not (word.isupper() and len(word) > 1)
            and word.lower() not in _NOT_NAMES
            and lower not in _NOT_NAMES
            and lower not in STOP_WORDS
        ):
            opening = match.start() == 0 or said[: match.start()].rstrip().endswith((".", ":", "!"))
            if not opening or word.endswith("'s") or _names_somebody(said[match.end() :]):
                found.add(stem(lower))
    return frozenset(found)


def _about(subject: str, people: frozenset[str]) -> frozenset[str]:
    plain = _TO_A_PLACE.sub("", subject)
    return people_of(plain) | (people & stems_of(plain))


def _owners(text: str) -> frozenset[str]:
    """Return the people whose something is spoken of; not those at whose place something is."""
    found: set[str] = set()
    for match in re.finditer(
        r"(?P<before>\b(?:at|to|from|by|with) (?:my |our |the )?)?(?P<who>[^\W_]+)(?:'s|s') [a-z]", expressed(text)
    ):
        if not match["before"]:
            who = match["who"].lower()
            found |= people_of(f"x {match['who']}") | ({kin()[stem(who)]} if stem(who) in kin() else set())
    return frozenset(found)


def _names_somebody(rest: str) -> bool:
    following = _WORD.findall(rest)[:1]
    if not following:
        return False
    word = following[0].lower()
    return word in _VERBS or word in BASE or (word.endswith("ed") and len(word) > 4)


def _subject(text: str) -> str:
    """Return the words before the first verb, at most seven; without what is set before them by a comma."""
    lead = re.match(
        r"(?:in|on|at|last|next|this|since|after|before|every|for|when|during|from)\b[^,]{0,40},\s*",
        text,
        re.IGNORECASE,
    )
    rest = text[lead.end() :] if lead else text
    kept: list[tuple[str, int]] = []
    named = False
    for match in list(_JOINED.finditer(rest))[:7]:
        word = match[0].lower().replace("-", "")
        if kept and (
            word in _VERBS
            or (word in BASE and kept[-1][0] not in ("my", "our", "the"))
            or (word.endswith(("ed", "es")) and len(word) > 4 and kept[-1][0] not in ("my", "our", "the"))
        ):
            break
        if len(kept) > 1 and word.endswith("s") and not word.endswith("ss") and _AFTER_VERB.match(rest[match.end() :]):
            break
        if kept and named and word == match[0] and not match[0].endswith("'s"):
            break
        named = not match[0].endswith("'s") and (
            stem(word) in kin() or (match[0][0].isupper() and word not in _OPENERS)
        )
        kept.append((word, match.end()))
        if word in _MINE or word in _PERSON_PRONOUNS - {"his", "her", "their"} or word in _THING_PRONOUNS - {"its"}:
            break
    return rest[: kept[-1][1]] if kept else ""


def in_context(statement: Statement, before: Sequence[Statement]) -> Statement:
    """Give a statement about "she", or a correction, the one before that it goes on from; `before` is oldest first."""
    if statement.pronoun or statement.corrects:
        found = _antecedent(statement, before)
        if found is not None:
            return replace(statement, antecedent=found)
    return statement


def _antecedent(statement: Statement, before: Sequence[Statement]) -> Statement | None:
    recent = [each for each in before[-12:] if not each.retracts]
    if not recent:
        return None
    fitting = [each for each in recent if _fits(statement, each)]
    if statement.corrects:
        # What is corrected says something of the same thing: the same verb, or the same subject.
        telling = statement.own - statement.head
        sharing = [
            each for each in fitting if telling & each.own or (statement.head & each.own and not statement.pronoun)
        ]
        if sharing:
            return sharing[-1].antecedent if sharing[-1].pronoun and sharing[-1].antecedent else sharing[-1]
        own = [each for each in fitting if not each.pronoun]
        return own[-1] if statement.pronoun and own else None
    last = recent[-1]
    if not _fits(statement, last):
        return None
    return last.antecedent if last.pronoun == statement.pronoun and last.antecedent is not None else last


def _fits(statement: Statement, before: Statement) -> bool:
    word = re.split(r"'", statement.pronoun)[0]
    about = before.about or (before.people if before.mine else frozenset())
    if before.pronoun and before.antecedent is not None:
        about = about | before.antecedent.about
    if word in ("she", "her"):
        return bool(before.about or before.people or not before.mine) and not (about & _MALE and not about & _FEMALE)
    if word in ("he", "his"):
        return bool(before.about or before.people or not before.mine) and not (about & _FEMALE and not about & _MALE)
    if word in ("it", "its", "that", "this"):
        return not before.about or before.mine or bool(before.head - before.about)
    return True
