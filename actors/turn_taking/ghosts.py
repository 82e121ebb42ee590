"""Did anybody say this: the words that an ear writes where somebody laughed, hummed, or nobody spoke at all.

1. Laughter: nothing but its syllables ("ha ha ha", "hehe").
2. A loop: one to four words three times over and nothing else ("panda panda panda"), twice if the ear is not sure. What
   people do repeat ("no, no, no", "please, please") is a loop from the fourth time on, and what must never be lost
   (figures, stop phrases, names, "help") is none.
3. A loop that the sentence ends in ("I do do do do"), and a figure many times in a row.
4. Words of which the ear is not sure; of many words, and of a question or a wish, it need be less sure.
5. Where one of them calls for help, somebody said them, whatever the ear makes of it.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from actors.text.phrases import Phrases, split_words
from actors.turn_taking.dictation import is_dictating

SURE = 0.5
"""Confidence, the mean probability of a token, of real words: hums lie below, half a second of speech above."""

HARDLY_SURE = 0.35
"""Confidence that is enough for many words, and for a question or a wish."""

_RATHER_SURE = 0.8
"""Confidence from which a word that was said twice was meant so."""
_MANY = 5
"""Words from which even a doubtful sentence is one."""
_LONGEST_UNIT = 4
_FIGURES = re.compile(r"(\d)\1{5,}")
_LAUGH = re.compile(r"(?:[bm]?wa?|a)?(?:h+[aeo]+)+h*")
_LAUGHS_ALONE = re.compile(r"(?:[bm]?wa?|a)?(?:h+[aeo]+){2,}h*|hah*|heh+|hah")
_BREATHS = frozenset({"ah", "oh", "a", "uh", "huh", "hm", "ooh"})


def is_ghost(text: str, confidence: float, phrases: Phrases, names: Collection[str] = ()) -> bool:
    """Return whether these words, the whole of an utterance, were probably never said."""
    said = split_words(text)
    if not said:
        return False
    if any((word,) in phrases.urgent for word in said):
        return False  # better an answer to a noise than none to somebody in need
    if _is_laughter(said) or _is_loop(said, confidence, phrases, names) or _ends_in_loop(said, confidence):
        return True
    enough = HARDLY_SURE if len(said) >= _MANY or phrases.is_directed(text) else SURE
    if is_dictating(text, phrases):
        return False  # of single letters no ear is sure
    return confidence < enough and phrases.find_stop(text, tuple(names)) is None


def _is_laughter(said: tuple[str, ...]) -> bool:
    if len(said) == 1:
        return _LAUGHS_ALONE.fullmatch(said[0]) is not None
    laughs = sum(_LAUGH.fullmatch(word) is not None for word in said)
    return laughs > 1 and all(_LAUGH.fullmatch(word) or word in _BREATHS for word in said)


def _is_loop(said: tuple[str, ...], confidence: float, phrases: Phrases, names: Collection[str]) -> bool:
    for size in range(1, min(_LONGEST_UNIT, len(said) // 2) + 1):
        unit, times = said[:size], len(said) / size
        if said != (unit * len(said))[: len(said)] or times < 2:
            continue
        if _must_be_heard(unit, phrases, names):
            return False
        if times < 3:
            return confidence < _RATHER_SURE
        return times >= 4 or unit not in phrases.repeated
    return False


def _ends_in_loop(said: tuple[str, ...], confidence: float) -> bool:
    """Return whether most of the words are one that is said on and on until the end; the last may be cut off."""
    if len(said) == 1:
        return _FIGURES.fullmatch(said[0]) is not None
    word = said[-2]
    run = 1 if word.startswith(said[-1]) else 0
    for other in reversed(said[:-1]):
        if other != word:
            break
        run += 1
    return confidence < _RATHER_SURE and run >= 3 and run > len(said) / 2 and not word.isdigit()


def _must_be_heard(unit: tuple[str, ...], phrases: Phrases, names: Collection[str]) -> bool:
    text = " ".join(unit)
    named = any(split_words(name) == unit for name in names)
    figures = all((word,) in phrases.endings["numbers"] or word.isdigit() for word in unit)
    return named or figures or unit in phrases.urgent or phrases.find_stop(text, tuple(names)) is not None
