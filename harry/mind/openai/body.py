"""The body of an answer, byte by byte, as the JSON texts in it: an event stream by the protocol, or what came instead.

Servers and proxies send a whole object where a stream was asked for, an object in each line, compressed bytes that
nobody asked for, a mark of the byte order, or a web page. What it is shows in its first character, never in its
headers alone. Pure.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from harry.errors import EngineError
from harry.files.json_text import parse_json
from harry.net.sse import EventReader

MAX_WHOLE_BYTES = 4 << 20
"""Bytes of an answer that comes in one piece."""

MAX_UNPACKED_BYTES = 64 << 20
"""Bytes of an answer that came compressed."""

DONE = "[DONE]"
"""The mark of a stream's end."""

_BOM = b"\xef\xbb\xbf"
_GZIP = b"\x1f\x8b"


class WebPageError(EngineError):
    """A page for people came in place of an answer."""


class AnswerBody:
    """Reads one body. `encoding` is the `content-encoding` that its headers tell."""

    def __init__(self, encoding: str = "") -> None:
        encoding = encoding.strip().lower()
        if encoding not in ("", "identity", "gzip", "x-gzip", "deflate"):
            raise EngineError(
                f"The answer came compressed by {encoding[:20]!r}, which nobody asked for.",
                remedy="Turn compression off where the server, or the proxy before it, is set up.",
            )
        self._unpack = zlib.decompressobj(47) if encoding not in ("", "identity") else None
        self._unpacked = 0
        self._begun = False
        self._first = bytearray()
        self._events: EventReader | None = None
        self._whole: bytearray | None = None
        self._by_line = True

    def feed(self, more: bytes) -> list[str]:
        """Take in more of the body; return the JSON texts that are complete, and `DONE`. Raises `EngineError`."""
        if not self._begun and self._unpack is None:
            # A server may compress and not say so.
            self._first += more
            if len(self._first) < 2:
                return []
            more, self._first = bytes(self._first), bytearray()
            if more.startswith(_GZIP):
                self._unpack = zlib.decompressobj(47)
        self._begun = True
        return self._take(self._unpacked_of(more) if self._unpack is not None else more)

    def end(self) -> list[str]:
        """Finish the body; return what was not ended."""
        self._begun = True
        texts = self._take(bytes(self._first)) if self._first else []
        if self._events is not None:
            return [*texts, *(text.strip() for text in self._events.end())]
        rest = bytes(self._whole or b"").strip()
        return [*texts, *([_text(rest)] if rest else [])]

    def _unpacked_of(self, more: bytes) -> bytes:
        unpack = self._unpack
        if unpack is None:
            return more
        try:
            given = unpack.decompress(more, MAX_UNPACKED_BYTES)
        except zlib.error as error:
            raise EngineError("The answer came compressed, and damaged.", remedy="Ask again.") from error
        self._unpacked += len(given)
        if unpack.unconsumed_tail or self._unpacked > MAX_UNPACKED_BYTES:
            raise EngineError("The server sent an answer without an end.")
        return given

    def _take(self, more: bytes) -> list[str]:
        if self._events is None and self._whole is None:
            more = self._found_kind(more)
        if self._events is not None:
            return [text.strip() for text in self._events.feed(more)]
        if self._whole is None:
            return []
        self._whole += more
        texts = list(self._lines()) if self._by_line else []
        if len(self._whole) > MAX_WHOLE_BYTES:
            raise EngineError("The server sent an answer without an end.")
        return texts

    def _found_kind(self, more: bytes) -> bytes:
        """Find out by the first characters what the body is; return what is to be read as that, b"" until then."""
        self._first += more
        start = bytes(self._first)
        if _BOM.startswith(start):
            return b""
        start = start.removeprefix(_BOM).lstrip()
        if not start:
            return b""
        self._first.clear()
        if start.startswith(b"<"):
            raise WebPageError("A web page came in place of an answer.")
        if start.startswith((b"{", b"[")):
            self._whole = bytearray()
        else:
            self._events = EventReader()
        return start

    def _lines(self) -> Iterator[str]:
        """Give each line that is an object by itself; a whole object over many lines waits for its end."""
        whole = self._whole
        while whole is not None and b"\n" in whole:
            line, _, rest = bytes(whole).partition(b"\n")
            if line.strip():
                try:
                    parse_json(line)
                except ValueError:
                    self._by_line = False
                    return
                yield _text(line.strip())
            whole[:] = rest


def _text(content: bytes) -> str:
    return content.decode("utf-8", "replace")
