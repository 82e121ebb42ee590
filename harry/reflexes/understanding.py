"""What words wish for: Harry's own grammar first, then what is answered from the words alone, then Home Assistant's."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from random import Random, SystemRandom

from harry.reflexes import home_assistant
from harry.reflexes.bare_words import readings
from harry.reflexes.corrections import with_corrected_value, with_corrected_words
from harry.reflexes.doubts import is_doubtful
from harry.reflexes.expected_words import wish_words
from harry.reflexes.grammar import LONGEST, Grammar, Wish, grammar_of, is_whole
from harry.reflexes.plain import plain_answer
from harry.reflexes.pointing import with_amounts
from harry.reflexes.second_reading import second_reading_of

_FIRST = (
    "What time is it?",
    "What is two plus two?",
    "What time is it in Tokyo?",
    "Put this on my heap list.",
    "Well.",
)


def understand(text: str, names: Sequence[str], grammar: Grammar, now: datetime, random: Random) -> Wish | None:
    """Return the wish that the words are, or None. Takes milliseconds, so it belongs in a thread.

    What is answered already is a wish of the name "Told", with its answer in the slot "words".
    """
    if len(text) > LONGEST:
        return None
    read = partial(_read, names=names, grammar=grammar, now=now, random=random)
    for meant in with_corrected_value(text):
        if is_whole(wish := read(meant)):
            return wish
    wish = read(text)
    if not is_whole(wish):
        for meant in with_corrected_words(text):
            if is_whole(corrected := read(meant)):
                return corrected
    return wish


def _read(text: str, *, names: Sequence[str], grammar: Grammar, now: datetime, random: Random) -> Wish | None:
    wish = grammar.match(text, names, now)
    if wish is not None:
        return wish
    # The barest first: to spell "rhythm please" would be wrong.
    for said in reversed(readings(text, names)):
        for meant in (said, *with_amounts(said)):
            words = plain_answer(meant, now, random)
            if words is not None:
                return Wish("Told", {"words": words}, said)
    for said in readings(text, names):
        found = home_assistant.match(said)
        if found is not None and not is_doubtful(Wish(*found, said), text):
            return Wish(*found, said)
    return None


def warm_up(language: str = "en", names: tuple[str, ...] = ()) -> None:
    """Match some words once, and learn the examples, so that the first wish is understood at once. Takes a second.

    `names` are those by which Harry may be called.
    """
    second_reading_of(language)
    wish_words(language, names)
    grammar = grammar_of(language)
    for text in _FIRST:
        understand(text, (), grammar, datetime.now().astimezone(), SystemRandom())
