"""A voice behind a Wyoming server, such as wyoming-piper: sound streams in; a cut closes the connection at once."""

from __future__ import annotations

from array import array
from collections.abc import Awaitable, Callable
from functools import partial

import trio
from pydantic import Field

from harry.plugin import (
    SAMPLE_BYTES,
    Chunk,
    EngineError,
    EngineTraits,
    ProgressDeadline,
    StreamedSpeech,
    Take,
)
from harry_wyoming.messages import (
    AudioChunk,
    AudioStop,
    Event,
    Synthesize,
    SynthesizeChunk,
    SynthesizeStart,
    SynthesizeStop,
    SynthesizeStopped,
    SynthesizeVoice,
    TtsProgram,
)
from harry_wyoming.service import LOOK_WITHIN, WyomingService, WyomingSettings, summarise

PURPOSE = "text to speech"

RATE = 24_000
"""Hz of the chunks, whatever the server's are."""


class WyomingSpeechSettings(WyomingSettings):
    """`uri` is where the server listens, `tcp://HOST:PORT` or `unix:///PATH`. What Harry says is sent there.

    `program` is the one to use, where the server has several. `voice` is one of its voices, else `language` chooses it;
    `speaker` is one of the voice's. Numbers are written out in words for English alone. `first_sound_deadline` is
    seconds until the first sound and between any two portions of it, `total_deadline` for a piece of a reply.
    """

    voice: str | None = None
    speaker: str | None = None
    first_sound_deadline: float = Field(20.0, gt=0)
    total_deadline: float = Field(120.0, gt=0)


class WyomingSpeech:
    """One voice of one server, shared by all sessions."""

    Settings = WyomingSpeechSettings

    def __init__(self, name: str, settings: WyomingSpeechSettings) -> None:
        self.name = name
        self.rate = RATE
        self.language = settings.language or "en"
        self._settings = settings
        self.service = WyomingService(settings, purpose=PURPOSE, serves="voice", find=lambda info: info.tts)
        self.traits = EngineTraits(local=self.service.local)
        self._speech = StreamedSpeech(name, RATE)

    @classmethod
    def load(cls, name: str, settings: WyomingSpeechSettings) -> WyomingSpeech:
        """Make it; asks nothing of the server. Raises `EngineUnavailable` where `local_only` forbids the address."""
        return cls(name, settings)

    @classmethod
    def check_available(cls, name: str, settings: WyomingSpeechSettings) -> str:
        """Ask the server what it offers, and say so; blocks for two seconds at most. Raises `EngineError`."""
        program = trio.run(cls(name, settings).service.describe, LOOK_WITHIN)
        return summarise(program, settings.uri, program.voices if isinstance(program, TtsProgram) else ())

    def describe(self) -> str:
        """Return one line for the startup report."""
        return f"{self._settings.voice or self._settings.program or 'Wyoming'} ({self._settings.uri})"

    async def aclose(self) -> None:
        """Do nothing: connections end with what is asked on them."""

    async def speak(self, text: str, emit: Callable[[Chunk], Awaitable[None]]) -> None:
        """Speak a piece: sound is emitted as it comes. Cancelling closes the connection. Raises `EngineError`."""
        await self._speech.speak(text, partial(self._ask, text), emit)

    async def _ask(self, text: str, take: Take) -> None:
        settings = self._settings
        with ProgressDeadline(
            self.name, between_signs=settings.first_sound_deadline, total=settings.total_deadline
        ) as patience:
            program = await self.service.describe()
            streams = isinstance(program, TtsProgram) and program.supports_synthesize_streaming is True
            last = SynthesizeStopped if streams else AudioStop
            async with self.service.ask() as connection:
                voice = self._voice()
                if streams:
                    # The whole text for servers that do not stream is left out: this one does.
                    await connection.send(SynthesizeStart(voice=voice), SynthesizeChunk(text=text), SynthesizeStop())
                else:
                    await connection.send(Synthesize(text=text, voice=voice))
                sound = _Sound(settings.uri)
                while True:
                    event = await self.service.receive(connection)
                    patience.renew()
                    if last.is_type(event.type):
                        return
                    if AudioChunk.is_type(event.type) and (pcm := sound.read(event)):
                        with patience.pause():
                            await take(pcm, sound.rate)

    def _voice(self) -> SynthesizeVoice | None:
        settings = self._settings
        if settings.voice is None and settings.language is None:
            return None
        return SynthesizeVoice(name=settings.voice, language=settings.language, speaker=settings.speaker)


class _Sound:
    """Reads the sound of messages: mono 16-bit PCM in whole samples, at `rate` Hz."""

    def __init__(self, uri: str) -> None:
        self.rate = RATE
        self._uri = uri
        self._part = b""

    def read(self, event: Event) -> bytes:
        """Return the sound of a message. Raises `EngineError` for sound of another kind."""
        form = {name: event.data.get(name) for name in ("rate", "width", "channels")}
        rate, width, channels = form.values()
        if not (isinstance(rate, int) and width == SAMPLE_BYTES and isinstance(channels, int) and 1 <= channels <= 8):
            raise EngineError(
                f"{self._uri} sends sound that is not of 16 bits: {form}.", remedy="Use another voice there."
            )
        self.rate = rate
        whole = self._part + (event.payload or b"")
        cut = len(whole) - len(whole) % (SAMPLE_BYTES * channels)
        self._part = whole[cut:]
        return whole[:cut] if channels == 1 else array("h", whole[:cut])[::channels].tobytes()
