"""Raw sound as it comes from a server, made into chunks with their words, for voices that do not tell word times.

The sound is read as fast as it comes, so its length is mostly known long before it is heard; then each word gets its
share of it by its letters. Until then words are placed by the pace of what this voice said before, rather late than
early: a word that was cut should not count as heard.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from itertools import accumulate

import numpy as np
import soxr
import trio

from channels.messages import SAMPLE_BYTES, Chunk, Word
from harry.errors import EngineError
from harry.voice.word_times import split_words

Take = Callable[[bytes, int], Awaitable[None]]
"""Takes more mono 16-bit PCM, and its rate in Hz; waits while too much lies ready."""

MAX_AHEAD_SECONDS = 60.0
"""Seconds of sound that are read ahead of what is wanted."""

MAX_SECONDS = 30.0
MAX_SECONDS_A_CHARACTER = 0.6
"""What a text may sound at most: the slowest reader takes a sixth of that."""

MIN_RATE, MAX_RATE = 4_000, 192_000
"""Hz that are believed."""

_FIRST_PACE = 0.12
"""Seconds that a letter takes, pauses included, before anything is known of a voice: slower than most speak."""

_LATE = 1.15
"""By how much slower than before a text is taken to be spoken while its length is not known."""

_ENOUGH_LETTERS = 12
"""Letters of a text that tell something of the pace."""

_SILENCE = 330
"""Samples under this (-40 dBFS) at the end are no voice."""


class StreamedSpeech:
    """The speech of one voice, whose chunks are at `rate` Hz whatever its server sends."""

    def __init__(self, name: str, rate: int) -> None:
        self._name = name
        self._rate = rate
        self._pace = _FIRST_PACE

    async def speak(
        self, text: str, receive: Callable[[Take], Awaitable[None]], emit: Callable[[Chunk], Awaitable[None]]
    ) -> None:
        """Emit what `receive(take)` takes in, with the words of `text`. What cannot be said is not asked for.

        Raises what `receive` raises after what came before it, and `EngineError` for no sound or too much of it.
        """
        words = split_words(text)
        if not any(map(str.isalnum, text)):
            await emit(Chunk(b"", self._rate, tuple(Word(word, 0) for word in words)))
            return
        sound = _Sound(self._name, self._rate, MAX_SECONDS + MAX_SECONDS_A_CHARACTER * len(text))
        failures: list[Exception] = []

        async def read() -> None:
            try:
                await receive(sound.take)
            except Exception as error:  # noqa: BLE001  raised below, without a group around it
                failures.append(error)
            sound.end()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(read)
            try:
                await self._emit(words, sound, emit, failures)
            except Exception as error:  # noqa: BLE001  as above
                failures.insert(0, error)
                nursery.cancel_scope.cancel()
        if failures:
            raise failures[0]

    async def _emit(
        self, words: list[str], sound: _Sound, emit: Callable[[Chunk], Awaitable[None]], failures: list[Exception]
    ) -> None:
        placed = _PlacedWords(words, self._pace * _LATE * self._rate)
        begin = 0
        while pcm := await sound.next():
            end = begin + len(pcm) // SAMPLE_BYTES
            total = sound.voice_ends if sound.ended and not failures else None
            await emit(Chunk(pcm, self._rate, placed.until(begin, end, total)))
            begin = end
        if failures:
            return
        if not begin:
            raise EngineError(f"{self._name} sent no sound.", remedy="Check its model and its voice.")
        if rest := placed.until(begin, begin, begin):
            await emit(Chunk(b"", self._rate, rest))
        if placed.letters >= _ENOUGH_LETTERS:
            self._pace += 0.5 * (sound.voice_ends / self._rate / placed.letters - self._pace)


class _Sound:
    """What has been received and not been emitted yet, at one rate, in whole samples."""

    def __init__(self, name: str, rate: int, longest: float) -> None:
        self.ended = False
        self.voice_ends = 0
        """The sample, counted from the first of all, behind the last that is no silence."""
        self._name = name
        self._rate = rate
        self._longest = longest
        self._waiting = bytearray()
        self._received = 0
        self._half = b""
        self._resampler: soxr.ResampleStream | None = None
        self._resamples_from = rate
        self._changed = trio.Event()

    async def take(self, pcm: bytes, rate: int) -> None:
        """Take in more. Raises `EngineError` where there is no end to it."""
        whole = self._half + pcm
        cut = len(whole) % SAMPLE_BYTES
        self._half = whole[len(whole) - cut :]
        self._add(whole[: len(whole) - cut], rate)
        if self._received > self._longest * self._rate:
            raise EngineError(f"{self._name} does not stop speaking.")
        while len(self._waiting) > MAX_AHEAD_SECONDS * self._rate * SAMPLE_BYTES:
            await self._changed.wait()

    def _add(self, pcm: bytes, rate: int) -> None:
        if rate != self._resamples_from:
            if not MIN_RATE <= rate <= MAX_RATE:
                raise EngineError(f"{self._name} sends sound at {rate} Hz.", remedy="Use another voice there.")
            self._resample(b"", last=True)
            self._resamples_from = rate
            self._resampler = soxr.ResampleStream(rate, self._rate, 1, dtype="int16") if rate != self._rate else None
        self._resample(pcm)

    def _resample(self, pcm: bytes, *, last: bool = False) -> None:
        if self._resampler is not None:
            resampled = self._resampler.resample_chunk(np.frombuffer(pcm, np.int16), last=last)
            pcm = np.asarray(resampled, np.int16).tobytes()
        if not pcm:
            return
        loud = np.flatnonzero(np.abs(np.frombuffer(pcm, np.int16).astype(np.int32)) >= _SILENCE)
        if loud.size:
            self.voice_ends = self._received + int(loud[-1]) + 1
        self._received += len(pcm) // SAMPLE_BYTES
        self._waiting += pcm
        self._wake()

    def end(self) -> None:
        """Note that nothing more comes."""
        self._resample(b"", last=True)
        self.ended = True
        self._wake()

    async def next(self) -> bytes:
        """Return all that waits, as soon as there is any; b"" at the end."""
        while not self._waiting and not self.ended:
            await self._changed.wait()
        pcm = bytes(self._waiting)
        self._waiting.clear()
        self._wake()
        return pcm

    def _wake(self) -> None:
        self._changed.set()
        self._changed = trio.Event()


class _PlacedWords:
    """The words of a text, told as their sound goes by. `pace`: samples for a letter while the length is not known."""

    def __init__(self, words: list[str], pace: float) -> None:
        self._words = words
        self._letters = list(accumulate(sum(map(str.isalnum, word)) for word in words))
        self._pace = pace
        self._told = 0

    @property
    def letters(self) -> int:
        """The letters of the text."""
        return self._letters[-1]

    def until(self, begin: int, end: int, total: int | None) -> tuple[Word, ...]:
        """Return the words that end in the samples from `begin` to `end` of a text whose voice ends at `total`."""
        ended = []
        while self._told < len(self._words):
            letters = self._letters[self._told]
            last = letters == self.letters
            if total is None:
                # Nobody can tell that the last word is over before the whole is there.
                at = float("inf") if last else letters * self._pace
            else:
                at = total if last else total * letters / self.letters
            if at > end:
                break
            ended.append(Word(self._words[self._told], max(0, round(at) - begin)))
            self._told += 1
        return tuple(ended)
