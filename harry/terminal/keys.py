"""What a terminal sends for keys and pasted text, however its bytes are portioned. Pure: no terminal, no clock.

Typed and pasted characters come out as strings; everything that moves, deletes or ends a line comes out as a `Key`.
What is not known is passed over.
"""

from __future__ import annotations

import codecs
import re
from enum import Enum, auto
from typing import TypeAlias


class Key(Enum):
    """A key that does something other than writing itself."""

    ENTER = auto()
    BACKSPACE = auto()
    DELETE = auto()
    LEFT = auto()
    RIGHT = auto()
    WORD_LEFT = auto()
    WORD_RIGHT = auto()
    HOME = auto()
    END = auto()
    UP = auto()
    DOWN = auto()
    DELETE_WORD = auto()
    DELETE_TO_START = auto()
    DELETE_TO_END = auto()
    REDRAW = auto()
    END_OF_INPUT = auto()
    """Control-D."""


Input: TypeAlias = str | Key

_CONTROL = {
    "\r": Key.ENTER,
    "\n": Key.ENTER,
    "\x7f": Key.BACKSPACE,
    "\x08": Key.BACKSPACE,
    "\x01": Key.HOME,
    "\x05": Key.END,
    "\x02": Key.LEFT,
    "\x06": Key.RIGHT,
    "\x10": Key.UP,
    "\x0e": Key.DOWN,
    "\x17": Key.DELETE_WORD,
    "\x15": Key.DELETE_TO_START,
    "\x0b": Key.DELETE_TO_END,
    "\x0c": Key.REDRAW,
    "\x04": Key.END_OF_INPUT,
}
_ALT = {"b": Key.WORD_LEFT, "f": Key.WORD_RIGHT, "\x7f": Key.DELETE_WORD, "\x08": Key.DELETE_WORD}
_FINAL = {"A": Key.UP, "B": Key.DOWN, "C": Key.RIGHT, "D": Key.LEFT, "H": Key.HOME, "F": Key.END}
_TILDE = {"1": Key.HOME, "7": Key.HOME, "4": Key.END, "8": Key.END, "3": Key.DELETE}

_ESCAPE = "\x1b"
_PASTE_BEGINS, _PASTE_ENDS = "200", "\x1b[201~"
_SEQUENCE = re.compile(r"\x1b\[([0-?]*)[ -/]*([@-~])")
_UNFINISHED = re.compile(r"\x1b(\[[0-?]{0,32}[ -/]{0,4}|O)?\Z")


class KeyParser:
    """Turns the bytes of a terminal into text and keys."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""
        self._pasting = False

    @property
    def pending(self) -> bool:
        """Whether an escape sequence has begun that may go on: or somebody pressed Escape."""
        return bool(self._rest) and not self._pasting

    def feed(self, data: bytes) -> list[Input]:
        """Take some bytes in; returns what they amount to."""
        buffer = self._rest + self._decoder.decode(data)
        self._rest = ""
        found: list[Input] = []
        at = 0
        while at < len(buffer):
            at = self._paste(buffer, at, found) if self._pasting else self._one(buffer, at, found)
        return found

    def flush(self) -> None:
        """Nothing follows: what was pending was the Escape key."""
        if self.pending:
            self._rest = ""

    def _paste(self, buffer: str, at: int, found: list[Input]) -> int:
        """Take pasted text up to its end mark; of that, a part may still be to come."""
        end = buffer.find(_PASTE_ENDS, at)
        if end >= 0:
            self._pasting = False
            found.append(buffer[at:end])
            return end + len(_PASTE_ENDS)
        kept = next((n for n in range(len(_PASTE_ENDS) - 1, 0, -1) if buffer.endswith(_PASTE_ENDS[:n])), 0)
        kept = min(kept, len(buffer) - at)
        self._rest = buffer[len(buffer) - kept :] if kept else ""
        found.append(buffer[at : len(buffer) - kept])
        return len(buffer)

    def _one(self, buffer: str, at: int, found: list[Input]) -> int:
        """Take one key, or a run of written characters, from `at` on; returns where the next begins."""
        character = buffer[at]
        if character == _ESCAPE:
            return self._escape(buffer, at, found)
        if character in _CONTROL:
            found.append(_CONTROL[character])
            return at + 1
        end = at
        while end < len(buffer) and buffer[end] != _ESCAPE and buffer[end] not in _CONTROL:
            end += 1
        found.append(buffer[at:end])
        return end

    def _escape(self, buffer: str, at: int, found: list[Input]) -> int:
        if _UNFINISHED.match(buffer, at):
            self._rest = buffer[at:]
            return len(buffer)
        sequence = _SEQUENCE.match(buffer, at)
        if sequence is not None:
            self._named(sequence[1], sequence[2], found)
            return sequence.end()
        following = buffer[at + 1]
        if following == "O":
            self._named("", buffer[at + 2], found)
            return at + 3
        if following in _ALT:
            found.append(_ALT[following])
            return at + 2
        # Escape, and then something of its own.
        return at + 1

    def _named(self, parameters: str, final: str, found: list[Input]) -> None:
        number, _, modifier = parameters.partition(";")
        if final == "~" and number == _PASTE_BEGINS:
            self._pasting = True
            return
        key = _TILDE.get(number) if final == "~" else _FINAL.get(final)
        if modifier and key is Key.LEFT:
            key = Key.WORD_LEFT
        elif modifier and key is Key.RIGHT:
            key = Key.WORD_RIGHT
        if key is not None:
            found.append(key)
