"""`/v1/audio/speech`: Harry's voice for other programs. WAV and PCM stream as they are made; other files come whole."""

from __future__ import annotations

import json
import struct
from typing import Literal

import trio
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from actors.protocols import TextToSpeech
from harry.config.persona import load_configured_persona
from harry.engines.lease import EnginePool
from harry.errors import EngineUnavailable
from harry.host.host import Host
from harry.services.speech import FILES, RATE, voice, voiced
from harry.web.server.http import Refusal, Request, Response, Send
from harry.web.server.routing import Routes

LONGEST = 4096
"""Characters of a text, as OpenAI's service has it."""

NAMES = frozenset(
    ("harry", "alloy", "ash", "ballad", "cedar", "coral", "echo", "fable", "marin", "nova", "onyx", "sage")
) | {"shimmer", "verse"}
"""What may stand as `voice`: Harry has one, and programs have these names built in."""

_KINDS: dict[str, str] = {
    "wav": "audio/wav",
    "pcm": f"audio/pcm;rate={RATE}",
    "flac": "audio/flac",
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
}


class Speech(BaseModel):
    """The body of a request for speech."""

    model_config = ConfigDict(extra="ignore")

    input: str = Field(min_length=1, max_length=LONGEST)
    model: str = "harry"
    voice: str | dict[str, str] = "harry"
    response_format: str = "mp3"
    speed: float = 1.0
    stream_format: Literal["audio", "sse"] = "audio"
    instructions: str = ""


def register(routes: Routes, host: Host) -> None:
    """Add the path."""

    async def speak(request: Request) -> Response:
        await trio.lowlevel.checkpoint()
        asked = _read(request.json())
        shelf = host.engines.text_to_speech
        if shelf is None:
            raise EngineUnavailable("Harry has no voice here.", remedy="Set engines.text_to_speech.")
        _refuse(asked, shelf)
        pronunciations = load_configured_persona(host.config.persona).say
        kind = _KINDS[asked.response_format]
        if asked.response_format in FILES and asked.response_format != "wav":
            body = await voiced(shelf, asked.input, asked.response_format, pronunciations)
            return Response(body=body, kind=kind)
        head = _endless_wav() if asked.response_format == "wav" else b""

        async def stream(send: Send) -> None:
            await send(head)
            await voice(shelf, asked.input, send, pronunciations)

        return Response(kind=kind, stream=stream)

    routes.add("POST", "/v1/audio/speech", speak, told="A text in Harry's voice.", costly=True)


def _read(body: object) -> Speech:
    try:
        return Speech.model_validate(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise Refusal(400, "invalid_value", f"`{'.'.join(map(str, first['loc']))}`: {first['msg']}.") from None


def _refuse(asked: Speech, shelf: EnginePool[TextToSpeech]) -> None:
    if asked.response_format not in _KINDS:
        raise Refusal(400, "unsupported_value", f"`response_format` is one of {', '.join(_KINDS)}.")
    name = asked.voice if isinstance(asked.voice, str) else json.dumps(asked.voice)
    if name not in NAMES | {shelf.engine.name}:
        raise Refusal(400, "unsupported_value", "`voice`: Harry has one voice, which is called `harry`.")
    if asked.speed != 1.0:
        raise Refusal(400, "unsupported_value", "`speed` is 1: the voice's own table (length_scale) sets its pace.")
    if asked.stream_format != "audio":
        raise Refusal(400, "unsupported_value", "`stream_format` is `audio`.")
    if asked.instructions:
        raise Refusal(400, "unsupported_value", "`instructions`: Harry's voice takes none.")


def _endless_wav() -> bytes:
    """Return the head of a WAV file whose length is not known yet, as programs that stream one write it."""
    unknown = 0xFFFFFFFF
    form = struct.pack("<HHIIHH", 1, 1, RATE, RATE * 2, 2, 16)
    return struct.pack("<4sI4s4sI16s4sI", b"RIFF", unknown, b"WAVE", b"fmt ", 16, form, b"data", unknown)
