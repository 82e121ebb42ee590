"""Words as sound outside of any turn: for programs that want Harry's voice and play it themselves.

The voice is leased as a turn leases it, and the words go through the same wording, so what is heard is the same.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import cast, get_args

import trio

from actors.protocols import TextToSpeech
from actors.text.segmentation import Wording
from channels.messages import Chunk
from harry.audio.files import FileKind, encode
from harry.audio.resampling import Resampler
from harry.engines.lease import EnginePool
from harry.voice.spoken_voice import SpokenVoice

RATE = 24_000
"""Hz of what comes out."""

FILES: tuple[str, ...] = get_args(FileKind)
"""The kinds of files that can be written."""


async def voice(
    shelf: EnginePool[TextToSpeech],
    text: str,
    emit: Callable[[bytes], Awaitable[None]],
    pronunciations: Mapping[str, str] | None = None,
) -> None:
    """Speak a text of any length; mono 16-bit PCM at `RATE` goes to `emit`, which may wait, as soon as it is made.

    Raises what the voice raises. Cancelling stops its work.
    """
    wording = Wording()
    pieces = [*wording.feed(text), *wording.end()]
    async with shelf.lease() as leased:
        speaker = SpokenVoice(leased, pronunciations=pronunciations)
        resampler = Resampler(speaker.rate, RATE)

        async def take(chunk: Chunk) -> None:
            await emit(resampler.push(chunk.pcm))

        for piece in pieces:
            await speaker.speak(piece, take)
        await emit(resampler.push(b"", last=True))


async def voiced(
    shelf: EnginePool[TextToSpeech], text: str, kind: str, pronunciations: Mapping[str, str] | None = None
) -> bytes:
    """Speak a text into a file of one of `FILES`. Raises what the voice raises."""
    sound = bytearray()

    async def keep(pcm: bytes) -> None:
        await trio.lowlevel.checkpoint()
        sound.extend(pcm)

    await voice(shelf, text, keep, pronunciations)
    return await trio.to_thread.run_sync(encode, bytes(sound), RATE, cast(FileKind, kind))
