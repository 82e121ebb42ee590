"""A voice behind a server of OpenAI's audio API: raw sound streams in; a cut closes the connection at once."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from harry.plugin import (
    HIDDEN,
    SPEECH,
    Chunk,
    EngineError,
    HttpServer,
    HttpSettings,
    ProgressDeadline,
    StreamedSpeech,
    Take,
    explain_web_page,
    find_error,
    parse_json,
    read_beginning,
    stream_body,
)
from harry_http_audio.engine import HttpAudioEngine
from harry_http_audio.transcription import read_status
from harry_http_audio.wav import SoundReader

if TYPE_CHECKING:
    import httpx

MAX_ERROR_BYTES = 1 << 16

CHARACTERS_A_TOKEN = 4
"""Characters of a token, for the budget."""


class SpeechSettings(HttpSettings):
    """`base_url` ends before `/audio/speech`; deadlines are seconds of the server's time.

    `first_sound_deadline` holds until the first sound, tries included, and between any two portions of it. `rate` is in
    Hz, of raw sound whose rate the server does not tell (24000 with OpenAI's models and Kokoro). `language` is the
    tag of the language that the voice speaks: numbers are written out in words for English alone.
    `price_per_million` is what a million characters cost, for the budget. `extra` is added to each request as it
    stands.
    """

    model: str = Field(min_length=1)
    voice: str = Field(min_length=1)
    language: str = Field("en", pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")
    speed: float | None = Field(None, ge=0.25, le=4)
    instructions: str = Field("", max_length=2000)
    response_format: Literal["pcm", "wav"] = "pcm"
    rate: int = Field(24_000, ge=8_000, le=48_000)
    first_sound_deadline: float = Field(10.0, gt=0)
    total_deadline: float = Field(120.0, gt=0)
    price_per_million: float = Field(0.0, ge=0)
    extra: Annotated[Mapping[str, Any], HIDDEN] = Field(default_factory=dict)


class OpenAISpeech(HttpAudioEngine):
    """One voice of one server, shared by all sessions."""

    PURPOSE = "text to speech"
    Settings = SpeechSettings

    def __init__(self, name: str, settings: SpeechSettings, server: HttpServer) -> None:
        super().__init__(name, server)
        self.rate = settings.rate
        self.language = settings.language
        self._settings = settings
        self._speech = StreamedSpeech(name, settings.rate)

    @classmethod
    def load(cls, name: str, settings: SpeechSettings) -> OpenAISpeech:
        """Prepare the connections; asks nothing of the server. Raises `EngineUnavailable`."""
        server = HttpServer.open(name, settings, purpose=cls.PURPOSE, model=settings.model, service=SPEECH)
        return cls(name, settings, server)

    def describe(self) -> str:
        """Return one line for the startup report."""
        return f"{self._settings.voice} of {self._settings.model} ({self._server.host})"

    async def speak(self, text: str, emit: Callable[[Chunk], Awaitable[None]]) -> None:
        """Speak a piece: sound is emitted as it comes. Cancelling closes the connection. Raises `EngineError`."""
        await self._speech.speak(text, partial(self._ask, text), emit)

    async def _ask(self, text: str, take: Take) -> None:
        settings = self._settings
        begun: list[bool] = []

        async def take_first(pcm: bytes, rate: int) -> None:
            begun[:] = [True]
            await take(pcm, rate)

        with ProgressDeadline(
            self.name, between_signs=settings.first_sound_deadline, total=settings.total_deadline
        ) as patience:
            tokens, money = len(text) // CHARACTERS_A_TOKEN + 1, settings.price_per_million * len(text) / 1e6
            async with self._server.spending(tokens=tokens, money=money):
                await self._server.retry(
                    partial(self._once, text, patience, take_first), patience, begun=lambda: bool(begun)
                )

    async def _once(self, text: str, patience: ProgressDeadline, take: Take) -> None:
        async with self._server.post("/audio/speech", self._body(text)) as response:
            kind = response.headers.get("content-type", "").lower()
            if kind.startswith(("application/json", "application/problem+json", "text/")):
                await self._explain(response)
            reader = SoundReader(self._server.host, kind, self._settings.rate)
            begun = False
            async with stream_body(response) as portions:
                async for portion in portions:
                    patience.renew()
                    if not begun and portion.lstrip()[:1] in (b"{", b"<") and _is_text(portion):
                        raise self._refusal(portion)
                    begun = True
                    if pcm := reader.feed(portion):
                        with patience.pause():
                            await take(pcm, reader.rate)
            if pcm := reader.end():
                await take(pcm, reader.rate)

    def _body(self, text: str) -> dict[str, Any]:
        settings = self._settings
        body: dict[str, Any] = {
            "model": settings.model,
            "input": text,
            "voice": settings.voice,
            "response_format": settings.response_format,
        }
        if settings.speed is not None:
            body["speed"] = settings.speed
        if settings.instructions:
            body["instructions"] = settings.instructions
        return {**body, **settings.extra}

    async def _explain(self, response: httpx.Response) -> None:
        raise self._refusal(await read_beginning(response, MAX_ERROR_BYTES))

    def _refusal(self, body: bytes) -> Exception:
        """Return what words in place of sound mean."""
        host = self._server.host
        text = body.decode("utf-8-sig", "replace").strip()
        if text.startswith("<"):
            return explain_web_page(host)
        try:
            answer = parse_json(text)
        except ValueError:
            answer = None
        told = find_error(answer) if isinstance(answer, dict) else None
        if told is None:
            return EngineError(f"{host} sent words in place of sound.", remedy="Check its model and its voice.")
        return self._server.refused(read_status(told), json.dumps({"error": told}).encode(), {})


def _is_text(portion: bytes) -> bool:
    """Say whether a body is text, although its kind does not say so: raw sound is none."""
    return all(byte in b"\t\r\n" or 32 <= byte < 127 for byte in portion[:32])
