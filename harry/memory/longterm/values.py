"""Whether a sentence holds an answer of the kind that is asked for: a time, a place, a name, a number, a colour."""

from __future__ import annotations

import re
from collections.abc import Sequence

from harry.memory.longterm.everyday_phrases import NUMBER as _NUMBER
from harry.memory.longterm.everyday_phrases import expressed, implied
from harry.memory.longterm.statements import Statement, people_of, stems_of
from harry.memory.text.analysis import STOP_WORDS, stem
from harry.memory.text.everyday_words import kinds, stem_set

_MONTH = r"(?:january|february|march|april|(?<!\bI )\bmay|june|july|august|september|october|november|december)"
_DAY = r"(?:mon|tues|wednes|thurs|fri|satur|sun)days?"
_ORDINAL = (
    r"(?:\d+(?:st|nd|rd|th)|(?:twenty|thirty)[- ](?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth)"
    r"|first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|\w+teenth|eleventh|twelfth|twentieth|thirtieth)"
)
_CLOCK = (
    rf"(?:\b(?:at|from|until|till|by|around|about|before|after) (?:half past |quarter (?:past"
    rf"|to) )?{_NUMBER}\b|\bnoon\b|\bmidday\b|\bmidnight\b|half past|quarter (?:past|to)|o'?clock"
    rf"|\d ?[ap]\.?m\b|\d:\d\d)"
)
_SEASON = r"(?:spring|summer|autumn|winter|christmas|easter|new year|halloween|whitsun|ramadan|eve)"
_AROUND = (
    rf"(?:\b{_DAY}\b|\b{_MONTH}\b|\b(?:in|since) (?:19|20)\d\d\b|\b(?:tomorrow|today|tonight|yesterday"
    rf"|weekend|weekly|daily)\b|\b(?:next|last|this|every|each) (?:\w+ )?(?:week|month|year|morning"
    rf"|evening|night|afternoon|{_SEASON}|{_DAY})|\b(?:in|at|over|before|after|during"
    rf"|for) (?:the )?{_SEASON}\b|\b(?:ago|in an? (?:week|month|year|hour)|in {_NUMBER} (?:days|weeks"
    rf"|months|years|hours)))"
)
_DATE = rf"(?:\b{_MONTH}\b|\b{_ORDINAL} of\b|\bthe {_ORDINAL}\b|\b\d{{1,2}}\.\d{{1,2}}\.|\b\d{{1,2}}/\d{{1,2}}\b)"
_PLACE = re.compile(
    r"\b(?:in|on|at|under|underneath|behind|above|below|near|inside|beside|beneath|over|next to|round"
    r"|around|opposite|outside|between|to(?= (?:[A-Z]|the|a|an|my|our|his|her|their)\b)"
    r"|from|into|onto|(?<=\bis )with|(?<=\bare )with|by(?= (?:the|my|our|his|her|their)\b)|off)"
    r" (?:the |a |an |my |our |his |her |their )?(?:\w+ ){0,2}?(?P<noun>[\w'-]+)",
    re.IGNORECASE,
)
_ABROAD = re.compile(r"\b(?:abroad|upstairs|downstairs|outside|next door|overseas|at home)\b", re.IGNORECASE)
_IN_TOWN = re.compile(
    r"\b(?:in|to|from|at|near|outside|around|for|is|called) (?:the )?(?P<name>[A-Z](?![\w]*\d)[\w\u00c0-\u017f'-]+)"
)
_ALL = "|"
_WHEN = re.compile(f"{_CLOCK}|{_AROUND}|{_DATE}", re.IGNORECASE)
_PATTERNS = {
    "when": _WHEN,
    "clock": re.compile(_CLOCK, re.IGNORECASE),
    "date": re.compile(_DATE, re.IGNORECASE),
    "day": re.compile(rf"\b{_DAY}\b|\bweekend\b|\btomorrow\b|\btoday\b|{_DATE}", re.IGNORECASE),
    "month": re.compile(rf"\b{_MONTH}\b", re.IGNORECASE),
    "year": re.compile(r"\b(?:1[89]|20)\d\d\b|\bnineteen \w+|\btwenty \w+\b|\btwo thousand\b", re.IGNORECASE),
    "number": re.compile(rf"\b{_NUMBER}\b|\b(?:twins|triplets|dozen|pair|couple|half|both|single)\b", re.IGNORECASE),
    "age": re.compile(rf"\b(?:turn(?:s|ed|ing)?|is|are|am|'m|'s|aged?|was|be|'ll be) (?:\w+ )?{_NUMBER}\b(?! (?:o'clock"
rf"|euros|pounds|dollars|miles|kilo|times|minutes|hours|days|weeks))|\b{_NUMBER}[- ]years?[- ]old"
rf"|\b{_ORDINAL} birthday", re.IGNORECASE),
    "money": re.compile(rf"[\u20ac$\u00a3]\s?\d|\b{_NUMBER} (?:\w+ )?(?:euros?|pounds?|dollars?|francs?|cents?|pence"
        rf"|quid"
rf"|bucks|crowns?|kroner|grams?|kilos?|lit(?:re|er)s?|milligrams?|cups?|spoons?|teaspoons?"
rf"|tablespoons?)\b", re.IGNORECASE),
    "size": re.compile(rf"\b{_NUMBER}\b|\b(?:small|medium|large|extra large|XL|XXL|tall|short)\b", re.IGNORECASE),
    "code": re.compile(rf"\d|\b{_NUMBER}\b|\b{_ORDINAL}\b", re.IGNORECASE),
    "often": re.compile(
        rf"\b(?:every|each|once|twice|daily|weekly|monthly|never|always|{_NUMBER} times)\b", re.IGNORECASE
    ),
    "street": re.compile(r"\b[A-Z]\w*(?:stra(?:ss|\u00df)e|gasse|weg|platz)\b"
r"|\b[A-Z]\w+ (?:Street|Road|Avenue|Lane|Square|Way"
r"|Drive|Close|Terrace|Alley)\b", 0),
}  # fmt: skip
_BY = re.compile(r"\b(?:in|on|at|from|with|by|for|to|near) (?:the )?[A-Z][\w-]+")
_NAME = re.compile(r"(?<=[\w,] )(?!I\b)[A-Z](?![\w-]*\d)[\w-]+")
_WORKS = re.compile(r"\b(?:works?|worked|working|job) (?:as|for|at|in|on)\b", re.IGNORECASE)
_SPOKEN = re.compile(r"\b(?:speaks?|spoke|speaking|learn\w*|stud(?:y|ies|ying)|fluent in) ([A-Z]\w+)")
_LEVEL = re.compile(r"\b(?:level|floor|row|bay|deck|platform|gate|number|box|shelf|drawer|room)\b", re.IGNORECASE)
_ROLES = stem_set("roles")
_NAMED = re.compile(
    r"\b(?:called|named|name is|name's|(?:[Nn]am(?:e|ed|ing)|[Cc]all(?:ed|ing)?) (?:the|our|him|her|it|my)(?: \w+)?|is"
    r"|was|are)\s+(?:Mr\.? |Mrs\.? |Ms\.? |Dr\.? |Miss )?(?P<name>[A-Z][\w'-]+)"
)
_CALLED = re.compile(
    r"\b(?:(?:is|are|was|were|'s|'re) (?:called|named)|name is|name's|names are|name of [\w' ]{2,30} is)"
    r"(?: now| still)? (?:the |a )?(?!(?:off|out|up|in|back|for|on|me|us|him|her|it|so|very|too|on|to|by|at|not|no)\b)"
    r"(?P<name>[\w'-]+)",
    re.IGNORECASE,
)
"""A name in small letters, as many people type: only words that name leave no doubt."""

