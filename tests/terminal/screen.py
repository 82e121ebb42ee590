"""A terminal as far as Harry uses one: turns what was written to it into what stands on it."""

from __future__ import annotations

import re

from rich.cells import cell_len

_CODE = re.compile(r"\x1b\[([?0-9;]*)([A-Za-z])")


class Emulator:
    """A screen of so many columns that scrolls without end; wide characters take two cells."""

    def __init__(self, columns: int) -> None:
        self.columns = columns
        self.lines: list[list[str]] = [[]]
        self.row = self.column = 0
        self._rest = ""

    def write(self, text: str) -> None:
        """Take in what a program wrote; a code that is cut waits for its end."""
        text = self._rest + text
        self._rest = ""
        at = 0
        while at < len(text):
            if text[at] == "\x1b":
                code = _CODE.match(text, at)
                if code is None:
                    self._rest = text[at:]
                    return
                self._obey(code[1], code[2])
                at = code.end()
                continue
            self._put(text[at])
            at += 1

    def shown(self) -> list[str]:
        """The lines, without blanks at their ends, and without empty ones at the bottom."""
        lines = ["".join(line).rstrip() for line in self.lines]
        while lines and not lines[-1]:
            lines.pop()
        return lines

    def _put(self, character: str) -> None:
        if character == "\r":
            self.column = 0
        elif character == "\n":
            self._down()
        elif character.isprintable():
            cells = cell_len(character)
            if self.column + cells > self.columns:
                self.column = 0
                self._down()
            line = self.lines[self.row]
            line += [" "] * (self.column + max(cells, 1) - len(line))
            if cells:
                line[self.column : self.column + cells] = [character, *[""] * (cells - 1)]
                self.column += cells

    def _down(self) -> None:
        self.row += 1
        if self.row == len(self.lines):
            self.lines.append([])

    def _obey(self, parameters: str, command: str) -> None:
        if command == "A":
            self.row = max(0, self.row - int(parameters or 1))
        elif command == "J" and not parameters:
            self.lines[self.row] = self.lines[self.row][: self.column]
            del self.lines[self.row + 1 :]
        elif command == "J":
            self.lines = [[] for _ in self.lines]
        elif command == "H":
            self.row = self.column = 0
        elif command not in ("m", "h", "l"):
            raise AssertionError(f"what is {command!r}?")
