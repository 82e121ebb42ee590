"""The speaker, last stage of a turn: it has the pieces synthesised and writes them into the turn's slot.

One chunk is synthesised ahead of the one being written, so that there is no gap between pieces; the gate holds a
fifth of a second beyond that. Sound is brought to the gate's rate here: behind the gate, samples of a closed turn would
sit in a resampler.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import numpy as np
import soxr
import trio

from actors.protocols import TextToSpeech
from channels.gate import Slot
from channels.messages import SAMPLE_BYTES, Chunk, Piece, Word
from channels.ports import Port

_INLINE = 24_000
"""Samples that are resampled in less than a millisecond; more goes to a thread."""


async def speak(
    pieces: Port[Piece], *, voice: TextToSpeech, slot: Slot, rate: int, on_piece: Callable[[str], None]
) -> None:
    """Speak every piece. `rate` is the gate's, in Hz; `on_piece` is told each piece as it is handed to the voice."""
    chunks = Port[Chunk]("chunks of speech", 1)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_synthesise, pieces, voice, on_piece, chunks)
        async for chunk in chunks:
            fitted = await convert_rate(chunk, rate)
            if not await slot.write(fitted.pcm, fitted.words):
                nursery.cancel_scope.cancel()


async def _synthesise(
    pieces: Port[Piece], voice: TextToSpeech, on_piece: Callable[[str], None], out: Port[Chunk]
) -> None:
    async for piece in pieces:
        on_piece(piece.text)
        await synthesise(voice, piece.text, out.send)
    out.close()


async def synthesise(voice: TextToSpeech, text: str, send: Callable[[Chunk], Awaitable[None]]) -> None:
    """Have a text spoken by a voice, which may come from anybody: each chunk is sent as the gate can take it."""
    wording = _Wording(text)

    async def fitted(chunk: Chunk) -> None:
        await send(wording.fit(checked(chunk)))

    await voice.speak(text, fitted)
    if (rest := wording.rest()) is not None:
        await send(rest)


class _Wording:
    """Keeps the words of a voice to the text it was asked for: what was heard is always a part of what was to be said.

    A voice may leave out blanks or marks. One that says other words is taken for one that cannot tell its words: the
    text counts as heard when all of its sound was.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._rate = 0
        self._strayed = False

    def fit(self, chunk: Chunk) -> Chunk:
        """Return the chunk with words that, joined, are what follows in the text."""
        self._rate = self._rate if not chunk.pcm else chunk.rate
        words = []
        for word in chunk.words:
            text = self._next(word.text)
            if text:
                words.append(Word(text, word.end))
        return Chunk(chunk.pcm, chunk.rate, tuple(words))

    def rest(self) -> Chunk | None:
        """Return what a voice that strayed has not told, after its last sound; None where there is nothing to add."""
        text = self._text[self._at :]
        return Chunk(b"", self._rate, (Word(text, 0),)) if self._strayed and self._rate and text else None

    def _next(self, told: str) -> str:
        wanted = told.strip()
        start = self._at
        while start < len(self._text) and self._text[start].isspace():
            start += 1
        if not wanted and not self._strayed:
            end = min(start, self._at + len(told))
        elif not self._strayed and self._text.startswith(wanted, start):
            end = start + len(wanted)
            after = told[len(told.rstrip()) :]
            end += len(after) if self._text.startswith(after, end) else 0
        else:
            self._strayed = True
            return ""
        text, self._at = self._text[self._at : end], end
        return text


def checked(chunk: Chunk) -> Chunk:
    """Return the chunk as the gate can take it: a voice may come from anybody. Raises `TypeError`.

    Half a sample in the gate would turn all that follows into noise, and a word that is no text would break the cut
    that asks for it.
    """
    if not isinstance(chunk, Chunk) or not isinstance(chunk.pcm, bytes) or len(chunk.pcm) % SAMPLE_BYTES:
        raise TypeError("a voice emits Chunks of whole 16-bit samples in bytes")
    if not all(isinstance(word.text, str) for word in chunk.words):
        raise TypeError("a voice emits words that are text")
    if all(0 <= word.end <= chunk.samples for word in chunk.words):
        return chunk
    words = tuple(Word(word.text, min(max(word.end, 0), chunk.samples)) for word in chunk.words)
    return Chunk(chunk.pcm, chunk.rate, words)


async def convert_rate(chunk: Chunk, rate: int) -> Chunk:
    """Bring a chunk's sound and word ends to `rate` Hz."""
    if chunk.rate == rate or not chunk.pcm:
        return Chunk(chunk.pcm, rate, chunk.words)
    if chunk.samples <= _INLINE:
        pcm = _resampled(chunk.pcm, chunk.rate, rate)
    else:
        pcm = await trio.to_thread.run_sync(_resampled, chunk.pcm, chunk.rate, rate)
    samples = len(pcm) // 2
    words = tuple(Word(word.text, min(samples, round(word.end * rate / chunk.rate))) for word in chunk.words)
    return Chunk(pcm, rate, words)


def _resampled(pcm: bytes, from_rate: int, to_rate: int) -> bytes:
    samples = soxr.resample(np.frombuffer(pcm, np.int16), from_rate, to_rate)
    return bytes(np.asarray(samples, np.int16).tobytes())
