"""Was that "stop": what an ear wrote of a short utterance over Harry's voice, compared with the stop phrases by sound.

A person who wants silence says one or two words, and the ear writes "Harry's top" or "Quite, please". The spelling may
have the consonants of a stop phrase in their order. A better witness is the ear: it is asked how likely a stop phrase
is in the same sound (`StopWords` says where to look). What the ear is sure of is believed, and words in
`Phrases.no_stops` ("shop", "step") are words.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import lru_cache

from actors.text.phrases import Phrases, split_words
from actors.turn_taking.name_matching import encode_sound

MAX_WORDS = 4
"""Words up to which an utterance may have been a stop phrase."""
MAX_SECONDS = 1.6
"""Seconds of voice up to which it may have been."""
SURE = 0.75
"""Confidence from which the ear's own words are rather believed."""
LOSS, LOSS_IF_SURE, LOSS_IF_STOPPED = 4.5, 3.0, 6.0
"""How much less likely than the ear's own words a stop phrase may sound (logarithms): as a rule, where the ear is sure
of its words, and where it had written a stop phrase while the voice went on."""
EXPECTED = 4.0
"""How much likelier a word of a stop phrase is taken to be while one is looked for (logarithm)."""

_LEAST_CONSONANTS = 3
_SAME = str.maketrans("bdgzv", "ptksf")


def may_be_stop(text: str, confidence: float, phrases: Phrases, names: Collection[str]) -> bool:
    """Return whether other words than these are worth looking for: a few, no listener's sound and no plain question."""
    said = split_words(text)
    if not 0 < len(said) <= MAX_WORDS or phrases.is_backchannel(text) or phrases.is_hesitation(text):
        return False
    return phrases.find_stop(text, tuple(names)) is None and not _is_word(said, confidence, phrases)


def sounds_like_stop(text: str, confidence: float, phrases: Phrases, names: Collection[str]) -> bool:
    """Return whether these words are spelled otherwise than a stop phrase and sound like one."""
    if not may_be_stop(text, confidence, phrases, names):
        return False
    sound, called = _encode(split_words(text)), _sounds(phrases, tuple(names), called=True)
    # With his name in it nobody says it by chance.
    return sound in called or (confidence < SURE and sound in _sounds(phrases, tuple(names), called=False))


class StopWords:
    """The words of stop phrases, as `actors.protocols.ExpectedWords` wants them."""

    def __init__(self, phrases: Phrases, names: Collection[str]) -> None:
        self._after: dict[str, set[str]] = {}
        around = [words for words in (*map(split_words, names), ("please",), ("okay",)) if words]
        for words in (*phrases.stop, *around):
            for before, word in zip(("", *words), (*words, ""), strict=True):
                self._after.setdefault(before, set()).add(word)
        begins = set(self._after[""])
        for words in around:  # what may stand before a stop phrase may stand behind it as well
            self._after[words[-1]] |= begins
        for follow in self._after.values():
            if "" in follow:
                follow.update(words[0] for words in around)

    def follows(self, before: str, word: str) -> float:
        """Return how much `word` is expected after another."""
        return EXPECTED if word in self._after.get(before, ()) else 0.0

    def begins(self, before: str, letters: str) -> float:
        """Return how much a word that begins with these letters is expected."""
        return EXPECTED if any(word and word.startswith(letters) for word in self._after.get(before, ())) else 0.0


def _is_word(said: tuple[str, ...], confidence: float, phrases: Phrases) -> bool:
    return said in phrases.no_stops and confidence >= 0.5


def _encode(words: Iterable[str]) -> str:
    """Encode the sound of words as if they were one: where a word ends is what an ear gets wrong first."""
    return encode_sound("".join(words).replace("'", "")).translate(_SAME)


@lru_cache(maxsize=16)
def _sounds(phrases: Phrases, names: tuple[str, ...], *, called: bool) -> frozenset[str]:
    """Return how stop phrases sound, with a name before or behind them if `called`."""
    calls = [split_words(name) for name in names] if called else [("please",), ("okay",), ()]
    said = [way for words in phrases.stop for call in calls for way in ((*call, *words), (*words, *call))]
    sounds = map(_encode, said)
    return frozenset(sound for sound in sounds if len(sound.replace("a", "")) >= _LEAST_CONSONANTS)
