"""Text of unknown origin on its way to and from the terminal."""

from __future__ import annotations

import sys


def tell(sentence: str) -> None:
    """Print a sentence of Harry's on standard error."""
    print(f"harry: {sentence}", file=sys.stderr)


def printable(text: str) -> str:
    """Return a text without what would steer the terminal: a memory may hold anything."""
    return "".join(character if character.isprintable() else " " for character in text)


def as_text(argument: str) -> str:
    """Return an argument as text, though it may hold bytes that are none."""
    return argument.encode("utf-8", "replace").decode()
