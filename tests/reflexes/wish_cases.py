"""Everyday wishes, forty kinds and more, ten wordings and more of each, and what is to come of them.

A kind is the name of a wish, or, where the answer is told at once, a pattern of that answer. NOW is a Friday in Berlin.
"""

from __future__ import annotations

from pathlib import Path

NOW = "2026-11-27T14:20"

_FILE = Path(__file__).parent.parent / "data" / "everyday_wishes.txt"


def _read() -> dict[str, list[str]]:
    kinds: dict[str, list[str]] = {}
    for line in _FILE.read_text("utf-8").splitlines():
        if line.startswith("= "):
            kinds[line[2:]] = []
        elif line:
            kinds[list(kinds)[-1]].append(line)
    return kinds


WISHES = _read()
LEFT_TO_THE_MIND = WISHES.pop("mind")
