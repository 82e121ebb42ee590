"""Draws the floors of the house from the import contracts: `python -m tests.docs.floors` writes docs/images/floors.svg.

Each box is a package or module, each row a floor; what stands in a row may import the rows below it, and nothing else.
"""

from __future__ import annotations

import tomllib
from html import escape
from typing import Any

from tests.support.paths import ROOT

PICTURE = ROOT / "docs" / "images" / "floors.svg"
WIDTH, ROW, GAP, SIDE = 900, 30, 6, 110
COLOURS = {"harry": ("#eef3fb", "#3b6ea5"), "actors": ("#eef8f0", "#3f8a56"), "channels": ("#fdf4e7", "#b0762a")}


def contracts() -> list[dict[str, Any]]:
    """Return the import contracts of `pyproject.toml`."""
    tables: list[dict[str, Any]] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    return tables


def storeys() -> list[tuple[str, list[list[str]]]]:
    """Return each top-level package with its rows, from the roof down."""
    layers = {
        container: [row.split(" | ") for row in table["layers"]]
        for table in contracts()
        for container in table.get("containers", ())
    }
    [packages] = [table["layers"] for table in contracts() if table["type"] == "layers" and "containers" not in table]
    [apart] = [table["modules"] for table in contracts() if table["type"] == "independence"]
    rows = {"harry": layers["harry"], "actors": [[name.partition(".")[2] for name in apart]]}
    return [(package, rows.get(package, [["messages, pipes, turn, gate, events, clock"]])) for package in packages]


def draw() -> str:
    """Return the picture as SVG."""
    parts, y = [], GAP
    for package, rows in storeys():
        fill, line = COLOURS[package]
        height = len(rows) * (ROW + GAP) + GAP
        parts.append(_box(GAP, y, WIDTH - 2 * GAP, height, fill, line))
        parts.append(_text(GAP + SIDE / 2, y + height / 2 + 5, f"{package}/", line, 17))
        for number, row in enumerate(rows):
            room = (WIDTH - SIDE - 3 * GAP) / len(row)
            top = y + GAP + number * (ROW + GAP)
            for place, name in enumerate(row):
                left = SIDE + GAP + place * room
                parts.append(_box(left, top, room - GAP, ROW, "#fff", line))
                parts.append(_text(left + (room - GAP) / 2, top + ROW / 2 + 4, name, "#222", 12))
        y += height + 2 * GAP
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" font-family="sans-serif" role="img">'
    title = "<title>The floors of Harry: imports run down only</title>"
    return "\n".join([head, title, f'<rect width="{WIDTH}" height="{y}" fill="#fff"/>', *parts, "</svg>", ""])


def _box(x: float, y: float, width: float, height: float, fill: str, line: str) -> str:
    place = f'x="{x:.1f}" y="{y}" width="{width:.1f}" height="{height}"'
    return f'<rect {place} rx="4" fill="{fill}" stroke="{line}"/>'


def _text(x: float, y: float, words: str, colour: str, size: int) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="middle"'
    return f'<text {place} fill="{colour}" font-size="{size}">{escape(words)}</text>'


if __name__ == "__main__":
    PICTURE.write_text(draw(), "utf-8")