TIME_WORDS = stem_set("time_words")
_NO_VALUE = stem_set("no_value")


_SECRET = re.compile(
    r"\b(?:is|(?:password|passcode|passphrase)(?! is\b)) (?:now |called |still |just )?"
    r"(?!(?:on|in|under|at|behind|inside|with|by|from|written|kept|stuck|taped|hidden|lost|wrong|changed|saved|stored"
    r"|not|no|very|too|so|easy|hard|long|short|secret|safe|the same|something|known|about|different|new|old|there|here"
    r"|what|where|gone|due|going|being)\b(?= \w))"
    r"([\w'@#$%&*!.-]+)(?: [\w'@#$%&*!.-]+){0,5}\W*$",
    re.IGNORECASE,
)
"""A password at the end of a sentence, of one word or a few; where it is kept is none."""


def answers(  # noqa: C901, PLR0911  (a table of kinds)
    kind: str, noun: str, statement: Statement, asked: frozenset[str], *, only_people: bool = False
) -> bool:
    """Whether a statement holds a value of a kind that is none of the words asked with.

    `only_people`: nothing is asked about but people, so that "my sister Ada" tells a name.
    """
    text = statement.text
    fresh = statement.own - asked - _NO_VALUE
    if kind in _PATTERNS:
        pattern = _PATTERNS[kind]
        return any(not _said(match[0], asked) for match in pattern.finditer(text))
    if kind == "where":
        return bool(_ABROAD.search(text)) or _place(text, asked) or _town(text, asked)
    if kind == "city":
        return _town(text, asked)
    if kind == "who":
        found = people_of(text) | (stems_of(text) & _ROLES)
        return bool(found - asked)
    if kind == "name":
        return _name(statement, asked, only_people=only_people)
    if kind == "brand":
        if noun in (stem("make"), stem("brand"), stem("model")):
            text = _BY.sub(" ", text)
        return any(stem(each.lower()) not in asked | TIME_WORDS for each in _NAME.findall(text))
    if kind == "secret":
        return any(stem(each.lower()) not in asked for each in _SECRET.findall(text))
    if kind == "job":
        return (
            stem("job") in statement.stems
            and bool(fresh)
            and (stem("job") in implied(text) or bool(_WORKS.search(text)) or stem("job") in statement.own)
        )
    if kind == "language" and any(stem(each.lower()) not in asked for each in _SPOKEN.findall(text)):
        return True
    if kind in kinds():
        return bool(kinds()[kind] & fresh)
    return bool(fresh - statement.about - statement.head) or bool(fresh & statement.head and not statement.about)


