"""Words of a sound file, outside of any turn: for programs that record for themselves."""

from __future__ import annotations

from dataclasses import dataclass

import trio

from actors.protocols import SpeechToText
from channels.messages import EAR_RATE
from harry.audio.files import read
from harry.shelf import Shelf

LEAST = EAR_RATE // 20
"""Samples that hold a word at the least."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What a file holds; `seconds` is its length."""

    text: str
    seconds: float


async def transcribed(shelf: Shelf[SpeechToText], data: bytes) -> Heard:
    """Hear a whole file (see `harry.audio.files.read`). Raises `DeviceError` for what is none, and what the ear raises.

    The ear is leased for as long as it hears; cancelling stops its work.
    """
    samples = await trio.to_thread.run_sync(read, data)
    seconds = len(samples) / EAR_RATE
    if len(samples) < LEAST:
        return Heard("", seconds)
    async with shelf.lease() as ear:
        return Heard((await ear.transcribe(samples)).strip(), seconds)
