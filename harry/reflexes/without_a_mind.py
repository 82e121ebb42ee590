"""The end of the chain of answers where no capable language model is: small talk, else one honest sentence.

What somebody tells of himself is taken in, for memory answers from it; who has just said that he wants to die is not
told what a program lacks.

The smallest language model invents what it does not know, so that only small talk may reach it, where it is switched
on; nothing else does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count

from actors.protocols import EngineTraits
from channels.messages import Utterance
from harry.mind.absent import SENTENCE
from harry.reflexes.acknowledging import tells_something
from harry.reflexes.small_talk import small_talk_of
from harry.welfare.care import STILL, is_careful

TOO_SMALL = "I can't answer that: the language model here is too small to know. Ask me what I can do."
NOTED = "I've taken that in. Talking about it needs a language model, and there is none here."
"""Said only where what was told is kept; it promises no more than that it was heard, for the disk may still fail."""

PICTURES = "I can't see pictures: that needs a larger language model."


@dataclass(slots=True)
class WithoutAMind:
    """One conversation's. `talks`: small talk is the language model's, unless there is none at all."""

    names: tuple[str, ...]
    language: str = "en"
    talks: bool = False
    _number: count[int] = field(default_factory=count)

    def answer(
        self, said: Utterance, traits: EngineTraits, *, in_trouble: bool = False, keeps: bool = False, last: str = ""
    ) -> str | None:
        """Return what to say in place of the language model, None where it may answer. Safe in a worker thread.

        `traits` are those of the one that would answer now. `in_trouble`: there is one that has failed, and it says
        itself what is wrong. `keeps`: what is said now is remembered. `last` is what Harry said before.
        """
        if not traits.small:
            return None
        failing = traits.light and in_trouble
        if said.pictures:
            return None if failing else PICTURES
        if not said.text.strip():
            return too_small(traits)
        talk = small_talk_of(self.language).reply(said.text, self.names, number=next(self._number))
        if talk is not None:
            return None if self.talks and not traits.light else talk
        if is_careful(last):
            return STILL
        return None if failing else self._to_a_statement(said.text, traits, keeps=keeps)

    @property
    def _is_english(self) -> bool:
        return self.language.lower().startswith("en")

    def _to_a_statement(self, text: str, traits: EngineTraits, *, keeps: bool) -> str:
        """Return what is said to anything but small talk: that it was taken in, or that it cannot be answered."""
        if traits.light and self._is_english and keeps and tells_something(text, self.names):
            return NOTED
        return too_small(traits) or SENTENCE


def too_small(traits: EngineTraits) -> str | None:
    """Return what is said in place of a language model that would invent an answer, None where it may be asked."""
    return TOO_SMALL if traits.small and not traits.light else None
