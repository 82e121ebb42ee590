"""The benches of `harry bench`: each prints what it measured and, on its last line, everything as one JSON object."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any


def run(name: str, *, n: int | None = None, as_json: bool = False, write: Callable[[str], object] = print) -> None:
    """Run a bench by name: `barge-in` or `turn`. Without `as_json` a table precedes the last line."""
    from harry.bench import barge_in, turn
    from harry.bench.figures import surroundings

    benches: dict[str, tuple[Callable[[int], dict[str, Any]], int]] = {
        "barge-in": (barge_in.run, 2000),
        "turn": (turn.run, 500),
    }
    measure, usual = benches[name]
    figures = {"bench": name, **measure(n or usual), **surroundings()}
    if not as_json:
        for key, value in figures.items():
            write(f"{key:>28}  {value}")
    write(json.dumps(figures))
