"""A plain summary of a conversation, made of its own sentences: what stands in where no mind writes one.

It needs no language: a sentence counts for the words it shares with the rest of the conversation, and the best few are
given in the order in which they were said.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence

from channels.messages import Exchange

MAX_SENTENCES = 4
MAX_SUMMARY_CHARACTERS = 800
"""Characters of an extracted summary at most."""

_SENTENCE_END = re.compile(r"(?<=[.!?…])\s+|(?<=[。\uff01\uff1f])|\n+")
_WORD = re.compile(r"[^\W\d_]{3,}")
_MAX_SENTENCE_CHARACTERS = 240
_MAX_SENTENCES_READ = 2000  # sentences; of a longer conversation the newest


def extract(exchanges: Sequence[Exchange]) -> str:
    """Summarise in at most `MAX_SUMMARY_CHARACTERS`; never empty, and the same for the same conversation."""
    sentences = [
        sentence[:_MAX_SENTENCE_CHARACTERS]
        for exchange in exchanges
        for text in (exchange.said, exchange.heard)
        for sentence in map(str.strip, _SENTENCE_END.split(text))
        if sentence
    ][-_MAX_SENTENCES_READ:]
    words = [set(map(str.casefold, _WORD.findall(sentence))) for sentence in sentences]
    common = Counter(word for sentence_words in words for word in sentence_words)
    weights = [
        sum(math.log(1 + common[word]) for word in sentence_words) / math.sqrt(len(sentence_words) + 1)
        for sentence_words in words
    ]
    # The first of equals wins; a sentence said twice is told once.
    ranked = sorted({sentence: number for number, sentence in reversed(list(enumerate(sentences)))}.values())
    best = sorted(ranked, key=lambda number: -weights[number])[:MAX_SENTENCES]
    summary = " ".join(sentences[number] for number in sorted(best))
    return summary[:MAX_SUMMARY_CHARACTERS].strip() or "Nothing was said."
