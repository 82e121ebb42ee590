"""A voice of which every sample is known, so that what sounded is compared with what was to sound by its content."""

from __future__ import annotations

import re
import zlib
from collections.abc import Awaitable, Callable, Sequence

import numpy as np
import numpy.typing as npt
import trio

from channels.messages import EAR_RATE, Chunk, Word

WORD = EAR_RATE // 4
"""Samples of a word of Harry's."""

_SYLLABLES = ("ba", "do", "fi", "gu", "ke", "lo", "mi", "nu", "po", "ru", "sa", "ti", "vo", "zu", "be", "da")
_MARK = "Bobo"
"""The first word of each reply: it sounds as one long run of the same sign, which nothing else does."""


def make_reply(words: int) -> str:
    """Make so many words that no ear takes for English, in sentences of eight."""
    said = [_MARK] + [
        _SYLLABLES[k % 16] + _SYLLABLES[k // 16 % 16] + _SYLLABLES[(k * 7 + k // 256) % 16] for k in range(1, words)
    ]
    return " ".join(word + "." * (k % 8 == 7 or k == words - 1) for k, word in enumerate(said))


def to_signs(text: str) -> npt.NDArray[np.int8]:
    """Return what these words sound like: +1 or -1 for each sample."""
    return np.concatenate([np.zeros(0, np.int8), *(_signs_of(word) for word in text.split())])


def _signs_of(word: str) -> npt.NDArray[np.int8]:
    word = word.strip(".")
    if word == _MARK:
        # The run begins after a sample of the other sign, so that nothing before it can lengthen it.
        return np.concatenate([-np.ones(1, np.int8), np.ones(WORD - 1, np.int8)])
    dice = np.random.default_rng(zlib.crc32(word.encode()))
    return (dice.integers(0, 2, WORD) * 2 - 1).astype(np.int8)


class KnownVoice:
    """A voice whose every sample is known by its sign, however softly it is played; `rate` is the ear's."""

    name = "known"
    rate = EAR_RATE

    def describe(self) -> str:
        """Return one line for the startup report."""
        return "known signs"

    async def speak(self, text: str, emit: Callable[[Chunk], Awaitable[None]]) -> None:
        """Emit one chunk for each word; it ends with its last sample."""
        await trio.lowlevel.checkpoint()
        for word in re.findall(r"\s*\S+\s*$|\s*\S+", text):
            pcm = (to_signs(word).astype(np.int16) * 8000).tobytes()
            await emit(Chunk(pcm, self.rate, (Word(word, WORD),)))

    async def aclose(self) -> None:
        """Do nothing: there is nothing to let go of."""
        await trio.lowlevel.checkpoint()


def split_replies(sounded: Sequence[tuple[float, bytes]]) -> list[npt.NDArray[np.int8]]:
    """Split what sounded into replies, as signs, in order; silence is left out."""
    pcm = np.frombuffer(b"".join(pcm for _, pcm in sounded), np.int16)
    heard = np.sign(pcm[pcm != 0]).astype(np.int8)
    breaks = np.flatnonzero(np.diff(heard) != 0) + 1
    runs = np.split(np.arange(len(heard)), breaks)
    starts = [int(run[0]) - 1 for run in runs if len(run) >= 48 and heard[run[0]] > 0]
    return [heard[a:b] for a, b in zip(starts, [*starts[1:], len(heard)], strict=True)]
