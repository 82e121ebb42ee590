"""How far the second reading of wishes comes by itself: `python -m harry.bench.second_reading`.

Wordings that are none of its examples are given to it as if the grammar had found nothing in them; right is the wish
that the grammar finds. Then sentences that wish for nothing: those of the other benches, and its own examples, each
read by one that has learned the other seven eighths. No session, no store: it takes some seconds.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from importlib.resources import files
from random import Random
from time import process_time
from typing import Any

from harry.bench.scripted_day import local_zone
from harry.reflexes.grammar import Wish, grammar_of
from harry.reflexes.second_reading import SecondReading, second_reading_of
from harry.reflexes.sentence_classes import NONE
from harry.reflexes.small_talk import small_talk_of
from harry.reflexes.understanding import understand
from harry.reflexes.wish_kinds import read_language

WISHES = "wishes_open.json"
OTHERS = ("ordinary.json", "outside.json", "smalltalk.json", "never_told.json", "facts_open.json")

_NAMES = ("Harry",)


def measure() -> dict[str, Any]:
    """Return how many wishes were read right, wrong and not at all, and how many other sentences were taken for one."""
    reading = second_reading_of("en")
    if reading is None:
        raise FileNotFoundError("There are no examples for the second reading.")
    counts: Counter[str] = Counter()
    shown: list[str] = []
    for case in _read(WISHES):
        now = datetime.fromisoformat(case["now"]).astimezone()
        wanted, found = _understood(case["text"], now), reading.read(case["text"], _NAMES, _by(now), now)
        verdict = "nothing" if found is None else "right" if wanted is not None and _same(found, wanted) else "wrong"
        counts[verdict] += 1
        if verdict == "wrong":
            shown.append(case["text"])
    others = [text for name in OTHERS for text in _sentences(name)]
    return {"wishes": dict(counts), "wrong": shown, "others": len(others), "taken": _taken(reading, others)}


def measure_folds(folds: int = 8) -> dict[str, Any]:
    """Return how many of the examples of no wish are taken for one where they have not been learned."""
    told, examples = read_language("en")
    taken: list[str] = []
    for fold in range(folds):
        rest = {name: _without(texts, fold, folds) for name, texts in examples.items()}
        taken += _taken(SecondReading(told, rest), examples[NONE][fold::folds])
    return {"others": len(examples[NONE]), "taken": taken}


def measure_time(sentences: Sequence[str]) -> dict[str, float]:
    """Return the seconds of processor time of learning, and the milliseconds of reading a sentence."""
    began = process_time()
    reading = SecondReading(*read_language("en"))
    learned, now = process_time(), datetime.now().astimezone()
    for text in sentences:
        reading.read(text, _NAMES, lambda _: None, now)
    return {
        "learning_s": round(learned - began, 2),
        "reading_ms": round((process_time() - learned) / len(sentences) * 1000, 2),
    }


def _without(texts: Sequence[str], fold: int, folds: int) -> list[str]:
    return [text for at, text in enumerate(texts) if at % folds != fold]


def _taken(reading: SecondReading, sentences: Sequence[str]) -> list[str]:
    now, talk = datetime.now().astimezone(), small_talk_of("en")
    asked = (text for text in sentences if talk.kind(text, _NAMES) is None)
    return [text for text in asked if reading.read(text, _NAMES, _by(now), now) is not None]


def _by(now: datetime) -> Any:
    return lambda text: _understood(text, now)


def _understood(text: str, now: datetime) -> Wish | None:
    return understand(text, _NAMES, grammar_of("en"), now, Random(1))  # noqa: S311  the same chance for both


def _same(found: Wish, wanted: Wish) -> bool:
    def slots(wish: Wish) -> dict[str, str]:
        told = {name: str(value).lower() for name, value in wish.slots.items() if name not in ("bare", "how", "list")}
        return {name: value.removeprefix("the ") for name, value in told.items()}

    return found.name == wanted.name and slots(found) == slots(wanted)


def _read(name: str) -> list[dict[str, Any]]:
    cases: list[dict[str, Any]] = json.loads((files("harry.bench") / "data" / name).read_text("utf-8"))
    return cases


def _sentences(name: str) -> Iterator[str]:
    for case in _read(name):
        for key in ("text", "told", "asked", "corrected"):
            if key in case:
                yield case[key]
        yield from case.get("talk", ())


if __name__ == "__main__":
    local_zone("Europe/Berlin")
    wordings = [case["text"] for case in _read(WISHES)]
    figures = {"new": measure(), "folds": measure_folds(), "time": measure_time(wordings)}
    print(json.dumps(figures, indent=1, ensure_ascii=False))
