"""Somebody's words, said back to him: "my sister" becomes "your sister", and a sentence ends."""

from __future__ import annotations

import re

_TWO_STOPS = re.compile(r"(?<!\.)\.\.(?!\.)|(?<=[!?])\.(?=\s|$)")
_TURNED = {
    "my": "your", "mine": "yours", "me": "you", "i": "you", "i'm": "you're", "am": "are", "i've": "you've",
    "myself": "yourself", "our": "your", "i'll": "you'll", "i'd": "you'd",
}  # fmt: skip


def turned(text: str) -> str:
    """Somebody's words about himself, said to him: "my sister" becomes "your sister"."""
    return " ".join(_TURNED.get(word.lower(), word) for word in text.split())


def sentence(text: str) -> str:
    """Return the text with a full stop at its end, if it has no mark there."""
    text = text.strip()
    return text if text.endswith((".", "!", "?")) else f"{text}."


def tidy(text: str) -> str:
    """Return the text without a second full stop behind "7 p.m." or "the cake!"."""
    return _TWO_STOPS.sub(lambda found: found[0][1:], text)
