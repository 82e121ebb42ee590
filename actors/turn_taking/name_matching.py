"""Was Harry called: a name in a transcript, by sound rather than by letters, and only where one calls somebody.

Speech to text spells a name as it likes ("Hairy", "Hari"). The key of a word is its consonants by sound, and whether it
begins or ends with a vowel; a word with the name's key is taken for it where somebody who calls would put it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher

from actors.text.phrases import Phrases, Token, tokenize

_SHORTEST = 4
"""Letters a name must have for another spelling to count."""

_LIKE = 0.6
"""How alike its letters must be as well, from 0 to 1."""

_SOUNDS = (
    (re.compile(r"[^a-z]"), ""),
    (re.compile(r"^(?:kn|gn|pn)"), "n"),
    (re.compile(r"^wr"), "r"),
    (re.compile(r"^ps"), "s"),
    (re.compile(r"ph"), "f"),
    (re.compile(r"sch|sh|tch|ch(?![rl])|j|dg"), "j"),
    (re.compile(r"th"), "t"),
    (re.compile(r"ch|ck|qu|q|x"), "k"),
    (re.compile(r"c(?=[eiy])|z"), "s"),
    (re.compile(r"c"), "k"),
    (re.compile(r"gh(?=[^aeiouy]|$)"), ""),
    (re.compile(r"(?<=[a-z])e$"), ""),
    (re.compile(r"(?<=[aeiouy])[hw]"), ""),
    (re.compile(r"v"), "f"),
    (re.compile(r"[aeiouy]+"), "a"),
    (re.compile(r"(.)\1+"), r"\1"),
    (re.compile(r"(?<=.)a(?=.)"), ""),
)


def encode_sound(word: str) -> str:
    """How a word sounds, roughly: "harry", "hairy" and "hari" are alike; "harvey", "henry", "larry", "her" are not."""
    sounds = re.sub(r"ie$", "y", word.casefold().removesuffix("'s"))
    for pattern, sound in _SOUNDS:
        sounds = pattern.sub(sound, sounds)
    return sounds


def is_addressed(text: str, names: Sequence[str], phrases: Phrases) -> bool:
    """Return whether somebody calls one of `names` in these words.

    1. A name counts as the first word, or after words of greeting ("hey Harry", "well, Harry").
    2. It counts as the last word after a mark, a greeting, or a word that takes no name ("what time is it, Harry?").
    3. Between two marks it counts when it is spelled exactly ("tell me, Harry, what time is it").
    4. As the first word it does not count where it is talked about: "Harry is late", "Harry and Sally".
    5. Another spelling counts if it sounds alike, the name has `_SHORTEST` letters, and a greeting or a mark stands
       next to it ("Hairy, what time is it"). Words in `Phrases.no_names` ("hurry") are never another spelling.
    """
    said = tokenize(text)
    return any(_is_addressed_by(text, said, [token.word for token in tokenize(name)], phrases) for name in names)


def _is_addressed_by(text: str, said: list[Token], name: list[str], phrases: Phrases) -> bool:
    size = len(name)
    for at in range(len(said) - size + 1 if size else 0):
        part = [token.word for token in said[at : at + size]]
        if not all(_alike(one, other, phrases) for one, other in zip(part, name, strict=True)):
            continue
        exact = part == name
        last = at + size == len(said)
        word_before = said[at - 1].word if at else ""
        greeted = (word_before,) in phrases.greetings
        before = at > 0 and _marked(text, said[at - 1], said[at])
        after = last or _marked(text, said[at + size - 1], said[at + size])
        if _greeting_until(said, at, phrases):
            found = exact and (after or said[at + size].word not in phrases.about)
            found = found or greeted or before or (after and not last)
        elif last:
            found = before or (exact and (greeted or word_before in phrases.before_name))
        else:
            found = exact and before and after
        if found:
            return True
    return False


def _alike(heard: str, name: str, phrases: Phrases) -> bool:
    if heard == name:
        return True
    if (
        heard in phrases.no_names
        or len(name) < _SHORTEST
        or len(encode_sound(name)) < 2
        or encode_sound(heard) != encode_sound(name)
    ):
        return False
    return SequenceMatcher(None, heard, name, autojunk=False).ratio() >= _LIKE


def _marked(text: str, one: Token, other: Token) -> bool:
    return bool(text[one.end : other.start].strip())


def _greeting_until(said: list[Token], at: int, phrases: Phrases) -> bool:
    """Return whether nothing but greetings stands before place `at`."""
    place = 0
    while place < at:
        for length in range(min(3, at - place), 0, -1):
            if tuple(token.word for token in said[place : place + length]) in phrases.greetings:
                place += length
                break
        else:
            return False
    return True
