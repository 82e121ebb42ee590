"""Tells a stage direction ("*smiles*", "(laughs)") from words that are only emphasised. Pure."""

# ruff: noqa: RUF001 - typographic apostrophes are looked for

from __future__ import annotations

from collections.abc import Sequence


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


ACTS = _words(
    """blinks blushes bows chuckles clears coughs cries frowns gasps giggles grins groans hums laughs leans nods pauses
    scoffs shrugs sighs smiles smirks sniffs sobs stretches thinks waves whispers winks yawns chuckling coughing crying
    frowning gasping giggling grinning groaning humming laughing nodding pausing shrugging sighing smiling smirking
    sobbing waving whispering winking yawning laughter"""
)
"""Words that are a stage direction wherever they stand wrapped by themselves."""

_NO_ACTS = _words(
    """always anything as besides does during everything has his hers including is its nothing ours perhaps plus
    regarding sometimes something theirs this thus unless us was yes yours thing things thanks"""
)
"""Words that end like an act and are none."""


_SUBJECTS = _words(
    """he she it who that which somebody someone nobody everybody everyone one also never always often still and or
    really only just then the a an his her my your their to"""
)

_MANNERS = _words("with softly quietly gently slowly")
"""Words that begin a direction which names no act: "with a smile"."""

_NO_VERBS = _words("a an and are can do don't had has have is isn't must of or the to were will with without")
"""After one of these the first word was a noun: "cats are great"."""


def is_direction(words: Sequence[str], *, alone: bool, in_list: bool) -> bool:
    """Return whether a phrase, wrapped by itself where a sentence may begin, says what is done, not what is said.

    An act ("smiles") always does. Other words do if they begin like an act, in small letters, and stand `alone` between
    sentences or go on like one ("leans back"). What begins with a capital is a title or a stress; items of a list are
    names more often than acts.
    """
    opening = words[0].rstrip(".!,…")
    if opening.lower() in ACTS:
        return not any(word[:1].isupper() for word in words[1:])
    if not opening[:1].islower():
        return False
    if len(words) > 1:
        return (looks_like_act(opening) and words[1].lower() not in _NO_VERBS) or (alone and opening in _MANNERS)
    return alone and not in_list and looks_like_act(opening)


def follows_subject(before: str) -> bool:
    """Return whether an act after these words is what somebody in the sentence does: "he", "nobody", "Ada"."""
    word = before.rsplit(maxsplit=1)[-1] if before.split() else ""
    return word.lower() in _SUBJECTS or word[:1].isupper()


def looks_like_act(word: str) -> bool:
    """Return whether a word has the form of one: "leans", "leaning"."""
    return (
        "'" not in word
        and "’" not in word
        and word.lower().endswith(("s", "ing"))
        and word.lower() not in _NO_ACTS
        and len(word) > 3
    )
