"""`/v1/audio/transcriptions`: Harry's ear for other programs, asked with a form (multipart) that holds a sound file."""

from __future__ import annotations

import json
from functools import partial

import trio
from python_multipart import FormParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import Field, File, parse_options_header

from harry.errors import DeviceError, EngineUnavailable
from harry.host.host import Host
from harry.services.transcription import Heard, transcribed
from harry.web.server.http import MIB, Refusal, Request, Response, Send, as_json
from harry.web.server.routing import Routes

MOST_BODY = 26 * MIB
"""Bytes of a form: OpenAI's service takes files of 25 MB."""

MOST_FIELDS = 32

FORMATS = ("json", "text", "verbose_json")


def register(routes: Routes, host: Host) -> None:
    """Add the path."""

    async def transcribe(request: Request) -> Response:
        fields, data = await trio.to_thread.run_sync(partial(_form, request))
        wanted = fields.get("response_format", "json")
        if wanted not in FORMATS:
            raise Refusal(400, "unsupported_value", f"`response_format` is one of {', '.join(FORMATS)}.")
        if "timestamp_granularities[]" in fields and fields["timestamp_granularities[]"] != "segment":
            raise Refusal(400, "unsupported_value", "`timestamp_granularities`: the ear tells no times of words.")
        shelf = host.engines.speech_to_text
        if shelf is None:
            raise EngineUnavailable("Harry has no ear here.", remedy="Set engines.speech_to_text.")
        try:
            heard = await transcribed(shelf, data)
        except DeviceError as error:
            raise Refusal(400, "invalid_file", str(error)) from None
        if fields.get("stream", "").lower() in ("true", "1"):
            return Response(kind="text/event-stream", stream=partial(_stream, heard))
        return _answer(wanted, heard, host.config.persona.language)

    routes.add(
        "POST",
        "/v1/audio/transcriptions",
        transcribe,
        most_body=MOST_BODY,
        told="The words of a sound file.",
        costly=True,
    )


def _answer(wanted: str, heard: Heard, language: str) -> Response:
    if wanted == "text":
        return Response(body=f"{heard.text}\n".encode(), kind="text/plain; charset=utf-8")
    if wanted == "json":
        seconds = {"type": "duration", "seconds": round(heard.seconds, 3)}
        return as_json({"text": heard.text, "usage": seconds})
    whole = {
        "id": 0, "seek": 0, "start": 0.0, "end": round(heard.seconds, 3), "text": heard.text, "tokens": [],
        "temperature": 0.0, "avg_logprob": 0.0, "compression_ratio": 1.0, "no_speech_prob": 0.0,
    }  # fmt: skip
    return as_json(
        {
            "task": "transcribe",
            "language": language,
            "duration": round(heard.seconds, 3),
            "text": heard.text,
            "segments": [whole] if heard.text else [],
        }
    )


async def _stream(heard: Heard, send: Send) -> None:
    for event in (
        {"type": "transcript.text.delta", "delta": heard.text},
        {"type": "transcript.text.done", "text": heard.text},
    ):
        await send(f"data: {json.dumps(event)}\n\n".encode("ascii"))


def _form(request: Request) -> tuple[dict[str, str], bytes]:
    """Take a form apart: its fields and its one file. Raises `Refusal`."""
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if kind != b"multipart/form-data" or b"boundary" not in options:
        raise Refusal(400, "invalid_request", "Send a form: multipart/form-data with the sound in `file`.")
    fields: dict[str, str] = {}
    files: list[bytes] = []

    def on_field(field: Field) -> None:
        if len(fields) >= MOST_FIELDS:
            raise Refusal(400, "invalid_request", "The form has too many fields.")
        name = (field.field_name or b"").decode("utf-8", "replace")
        fields[name] = (field.value or b"").decode("utf-8", "replace")

    def on_file(file: File) -> None:
        if file.field_name == b"file":
            file.file_object.seek(0)
            files.append(file.file_object.read())
        file.close()

    parser = FormParser(
        "multipart/form-data", on_field, on_file, boundary=options[b"boundary"],
        config={"MAX_MEMORY_FILE_SIZE": MOST_BODY},
    )  # fmt: skip
    try:
        parser.write(request.body)
        parser.finalize()
    except (FormParserError, ValueError) as error:
        raise Refusal(400, "invalid_request", "The form cannot be read.") from error
    finally:
        parser.close()
    if len(files) != 1:
        raise Refusal(400, "invalid_request", "The form needs one sound file, in `file`.")
    return fields, files[0]
