"""What the person who speaks is called: as he told it last, else as he is named in the configuration."""

from __future__ import annotations

import re
from collections.abc import Sequence

from harry.memory.longterm.service import LongTermMemory
from harry.reflexes.bare_words import readings

NOBODY = "you"
"""The configured name of somebody who has not said what he is called."""

_ASKS = re.compile(
    r"(?:(?:do|can) you (?:know|remember|recall|tell me) |tell me |say )?"
    r"(?:what(?: is|'s|s| was) my name|what my name is|what(?: am i|'m i) called|what do you call me|who am i|who i am)"
    r"(?: again| then)?|(?:do you (?:know|remember|recall)|tell me|say) my name",
    re.IGNORECASE,
)
_TELLS = re.compile(
    r"(?:^|[.!;,] |\b(?:and|that|remember) )"
    r"(?i:my (?:first )?name(?:'s| is)(?: actually| now)?|(?:i'm|i am) called|(?:you can |please |just )?call me"
    r"|i go by) "
    r"(?P<name>[^\W\d_][\w'-]*(?: [A-Z][\w'-]+)*)",
)
_NOT = re.compile(
    r"\b(?:not|never|don't|isn't|wasn't|if|when|said|says?|thinks?|thought|forget|nobody|he|she|they)\b", re.IGNORECASE
)
_NO_NAMES = frozenset(
    ("i", "a", "an", "the", "not", "it", "on", "at", "in", "when", "back", "later", "if", "what", "my", "no", "hard")
)


def asks_for_own_name(text: str, names: Sequence[str]) -> bool:
    """Whether somebody asks what he himself is called."""
    return any(_ASKS.fullmatch(said.rstrip(" ?!.")) for said in readings(text, names))


def told_name(text: str) -> str | None:
    """Return the name by which somebody calls himself in a sentence; None where he does not."""
    found = _TELLS.search(text)
    if found is None or text.rstrip().endswith("?") or _NOT.search(text[: found.start("name")]):
        return None
    name = found["name"]
    return None if name.split()[0].lower() in _NO_NAMES else name[:1].upper() + name[1:]


async def own_name(memory: LongTermMemory | None, user: str) -> str | None:
    """Find out what the person is called; None where nobody said. Raises `StoreError`."""
    if memory is not None:
        hits = await memory.search("my name is, I am called, call me", namespace=user, kinds=["memory"], count=30)
        said = [hit.item for hit in hits.found if hit.item.speaker == user and not hit.item.id.endswith("/heard")]
        for item in sorted(said, key=lambda each: each.at or 0.0, reverse=True):
            name = told_name(item.text)
            if name is not None:
                return name
    return user if user != NOBODY else None
