"""Spots a wake phrase in sound without transcribing it: pocketsphinx's keyphrase search, for any name.

Words come from its dictionary, and names it does not know from letter-to-sound rules. All of it blocks: it belongs
into a thread.
"""

from __future__ import annotations

import re

from harry.errors import ConfigurationError, EngineUnavailable
from harry.hearing.letters import spell_sounds
from harry.installation import how_to_install

MAX_SEARCH_SECONDS = 60
"""Seconds after which the search starts over: what it keeps of the past must not grow for ever."""

_RATE = 16_000


def spell_words(phrase: str) -> list[str]:
    """Split a wake phrase into words, as the dictionary spells them. Raises `ConfigurationError` if there is none."""
    words: list[str] = re.findall(r"[a-z']+", phrase.lower())
    if not words or not all(map(spell_sounds, words)):
        raise ConfigurationError(
            f"Harry cannot listen for the wake phrase {phrase!r}: it needs words of the letters a to z. "
            "Change attention.wake_phrase, or spell it as it sounds."
        )
    return words


class WakePhrase:
    """Listens for one phrase. `threshold` is ten's power below which the phrase is unlikely: -30 hears it everywhere.

    Raises `EngineUnavailable` without pocketsphinx, `ConfigurationError` for a phrase that cannot be said.
    """

    def __init__(self, phrase: str, threshold: float) -> None:
        words = spell_words(phrase)
        try:
            import pocketsphinx  # noqa: PLC0415  only who wants a wake phrase needs it
        except ImportError as error:
            raise EngineUnavailable("The wake phrase needs pocketsphinx.", remedy=how_to_install()) from error
        self._decoder = decoder = pocketsphinx.Decoder(
            lm=None, samprate=float(_RATE), kws_threshold=10.0**threshold, loglevel="FATAL"
        )
        for word in words:
            if decoder.lookup_word(word) is None:
                decoder.add_word(word, spell_sounds(word), True)
        decoder.add_keyphrase("wake", " ".join(words))
        decoder.activate_search("wake")
        self._searched = 0
        decoder.start_utt()

    def hear(self, pcm: bytes) -> bool:
        """Take in 16-bit mono sound at 16 kHz that follows the last; whether the phrase was said by its end."""
        self._decoder.process_raw(pcm, False, False)
        self._searched += len(pcm) // 2
        said = self._decoder.hyp() is not None
        if said or self._searched > MAX_SEARCH_SECONDS * _RATE:
            self.forget()
        return said

    def forget(self) -> None:
        """Start over: what comes next does not follow what was heard."""
        self._decoder.end_utt()
        self._decoder.start_utt()
        self._searched = 0
