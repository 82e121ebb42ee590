"""How a long utterance is cut for a model that hears a few seconds at once, and which part of its answer is believed.

A decode of more than 15 s gets slow and loses words, so longer sound is cut where it is quietest. A model that hears
no speech invents some: a phrase that it repeats without end, a row of notes, a lone "You". None of them is believed.
"""

from __future__ import annotations

import re

import numpy as np

from actors.protocols import Samples
from channels.messages import EAR_RATE

MAX_BLOCK_SAMPLES = 15 * EAR_RATE
"""Samples in the longest block."""

EARLIEST_CUT_SAMPLES = 8 * EAR_RATE
"""Samples before a cut may fall."""

MIN_REST_SAMPLES = EAR_RATE
"""Samples that must follow a cut: models invent words for less."""

_FRAME = EAR_RATE // 100

_LOOP = re.compile(r"(.{2,80}?)\1{5,}", re.DOTALL)
_MIN_LOOP_CHARACTERS = 40
_NOTES = re.compile(r"[\u2669-\u266c]+")
_NOTHING = frozenset({"", "You", "So You"})


def split_at_quiet_places(samples: Samples) -> list[Samples]:
    """Cut at quiet places into views of at most `MAX_BLOCK_SAMPLES` samples; joined, they are `samples`."""
    cut: list[Samples] = []
    while len(samples) > MAX_BLOCK_SAMPLES:
        place = find_quietest(samples, EARLIEST_CUT_SAMPLES, min(MAX_BLOCK_SAMPLES, len(samples) - MIN_REST_SAMPLES))
        cut.append(samples[:place])
        samples = samples[place:]
    return [*cut, samples]


def find_quietest(samples: Samples, earliest: int, latest: int) -> int:
    """Find the middle of the quietest 0.1 s between two places, in samples."""
    span = samples[earliest:latest]
    width = 10
    frames = span[: len(span) // _FRAME * _FRAME].reshape(-1, _FRAME)
    if len(frames) < width:
        return latest
    energy = np.square(frames).mean(axis=1)
    smooth = np.convolve(energy, np.ones(width), mode="valid")
    return earliest + (int(smooth.argmin()) + width // 2) * _FRAME


def measure_loudest(samples: Samples) -> float:
    """Measure the RMS of the loudest 10 ms in dBFS; -inf for digital silence or less than 10 ms."""
    frames = samples[: len(samples) // _FRAME * _FRAME].reshape(-1, _FRAME)
    power = float(np.square(frames).mean(axis=1).max()) if len(frames) else 0.0
    return 10.0 * float(np.log10(power)) if power > 0.0 else float("-inf")


def remove_phantoms(text: str) -> str:
    """Take out notes, and a phrase repeated six times over 40 characters; "" if that leaves little, or a phantom."""

    def judge(loop: re.Match[str]) -> str:
        return "" if len(loop[0]) >= _MIN_LOOP_CHARACTERS else loop[0]

    kept = _LOOP.sub(judge, _NOTES.sub("", text)).strip()
    return "" if kept in _NOTHING or len(kept) * 2 < len(text) else kept
