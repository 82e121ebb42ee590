"""JSON of strangers: read only as deep as everything behind can follow.

Python reads a thousand levels and cannot write them again, or compare or print them, a little further down its stack.
What is nested too deeply is a mistake of whoever sent it, like any other that is no JSON.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

MAX_DEPTH = 100
"""Levels of lists and objects; schemas of tools, the deepest that are meant, have some twenty."""


class TooDeepError(ValueError):
    """The text is nested more than `MAX_DEPTH` levels."""

    def __init__(self) -> None:
        super().__init__("it is nested too deeply")


def parse_json(text: str | bytes, *, parse_constant: Callable[[str], Any] | None = None) -> Any:
    """Read a text of JSON. Raises `ValueError` for what is none, `TooDeepError` where it is too deep."""
    try:
        value = json.loads(text, parse_constant=parse_constant)
    except RecursionError:
        raise TooDeepError from None
    check_depth(value)
    return value


def check_depth(value: Any) -> None:
    """Raise `TooDeepError` for a value of more than `MAX_DEPTH` levels; looks at each level once."""
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return
    raise TooDeepError
