"""Help lines that may be named: only those that somebody has read from a published page, with its address and the day.

They stand in `help-lines.toml` in the data folder. Harry brings none along: a number that is wrong where somebody
lives, or no longer holds, is worse than the general sentence.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import structlog

FILE = "help-lines.toml"
MOST = 3
"""Help lines that are named at most."""
_MAX_CHARACTERS = 200
_MAX_BYTES = 20_000

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class HelpLine:
    """A help line: its name and number, and the `page` where they were `read`."""

    name: str
    number: str
    page: str
    read: date

    def __str__(self) -> str:
        """Return the sentence that names it."""
        return f"There is also {self.name}: {self.number}, by {self.page}, as read on {self.read:%d %B %Y}."


def read_help_lines(folder: Path) -> tuple[HelpLine, ...]:
    """Read the file of a data folder, none if there is none. What lacks its page or its day is left out and logged."""
    path = folder / FILE
    try:
        with path.open("rb") as file:
            given = tomllib.loads(file.read(_MAX_BYTES).decode("utf-8")).get("line", [])
    except FileNotFoundError:
        return ()
    except (OSError, ValueError) as error:
        log.warning("the help lines cannot be read", file=str(path), cause=type(error).__name__)
        return ()
    read = [_read(each) for each in given] if isinstance(given, list) else [None]
    if None in read:
        log.warning("a help line is not named: it needs name, number, page and read, a date", file=str(path))
    return tuple(line for line in read if line is not None)[:MOST]


def _read(given: Any) -> HelpLine | None:
    if not isinstance(given, dict):
        return None
    texts = [given.get(key) for key in ("name", "number", "page")]
    day = given.get("read")
    if type(day) is not date or not all(isinstance(text, str) and 0 < len(text) <= _MAX_CHARACTERS for text in texts):
        return None
    name, number, page = (" ".join(str(text).split()) for text in texts)
    return HelpLine(name, number, page, day) if page.startswith("https://") else None
