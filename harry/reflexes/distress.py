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

_DEED = (
    r"(?:die|dead|dying|be dead|kill(?:ing)? myself|end(?:ing)? (?:it all|my life|it)|hurt(?:ing)? myself"
    r"|harm(?:ing)? myself|cut(?:ting)? myself|tak(?:e|ing) my (?:own )?life"
    r"|not (?:be|wake up|exist)(?: any ?more| alive| here)?)"
)
_SAYS = re.compile(
    r"\b(?:i(?:'m| am)? (?:(?:just|really|only|still) )?"
    r"(?:want|wanna|wish|would like|going|gonna|plan(?:ning)?|thinking(?: about| of)|feel like|might|will)"
    rf"(?: to| i (?:was|were))? {_DEED}"
    r"|i(?:'d| would)? (?:don't|do not|didn't) want to (?:live|be alive|wake up|be here|exist)\b"
    r"|(?:no|any) (?:reason|point) (?:to|in) (?:live|living)"
    r"|(?:everyone|they|everybody|the world)(?:'d| would|'s| is)? (?:be )?better off without me"
    r"|i(?:'m| am| feel) suicidal|i (?:can't|cannot) go on (?:like this|any ?more|living)"
    r"|i (?:tried to|almost|nearly) kill(?:ed)? myself)",
    re.IGNORECASE,
)
_NOT_MEANT = re.compile(
    r"\b(?:die|dying|dead|kill(?:ing)? myself) "
    r"(?:of|from|for|laughing|with|over|in (?:the|this|that) (?:game|level))\b"
    r"|\b(?:game|level|character|novel|film|movie|song|lyrics?|quote|joke|laugh\w*|embarrass\w*|boredom|bored)\b"
    r"|\b(?:he|she|they|who) (?:said|says|sang|sings|wrote)\b",
    re.IGNORECASE,
)


def is_distress(text: str) -> bool:
    """Whether somebody says of himself that he wants to die or to hurt himself."""
    said = text.replace("\u2019", "'")
    return bool(_SAYS.search(said)) and not _NOT_MEANT.search(said)
