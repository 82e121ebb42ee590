"""What a person at the terminal sees: what was said and heard as plain lines, and under them one live line.

The live line shows Harry's state, the input level and the words understood so far. Where standard output is no terminal
there are plain lines only, without a control code. Nothing here can hold up the session.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, cast

import trio
from rich.console import Console
from rich.live import Live
from rich.text import Text

from channels.events import EventSubscription
from harry.terminal.input import typed_lines
from harry.terminal.output import Outlet
from harry.terminal.status_line import LiveLine

__all__ = ["show", "typed_lines"]

REFRESH = 0.1
"""Seconds between two drawings of the live line, at least."""

_LAST_WORDS = 1.0
"""Seconds that the terminal has to take the last lines."""


async def show(
    listener: EventSubscription, level: Callable[[], float], console: Console, *, name: str = "Harry"
) -> None:
    """Show what happens until the listener is closed or the task cancelled. `listener` need not be lossless.

    `level` gives the loudness of the input in decibels below full scale. While it runs, everything that is printed by
    `console`, and on a terminal by anybody, appears above the live line. Raises `BrokenPipeError` when nobody reads
    standard output any more.
    """
    line = LiveLine(name)
    with _outlet(console) as outlet:
        try:
            async with trio.open_nursery() as nursery:
                if outlet is not None:
                    nursery.start_soon(outlet.pump)
                if console.is_terminal:
                    await _show_live(line, listener, level, console, outlet)
                else:
                    await _show_plain(line, listener, console)
                nursery.cancel_scope.cancel()
        finally:
            if outlet is not None:
                with trio.move_on_after(_LAST_WORDS, shield=True):
                    await outlet.drain()


@contextmanager
def _outlet(console: Console) -> Iterator[Outlet | None]:
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


async def _show_plain(line: LiveLine, listener: EventSubscription, console: Console) -> None:
    async for event in listener:
        _print(console, line.happen(event))


async def _show_live(
    line: LiveLine, listener: EventSubscription, level: Callable[[], float], console: Console, outlet: Outlet | None
) -> None:
    # Rich would refresh from a thread of its own; the drawing task below does it instead.
    live = Live(
        console=console,
        auto_refresh=False,
        transient=True,
        redirect_stderr=sys.stderr is not None and sys.stderr.isatty(),
    )
    with live:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_draw, line, level, live, outlet)
            async for event in listener:
                _print(console, line.happen(event))
            nursery.cancel_scope.cancel()


async def _draw(line: LiveLine, level: Callable[[], float], live: Live, outlet: Outlet | None) -> None:
    """Draw whenever the line has changed, ten times a second at most; not while the terminal is behind."""
    drawn: Text | None = None
    while True:
        fresh = line.draw(level())
        changed = drawn is None or (fresh.plain, fresh.spans) != (drawn.plain, drawn.spans)
        if changed and not (outlet is not None and outlet.backlog):
            live.update(fresh, refresh=True)
            drawn = fresh
        await trio.sleep(REFRESH)


def _print(console: Console, lines: list[str]) -> None:
    for text in lines:
        # Text goes in as it is: a bracket in it is no markup, and a number no colour.
        console.print(Text(text), soft_wrap=True)
