"""The `@@` lines of a content: what they ask for, and the content without them.

A line `@@name value` is a decorator; `@@@name value` right after it is what holds instead when the one before is not
known here, or its value makes no sense. All of them leave the content, known or not; of two with one name the first
counts (Character Card V3, "Decorators").
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_LINE = re.compile(r"(@@@?)([A-Za-z_]+)(?:[ \t]+(.*?))?[ \t\r]*")
_MAX_NUMBER = 1_000_000


@dataclass(frozen=True, slots=True)
class Decorators:
    """What the decorators ask for, each under its own name. Depths and counts are in messages."""

    depth: int | None = None
    scan_depth: int | None = None
    activate_only_after: int | None = None
    activate_only_every: int | None = None
    activate: bool = False
    dont_activate: bool = False
    keep_activate_after_match: bool = False
    dont_activate_after_match: bool = False
    additional_keys: tuple[str, ...] = ()
    exclude_keys: tuple[str, ...] = ()


NOTHING_ASKED = Decorators()


def split_decorators(content: str) -> tuple[str, Decorators]:
    """Split a content into its text and its decorators."""
    if "@@" not in content:
        return content.strip("\n"), NOTHING_ASKED
    kept: list[str] = []
    asked: dict[str, Any] = {}
    open_for_fallback = False
    for line in content.split("\n"):
        found = _LINE.fullmatch(line)
        if found is None:
            kept.append(line)
            open_for_fallback = False
            continue
        if found[1] == "@@" or open_for_fallback:
            open_for_fallback = not _take(asked, found[2], found[3] or "")
    return "\n".join(kept).strip("\n"), Decorators(**asked)


def _take(asked: dict[str, Any], name: str, written: str) -> bool:
    read = _READERS.get(name)
    value = read(written) if read else None
    if value is None:
        return False
    asked.setdefault(name, value)
    return True


def _count(written: str) -> int | None:
    try:
        value = int(float(written))
    except (ValueError, OverflowError):
        return None
    return value if 0 <= value <= _MAX_NUMBER else None


def _many(written: str) -> int | None:
    return _count(written) or None


def _flag(written: str) -> bool | None:
    return True if written.lower() in ("", "true") else None


def _words(written: str) -> tuple[str, ...] | None:
    return tuple(word.strip() for word in written.split(",") if word.strip()) or None


_READERS: dict[str, Callable[[str], Any]] = {
    "depth": _count,
    "scan_depth": _count,
    "activate_only_after": _count,
    "activate_only_every": _many,
    "activate": _flag,
    "dont_activate": _flag,
    "keep_activate_after_match": _flag,
    "dont_activate_after_match": _flag,
    "additional_keys": _words,
    "exclude_keys": _words,
}
