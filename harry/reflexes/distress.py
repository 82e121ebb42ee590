"""Words with which somebody says that he wants to die or to hurt himself, and the sentence that answers them. Pure.

Where no capable language model is, they must not meet a refusal. The answer is fixed and careful: it diagnoses nothing,
promises nothing, and names no number that is not known to hold where the person lives.
"""

from __future__ import annotations

import re

REPLY = (
    "I'm glad you told me. That sounds very hard, and you should not be alone with it. I am a program, and can't help "
    "as a person can. Please talk to somebody you trust now, or call your local emergency number or a crisis line."
)

_SELF = r"(?:my ?self|meself)"
_DEED = (
    rf"(?:die|be dead|dead|dying|kill(?:ing)? {_SELF}|end(?:ing)? (?:it all|my life|it)(?! (?:with|to|by|at|on|in)\b)"
    rf"|hurt(?:ing)? {_SELF}|harm(?:ing)? {_SELF}|cut(?:ting)? {_SELF}(?! (?:some|a|an|the|off|short|out|in)\b)"
    r"|tak(?:e|ing) my (?:own )?life|not (?:be|wake up|exist)(?: any ?more| alive| here)?)"
)
_NOT_ANY_MORE = r"(?: any ?more| again| at all| any longer)?\s*(?:$|[.!,;]|and\b|because\b|without\b)"
_SAYS = re.compile(
    r"\b(?:i(?:'?m| am)? (?:(?:just|really|only|still|so|always|often) )*"
    r"(?:want|wanna|wish|would like|going|gonna|plan(?:ning)?|thinking(?: about| of)|feel like|might)"
    rf"(?: to| i (?:was|were))? {_DEED}"
    # With these words nothing else can be meant, whatever stands between.
    rf"|i\b(?:(?!\b(?:he|she|they|not|never|you|don'?t|won'?t|wouldn'?t)\b)[^.!?\n]){{0,40}}?"
    rf"\b(?:kill(?:ing|ed)? {_SELF}|suicide|tak(?:e|ing) my own life)\b"
    rf"|i(?:'?d| would)? (?:don'?t|do not|didn'?t) (?:really )?want to "
    rf"(?:live|be alive|wake up|be here|exist){_NOT_ANY_MORE}"
    r"|i(?:'?d| would) rather be dead|i(?:'ve| have)? (?:took|taken) all (?:of )?(?:my|the) pills"
    r"|(?:no|any) (?:reason|point) (?:to|in) (?:live|living)"
    r"|(?:everyone|they|everybody|the world)(?:'?d| would|'?s| is)? (?:be )?better off without me"
    r"|i(?:'?m| am| feel) suicidal|i (?:can'?t|cannot) go on (?:like this|any ?more|living))",
    re.IGNORECASE,
)
_NOT_MEANT = re.compile(
    r"\b(?:die|dying|dead|my ?self) (?:of|from|for|laughing|with|over|in (?:the|this|that) (?:game|level))\b"
    r"|\b(?:game|level|character|novel|film|movie|song|lyrics?|makes? me want to die)\b",
    re.IGNORECASE,
)
_REPORTED = re.compile(r"\b(?:he|she|they|who|somebody|someone) (?:said|says|sang|sings|wrote)\b", re.IGNORECASE)
_SENTENCE = re.compile(r"[^.!?\n]+")

LONGEST = 2000
"""Characters that are looked through."""


def is_distress(text: str) -> bool:
    """Whether somebody says of himself that he wants to die or to hurt himself."""
    said = text[:LONGEST].replace("\u2019", "'")
    return any(_is_said_of_oneself(each) for each in _SENTENCE.findall(said))


def _is_said_of_oneself(sentence: str) -> bool:
    found = _SAYS.search(sentence)
    return found is not None and not _NOT_MEANT.search(sentence) and not _REPORTED.search(sentence[: found.start()])
