"""A question about what somebody told: what kind of answer it asks for, and which words an answer has to meet.

Every word that tells something must be met by a statement, by itself or by what means the same, or be answered by a
value of the kind that is asked for: a place for "where", a name for "who", an instrument for "which instrument".
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from harry.memory.longterm.everyday_phrases import expressed
from harry.memory.longterm.statements import people_of
from harry.memory.text.analysis import STOP_WORDS, stem
from harry.memory.text.everyday_words import headed, kin, kinds, met_by, stem_set

_TURNED_NOT = re.compile(
    r"\b(?P<verb>can|do|does|did|should|could|will|would|may|must|is|are|was|were|have|has)n't "
    r"(?P<who>i|we|he|she|it|they|I|(?:my|our|his|her|the) [^\W_]+|[A-Z][^\W_]+)\b"
)
_IN_MY_FAMILY = re.compile(r"\b(?:(?:in|of) (?:my|our|the) family|(?:do|did|have) (?:i|we) know)\b", re.IGNORECASE)
_HELPING = frozenset(map(stem, (
    "must", "never", "shouldn't", "should", "doesn't", "don't", "didn't", "mustn't", "isn't", "aren't", "won't",
    "wasn't", "wouldn't", "can't", "cannot", "couldn't", "haven't", "hasn't",
)))  # fmt: skip
_PREPOSITION = r"(?:in|on|at|to|from|by|for|with|about|under|of|since|until) "
_BEGINS = re.compile(
    rf"(?:{_PREPOSITION})?(?P<word>how many|how much|how old|how big|how tall|how long|how far"
    rf"|how often|how heavy|how late|what time|what|which|who|whom|whose|when|where"
    rf"|whereabouts|how)\b\s*(?P<rest>.*)",
    re.IGNORECASE | re.DOTALL,
)
_NOT_TOLD = re.compile(
    r"\b(?:you|your|yourself)\b|^(?:what|which|where|how|who|when)(?: \w+){0,2} (?:should|could|can"
    r"|shall|would|might) (?:i|we)\b"
    r"|^how long (?:do|can|must|may)\b|\bthe best (?!friend)|\b(?:timers?|reminders?|(?:shopping"
    r"|grocery|packing|to-?do) lists?|my alarm)\b"
    r"|^what (?:if|about|else)\b|^how (?:do|can|should|could|did|does|would|about|come|is|are|was)\b",
    re.IGNORECASE,
)
_ASKS_HIM = re.compile(r"\b(?:you|your|yours|yourself|you're)\b", re.IGNORECASE)
_FIND = re.compile(
    r"\b(?:(?:would|can|could|will|do|did|should) (?:i|we) (?:find|look for)|(?:would|can|could) (?:i|we) get)\b",
    re.IGNORECASE,
)
_DID_I_SAY = re.compile(
    r"\b(?:did|have|had) i (?:say|tell|told|mention|mentioned)(?: to)?(?: you)?(?: that| about)?\b"
    r"|\bdo you (?:know|remember|think)\b|\bagain\b",
    re.IGNORECASE,
)
_MAKES_ME = re.compile(r"\b(?:makes?|made) (me|us|him|her|them|my [^\W_]+)(?= [^\W_]+)", re.IGNORECASE)
"""What makes somebody shudder makes nothing."""

_IS = re.compile(r"\b(what|who|where|when|which|how)'s\b", re.IGNORECASE)
_AND_I = re.compile(
    r"\bmy (?:partner|husband|wife|girlfriend|boyfriend|fianc\u00e9e?|spouse) and I\b|\b[A-Z]\w+ and I\b"
    r"|\bI and [A-Z]\w+\b|\bme and [A-Z]\w+\b"
)
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")

_LIGHT = stem_set("light")
"""Words of a question that ask for nothing of their own, where the kind of answer does not depend on them."""

_NOUN_KINDS = {noun: kind for kind, nouns in headed("noun_kinds") for noun in nouns}
"""For the noun that is asked for, the kind of answer."""

_FREE_NOUNS = stem_set("free_nouns")
"""Nouns that a value of their kind answers, without being said."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question. `kind` is that of its answer; `noun` the stem of what is asked for, "" where only a word asks.

    `needs` are the stems that must be met, `people` those among them that are relatives or names; `frame` is where a
    thing or a person is asked for that simply "is" somewhere; `mine` says that it is about the one who asks.
    """

    text: str
    kind: str
    noun: str
    needs: frozenset[str]
    people: frozenset[str]
    mine: bool
    lives: bool
    words: tuple[str, ...]


_EXCLAIMS = re.compile(
    r"(?:what an? (?!\S+ (?:is|are|was|does|do|did)\b)|how (?:nice|lovely|sad|kind|awful) )", re.IGNORECASE
)
"""How people exclaim: "what a time we had"."""


def read_question(text: str) -> Asked | None:
    """Read a question that asks for something by a word such as "who"; None for any other words."""
    said = " ".join(text.replace("\u2019", "'").split()).strip(" .!?,\"'\u201c\u201d")
    said = _IN_MY_FAMILY.sub(" ", _TURNED_NOT.sub(r"\g<who> \g<verb>n't", said))
    said = re.sub(r"^how (?=(?:does|do|did) .*\bliving$)", "what ", said, flags=re.IGNORECASE)
    said = _IS.sub(r"\1 is", _DID_I_SAY.sub(" ", said))
    said = _MAKES_ME.sub(r"\1", said)
    begins = _BEGINS.match(said.strip())
    if begins is None or len(said) > 200 or _ASKS_HIM.search(said) or _EXCLAIMS.match(said):
        return None
    together = bool(_AND_I.search(said))
    whole = _AND_I.sub("we", said)
    asking = begins["word"].lower()
    rest = whole[begins.start("rest") :] if not together else _AND_I.sub("we", begins["rest"])
    rest = _FIND.sub("is", rest)
    people = people_of("x " + rest)
    plain = expressed(rest)
    plain = re.sub(r"\bUS\b", "USA", plain)
    words = [each.lower().removesuffix("'s").removesuffix("'") for each in _WORD.findall(plain)]
    mine = together or bool({"i", "my", "we", "our", "me", "us", "mine", "ours", "i'm", "we're", "i've"} & set(words))
    telling = [kin().get(stem(word), stem(word)) for word in words if word.split("'")[0] not in STOP_WORDS]
    noun = _noun(asking, words)
    kind = _kind(asking, noun, telling, words)
    needs = set(telling) - _LIGHT - _HELPING
    if kind == "money":
        needs.discard(stem("money"))
    if kind not in ("thing", "who") or noun in _FREE_NOUNS:
        needs.discard(noun)
    if "name" in words and kind == "name":
        noun = ""
    needs |= {each for each in people if each in telling}
    if noun and noun not in _FREE_NOUNS and noun not in _LIGHT:
        needs.add(noun)
    if asking == "how old":
        needs.discard(stem("old"))
    if asking == "what" and not noun and not needs - people and {"do", "does", "did"} & set(words):
        needs.add("job")
    if asking == "whose":
        needs -= {stem(each) for each in ("home", "house", "place", "flat")}
    if words and words[-1] == "from" and kind in ("where", "city"):
        needs.add("origin")
    lives = kind in ("where", "city", "street") and not (needs - people - {stem("live")})
    return Asked(said, kind, noun, frozenset(needs), people, mine, lives, tuple(words))


def _noun(asking: str, words: list[str]) -> str:  # noqa: PLR0911  (a table of conditions)
    """Return the stem of the noun that is asked for: "herb" of "which herb", "colour" of "what is the colour of"."""
    if asking not in ("what", "which", "whose"):
        return ""
    found = words
    if found and found[0] in ("kind", "sort", "type", "make", "brand") and len(found) > 2 and found[1] == "of":
        return _base(found[2:3])
    if found and found[0] in ("is", "are", "was", "were", "s"):
        tail = [each for each in found[1:] if each not in ("the", "a", "an", "of", "my", "our", "me")]
        for each in tail:
            if each in _NOUN_KINDS or stem(each) in kinds():
                return _base([each])
        return ""
    if (
        asking == "what"
        and found
        and found[0]
        in ("do", "does", "did", "can't", "can", "should", "will", "would", "has", "have", "had", "am", "must", "was")
    ):
        return ""
    if len(found) > 1 and found[1] not in STOP_WORDS and not (found[0] in _NOUN_KINDS or stem(found[0]) in kinds()):
        compound = found[1]
        if compound in _NOUN_KINDS or stem(compound) in kinds():
            return _base([compound])
    if found and found[0] == "part" and "body" in found[:4]:
        return stem("part")
    return _base(found[:1])


def _base(words: list[str]) -> str:
    return stem(words[0]) if words and words[0] not in STOP_WORDS else ""


def _kind(asking: str, noun: str, telling: list[str], words: list[str]) -> str:
    by_word = {
        "who": "who", "whom": "who", "whose": "who", "when": "when", "where": "where", "whereabouts": "where",
        "how many": "number", "how much": "money", "how old": "age", "how big": "size",
        "how": "how", "how tall": "size", "how heavy": "size",
        "how long": "number", "how far": "number", "how often": "often", "what time": "clock", "how late": "clock",
    }  # fmt: skip
    if asking in by_word:
        return by_word[asking]
    nouns = {stem(each): kind for each, kind in _NOUN_KINDS.items()}
    if words[:1] and words[0] in ("is", "are", "was", "were") and "name" in words:
        rest = [each for each in telling if each in kinds() or each == stem("medicine")]
        return "thing" if rest else "name"
    if (
        words[:1]
        and words[0] in ("is", "are", "was", "did", "do")
        and ({"called", "named"} & set(words) or words[-1:] == ["call"])
    ):
        return "name"
    if noun in nouns:
        return nouns[noun]
    if noun in kinds():
        return noun
    return "thing"


def is_about_what_was_told(text: str) -> bool:
    """Whether a question can be about what somebody told, and does not ask for advice or for the one who is asked."""
    said = " ".join(_DID_I_SAY.sub(" ", text.replace("\u2019", "'")).split())
    return not _NOT_TOLD.search(said)


def known(word: str) -> bool:
    """Whether the tables know a stem, so that nothing else may stand for it."""
    return (
        word in met_by() or word in kin().values() or word in kinds() or any(word in each for each in kinds().values())
    )
