"""What a person at the terminal sees and does: lines that scroll by, and under them a status line and an input line.

The input line belongs to Harry, so that nothing he shows can take away what is being typed. Where standard output is no
terminal, or one that cannot move its cursor, there are plain lines only, without a control code, and the terminal
itself shows what is typed. Nothing here can hold up the session.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

import trio
from rich.console import Console, ConsoleDimensions
from rich.text import Text

from channels.events import EventSubscription
from harry.terminal.input import read_available, typed_lines
from harry.terminal.layout import Line, cropped, typed, wrapped
from harry.terminal.line_editor import LineEditor
from harry.terminal.output import LineWriter, Outlet, outlet_behind
from harry.terminal.screen import Screen
from harry.terminal.status_line import YOU, LiveLine, plain
from harry.terminal.typing_mode import TypingMode, in_foreground

__all__ = ["Terminal", "print_line", "typed_lines"]

REFRESH = 0.1
"""Seconds between two drawings of the status line, at least."""

ESCAPE_WITHIN = 0.05
"""Seconds within which the rest of a key's bytes follows its Escape."""

_LAST_WORDS = 1.0
"""Seconds that the terminal has to take the last lines."""

_BACKLOG = 4096
"""Bytes that a terminal is behind when nothing more is drawn for it; lines are still kept for it."""

HOW_TO_END = "Type /quit or press Ctrl-C to end Harry."