def _said(value: str, asked: frozenset[str]) -> bool:
    """Whether a value is only what was asked with: June, when it is asked who comes in June."""
    words = [each for each in stems_of(value) if each not in _NO_VALUE]
    return bool(words) and all(each in asked for each in words)


def _place(text: str, asked: frozenset[str]) -> bool:
    for match in _PLACE.finditer(expressed(text)):
        phrase = stems_of(match[0])
        if (
            phrase
            and not phrase & TIME_WORDS
            and not _said(match[0], asked)
            and phrase - asked - _NO_VALUE
            and (not re.fullmatch(rf"{_NUMBER}|\w*\d\w*", match["noun"], re.IGNORECASE) or _LEVEL.search(match[0]))
        ):
            return True
    return False


def _town(text: str, asked: frozenset[str]) -> bool:
    return any(
        stem(match["name"].lower()) not in asked | TIME_WORDS and match["name"] != "I"
        for match in _IN_TOWN.finditer(text)
    )


def _name(statement: Statement, asked: frozenset[str], *, only_people: bool) -> bool:
    for match in (*_NAMED.finditer(statement.text), *_CALLED.finditer(statement.text)):
        name = match["name"].removesuffix("'s").lower()
        if stem(name) not in asked | TIME_WORDS and name not in STOP_WORDS:
            return True
    return only_people and bool(statement.about & asked) and bool(statement.about - asked)


def values_in(kind: str, text: str) -> list[str]:
    """Return what stands in a text of a kind that a pattern finds; [] for the kinds that have none."""
    pattern = _PATTERNS.get(kind)
    return [match[0] for match in pattern.finditer(text)] if pattern is not None else []


def replaced_by(few: Statement, before: Sequence[Statement]) -> Statement | None:
    """Find what a correction of few words corrects: the last statement with a value of its kind, or None."""
    if len(few.text.split()) > 5 or few.retracts:
        return None
    kinds_of = [kind for kind in ("day", "month", "clock", "code") if values_in(kind, few.text)][:1]
    for each in reversed(before[-8:]):
        if any(values_in(kind, each.text) for kind in kinds_of):
            return each
        if not kinds_of and any(few.own & of_kind and each.own & of_kind for of_kind in kinds().values()):
            return each
        if not kinds_of and _place(few.text, each.own) and _place(each.text, few.own):
            return each
        if not kinds_of and few.text[:1].isupper() and re.search(r"(?<=[\w,] )(?!I\b)[A-Z]\w+", each.text):
            return each
    return None


def fragment_answers(kind: str, noun: str, later: Statement, fact: Statement, asked: frozenset[str]) -> bool:
    """Whether a correction, be it of one word, holds what takes the place of a fact's value."""
    if not later.own - fact.own:
        return False
    if answers(kind, noun, later, asked | fact.own):
        return True
    few = len(later.text.split()) <= 3
    return few and kind in ("where", "city", "who", "name", "brand", "thing", "secret")
