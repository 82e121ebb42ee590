"""What is corrected in the same breath: "set a timer for ten, no, twelve minutes" is one for twelve. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

_MARK = re.compile(
    r"\s*(?:[,.;\u2026-]|\.{3})*\s+(?:(?:uh|um|er|erm|oh|oops),? )?"
    r"(?:no|nope|sorry|i mean|i meant|wait|actually|or rather|rather|scratch that|correction|make (?:that|it))"
    r"(?:,? (?:no|sorry|wait|actually|i mean|i meant|rather|not that|let's say"
    r"|(?:let's )?(?:make|set|change) (?:that|it)(?: (?:for|to|at))?))*[,.]?\s+(?=\S)",
    re.IGNORECASE,
)
_TENS = "twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
_ONES = (
    "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen"
    "|eighteen|nineteen"
)
_NUMBER = re.compile(
    rf"\b(?:(?:{_TENS})(?:[- ](?:{_ONES}))?|(?:{_ONES})|an? (?=hour|minute)|half(?: an?)?|a quarter|noon|midnight"
    r"|\d+(?:[.:,]\d+)?)\b",
    re.IGNORECASE,
)
_DAY = re.compile(
    r"\b(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day|today|tomorrow|tonight|january|february|march|april|june|july"
    r"|august|september|october|november|december)\b",
    re.IGNORECASE,
)
_REACH = 3
"""Words that may stand between a value and what corrects it."""

_NOUNS = 3
"""Words at most that a correction takes the place of, where it is no value."""


def with_corrected_value(text: str) -> Iterator[str]:
    """Give the words with a number, a time or a day put right, the likeliest first; nothing if none is."""
    found = _MARK.search(text)
    if found is None:
        return
    before, new = text[: found.start()].rstrip(" ,."), text[found.end() :].rstrip(" .!?")
    for values in (_NUMBER, _DAY):
        said = list(values.finditer(before)) if values.match(new) else []
        if said and len(before[said[-1].end() :].split()) <= _REACH:
            # "At seven tomorrow, no, eight" is tomorrow at eight.
            yield f"{before[: said[-1].start()]}{new}{before[said[-1].end() :]}"
            yield f"{before[: said[-1].start()]}{new}"


def with_corrected_words(text: str) -> Iterator[str]:
    """Give the words with the last of those before a correction replaced by it, one to three of them."""
    found = _MARK.search(text)
    if found is not None:
        words = text[: found.start()].rstrip(" ,.").split()
        for count in range(1, min(_NOUNS, len(words) - 1) + 1):
            yield f"{' '.join(words[:-count])} {text[found.end() :]}"
