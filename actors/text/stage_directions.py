"""Tells a stage direction ("*smiles*", "(laughs)") from words that are only emphasised. Pure."""

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


def is_direction(words: Sequence[str], *, alone: bool, in_list: bool) -> bool:
    """Return whether a phrase, wrapped by itself where a sentence may begin, says what is done, not what is said.

    An act ("smiles") always does. Other words do if they begin like an act and go on so ("leans back"), or if they
    stand `alone` between sentences and have no capital. Items of a list are names more often than acts.
    """
    opening = words[0].rstrip(".!,…")
    if opening.lower() in ACTS:
        return True
    if len(words) > 1 and opening[:1].islower():
        return alone or looks_like_act(opening)
    return alone and not in_list and looks_like_act(opening)


def looks_like_act(word: str) -> bool:
    """Return whether a word has the form of one: "leans", "leaning"."""
    return word.lower().endswith(("s", "ing")) and word.lower() not in _NO_ACTS and len(word) > 3
