"""Which of many tools a mind is told of: those that the words now spoken have most to do with. Pure."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence

from actors.protocols import Tool

MAX_OFFERED = 64
"""Tools that a mind is told of at once; most servers of minds take 128, and small minds are lost long before."""

_WORD = re.compile(r"[a-z0-9]+")
_IN_NAME = 3.0


def choose_tools(tools: Sequence[Tool], words: str, most: int = MAX_OFFERED) -> list[Tool]:
    """Return at most `most` tools, in their order: those whose names and descriptions share words with `words`."""
    if len(tools) <= most:
        return list(tools)
    said = set(_stems(words))
    names = [set(_stems(tool.name)) for tool in tools]
    told = [set(_stems(tool.description)) for tool in tools]
    common = Counter(stem for stems in (*names, *told) for stem in stems)

    def worth(at: int) -> float:
        def rare(stems: set[str]) -> float:
            return sum(1 / math.log2(2 + common[stem]) for stem in stems & said)

        return _IN_NAME * rare(names[at]) + rare(told[at])

    chosen = sorted(sorted(range(len(tools)), key=worth, reverse=True)[:most])
    return [tools[at] for at in chosen]


def _stems(text: str) -> list[str]:
    """Return the words of a text without common endings; a name is parted where its capitals and signs are."""
    parted = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", text).lower()
    return [re.sub(r"(?:ing|ed|es|s)$", "", word) if len(word) > 4 else word for word in _WORD.findall(parted)]
