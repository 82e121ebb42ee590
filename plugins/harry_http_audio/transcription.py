"""An ear behind a server of OpenAI's audio API: each utterance is sent as a WAV file, its words come back."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import trio
from pydantic import Field

from harry.plugin import (
    EAR_RATE,
    HIDDEN,
    TRANSCRIPTION,
    EngineError,
    HttpServer,
    HttpSettings,
    ProgressDeadline,
    Samples,
    explain_web_page,
    find_error,
    parse_json,
    read_beginning,
)
from harry_http_audio.engine import HttpAudioEngine
from harry_http_audio.wav import pack_wav

if TYPE_CHECKING:
    import httpx

MIN_SAMPLES = EAR_RATE // 10
"""Samples that hold a word at the least: less is not sent."""

INLINE_SAMPLES = EAR_RATE * 15
"""Samples that are packed in less than a millisecond; more goes to a thread."""

MAX_ANSWER_BYTES = 1 << 20
"""Bytes of an answer: an hour of speech has a twentieth of that."""

TOKENS_A_SECOND = 10
"""Tokens that a second of sound is reckoned as, for the budget."""


class TranscriptionSettings(HttpSettings):
    """`base_url` ends before `/audio/transcriptions`. What is heard is sent there, also while somebody still speaks.

    `language` ("en") is told to the server; left out, it guesses. `prompt` is a text with names that it should
    know. `deadline` is seconds for an answer, tries included. `price_per_minute` is what a minute of sound costs, for
    the budget. `extra` is added to each form as it stands.
    """

    model: str = Field(min_length=1)
    language: str | None = None
    prompt: str = Field("", max_length=2000)
    deadline: float = Field(20.0, gt=0)
    price_per_minute: float = Field(0.0, ge=0)
    extra: Annotated[Mapping[str, str], HIDDEN] = Field(default_factory=dict)


class OpenAITranscription(HttpAudioEngine):
    """One model of one server; any number of utterances at a time."""

    PURPOSE = "speech to text"
    Settings = TranscriptionSettings

    def __init__(self, name: str, settings: TranscriptionSettings, server: HttpServer) -> None:
        super().__init__(name, server)
        self._settings = settings

    @classmethod
    def load(cls, name: str, settings: TranscriptionSettings) -> OpenAITranscription:
        """Prepare the connections; asks nothing of the server. Raises `EngineUnavailable`."""
        server = HttpServer.open(name, settings, purpose=cls.PURPOSE, model=settings.model, service=TRANSCRIPTION)
        return cls(name, settings, server)

    def describe(self) -> str:
        """Return one line for the startup report."""
        sent = "" if self._server.local else "; what is heard is sent there"
        return f"{self._settings.model} ({self._server.host}{sent})"

    async def transcribe(self, samples: Samples) -> str:
        """Return the words in `samples` (shape (n,), float32, 16 kHz), "" for less than a tenth of a second.

        Cancelling closes the connection. Raises `EngineError`.
        """
        if len(samples) < MIN_SAMPLES:
            await trio.lowlevel.checkpoint()
            return ""
        settings, seconds = self._settings, len(samples) / EAR_RATE
        if len(samples) <= INLINE_SAMPLES:
            wav = pack_samples(samples)
        else:
            wav = await trio.to_thread.run_sync(pack_samples, samples)
        boundary = secrets.token_hex(16)
        form = pack_form(self._fields(), wav, boundary)

        async def attempt() -> str:
            kind = f"multipart/form-data; boundary={boundary}"
            async with self._server.post("/audio/transcriptions", form, kind) as response:
                return await self._words(response)

        words = ""
        money = settings.price_per_minute * seconds / 60
        with ProgressDeadline(self.name, between_signs=settings.deadline, total=settings.deadline) as patience:
            async with self._server.spending(tokens=round(TOKENS_A_SECOND * seconds), money=money):
                words = await self._server.retry(attempt, patience)
        return words

    def _fields(self) -> dict[str, str]:
        settings = self._settings
        named = {"model": settings.model, "response_format": "json"}
        if settings.language:
            named["language"] = settings.language
        if settings.prompt:
            named["prompt"] = settings.prompt
        return {**named, **settings.extra}

    async def _words(self, response: httpx.Response) -> str:
        """Read the words out of an answer, in whichever form it comes."""
        body = await read_beginning(response, MAX_ANSWER_BYTES)
        if len(body) > MAX_ANSWER_BYTES:
            raise EngineError(f"{self._server.host} sent more than anybody can have said.")
        text = body.decode("utf-8-sig", "replace").strip()
        if text.startswith("<"):
            raise explain_web_page(self._server.host)
        kind = response.headers.get("content-type", "")
        if kind.startswith("text/plain") and not text.startswith("{"):
            return text
        try:
            answer: Any = parse_json(text)
        except ValueError as error:
            raise EngineError(f"{self._server.host} sent what is not an answer.") from error
        words = answer.get("text") if isinstance(answer, dict) else answer
        if isinstance(words, str):
            return words.strip()
        told = find_error(answer) if isinstance(answer, dict) else None
        if told is None:
            raise EngineError(f"{self._server.host} sent an answer without words.")
        raise self._server.refused(read_status(told), json.dumps({"error": told}).encode(), {})


def read_status(told: object) -> int:
    """Return the status that an error told with status 200 means."""
    code = told.get("code") if isinstance(told, dict) else None
    return code if isinstance(code, int) and 400 <= code < 600 else 500


def pack_samples(samples: Samples) -> bytes:
    """Return float32 samples as a WAV file."""
    return pack_wav((samples.clip(-1.0, 1.0) * 32767).astype("<i2").tobytes())


def pack_form(fields: Mapping[str, str], wav: bytes, boundary: str) -> bytes:
    """Return a form (multipart/form-data) of fields and one sound file."""
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="speech.wav"\r\n'
        "Content-Type: audio/wav\r\n\r\n"
    )
    return b"".join([*parts, head.encode(), wav, f"\r\n--{boundary}--\r\n".encode()])
