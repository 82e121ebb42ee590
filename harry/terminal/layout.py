"""How text lies in the cells of a terminal: words wrapped under their speaker, and a typed line in rows. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from harry.terminal.line_editor import clusters

PROMPT = "> "

_DEEPEST = 4
"""Text is indented under its head by a part of the width no larger than this; else by two columns."""


@dataclass(frozen=True, slots=True)
class Line:
    """Something to be printed: who says it, if anybody, and what.

    `aside`: it was not meant for Harry. `whole`: it must not be broken, for it is to be copied, such as an address.
    """

    text: str
    speaker: str = ""
    aside: bool = False
    whole: bool = False

    @property
    def head(self) -> str:
        """What stands before the text."""
        return f"{self.speaker}: " if self.speaker else ""

    def flat(self) -> str:
        """Write it in one line, for what is no terminal."""
        return f"{self.head}{self.text}"


def wrapped(line: Line, width: int) -> list[str]:
    """Break a line between words into rows of fewer than `width` cells, all under the beginning of its text."""
    head = line.head
    if line.whole:
        return [head + line.text] if cell_len(head + line.text) < width else [head.rstrip(), line.text]
    indent = cell_len(head) if cell_len(head) <= width // _DEEPEST else min(cell_len(head), 2)
    room = max(width - 1 - indent, 2)
    if indent == cell_len(head):
        rows = [row.plain.rstrip() for row in Text(line.text).wrap(_PLAIN, room, tab_size=1)] or [""]
        return [(head + rows[0]).rstrip(), *(" " * indent + row for row in rows[1:])]
    # The head is part of the text, whose further rows stand a little to the right.
    rows = [row.plain.rstrip() for row in Text(head.lstrip() + line.text).wrap(_PLAIN, room, tab_size=1)]
    return [rows[0], *(" " * indent + row for row in rows[1:])]


def cropped(line: Line, width: int) -> str:
    """Put a line into one row of fewer than `width` cells; three dots stand for what has no room."""
    row = Text(line.flat())
    row.truncate(max(width - 1, 1), overflow="ellipsis")
    return row.plain


_PLAIN = Console(width=80)
"""Wrapping needs a console, and nothing of it."""


def _breaks(text: str, room: int) -> list[int]:
    """Find where the rows of a typed line begin: behind a blank if there is one, else where the room ends."""
    places = [0]
    filled = at = 0
    for cluster in clusters(text):
        cells = cell_len(cluster)
        if filled + cells > room and cluster != " ":
            blank = text.rfind(" ", places[-1], at)
            places.append(blank + 1 if blank >= 0 else at)
            filled = cell_len(text[places[-1] : at])
        filled += cells
        at += len(cluster)
    return places


@dataclass(frozen=True, slots=True)
class Rows:
    """A typed line in rows, and where the cursor stands: its row, and what is written before it in that row."""

    rows: tuple[str, ...]
    cursor: int
    before: str


def typed(text: str, cursor: int, width: int, most: int) -> Rows:
    """Lay a typed line out in rows of fewer than `width` cells; at most `most` of them, those around the cursor."""
    room = max(width - 1 - len(PROMPT), 2)
    places = _breaks(text, room)
    rows = [text[begin:end] for begin, end in zip(places, [*places[1:], len(text)], strict=True)]
    if cursor == len(text) and cell_len(rows[-1]) >= room:
        # The cursor needs a cell of its own.
        rows.append("")
        places.append(len(text))
    row = max(index for index, place in enumerate(places) if place <= cursor)
    before = rows[row][: cursor - places[row]]
    begin = max(0, min(row - most + 1, len(rows) - most))
    begin = min(begin, row)
    heads = [PROMPT if index == 0 else " " * len(PROMPT) for index in range(len(rows))]
    shown = tuple(heads[index] + rows[index] for index in range(begin, min(begin + most, len(rows))))
    return Rows(shown, row - begin, heads[row] + before)
