"""What was told in talk and is asked a day later in other words, without a language model; and what never was told."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import trio
from rich.console import Console
from rich.progress import track

from harry.bench.scripted_day import Day, day, local_zone

DATA = ("facts_open.json", "never_told.json")
"""The package's own cases."""

_BEGAN = 1_795_864_800.0
"""A Saturday, ten in the morning by the clock."""

_UNKNOWN = re.compile(r"\b(?:don't|do not) know\b|\bhaven't told\b|\bcan't answer\b", re.IGNORECASE)
_NO_MIND = re.compile(r"\bneeds a language model\b", re.IGNORECASE)
"""Says nothing of a fact either, so it is not wrong; but a question that was never told is to be called unknown."""

_LINE, _PAUSE, _A_DAY = 20.0, 600.0, 86_400.0


def cases_in(paths: Sequence[Path], names: Sequence[str] = DATA) -> list[dict[str, Any]]:
    """Read cases from files, else from those of the package. Raises `OSError`, `ValueError`."""
    texts = [path.read_text("utf-8") for path in paths] or [
        (files("harry.bench") / "data" / name).read_text("utf-8") for name in names
    ]
    return [case for text in texts for case in json.loads(text)]


def is_right(answer: str, expect: dict[str, Any]) -> bool:
    """Whether an answer says all that is expected, and nothing that is not."""
    return all(re.search(each, answer, re.IGNORECASE) for each in expect.get("all", ())) and not any(
        re.search(each, answer, re.IGNORECASE) for each in expect.get("none", ())
    )


def judged(answer: str, expect: dict[str, Any]) -> str:
    """Return "right", "unknown" where no fact is told, else "wrong"."""
    if is_right(answer, expect):
        return "right"
    return "unknown" if not answer or _UNKNOWN.search(answer) or _NO_MIND.search(answer) else "wrong"


async def _tell(held: Day, cases: Sequence[dict[str, Any]]) -> None:
    told = [case for case in cases if "told" in case]
    for case in track(told, "Telling", console=Console(stderr=True), transient=True):
        held.clock.at += _PAUSE
        for line in (case["told"], *case.get("talk", ()), *([case["corrected"]] if "corrected" in case else [])):
            held.clock.at += _LINE
            await held.say(line)


async def _ask(cases: Sequence[dict[str, Any]]) -> dict[str, Any]:
    counts = dict.fromkeys(("told", "right", "wrong", "unknown", "never_told", "never_told_unknown", "invented"), 0)
    failed = []
    async with day(_BEGAN) as held:
        await _tell(held, cases)
        memory = held.host.memory
        if memory is not None:
            await memory.memory.embed_missing()
        held.clock.at = max(held.clock.at, _BEGAN) + _A_DAY
        for case in track(cases, "Asking", console=Console(stderr=True), transient=True):
            answer = await held.say(case["asked"])
            unknown = bool(_UNKNOWN.search(answer))
            if "told" in case:
                verdict = judged(answer, case["expect"])
                counts["told"] += 1
                ok = verdict == "right"
            else:
                verdict = "never_told_unknown" if unknown else "invented"
                counts["never_told"] += 1
                ok = unknown
            counts[verdict] += 1
            if not ok:
                failed.append({"asked": case["asked"], "answered": answer, "verdict": verdict})
    return {**counts, "failed": failed}


def run(paths: Sequence[Path] = ()) -> dict[str, Any]:
    """Tell what the cases of some files hold, typed into a session, and ask a day later."""
    local_zone("Europe/Berlin")
    return trio.run(_ask, cases_in(paths))