class Terminal:
    """The terminal of one conversation. `source` is the descriptor that is read, standard input unless told otherwise.

    `level` gives the loudness of the input in decibels below full scale; None where there is no microphone.
    """

    def __init__(
        self,
        console: Console,
        *,
        name: str = "Harry",
        level: Callable[[], float] | None = None,
        source: int | None = None,
    ) -> None:
        self._console = console
        self._level = level
        self._status = LiveLine(name, hears=level is not None)
        self._screen = Screen()
        self._drawn: object = None
        self._outlet: Outlet | None = None
        self._mode: TypingMode | None = None
        self._live = console.is_terminal and not console.is_dumb_terminal
        self._source = source if source is not None else 0 if sys.stdin is not None else None
        self.interactive = self._source is not None and os.isatty(self._source)
        """Whether a person types: standard input is a terminal."""
        self._editor = LineEditor() if self._live and self.interactive else None
        self._echoed: deque[str] = deque(maxlen=64)  # what the terminal itself has shown already

    # Showing.

    async def show(self, listener: EventSubscription) -> None:
        """Show what happens until the listener is closed or the task cancelled. `listener` need not be lossless.

        While it runs, what anybody prints appears above the status line. Where nobody reads standard output any more,
        nothing is shown.
        """
        with outlet_behind(self._console) as outlet:
            self._outlet = outlet
            try:
                async with trio.open_nursery() as nursery:
                    if outlet is not None:
                        nursery.start_soon(outlet.pump)
                    if self._live:
                        await self._show_live(listener)
                    else:
                        await self._follow(listener)
                    nursery.cancel_scope.cancel()
            finally:
                if outlet is not None:
                    with trio.move_on_after(_LAST_WORDS, shield=True):
                        await outlet.drain()
                self._outlet = None

    async def _show_live(self, listener: EventSubscription) -> None:
        with self._standing():
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._refresh)
                if self._mode is not None:
                    await nursery.start(self._heed_signals)
                await self._follow(listener)
                nursery.cancel_scope.cancel()

    async def _follow(self, listener: EventSubscription) -> None:
        async for event in listener:
            for line in self._status.happen(event):
                if line.speaker == YOU and self._echoed and self._echoed[0] == line.text:
                    self._echoed.popleft()
                elif not line.aside or self._console.is_terminal:
                    self._print(line)

    @contextmanager
    def _standing(self) -> Iterator[None]:
        """Have the bottom rows stand, standard output and error above them, and the keys come to us, for a while."""
        with ExitStack() as held:
            if self._editor is not None and self._source is not None:
                self._mode = TypingMode(self._source, self._outlet.nonblocking if self._outlet else self._source)
                held.callback(self._mode.leave)
                self._mode.enter()
            held.callback(self._remove)
            for name in ("stdout", "stderr"):
                stream = getattr(sys, name)
                if stream is not None and stream.isatty():
                    lines = LineWriter(self._print_of_others)
                    setattr(sys, name, lines)
                    held.callback(lines.end)
                    held.callback(setattr, sys, name, stream)
            yield

    async def _refresh(self) -> None:
        """Draw whenever something has changed, ten times a second at most; not while the terminal is behind."""
        while True:
            if self._mode is not None and not self._mode.entered:
                # The shell does not tell a job that it brings from the background that it is in front.
                self._mode.enter()
            self._draw()
            await trio.sleep(REFRESH)

    async def _heed_signals(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Put the terminal back while the process is stopped (Control-Z), and draw anew when it goes on."""
        heeded = (signal.SIGWINCH, signal.SIGCONT, signal.SIGTSTP)
        with trio.open_signal_receiver(*heeded) as signals:
            task_status.started()
            async for number in signals:
                if number == signal.SIGTSTP:
                    self._suspend()
                if number != signal.SIGWINCH and self._mode is not None:
                    self._mode.enter()
                self._drawn = None
                self._draw()

    def _suspend(self) -> None:
        self._remove()
        if self._mode is not None:
            self._mode.leave()
        if self._outlet is not None:
            self._outlet.hand_over()
        ours = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        # To this very thread: another might take it only when the handler is back in its place.
        signal.pthread_kill(threading.get_ident(), signal.SIGTSTP)
        # Here everything stands still until somebody brings it back.
        signal.signal(signal.SIGTSTP, ours)

    def under_way(self, text: str) -> None:
        """Show in the status line what goes on beside the conversation; "" for nothing any more."""
        self._status.under_way = text

    def print(self, text: str) -> None:
        """Print a line above whatever stands at the bottom."""
        self._print(Line(plain(text)))

    def _print_of_others(self, text: str) -> None:
        """Print what a log or a library wrote; its colours would stand in the way of wrapping it."""
        self.print(Text.from_ansi(text).plain)

    def _print(self, line: Line) -> None:
        if not self._console.is_terminal:
            self._put(line.flat() + "\n")
            return
        width = self._size().width
        rows = [cropped(line, width)] if line.aside else wrapped(line, width)
        style = "dim" if line.aside else ""
        self._put(self._screen.erase(width) + "".join(self._styled(Text(row, style)) + "\n" for row in rows))
        self._drawn = None
        if self._live:
            self._draw()

    def _draw(self) -> None:
        """Draw the bottom rows if they are not as they stand."""
        if (self._outlet is not None and self._outlet.backlog > _BACKLOG) or self._stands_aside():
            return
        size = self._size()
        status = self._status.draw(self._level() if self._level is not None else None, size.width)
        editor = self._editor
        line = (editor.text, editor.cursor) if editor is not None else None
        wanted = (status.plain, tuple(status.spans), line, size)
        if wanted == self._drawn:
            return
        rows = [(self._styled(status), status.plain)] if editor is None or size.height > 2 else []
        cursor, before = 0, None
        if editor is not None:
            shown = typed(editor.text, editor.cursor, size.width, max(1, min(size.height - 2, size.height // 2)))
            cursor, before = len(rows) + shown.cursor, shown.before
            rows += [(row, row) for row in shown.rows]
        erase, draw = self._screen.erase(size.width), self._screen.draw(rows, cursor, before)
        self._put(erase + draw)
        self._drawn = wanted

    def _stands_aside(self) -> bool:
        """Whether the terminal is the shell's at the moment, so that nothing may stand on it."""
        return self._source is not None and self.interactive and not in_foreground(self._source)

    def _remove(self) -> None:
        self._put(self._screen.erase(self._size().width))
        self._drawn = None

    def _size(self) -> ConsoleDimensions:
        """Ask the terminal for its size; the variables that Rich believes in do not follow a change of it."""
        with suppress(OSError):
            columns, rows = os.get_terminal_size(self._console.file.fileno())
            if columns and rows:
                return ConsoleDimensions(columns, rows)
        return self._console.size

    def _styled(self, text: Text) -> str:
        with self._console.capture() as captured:
            self._console.print(text, end="", soft_wrap=True)
        return captured.get()

    def _put(self, text: str) -> None:
        self._console.file.write(text)

    # Typing.

    async def lines(self) -> AsyncIterator[str]:
        """Iterate over what is typed or piped in, a line at a time."""
        if self._editor is not None:
            async for line in self._edited(self._editor):
                yield line
            return
        shows_itself = self.interactive and self._console.is_terminal
        async for line in typed_lines(descriptor=self._source) if self._source is not None else _nothing():
            if shows_itself and line.strip() and not line.startswith("/"):
                self._echoed.append(plain(line.strip()))
            yield line

    async def _edited(self, editor: LineEditor) -> AsyncIterator[str]:
        descriptor = self._source if self._source is not None else 0
        while True:
            data = b""
            with trio.move_on_after(ESCAPE_WITHIN if editor.pending else float("inf")) as waited:
                data = await read_available(descriptor)
            if waited.cancelled_caught:
                editor.flush()
                continue
            if not data:
                if self._mode is None or not self._mode.enter():
                    return
                # The terminal was in its usual mode, where Control-D is an end, and is there still.
                continue
            if self._mode is not None and not self._mode.entered and self._outlet is not None:
                self._mode.enter()
            lines = editor.feed(data)
            if editor.redraw:
                editor.redraw = False
                self._put(self._screen.clear())
                self._drawn = None
            if editor.ended:
                editor.ended = False
                self.print(HOW_TO_END)
            self._draw()
            for line in lines:
                yield line


def print_line(console: Console, line: Line) -> None:
    """Print a line while nothing stands at the bottom: before and after `Terminal.show`."""
    rows = wrapped(line, console.width) if console.is_terminal else [line.flat()]
    for row in rows:
        console.print(Text(plain(row)), soft_wrap=True)


async def _nothing() -> AsyncIterator[str]:
    await trio.lowlevel.checkpoint()
    return
    yield ""
