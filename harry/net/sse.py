"""Server-sent events, as language model servers stream them: bytes in, the data of each event out. Pure."""

from __future__ import annotations

from harry.errors import EngineError

MAX_EVENT_BYTES = 1 << 20
"""Bytes a line, or the data of an event, may have. A token takes a few hundred."""


class EventReader:
    """Reads one stream. Lines end with LF, CRLF or CR; comments and fields other than `data` are passed over."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._data: list[str] = []
        self._size = 0
        self._after_cr = False

    def feed(self, more: bytes) -> list[str]:
        """Take in more of the stream; return the data of each complete event. Raises `EngineError`."""
        if self._after_cr and more.startswith(b"\n"):
            more = more[1:]
        if more:
            self._after_cr = more.endswith(b"\r")
        self._rest += more
        if len(self._rest) > MAX_EVENT_BYTES and not any(end in more for end in (b"\n", b"\r")):
            raise EngineError("The server sent a line without an end.")
        *lines, last = bytes(self._rest).replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        self._rest = bytearray(last)
        return [event for line in lines if (event := self._line(line.decode("utf-8", "replace"))) is not None]

    def end(self) -> list[str]:
        """Finish the stream; return the last event, which some servers do not end."""
        last = self._line(self._rest.decode("utf-8", "replace")) if self._rest else None
        self._rest.clear()
        return [event for event in (last, self._line("")) if event is not None]

    def _line(self, line: str) -> str | None:
        if not line:
            event = "\n".join(self._data) if self._data else None
            self._data, self._size = [], 0
            return event
        field, _, value = line.partition(":")
        if field == "data":
            self._size += len(value)
            if self._size > MAX_EVENT_BYTES:
                raise EngineError("The server sent an event without an end.")
            self._data.append(value.removeprefix(" "))
        return None
