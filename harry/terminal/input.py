"""Lines of standard input, read on trio without a thread and without blocking, whatever standard input is.

Terminals and pipes are waited for; files and `/dev/null`, which cannot be waited for and never block, are read at
once. The end of the input ends the lines and nothing else.
"""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Callable

import trio

LONGEST = 10_000
"""Characters of a line that are kept, unless told otherwise."""

_READ = 65_536

_BACKGROUND = 1.0
"""Seconds until a Harry in the shell's background looks again whether the terminal is his."""


class LineCutter:
    """Cuts bytes into lines, however they are portioned; of a longer line the first `longest` characters are kept."""

    def __init__(self, longest: int = LONGEST, on_cut: Callable[[], None] = lambda: None) -> None:
        self._longest = longest
        self._on_cut = on_cut
        self._rest = bytearray()
        # A character of UTF-8 has four bytes at most, so this much holds every character that is kept.
        self._room = 4 * longest + 4
        self._overflowing = False

    def feed(self, data: bytes) -> list[str]:
        """Take some bytes in; returns the lines that they end, without their ends."""
        *whole, rest = data.split(b"\n")
        lines = []
        for piece in whole:
            self._add(piece)
            lines.append(self._take())
        self._add(rest)
        return lines

    def end(self) -> list[str]:
        """Return the last line, if it had no end."""
        return [self._take()] if self._rest else []

    def _add(self, piece: bytes) -> None:
        room = self._room - len(self._rest)
        self._overflowing |= len(piece) > room
        self._rest += piece[: max(room, 0)]

    def _take(self) -> str:
        text = self._rest.decode("utf-8", "replace")
        if not self._overflowing:
            text = text.removesuffix("\r")
        if self._overflowing or len(text) > self._longest:
            text = text[: self._longest]
            self._on_cut()
        self._rest.clear()
        self._overflowing = False
        return text


async def typed_lines(
    *, descriptor: int | None = None, longest: int = LONGEST, on_cut: Callable[[], None] = lambda: None
) -> AsyncIterator[str]:
    """Iterate over the lines of standard input (or `descriptor`) as they come; `on_cut` is called where one was cut."""
    if descriptor is None:
        if sys.stdin is None:
            # It was closed before the start: its number may by now belong to any other file.
            return
        descriptor = 0
    cutter = LineCutter(longest, on_cut)
    while data := await read_available(descriptor):
        for line in cutter.feed(data):
            yield line
    for line in cutter.end():
        yield line


async def read_available(descriptor: int) -> bytes:
    """Read what there is, waiting for something; b"" at the end, and where nothing can be read."""
    while True:
        try:
            await trio.lowlevel.wait_readable(descriptor)
        except PermissionError:
            # The kernel does not wait for files: they are always ready.
            await trio.lowlevel.checkpoint()
        except OSError:
            return b""
        if _in_background(descriptor):
            # Reading now would stop the whole process (SIGTTIN), and no event tells when it is brought back.
            await trio.sleep(_BACKGROUND)
            continue
        try:
            return os.read(descriptor, _READ)
        except BlockingIOError:
            continue
        except OSError:
            # A directory, or a terminal that was hung up.
            return b""


def _in_background(descriptor: int) -> bool:
    try:
        return os.isatty(descriptor) and os.tcgetpgrp(descriptor) != os.getpgrp()
    except OSError:
        return False
