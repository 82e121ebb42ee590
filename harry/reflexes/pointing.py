"""What "that" stands for in a sum or a conversion: "the recipe says 180 Celsius, what's that in Fahrenheit". Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

_ASKS = re.compile(
    r"^(?P<told>.*\d.*?|.*?)[,.;:]? (?:and |so |but )?"
    r"(?P<asked>(?:what|how|convert|half|double)\b[^,.;]*?)\b(?P<it>that|it|this)\b(?P<rest>[^,.;]*)$",
    re.IGNORECASE | re.DOTALL,
)
_AMOUNT = re.compile(
    r"[$£€]?\d[\d,.]*(?: \d+/\d+)?|\b(?:an?|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen"
    r"|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
    r"|half|quarter)\b(?:[- ](?:one|two|three|four|five|six|seven|eight|nine|hundred|thousand|and|a|half|dozen))*",
    re.IGNORECASE,
)
_WORDS = 3
"""Words at most that belong to an amount, its unit above all."""

LONGEST = 160
"""Characters of an utterance that is read so."""


def with_amounts(text: str) -> Iterator[str]:
    """Give the question with the amount that was told before it in place of "that"; nothing if it points at none."""
    found = _ASKS.match(text) if len(text) <= LONGEST else None
    amounts = list(_AMOUNT.finditer(found["told"])) if found is not None else []
    if found is None or not amounts:
        return
    amount = amounts[-1]
    after = found["told"][amount.end() :].split()
    for count in range(min(_WORDS, len(after)), -1, -1):
        named = " ".join((amount[0], *after[:count])).strip(" ,.")
        yield f"{found['asked']}{named}{found['rest']}"
