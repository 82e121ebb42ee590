"""Other words in the same sound: a search that goes several ways at once, and prefers words that are expected.

What is expected only says where to look. How likely each way is by its sound alone is told with it, so that what the
ear would hardly have heard can be left out.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np

from actors.protocols import ExpectedWords, OtherReading, Samples
from harry.hearing.moonshine_model import END, START, Model, Stop

WAYS = 8
"""Spellings that are followed at once."""

_NEXT = 24
"""Tokens with which each of them may go on."""

_LEAST = -8.0
"""Logarithm of the probability below which a token is not tried."""

_PART = re.compile(r"[\w']+|[^\w']+")


class _Way(NamedTuple):
    """A spelling so far. `sound`: how likely it is; `gained`: how much its finished words were expected."""

    text: str = ""
    sound: float = 0.0
    gained: float = 0.0
    before: str = ""
    open: str = ""


def search(model: Model, samples: Samples, expected: ExpectedWords, stop: Stop) -> list[OtherReading]:
    """Return at most `WAYS` readings of `samples` (at `EAR_RATE`), the best first. What is stopped raises."""
    decoding = model.begin(samples, stop)
    ways, tokens, continued = [_Way()], [START], [0]
    done: list[tuple[float, _Way]] = []
    for _ in range(decoding.most):
        likely = _log_probabilities(decoding.step(tokens, continued))
        tried = list[tuple[float, _Way, int, int]]()
        for at, way in enumerate(ways):
            for token in np.argpartition(-likely[at], _NEXT)[:_NEXT].tolist():
                if likely[at, token] < _LEAST:
                    continue
                sound = way.sound + float(likely[at, token])
                if token == END:
                    ended = _longer(way, " ", sound, expected)
                    done.append((sound + ended.gained + expected.follows(ended.before, ""), ended))
                    continue
                longer = _longer(way, model.spelling(token), sound, expected)
                hoped = expected.begins(longer.before, longer.open) if longer.open else 0.0
                tried.append((sound + longer.gained + hoped, longer, token, at))
        tried.sort(key=lambda each: -each[0])
        done.sort(key=lambda each: -each[0])
        del tried[WAYS:], done[4 * WAYS :]
        if not tried or (len(done) >= WAYS and done[WAYS - 1][0] > tried[0][0]):
            break
        ways, tokens, continued = [each[1] for each in tried], [each[2] for each in tried], [each[3] for each in tried]
    return _readings([way for _, way in done])


def _longer(way: _Way, spelling: str, sound: float, expected: ExpectedWords) -> _Way:
    gained, before, letters = way.gained, way.before, way.open
    for part in _PART.findall(spelling.lower()):
        if part[0].isalnum() or part[0] in "_'":
            letters += part
        elif letters:
            gained += expected.follows(before, letters)
            before, letters = letters, ""
    return _Way(way.text + spelling, sound, gained, before, letters)


def _readings(ways: list[_Way]) -> list[OtherReading]:
    """Return each wording once, whatever its marks."""
    likeliest = max((way.sound for way in ways), default=0.0)
    found: dict[str, OtherReading] = {}
    for way in ways:
        words = " ".join(re.findall(r"[\w']+", way.text.lower()))
        if words:
            found.setdefault(words, OtherReading(way.text.strip(), likeliest - way.sound))
    return list(found.values())[:WAYS]


def _log_probabilities(logits: Samples) -> Samples:
    shifted: Samples = logits - logits.max(axis=-1, keepdims=True)
    likely: Samples = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return likely
