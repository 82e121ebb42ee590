"""The careful answer to signs of self-harm: fixed words, for who is in danger, or for who tells of somebody else.

It is given before any reflex, memory or language model, without the persona, and no setting takes it away. It diagnoses
nothing, promises nothing, holds nobody back, and names no number but those that `help_lines` has read from a page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from channels.messages import Exchange
from harry.welfare.crisis import Danger, find_danger, look_for_danger
from harry.welfare.help_lines import HelpLine

OWN = (
    "I'm glad you told me. That sounds very hard, and you should not be alone with it. I am a program, and can't help"
    " as a person can. Please talk now to somebody near you whom you trust. If you are hurt, have taken something, or"
    " might act on it, call your local emergency number at once."
)
OTHER = (
    "Thank you for telling me. Please take it seriously. If you can, stay with them or see that somebody does, "
    "listen, and tell somebody near them who can help. If they are hurt, have taken something, or might act on it, "
    "call your local emergency number at once. I am a program and can't judge how things stand. You need not carry "
    "this alone either."
)
STILL = (
    "I'm still listening, but I am a program, and this needs a person. Please talk to somebody near you whom you "
    "trust, or call your local emergency number if anybody might come to harm."
)
"""What is said to the next words where no language model is that could answer them with care."""

NOTE = (
    "Important: earlier in this conversation there were signs of suicide or self-harm, of the person you talk with or "
    "of somebody close. Until it is clearly over, set your persona's manner aside. Be plain, warm and calm. Take what "
    "is said seriously, listen, and do not diagnose, joke, lecture, argue or play a role. Never tell ways or means of "
    "self-harm. Never try to keep the person talking with you: encourage talking to people near, and, where somebody "
    "might come to harm, the local emergency number. Name no telephone number or address that does not stand in this "
    "conversation already. You are an AI; say so where it matters."
)
"""What a language model is told in the turns that follow."""

_KNOWN_BY = 50
"""Characters by which the answer is known; a mind may well begin a reply with the first of its sentences."""

_CUT_SHORT = 3
"""Exchanges whose answer was cut in its first words, and whose own words are therefore looked at."""


@dataclass(frozen=True, slots=True)
class Care:
    """Gives the answer; `lines` are the help lines that it may name."""

    lines: tuple[HelpLine, ...] = ()

    async def answer(self, text: str) -> str | None:
        """Return the careful answer to words that are a sign of danger, None to all others."""
        danger = await look_for_danger(text)
        if danger is None:
            return None
        return " ".join([OWN if danger is Danger.OWN else OTHER, *map(str, self.lines)])


def is_careful(reply: str) -> bool:
    """Return whether a reply is the careful answer."""
    return reply.lstrip().startswith((OWN[:_KNOWN_BY], OTHER[:_KNOWN_BY], STILL[:_KNOWN_BY]))


def was_needed(history: Sequence[Exchange]) -> bool:
    """Return whether something in a conversation so far was a sign of danger. Costs microseconds."""
    if any(is_careful(exchange.heard) for exchange in history):
        return True
    cut = (each.said for each in reversed(history) if each.said and _is_beginning(each.heard.strip()))
    return any(find_danger(said) for _, said in zip(range(_CUT_SHORT), cut, strict=False))


def _is_beginning(heard: str) -> bool:
    return OWN.startswith(heard) or OTHER.startswith(heard)
