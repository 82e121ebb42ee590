"""Which words a stretch of speech holds and when each has ended: pure arithmetic on text, phonemes and durations.

A voice says a sentence as a row of phonemes of known length. Words melt into one another ("of a" is one breath) and
numbers unfold into several, so spaces cannot simply be counted: each word is phonemised alone as well, and the two
rows are matched.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from difflib import SequenceMatcher
from itertools import accumulate

GAP = " "
"""The phoneme between two words."""

SOUNDLESS = frozenset(" ^$_.,;:!?\u2026\u2013\u2014-\"'«»()[]{}¡¿ˈˌ\u200d|")
"""Phonemes that are no sound of their own: gaps, marks and stress."""

_WORDS = re.compile(r"\s*\S+(?:\s+\Z)?")


def split_words(text: str) -> list[str]:
    """Cut `text` into words, each with the white space before it, the last also with what follows. Joined: `text`."""
    return _WORDS.findall(text) or ([text] if text else [])


def find_sounds(phonemes: Sequence[str]) -> list[int]:
    """Return where in a row of phonemes there is a sound."""
    return [place for place, phoneme in enumerate(phonemes) if phoneme not in SOUNDLESS]


def find_word_ends(alone: Sequence[Sequence[str]], spoken: Sequence[str], ends: Sequence[int]) -> list[int]:
    """Find the sample at which each word has ended.

    `alone` holds each word's phonemes when it is said alone, `spoken` those of the sentence, `ends` the sample at which
    each of `spoken` ends (never decreasing). A word ends with its last sound, not with the pause after it; the last
    word ends with the last sound. The answer never decreases.
    """
    places = find_sounds(spoken)
    heard = [spoken[place] for place in places]
    expected: list[str] = []
    counts: list[int] = []
    for word in alone:
        expected.extend(word[place] for place in find_sounds(word))
        counts.append(len(expected))
    if not places:
        return [0] * len(counts)
    gaps = _gaps(spoken)
    anchors = _anchors(expected, heard)
    shares = list(accumulate((_carry_over(count, anchors, gaps) for count in counts), max))
    if shares:
        shares[-1] = len(heard)
    return [ends[places[share - 1]] if share else 0 for share in shares]


def spread_ends(count: int, samples: int) -> list[int]:
    """Find the ends of `count` phonemes of equal length in `samples`: for a voice that does not tell its durations."""
    return [samples * (place + 1) // count for place in range(count)]


def _gaps(spoken: Sequence[str]) -> list[int]:
    """Return after how many sounds the voice leaves a gap between words; ascending."""
    gaps = []
    sounds = 0
    for phoneme in spoken:
        if phoneme == GAP:
            gaps.append(sounds)
        elif phoneme not in SOUNDLESS:
            sounds += 1
    return gaps


def _anchors(expected: Sequence[str], heard: Sequence[str]) -> list[tuple[int, int]]:
    """List counts of expected and heard sounds that belong together; both ascend, from nothing to everything."""
    anchors = [(0, 0)]
    for block in SequenceMatcher(None, expected, heard, autojunk=False).get_matching_blocks():
        anchors += [(block.a + step, block.b + step) for step in range(block.size + 1)]
    return [*anchors, (len(expected), len(heard))]


def _carry_over(count: int, anchors: list[tuple[int, int]], gaps: list[int]) -> int:
    """Count the heard sounds that belong to the first `count` expected ones: exact where they match, else at a gap."""
    first = bisect_left(anchors, count, key=lambda anchor: anchor[0])
    if anchors[first][0] == count:
        low = anchors[first][1]
        high = max(heard for at, heard in anchors[first:] if at == count) if first + 1 < len(anchors) else low
        guess = low
    else:
        (left, low), (right, high) = anchors[first - 1], anchors[first]
        guess = low + round((high - low) * (count - left) / (right - left))
    between = [gap for gap in gaps if low <= gap <= high]
    return min(between, key=lambda gap: abs(gap - guess), default=guess)
