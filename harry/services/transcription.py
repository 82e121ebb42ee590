"""Words of a sound file, outside of any turn: for programs that record for themselves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import trio

from actors.protocols import Recognition, Samples, SpeechToText
from channels.messages import EAR_RATE
from harry.audio.files import decode
from harry.audio.resampling import EAR, Layout, Reblocker, Resampler, to_mono
from harry.engines.lease import EnginePool

Reblock = Callable[[bytes], list[bytes]]
"""Takes 16-bit mono PCM in any portions; gives the microphone's frames that are whole by now."""

LEAST = EAR_RATE // 20
"""Samples that hold a word at the least."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What a file holds; `seconds` is its length."""

    text: str
    seconds: float


async def transcribed(shelf: EnginePool[SpeechToText], data: bytes) -> Heard:
    """Hear a whole file (see `harry.audio.files.decode`).

    Raises `DeviceError` for what is none, and what the ear raises.

    The ear is leased for as long as it hears; cancelling stops its work.
    """
    samples = await trio.to_thread.run_sync(decode, data)
    seconds = len(samples) / EAR_RATE
    if len(samples) < LEAST:
        return Heard("", seconds)
    async with shelf.lease() as ear:
        return Heard(Recognition.of(await ear.transcribe(samples)).text.strip(), seconds)


async def understood(shelf: EnginePool[SpeechToText], pcm: bytes, rate: int) -> Heard:
    """Hear mono 16-bit PCM at `rate` Hz. Raises what the ear raises."""
    samples = await trio.to_thread.run_sync(_at_ear_rate, pcm, rate)
    seconds = len(samples) / EAR_RATE
    if len(samples) < LEAST:
        return Heard("", seconds)
    async with shelf.lease() as ear:
        return Heard(Recognition.of(await ear.transcribe(samples)).text.strip(), seconds)


def _at_ear_rate(pcm: bytes, rate: int) -> Samples:
    sound = Resampler(rate, EAR_RATE).push(pcm, last=True)
    return to_mono(sound, EAR)


def reblocking(rate: int) -> Reblock:
    """Make of mono 16-bit PCM at `rate` Hz the frames of a microphone."""
    return Reblocker(Layout(rate, 1, "int16")).push
