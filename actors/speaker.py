"""The speaker, last stage of a turn: it has the pieces synthesised and writes them into the turn's slot.

One chunk is synthesised ahead of the one being written, so that there is no gap between pieces; the gate holds a
fifth of a second beyond that. Sound is brought to the gate's rate here: behind the gate, samples of a closed turn would
sit in a resampler.
"""

from __future__ import annotations

from collections.abc import Callable

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
            fitted = await convert_rate(checked(chunk), rate)
            if not await slot.write(fitted.pcm, fitted.words):
                nursery.cancel_scope.cancel()


async def _synthesise(
    pieces: Port[Piece], voice: TextToSpeech, on_piece: Callable[[str], None], out: Port[Chunk]
) -> None:
    async for piece in pieces:
        on_piece(piece.text)
        await voice.speak(piece.text, out.send)
    out.close()


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
