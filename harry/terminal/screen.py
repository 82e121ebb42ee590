"""The rows that stay at the bottom of a terminal while text scrolls by above them, as the strings that draw them.

Nothing here writes: it is told the width, and remembers what was drawn last, so as to take it away again.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from rich.cells import cell_len

_CLEAR_BELOW = "\x1b[J"
_CLEAR_ALL = "\x1b[H\x1b[2J"


@dataclass
class Screen:
    """What stands at the bottom now: the cells of each row, the cursor's row, and the cells before the cursor."""

    _cells: list[int] = field(default_factory=list)
    _row: int = 0
    _column: int = 0

    def erase(self, width: int) -> str:
        """Take the rows away; the cursor then stands where the first began. They may have been drawn wider."""
        if not self._cells:
            return ""
        above = sum(max(1, -(-cells // width)) for cells in self._cells[: self._row]) + self._column // width
        self._cells = []
        return f"\r{_up(above)}{_CLEAR_BELOW}"

    def clear(self) -> str:
        """Empty the whole screen."""
        self._cells = []
        return _CLEAR_ALL

    def draw(self, rows: list[tuple[str, str]], cursor: int, before: str | None = None) -> str:
        """Draw rows where the cursor stands, each as what is written and what is seen of it.

        The cursor ends in row number `cursor`, behind the text `before` with which that row begins; None: it stays
        behind the last row.
        """
        self._cells = [cell_len(seen) for _, seen in rows]
        self._row, self._column = cursor, cell_len(rows[-1][1] if before is None else before)
        if before is None:
            return "\n".join(written for written, _ in rows)
        # Written again up to the cursor, instead of counted: terminals differ in how wide they take a character.
        back = f"{_up(len(rows) - 1 - cursor)}\r{before}"
        return "\n".join(written for written, _ in rows) + back


def _up(rows: int) -> str:
    return f"\x1b[{rows}A" if rows > 0 else ""
