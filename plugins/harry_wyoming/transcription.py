"""An ear behind a Wyoming server, such as wyoming-faster-whisper: each utterance over a connection of its own."""

from __future__ import annotations

import trio
from pydantic import Field

from harry.plugin import EAR_RATE, SAMPLE_BYTES, EngineError, EngineTimeout, EngineTraits, Samples
from harry_wyoming.connection import Connection
from harry_wyoming.messages import (
    AsrProgram,
    AudioChunk,
    AudioStart,
    AudioStop,
    Transcribe,
    Transcript,
    TranscriptChunk,
    TranscriptStop,
)
from harry_wyoming.service import LOOK_WITHIN, WyomingService, WyomingSettings, summarise

PURPOSE = "speech to text"

MIN_SAMPLES = EAR_RATE // 10
"""Samples that hold a word at the least: less is not sent."""

CHUNK_BYTES = EAR_RATE * SAMPLE_BYTES // 4
"""A quarter of a second in each message."""

MAX_CHARACTERS = 1 << 20
"""Characters of an utterance's words."""


class WyomingTranscriptionSettings(WyomingSettings):
    """`uri` is where the server listens, `tcp://HOST:PORT` or `unix:///PATH`. What is heard is sent there.

    `program` is the one to use, where the server has several; `model` and `language` ("en") are told to it. `deadline`
    is seconds for an answer.
    """

    model: str | None = None
    deadline: float = Field(20.0, gt=0)


class WyomingTranscription:
    """One ear of one server; any number of utterances at a time."""

    Settings = WyomingTranscriptionSettings

    def __init__(self, name: str, settings: WyomingTranscriptionSettings) -> None:
        self.name = name
        self._settings = settings
        self.service = WyomingService(settings, purpose=PURPOSE, serves="speech to text", find=lambda info: info.asr)
        self.traits = EngineTraits(local=self.service.local)

    @classmethod
    def load(cls, name: str, settings: WyomingTranscriptionSettings) -> WyomingTranscription:
        """Make it; asks nothing of the server. Raises `EngineUnavailable` where `local_only` forbids the address."""
        return cls(name, settings)

    @classmethod
    def check_available(cls, name: str, settings: WyomingTranscriptionSettings) -> str:
        """Ask the server what it offers, and say so; blocks for two seconds at most. Raises `EngineError`."""
        program = trio.run(cls(name, settings).service.describe, LOOK_WITHIN)
        return summarise(program, settings.uri, program.models if isinstance(program, AsrProgram) else ())

    def describe(self) -> str:
        """Return one line for the startup report."""
        sent = "" if self.service.local else "; what is heard is sent there"
        return f"{self._settings.program or 'Wyoming'} ({self._settings.uri}{sent})"

    async def aclose(self) -> None:
        """Do nothing: connections end with what is asked on them."""

    async def transcribe(self, samples: Samples) -> str:
        """Return the words in `samples` (shape (n,), float32, 16 kHz), "" for less than a tenth of a second.

        Cancelling closes the connection. Raises `EngineError`.
        """
        if len(samples) < MIN_SAMPLES:
            await trio.lowlevel.checkpoint()
            return ""
        settings = self._settings
        pcm = await trio.to_thread.run_sync(_to_pcm, samples) if len(samples) > 15 * EAR_RATE else _to_pcm(samples)
        words: str | None = None
        with trio.move_on_after(settings.deadline):
            async with self.service.ask() as connection:
                await connection.send(
                    Transcribe(name=settings.model, language=settings.language),
                    AudioStart(rate=EAR_RATE, width=SAMPLE_BYTES, channels=1),
                )
                for at in range(0, len(pcm), CHUNK_BYTES):
                    part = pcm[at : at + CHUNK_BYTES]
                    await connection.send(AudioChunk(rate=EAR_RATE, width=SAMPLE_BYTES, channels=1, audio=part))
                await connection.send(AudioStop())
                words = await self._words(connection)
        if words is None:
            raise EngineTimeout(f"{self.name} did not answer in time.", remedy="Ask again, or use another engine.")
        return words.strip()

    async def _words(self, connection: Connection) -> str:
        """Read the words; where they stream, what stands whole at the end counts, and it has to come."""
        streamed = ""
        while True:
            event = await self.service.receive(connection)
            if TranscriptChunk.is_type(event.type):
                streamed += str(event.data.get("text") or "")
            if len(streamed) > MAX_CHARACTERS:
                raise EngineError(f"{self._settings.uri} sent more than anybody can have said.")
            if Transcript.is_type(event.type):
                text = event.data.get("text")
                if not isinstance(text, str):
                    raise EngineError(f"{self._settings.uri} sent an answer without words.")
                return text
            if TranscriptStop.is_type(event.type):
                return streamed


def _to_pcm(samples: Samples) -> bytes:
    return (samples.clip(-1.0, 1.0) * 32767).astype("<i2").tobytes()
