"""Standard output that never holds up the session: what is written waits in memory until the terminal takes it.

A terminal that was stopped (Ctrl-S) or a pipe that nobody empties would otherwise stop the whole trio loop at a print.
"""

from __future__ import annotations

import errno
import io
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import IO, cast

import structlog
import trio
from rich.console import Console

log = structlog.get_logger(__name__)


class Outlet(io.TextIOBase):
    """A file for Rich that never waits: what is written is kept, at most `LIMIT` bytes of it, until `drain`."""

    LIMIT = 262_144
    """Bytes kept for a terminal that takes nothing, stopped by Ctrl-S for instance."""

    # A write of no more than this cannot block once the kernel has called a pipe writable.
    _PORTION = 512

    def __init__(self, descriptor: int, encoding: str = "utf-8") -> None:
        self._descriptor = descriptor
        self._own = _opened_anew(descriptor)
        self._encoding = encoding
        self._trio = trio.lowlevel.current_trio_token()
        self._arrived = trio.Event()
        self._waiting = bytearray()
        # Libraries that print do so from their own threads.
        self._lock = threading.Lock()
        self.left_out = 0
        self._gone = False
        self._told = False

    @property
    def encoding(self) -> str:  # type: ignore[override]  # typeshed has a plain attribute
        """The encoding of what is written."""
        return self._encoding

    def writable(self) -> bool:
        """Say that it can be written to."""
        return True

    def fileno(self) -> int:
        """Return the descriptor behind it."""
        return self._descriptor

    def isatty(self) -> bool:
        """Say whether a terminal is behind it."""
        return os.isatty(self._descriptor)

    def write(self, text: str) -> int:
        """Keep the text, or leave it out whole if there is no more room."""
        self.offer(text)
        return len(text)

    def offer(self, text: str) -> bool:
        """Keep the text and say so, or leave it out whole if there is no more room."""
        data = text.encode(self._encoding, "replace")
        with self._lock:
            taken = not self._gone and len(self._waiting) + len(data) <= self.LIMIT
            if taken:
                self._waiting += data
            else:
                self.left_out += 1
        # When trio has ended there is nobody left to hand it on.
        with suppress(trio.RunFinishedError):
            self._trio.run_sync_soon(self._wake, idempotent=True)
        return taken

    def _wake(self) -> None:
        self._arrived.set()

    @property
    def nonblocking(self) -> int:
        """A descriptor of the same terminal that never blocks a writer; the given one if it is no terminal."""
        return self._own

    @property
    def backlog(self) -> int:
        """Bytes that wait."""
        return len(self._waiting)

    def close(self) -> None:
        """Let go. What still waits is lost; the descriptor itself stays open."""
        if not self.closed and self._own != self._descriptor:
            os.close(self._own)
        super().close()

    async def pump(self) -> None:
        """Hand on what is written, as it is written, until cancelled."""
        while True:
            await self._arrived.wait()
            self._arrived = trio.Event()
            await self.drain()

    def hand_over(self) -> None:
        """Hand on at once what the terminal takes without waiting; for a moment before the process stops."""
        if self._own == self._descriptor:
            return  # It might block.
        with self._lock, suppress(OSError):
            while self._waiting:
                del self._waiting[: os.write(self._own, self._waiting[: self._PORTION])]

    async def drain(self) -> None:
        """Hand on what waits, waiting as long as it takes.

        What a full disk does not take is lost, and so is everything once nobody reads any more: Harry goes on.
        """
        await trio.lowlevel.checkpoint()
        while self._waiting:
            try:
                await trio.lowlevel.wait_writable(self._own)
            except PermissionError:
                # The kernel does not wait for files: they are always ready.
                await trio.lowlevel.checkpoint()
            with self._lock:
                if not self._waiting:
                    return
                try:
                    written = os.write(self._own, self._waiting[: self._PORTION])
                except BlockingIOError:
                    continue
                except OSError as error:
                    # A full disk may have room later; a pipe without a reader never gets one again.
                    self._waiting.clear()
                    self.left_out += 1
                    self._gone = error.errno == errno.EPIPE
                    if not self._told:
                        self._told = True
                        log.warning("standard output cannot be written; Harry goes on", cause=error.strerror)
                    return
                del self._waiting[:written]


def _opened_anew(descriptor: int) -> int:
    """Open a terminal once more, so as to write to it without ever blocking; any other descriptor stays what it is.

    A terminal that calls itself writable may have room for one byte, and would block a longer write half-way. Setting
    the given descriptor itself to non-blocking would do so for every process that has it.
    """
    if not os.isatty(descriptor):
        return descriptor
    try:
        return os.open(os.ttyname(descriptor), os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return descriptor


@contextmanager
def outlet_behind(console: Console) -> Iterator[Outlet | None]:
    """Put an outlet behind the console for a while, if it writes to a descriptor at all."""
    before = console.file
    try:
        descriptor = before.fileno()
    except OSError:
        yield None
        return
    before.flush()
    outlet = Outlet(descriptor, console.encoding)
    console.file = cast("IO[str]", outlet)
    try:
        yield outlet
    finally:
        console.file = before
        outlet.close()


class LineWriter(io.TextIOBase):
    """Stands in for standard output or error while a screen is drawn: hands whole lines to `take`, from any thread."""

    LONGEST = 65_536
    """Characters of a line without an end that are kept."""

    def __init__(self, take: Callable[[str], None]) -> None:
        self._take = take
        self._trio = trio.lowlevel.current_trio_token()
        self._rest = ""
        self._lock = threading.Lock()

    def writable(self) -> bool:
        """Say that it can be written to."""
        return True

    def isatty(self) -> bool:
        """Say that a terminal is behind it."""
        return True

    def write(self, text: str) -> int:
        """Keep the text until its line ends."""
        with self._lock:
            *lines, rest = (self._rest + text).split("\n")
            self._rest = rest[-self.LONGEST :]
        for line in lines:
            self._hand_on(line)
        return len(text)

    def end(self) -> None:
        """Hand on what has no end."""
        with self._lock:
            rest, self._rest = self._rest, ""
        if rest:
            self._take(rest)

    def _hand_on(self, line: str) -> None:
        # When trio has ended there is nobody left to take it.
        with suppress(trio.RunFinishedError):
            self._trio.run_sync_soon(self._take, line)
