"""The mode of a terminal in which each key is read at once and shown by Harry, not by the terminal.

Control-C, Control-Z and Control-S do what they always do. Whatever ends the process must put the terminal back:
`restore` may be called at any time, also from a signal handler.
"""

from __future__ import annotations

import os
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

_PASTE_ON, _PASTE_OFF = b"\x1b[?2004h", b"\x1b[?2004l"

_entered: list[TypingMode] = []


def restore() -> None:
    """Put the terminal back into the mode in which it was found, if it was changed; for good.

    What still runs until the process has ended cannot change it again.
    """
    for mode in _entered[:]:
        mode.end()


@contextmanager
def unseen(source: int = 0) -> Iterator[None]:
    """Keep what is typed for later, and show nothing of it for now: for the length of the block."""
    if sys.stdin is None or not os.isatty(source):
        yield
        return
    mode = TypingMode(source, None)
    mode.enter()
    try:
        yield
    finally:
        mode.leave()


class TypingMode:
    """The mode of one terminal: keys are read from `source`; both are descriptors.

    `target` takes what tells the terminal to mark pasted text; None: it is not told.
    """

    def __init__(self, source: int, target: int | None) -> None:
        self._source = source
        self._target = target
        self._before: list[Any] | None = None
        self._ended = False

    @property
    def entered(self) -> bool:
        """Whether the terminal is in this mode, as far as we set it."""
        return self._before is not None

    def enter(self) -> bool:
        """Enter the mode, also again after something changed it; False in the shell's background, and after the end."""
        if self._ended or not in_foreground(self._source):
            return False
        try:
            found = termios.tcgetattr(self._source)
            if self._before is None:
                self._before = found
            wanted = [*found[:6], list(found[6])]
            wanted[3] &= ~(termios.ICANON | termios.ECHO | termios.IEXTEN)
            wanted[6][termios.VMIN], wanted[6][termios.VTIME] = 1, 0
            termios.tcsetattr(self._source, termios.TCSANOW, wanted)
        except (termios.error, OSError):
            # A terminal that was hung up.
            return False
        self._write(_PASTE_ON)
        if self not in _entered:
            _entered.append(self)
        return True

    def leave(self) -> None:
        """Put the terminal back."""
        before, self._before = self._before, None
        if self in _entered:
            _entered.remove(self)
        if before is None or not in_foreground(self._source):
            # In the background the shell has the terminal, and has put it in order.
            return
        with suppress(termios.error, OSError):
            termios.tcsetattr(self._source, termios.TCSANOW, before)
        self._write(_PASTE_OFF)

    def end(self) -> None:
        """Put the terminal back for good."""
        self._ended = True
        self.leave()

    def _write(self, code: bytes) -> None:
        # A terminal that takes nothing now does without it.
        with suppress(OSError):
            if self._target is not None:
                os.write(self._target, code)


def in_foreground(descriptor: int) -> bool:
    """Whether a terminal may be read and set by this process, and does not belong to the shell or to another job."""
    try:
        return os.tcgetpgrp(descriptor) == os.getpgrp()
    except OSError:
        # A terminal without job control: nobody else can have it.
        return True
