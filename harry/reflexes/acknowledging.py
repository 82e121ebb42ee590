"""Whether somebody tells something of himself and his, so that it is taken in and not refused. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from harry.memory.longterm.statements import read, sentences
from harry.reflexes.bare_words import readings

_TO_HARRY = re.compile(
    r"\b(?:you|your|yours|yourself|you're|harry)\b"
    r"|^(?:please|let's|let us|can|could|will|would|do|does|did|is|are|am)\b",
    re.IGNORECASE,
)
_WANTS = re.compile(
    r"\bI(?:'d| would)? (?:want|need|like to|wish|hope|wonder|feel|think|guess|mean|know)\b", re.IGNORECASE
)
_GRAVE = re.compile(r"\b(?:die|dying|dead|suicid\w*|my ?self|pills)\b", re.IGNORECASE)
"""Where such a word stands, a light "noted" would be the wrong answer."""

LONGEST = 200
"""Characters of what somebody tells in passing."""

_OF_HIS = re.compile(r"\b(?:my|our|mine|ours)\b", re.IGNORECASE)


def tells_something(text: str, names: Sequence[str]) -> bool:
    """Whether these words state something about who says them or about somebody of his, and ask for nothing."""
    if len(text) > LONGEST:
        return False
    said = next(iter(readings(text, names, depth=0)), text)
    if _GRAVE.search(said) or _TO_HARRY.search(said) or "?" in said:
        return False
    found = [read(each) for each in sentences(said)]
    return bool(found) and all(
        statement is not None
        and not statement.retracts
        and len(statement.text.split()) >= 3
        and not _WANTS.search(statement.text)
        and bool(
            statement.mine
            or statement.about
            or statement.pronoun
            or statement.corrects
            # Of an order the verb is taken for the subject: "wake my son" tells nothing.
            or _OF_HIS.search(statement.subject)
        )
        for statement in found
    )
