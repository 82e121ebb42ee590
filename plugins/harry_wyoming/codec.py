"""How messages stand on the wire: a line of JSON, more JSON of a told length, then bytes of a told length. Pure.

What comes in is bounded, and anything that is no message ends the connection: there is no way to find the next one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from harry.plugin import parse_json
from harry_wyoming.messages import Event

MAX_HEAD_BYTES = 64 << 10
MAX_DATA_BYTES = 1 << 20
"""Bytes of the second part: what a server with 400 models says of itself has a tenth of that."""

MAX_PAYLOAD_BYTES = 1 << 20

VERSION = "1.10.2"
"""The version of the protocol's package that is written into each message."""


class WyomingFormatError(ValueError):
    """What came is no message, or one that is too large."""


def pack(event: Event) -> bytes:
    """Return a message as it stands on the wire; its data stands in the second part, however small it is."""
    head: dict[str, Any] = {"type": event.type, "version": VERSION}
    data = json.dumps(event.data).encode("ascii") if event.data else b""
    if data:
        head["data_length"] = len(data)
    payload = event.payload or b""
    if payload:
        head["payload_length"] = len(payload)
    return json.dumps(head).encode("ascii") + b"\n" + data + payload


class EventReader:
    """Reads one stream of messages, whose second parts may have `max_data` bytes."""

    def __init__(self, max_data: int = MAX_DATA_BYTES) -> None:
        self._max_data = max_data
        self._buffer = bytearray()
        self._scanned = 0
        self._head: dict[str, Any] | None = None

    @property
    def is_within(self) -> bool:
        """Whether a message has begun to come and is not whole."""
        return bool(self._buffer) or self._head is not None

    def feed(self, more: bytes) -> Iterator[Event]:
        """Take in more of the stream; return those messages that are whole now, each read when it is wanted."""
        self._buffer += more
        return iter(self.next, None)

    @property
    def next_size(self) -> int:
        """Bytes of JSON in the second part of the next message, 0 until that is whole. Raises as `next`."""
        if self._head is None:
            self._head = self._read_head()
        head = self._head
        if head is None or len(self._buffer) < head["data_length"] + head["payload_length"]:
            return 0
        return int(head["data_length"])

    def next(self) -> Event | None:
        """Return the next message, None until that is whole. Raises `WyomingFormatError`."""
        if self._head is None:
            self._head = self._read_head()
        head = self._head
        if head is None:
            return None
        size, extra = head["data_length"], head["payload_length"]
        if len(self._buffer) < size + extra:
            return None
        data = head["data"]
        if size:
            data = {**data, **_object(bytes(self._buffer[:size]))}
        payload = bytes(self._buffer[size : size + extra]) or None
        del self._buffer[: size + extra]
        self._head = None
        return Event(type=head["type"], data=data, payload=payload)

    def _read_head(self) -> dict[str, Any] | None:
        end = self._buffer.find(b"\n", self._scanned)
        if end < 0:
            self._scanned = len(self._buffer)
            if self._scanned > MAX_HEAD_BYTES:
                raise WyomingFormatError("a line without an end")
            return None
        if end > MAX_HEAD_BYTES:
            raise WyomingFormatError("a line that is too long")
        head = _object(bytes(self._buffer[:end]))
        del self._buffer[: end + 1]
        self._scanned = 0
        data = head.get("data")
        if not isinstance(head.get("type"), str) or not isinstance(data, dict | None):
            raise WyomingFormatError("a message without a type, or with data that is no object")
        return {
            "type": head["type"],
            "data": data or {},
            "data_length": _length(head.get("data_length"), self._max_data),
            "payload_length": _length(head.get("payload_length"), MAX_PAYLOAD_BYTES),
        }


def _object(text: bytes) -> dict[str, Any]:
    try:
        read = parse_json(text)
    except ValueError as error:
        raise WyomingFormatError("what is no JSON") from error
    if not isinstance(read, dict):
        raise WyomingFormatError("what is no object")
    return read


def _length(given: object, most: int) -> int:
    if given is None:
        return 0
    if not isinstance(given, int) or isinstance(given, bool) or not 0 <= given <= most:
        raise WyomingFormatError("a length that cannot be")
    return given
