"""Writes the README's five rows against other frameworks from docs/benchmarks.md: `python -m tests.docs.peers`."""

from __future__ import annotations

import re

from tests.support.paths import ROOT

README, PAGE = ROOT / "README.md", ROOT / "docs" / "benchmarks.md"
BEGIN, END = "<!-- peers -->\n", "<!-- /peers -->"
ROWS = (
    ("One session", "voice declared -> cut, p50, ms", "it is clear that you interrupt, until he is cut, p50, ms"),
    (
        "One session",
        "end of speech declared -> first chunk, p50, ms",
        "you have finished, until the first sound, p50, ms",
    ),
    (
        "25 such",
        "CPU seconds per session-minute, harness included",
        "25 conversations: processor seconds a minute for each",
    ),
    ("25 such", "stale samples taken after the cut", "25 conversations: samples that still sound after the cut"),
    (
        "One session",
        "first voiced buffer -> cut, p50, ms",
        "**where Harry is behind**: first voice until the cut, p50, ms",
    ),
)
"""A table's title, the row in it, and what the README calls it."""


def table() -> str:
    """Return the README's table."""
    lines = ["| Scripted engines in all three | Harry | livekit | pipecat |", "|---|--:|--:|--:|"]
    text = PAGE.read_text("utf-8")
    for title, label, said in ROWS:
        section = text.partition(f"## {title}")[2].partition("\n## ")[0]
        found = re.search(rf"^\| {re.escape(label)} \| (\S+) \| (\S+) \| (\S+) \|", section, re.MULTILINE)
        if found is None:
            raise LookupError(f"{PAGE.name} has no row {label!r}")
        lines.append(f"| {said} | {' | '.join(found.groups())} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    before, rest = README.read_text("utf-8").split(BEGIN)
    README.write_text(f"{before}{BEGIN}{table()}{END}{rest.partition(END)[2]}", "utf-8")
