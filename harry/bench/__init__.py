"""The benches of `harry bench`: each prints what it measured and, on its last line, everything as one JSON object."""

# ruff: noqa: PLC0415  # what a bench needs is imported when it runs

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import import_module
from typing import Any

USUAL = {
    "barge-in": 2000, "turn": 500, "endpoint": 100, "echo": 5, "lore": 200, "stores": 100, "mind": 1000,
    "reflexes": 500,
}  # fmt: skip
"""The benches that take a number, and the number they take when none is given."""


def run(name: str, *, n: int | None = None, as_json: bool = False, write: Callable[[str], object] = print) -> None:
    """Run a bench of `USUAL` by name. Without `as_json` a table precedes the last line."""
    measure = import_module(f"harry.bench.{name.replace('-', '_')}").run
    report(name, measure(n or USUAL[name]), as_json=as_json, write=write)


def report(name: str, figures: dict[str, Any], *, as_json: bool, write: Callable[[str], object] = print) -> None:
    """Print figures, with versions, machine and load, the whole of it as JSON on the last line."""
    from harry.bench.figures import describe_surroundings

    everything = {"bench": name, **figures, **describe_surroundings()}
    if not as_json:
        for key, value in everything.items():
            write(f"{key:>28}  {value}")
    write(json.dumps(everything))
