"""Set phrases of everyday talk: what several words stand for, and what a sentence says without saying it.

"The dog next door" is a neighbour's, "she can't eat nuts" says that she is allergic, "he used to be a beekeeper"
tells what he did for a living. English: `english/phrases.txt` and `english/implied.txt` hold a pattern and the words.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache

from harry.memory.text.analysis import stem
from harry.memory.text.everyday_words import lines

NUMBER = (
    r"(?:\d[\d.,:]*|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen"
    r"|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|thousand|million)"
)
"""A number, in figures or the first word of it."""


@cache
def _phrases() -> list[tuple[re.Pattern[str], str]]:
    parted = [line.partition("\t") for line in lines("phrases")]
    return [(re.compile(pattern, re.IGNORECASE), words) for pattern, _, words in parted]


@cache
def _implications() -> list[tuple[re.Pattern[str], frozenset[str]]]:
    parted = [line.replace("NUMBER", NUMBER).partition("\t") for line in lines("implied")]
    return [
        # A capital that stands in a pattern counts.
        (re.compile(pattern, 0 if "[A-Z]" in pattern else re.IGNORECASE), frozenset(map(stem, words.split())))
        for pattern, _, words in parted
    ]


@lru_cache(maxsize=20_000)
def expressed(text: str) -> str:
    """Return the text with set phrases in the words that they stand for."""
    for pattern, words in _phrases():
        text = pattern.sub(words, text)
    return text


@lru_cache(maxsize=20_000)
def implied(text: str) -> frozenset[str]:
    """Return the stems of what a sentence says without saying it."""
    return frozenset().union(*(stems for pattern, stems in _implications() if pattern.search(text)))
