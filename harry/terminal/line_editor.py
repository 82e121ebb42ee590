"""The line that a person is typing: its text, the cursor in it, and the lines typed before. Pure: no terminal.

A pasted text of several lines becomes one line, which is sent by Enter like any other. Earlier lines are kept in
memory alone: what was typed is written to no file here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from rich.cells import cell_len

from harry.terminal.input import LONGEST
from harry.terminal.keys import Key, KeyParser

_HISTORY = 100
"""Lines that the arrow keys bring back."""

_JOINERS = "\u200c\u200d"
"""Characters without a width of their own that belong to what is written in several scripts, and to emoji."""


class LineEditor:
    """A line while it is typed. `on_cut` is called where one grew longer than `longest` characters."""

    def __init__(self, longest: int = LONGEST, on_cut: Callable[[], None] = lambda: None) -> None:
        self.text = ""
        self.cursor = 0
        self.ended = False
        """Whether somebody pressed Control-D on an empty line since this was last set to False."""
        self.redraw = False
        """Whether somebody asked for a fresh screen (Control-L) since this was last set to False."""
        self._longest = longest
        self._on_cut = on_cut
        self._keys = KeyParser()
        self._history: deque[str] = deque(maxlen=_HISTORY)
        self._at: int | None = None  # the place in the history that is shown
        self._draft = ""  # what was being typed before the history was looked into

    @property
    def pending(self) -> bool:
        """Whether a key has begun that may go on."""
        return self._keys.pending

    def flush(self) -> None:
        """Nothing follows what is pending."""
        self._keys.flush()

    def feed(self, data: bytes) -> list[str]:
        """Take what the terminal sent; returns the lines that were finished with Enter."""
        lines = []
        for given in self._keys.feed(data):
            if isinstance(given, str):
                self._insert(given)
            elif given is Key.ENTER:
                lines.append(self._finish())
            else:
                self._press(given)
        return lines

    def _insert(self, text: str) -> None:
        room = self._longest - len(self.text)
        written = "".join(_writable(text))
        if len(written) > room:
            self._on_cut()
            written = written[:room]
        self.text = self.text[: self.cursor] + written + self.text[self.cursor :]
        self.cursor += len(written)

    def _finish(self) -> str:
        line = self.text
        if line.strip() and (not self._history or self._history[-1] != line):
            self._history.append(line)
        self.text, self.cursor, self._at, self._draft = "", 0, None, ""
        return line

    def _press(self, key: Key) -> None:  # noqa: C901, PLR0912  (a table of keys)
        match key:
            case Key.LEFT:
                self.cursor = self._before(self.cursor)
            case Key.RIGHT:
                self.cursor = self._after(self.cursor)
            case Key.WORD_LEFT:
                self.cursor = self._word_before()
            case Key.WORD_RIGHT:
                self.cursor = self._word_after()
            case Key.HOME:
                self.cursor = 0
            case Key.END:
                self.cursor = len(self.text)
            case Key.BACKSPACE:
                self._delete(self._before(self.cursor), self.cursor)
            case Key.DELETE:
                self._delete(self.cursor, self._after(self.cursor))
            case Key.DELETE_WORD:
                self._delete(self._word_before(), self.cursor)
            case Key.DELETE_TO_START:
                self._delete(0, self.cursor)
            case Key.DELETE_TO_END:
                self._delete(self.cursor, len(self.text))
            case Key.UP:
                self._recall(-1)
            case Key.DOWN:
                self._recall(1)
            case Key.REDRAW:
                self.redraw = True
            case Key.END_OF_INPUT:
                self.ended |= not self.text
                self._delete(self.cursor, self._after(self.cursor))

    def _delete(self, begin: int, end: int) -> None:
        self.text = self.text[:begin] + self.text[end:]
        self.cursor = begin

    def _before(self, at: int) -> int:
        """Find where the character before `at` begins, with the accents that stand on it."""
        places = [0]
        for cluster in clusters(self.text[:at]):
            places.append(places[-1] + len(cluster))
        return places[-2] if len(places) > 1 else 0

    def _after(self, at: int) -> int:
        return at + len(next(iter(clusters(self.text[at:])), ""))

    def _word_before(self) -> int:
        kept = self.text[: self.cursor].rstrip()
        return len(kept) - len(kept.rpartition(" ")[2])

    def _word_after(self) -> int:
        rest = self.text[self.cursor :]
        gap = len(rest) - len(rest.lstrip())
        return self.cursor + gap + len(rest.lstrip().partition(" ")[0])

    def _recall(self, step: int) -> None:
        at = (len(self._history) if self._at is None else self._at) + step
        if not 0 <= at <= len(self._history) or (self._at is None and step > 0):
            return
        if self._at is None:
            self._draft = self.text
        self._at = None if at == len(self._history) else at
        self.text = self._draft if self._at is None else self._history[at]
        self.cursor = len(self.text)


def clusters(text: str) -> list[str]:
    """Cut a text into what a reader takes for single characters: a letter with its accents, an emoji of several."""
    found: list[str] = []
    for character in text:
        joined = found and (found[-1][-1] == "\u200d" or character in _JOINERS or not cell_len(character))
        if joined:
            found[-1] += character
        else:
            found.append(character)
    return found


def _writable(text: str) -> list[str]:
    """Take the characters of a text that can stand in a line; any white space becomes a blank."""
    written = []
    for character in text.replace("\r\n", "\n"):
        if character.isspace():
            written.append(" ")
        elif character.isprintable() or character in _JOINERS:
            written.append(character)
    return written
