"""Words spelled letter by letter: "how do you spell rhythm". Pure."""

from __future__ import annotations

import re

LONGEST = 40
"""Letters of what is spelled at most."""

_ASKED = re.compile(
    r"(?:(?:how|which way)(?: exactly)? (?:do|does|would|should|can|is|are|to|did) ?(?:you|one|we|i"
    r"|people)? ?(?:correctly "
    r"|properly |actually )?(?:spell|write(?= (?:the )?(?:word|name)))(?: the)?(?: word| name)?s? (?P<a>.+?)"
    r"|how(?: exactly)?(?: is| are|'s)(?: the)?(?: word| name)? (?P<b>.+?) (?:spelled|spelt|written)"
    r"|spell (?:that|this|it)(?: for me)?[:,] (?P<f>.+?)"
    r"|spell(?: me)?(?: out)?(?: for me)?(?: the)?(?: word| name)?:? (?P<c>.+?)(?: for (?:me|us))?(?:,?"
    r" (?:letter by letter|aloud|out loud|out))?"
    r"|(?:(?:what's|what is|give me|tell me) )?(?:the )?(?:correct |right |proper )?spelling(?: of| for"
    r"|:)?(?: the)?(?: word"
    r"| name)? (?P<d>.+?)"
    r"|(?:(?:tell|show) (?:me|us) |(?:i|we) (?:don't|do not|never) know )?how (?:to|do you|you|i should|i)"
    r" (?:spell|write(?= (?:the )?(?:word|name)))(?: the)?(?: word| name)? (?P<e>.+?)"
    r"|(?:tell me )?how (?:the (?:word|name) )?(?P<g>.+?) is (?:spelled|spelt|written))(?: correctly"
    r"| properly)?[\s?!.]*",
    re.IGNORECASE,
)
_POINTING = frozenset((
    "that", "it", "this", "my", "your", "his", "her", "their", "them", "trouble", "out", "things", "words", "so",
    "well", "check", "a", "an", "to", "the", "test", "tests", "me", "is", "was",
))  # fmt: skip


def answer(text: str) -> str | None:
    """Return the letters of the word that the words ask for; None where they ask for none."""
    found = _ASKED.fullmatch(text.strip())
    if found is None:
        return None
    word = next(found[letter] for letter in "fabcdeg" if found[letter]).strip(" ,.!?'\"")
    words = word.split()
    if not words or len(words) > 3 or len(word) > LONGEST or words[0].lower() in _POINTING:
        return None
    if not all(re.fullmatch(r"[^\W\d_]+(?:['\u2019-][^\W\d_]+)*", spelt) for spelt in words):
        return None
    return f"{word[0].upper()}{word[1:]}: {'; '.join(map(_letters, words))}."


def _letters(word: str) -> str:
    marks = {"'": "apostrophe", "\u2019": "apostrophe", "-": "hyphen"}
    return ", ".join(marks.get(letter, letter.upper()) for letter in word)
