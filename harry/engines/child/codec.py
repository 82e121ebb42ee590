"""How an engine in a process of its own is talked to: frames of a JSON header and raw bytes, and what goes into them.

A frame is two lengths (32 bits each, little-endian), the header and the bytes. Nothing in it is code.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from actors.protocols import (
    CutShort,
    Delta,
    ImagePart,
    Message,
    Recognition,
    Request,
    Role,
    TextDelta,
    TextPart,
    Tool,
    ToolCall,
    ToolResult,
    Usage,
)
from channels.messages import Chunk, Word

Header = dict[str, Any]

MAX_BYTES = 1 << 30
"""Of a header or of what follows it: more is no frame."""

_LENGTHS = struct.Struct("<II")


def pack(header: Mapping[str, Any], payload: bytes = b"") -> bytes:
    """Make a frame."""
    head = json.dumps(header).encode()
    return _LENGTHS.pack(len(head), len(payload)) + head + payload


def write_frame(descriptor: int, frame: bytes) -> None:
    """Write a frame, however long that takes. Raises `OSError` where nobody reads it any more."""
    left = memoryview(frame)
    while left:
        left = left[os.write(descriptor, left) :]


def read_frame(descriptor: int) -> tuple[Header, bytes] | None:
    """Read a frame, waiting for it; None at the end. Raises `ValueError` for what is none."""
    lengths = _read(descriptor, _LENGTHS.size)
    if lengths is None:
        return None
    head_bytes, payload_bytes = _LENGTHS.unpack(lengths)
    if max(head_bytes, payload_bytes) > MAX_BYTES:
        raise ValueError("that is no frame")
    head, payload = _read(descriptor, head_bytes), _read(descriptor, payload_bytes)
    if head is None or payload is None:
        return None
    header = json.loads(head)
    if not isinstance(header, dict):
        raise ValueError("that is no header")  # noqa: TRY004  the one error that a reader looks for
    return header, payload


def _read(descriptor: int, count: int) -> bytes | None:
    parts = bytearray()
    while len(parts) < count:
        more = os.read(descriptor, min(count - len(parts), 1 << 20))
        if not more:
            return None
        parts += more
    return bytes(parts)


# What goes into a header


def encode_chunk(chunk: Chunk) -> tuple[Header, bytes]:
    """Write a chunk of speech; its sound goes into the bytes."""
    return {"rate": chunk.rate, "words": [[word.text, word.end] for word in chunk.words]}, chunk.pcm


def decode_chunk(header: Mapping[str, Any], payload: bytes) -> Chunk:
    """Read a chunk of speech."""
    return Chunk(payload, header["rate"], tuple(Word(text, end) for text, end in header["words"]))


def encode_recognition(heard: Recognition) -> Header:
    """Write what was heard."""
    return {"text": heard.text, "confidence": float(heard.confidence), "finished": _number(heard.finished)}


def _number(value: float | None) -> float | None:
    return None if value is None else float(value)


def encode_delta(delta: Delta) -> Header:
    """Write a delta. Raises `TypeError` for what is none."""
    kind = _KINDS.get(type(delta))
    if kind is None:
        raise TypeError(f"a mind emits deltas, not {type(delta).__name__}")
    # Apart from the frame's own fields: a call of a tool has an id as well.
    return {"delta": kind, "fields": asdict(delta)}


def decode_delta(header: Mapping[str, Any]) -> Delta:
    """Read a delta."""
    delta: Delta = _DELTAS[header["delta"]](**header["fields"])
    return delta


_DELTAS: Mapping[str, Any] = {"text": TextDelta, "call": ToolCall, "usage": Usage, "cut": CutShort}
_KINDS = {kind: name for name, kind in _DELTAS.items()}
_PARTS: Mapping[str, Any] = {"text": TextPart, "image": ImagePart, "call": ToolCall, "result": ToolResult}
_PART_NAMES = {kind: name for name, kind in _PARTS.items()}


def encode_request(request: Request) -> Header:
    """Write what a mind is asked."""
    return {
        "messages": [
            [str(message.role), [[_PART_NAMES[type(part)], asdict(part)] for part in message.parts]]
            for message in request.messages
        ],
        "ordinal": request.ordinal,
        "purpose": request.purpose,
        "max_tokens": request.max_tokens,
        "tools": [asdict(tool) for tool in request.tools],
        "schema": dict(request.schema) if request.schema is not None else None,
    }


def decode_request(header: Mapping[str, Any]) -> Request:
    """Read what a mind is asked."""
    return Request(
        tuple(
            Message(Role(role), tuple(_PARTS[name](**fields) for name, fields in parts))
            for role, parts in header["messages"]
        ),
        header["ordinal"],
        header["purpose"],
        header["max_tokens"],
        tuple(Tool(**tool) for tool in header["tools"]),
        header["schema"],
    )
