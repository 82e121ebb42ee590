"""A server of OpenAI's audio API on the loopback interface, and Harry's ear and voice that ask it."""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import h11
import numpy as np
import trio
from harry_http_audio.speech import OpenAISpeech
from harry_http_audio.transcription import OpenAITranscription

from channels.messages import Chunk
from tests.support.chat_server import KEY, Answer, Client, Server, listening

RATE = 24_000


def tone(seconds: float, rate: int = RATE) -> bytes:
    """A sound that is loud from its first to its last sample."""
    at = np.arange(round(seconds * rate))
    return np.asarray(8000 * np.sign(np.sin(at * 2 * np.pi * 300 / rate) + 0.01), np.int16).tobytes()


def wav_head(rate: int, *, channels: int = 1, bits: int = 16, coding: int = 1, size: int = 0xFFFFFFFF) -> bytes:
    form = struct.pack("<HHIIHH", coding, channels, rate, rate * channels * bits // 8, channels * bits // 8, bits)
    title = b"LIST" + struct.pack("<I", 3) + b"abc\0"
    length = struct.pack("<I", size)
    return b"RIFF" + length + b"WAVEfmt " + struct.pack("<I", 16) + form + title + b"data" + length


def answering(body: bytes, kind: str = "application/json", status: int = 200) -> Answer:
    """Answer at once, with a body of this kind."""

    async def answer(client: Client, asked: dict[str, Any]) -> None:
        headers = [("content-length", str(len(body))), *([("content-type", kind)] if kind else [])]
        await client.begin(status, headers)
        await client.data(body)
        await client.send(h11.EndOfMessage())

    return answer


async def begin_sound(client: Client, kind: str = "audio/pcm") -> None:
    await client.begin(200, [("content-type", kind), ("transfer-encoding", "chunked")])


def speaking(*portions: bytes, kind: str = "audio/pcm") -> Answer:
    """Send each portion by itself."""

    async def answer(client: Client, asked: dict[str, Any]) -> None:
        await begin_sound(client, kind)
        for portion in portions:
            await client.data(portion)
        await client.send(h11.EndOfMessage())

    return answer


@asynccontextmanager
async def with_voice(answer: Answer, **settings: Any) -> AsyncIterator[tuple[Server, OpenAISpeech]]:
    async with listening(answer) as server:
        given = {"base_url": server.url, "model": "kokoro", "voice": "af_heart", "api_key": KEY, **settings}
        voice = OpenAISpeech.load("far voice", OpenAISpeech.Settings.model_validate(given))
        try:
            yield server, voice
        finally:
            with trio.CancelScope(shield=True):
                await voice.aclose()


@asynccontextmanager
async def with_ear(answer: Answer, **settings: Any) -> AsyncIterator[tuple[Server, OpenAITranscription]]:
    async with listening(answer) as server:
        given = {"base_url": server.url, "model": "whisper-1", "api_key": KEY, **settings}
        ear = OpenAITranscription.load("far ear", OpenAITranscription.Settings.model_validate(given))
        try:
            yield server, ear
        finally:
            with trio.CancelScope(shield=True):
                await ear.aclose()


async def speak(
    voice: Any, text: str = "Hello there, world.", emit: Callable[[Chunk], Awaitable[None]] | None = None
) -> list[Chunk]:
    """Have a text spoken; returns the chunks."""
    chunks: list[Chunk] = []

    async def keep(chunk: Chunk) -> None:
        chunks.append(chunk)
        await trio.lowlevel.checkpoint()
        if emit is not None:
            await emit(chunk)

    await voice.speak(text, keep)
    return chunks


def sound(chunks: list[Chunk]) -> bytes:
    return b"".join(chunk.pcm for chunk in chunks)


def words(chunks: list[Chunk]) -> str:
    return "".join(word.text for chunk in chunks for word in chunk.words)
