"""Draws every interruption of the last round as a line, as SVG: how long each framework sounds after the first voice.

Grey is the reply until it is cut, red what still sounds of it after that. A line that ends in a cross was never cut.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import Any

Run = dict[str, Any]
Times = tuple[float, float]
"""Until the cut, and until nothing of the reply sounds any more, in ms after the voice; both infinite if never."""

WHO = ("Harry", "livekit", "pipecat")
COLUMNS = (("brisk", "one conversation"), ("many", "25 conversations in one process"))
WIDTH, SIDE, TOP, FOOT, ROW, GAP = 900, 80, 78, 44, 150, 14
PLOT = (WIDTH - SIDE) / len(COLUMNS) - GAP
LONGEST = 500.0
"""Milliseconds that are drawn at most: what lasts longer leaves the picture."""

BEFORE, STALE, INK, PALE = "#8fa3b8", "#d43a2f", "#222", "#d8dde3"


def read_times(runs: Sequence[Run], case: str, who: str) -> list[Times]:
    """Return the interruptions of one system in the last round, the shortest first."""
    mine = [run for run in runs if run["case"] == case and run["who"] == who.lower() and "each_ms" in run]
    each = mine[-1]["each_ms"] if mine else []
    found = [(math.inf, math.inf) if cut is None else (float(cut), float(silent)) for _, cut, silent in each]
    return sorted(found, key=lambda times: times[1])


def draw(runs: Sequence[Run]) -> str:
    """Return the picture, or an empty text if no run has told its interruptions."""
    cells = {(case, who): read_times(runs, case, who) for case, _ in COLUMNS for who in WHO}
    if not all(cells.values()):
        return ""
    height = TOP + len(WHO) * (ROW + GAP) + FOOT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" role="img">',
        "<title>How long each framework still sounds after the first voice over it</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        _text(
            SIDE, 22, "You interrupt. Each line: how long the reply still sounds, from your first voice on", 16, "start"
        ),
        f'<rect x="{SIDE}" y="34" width="18" height="8" fill="{BEFORE}"/>',
        _text(SIDE + 24, 42, "until it is cut", 12, "start"),
        f'<rect x="{SIDE + 130}" y="34" width="18" height="8" fill="{STALE}"/>',
        _text(SIDE + 154, 42, "still sounds after the cut", 12, "start"),
    ]
    for place, (case, title) in enumerate(COLUMNS):
        left = SIDE + place * (PLOT + GAP)
        lasting = [silent for who in WHO for _, silent in cells[case, who] if silent < math.inf]
        limit = min(LONGEST, math.ceil(max(lasting) / 50) * 50)
        parts.append(_text(left, TOP - 10, title, 13, "start"))
        for number, who in enumerate(WHO):
            top = TOP + number * (ROW + GAP)
            if not place:
                parts.append(_text(SIDE - 10, top + ROW / 2, who, 15, "end"))
            parts += _cell(left, top, limit, cells[case, who])
        bottom = TOP + len(WHO) * (ROW + GAP)
        for part, anchor in enumerate(("start", *["middle"] * 4, "end")):
            parts.append(_text(left + PLOT * part / 5, bottom + 4, f"{limit * part / 5:g}", 11, anchor))
        parts.append(_text(left + PLOT / 2, bottom + 24, "milliseconds", 11))
    return "\n".join([*parts, "</svg>", ""])


def _cell(left: float, top: float, limit: float, each: Sequence[Times]) -> list[str]:
    """Return the lines of one system in one case, and what they come to."""
    parts = [f'<rect x="{left:.1f}" y="{top}" width="{PLOT:.1f}" height="{ROW}" fill="none" stroke="{PALE}"/>']
    step = (ROW - 30) / len(each)
    for number, (cut, silent) in enumerate(each):
        y = top + 6 + (number + 0.5) * step
        parts.append(_line(left, y, min(cut, limit) / limit * PLOT, step, BEFORE))
        if cut < silent and cut < limit:
            start = left + cut / limit * PLOT
            parts.append(_line(start, y, (min(silent, limit) - cut) / limit * PLOT, step, STALE))
        if silent > limit:
            parts.append(_text(left + PLOT - 6, y + 4, "×" if silent == math.inf else "›", 12))  # noqa: RUF001
    return [*parts, _text(left + PLOT - 6, top + ROW - 8, _sum_up(each), 11, "end")]


def _sum_up(each: Sequence[Times]) -> str:
    silences = [silent for _, silent in each]
    told = f"{len(each)} interruptions, median {silences[len(silences) // 2]:.0f} ms, longest {silences[-1]:.0f} ms"
    after = sum(cut < silent < math.inf for cut, silent in each)
    never = silences.count(math.inf)
    if never:
        told = told.partition(", longest")[0] + f", {never} never cut"
    return f"{told}; {after or 'none'} sounded after the cut"


def _line(x: float, y: float, length: float, step: float, colour: str) -> str:
    return f'<path d="M{x:.1f} {y:.1f}h{length:.1f}" stroke="{colour}" stroke-width="{max(0.8, step * 0.6):.2f}"/>'


def _text(x: float, y: float, words: str, size: int, anchor: str = "middle") -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text {place} fill="{INK}" font-size="{size}">{escape(words)}</text>'
