"""What an MCP server may send: lines of bounded length, and so many in a while.

A server is a stranger. One that writes a line without an end, or floods, is cut off like one that died: it is started
again with growing pauses, and Harry has spent nothing on it.
"""

from __future__ import annotations

import time
from collections.abc import Callable

MAX_LINE_BYTES = 32 * 1024 * 1024
"""Bytes of one message: pictures travel in it."""

MAX_LINES = 2000
"""Messages within `WINDOW`; progress of many calls at once has room."""

MAX_BYTES = MAX_LINE_BYTES
"""Bytes within `WINDOW`: as many as one message may have."""

WINDOW = 5.0
"""Seconds."""


class FloodError(OSError):
    """The server sent more than it may."""


class Flow:
    """Counts what one server sends. `clock` tells seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began = clock()
        self._lines = self._bytes = 0
        self._open = 0  # bytes of the line that has no end yet

    def take(self, chunk: bytes) -> None:
        """Count a piece of what came. Raises `FloodError` where it is too much."""
        now = self._clock()
        if now - self._began > WINDOW:
            self._began, self._lines, self._bytes = now, 0, 0
        ends = chunk.count(b"\n")
        self._lines += ends
        self._bytes += len(chunk)
        self._open = len(chunk) - chunk.rfind(b"\n") - 1 if ends else self._open + len(chunk)
        if self._open > MAX_LINE_BYTES:
            raise FloodError(f"it sent a message of more than {MAX_LINE_BYTES // 2**20} MB")
        if self._lines > MAX_LINES or self._bytes > MAX_BYTES:
            raise FloodError("it floods: it sent more than anybody could read")
