"""Everyday wishes, ordinary sentences, small talk and questions beyond him, typed without a language model.

Each wish has a session, a clock and a store of its own. What was done is looked at in the state, not in the words.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import trio
from rich.console import Console
from rich.progress import track

from harry.bench.everyday_state import State, claims, is_as_expected, refuses, state_of
from harry.bench.heard import Heard
from harry.bench.scripted_day import Day, day, local_zone
from harry.mind.absent import SENTENCE
from harry.reflexes.small_talk import small_talk_of
from harry.reflexes.without_a_mind import NOTED

if TYPE_CHECKING:
    from harry.bench.spoken import Spoken

DATA = ("wishes_open.json", "ordinary.json", "smalltalk.json", "outside.json")
"""The package's own cases; a file without wishes is judged by the beginning of its name."""

_NOON = 1_795_863_600.0


def _read(paths: Sequence[Path]) -> dict[str, list[dict[str, Any]]]:
    texts = {path.name: path.read_text("utf-8") for path in paths} or {
        name: (files("harry.bench") / "data" / name).read_text("utf-8") for name in DATA
    }
    return {name: json.loads(text) for name, text in texts.items()}


async def _wish(case: dict[str, Any], heard: Heard | None = None) -> dict[str, Any]:
    """Type one wish, what has to come before it first, and judge what came of it. `heard`: it is said, and heard so."""
    async with day(datetime.fromisoformat(case["now"]).timestamp()) as held:
        for line in case.get("before", ()):
            await held.say(line)
        before = await state_of(held)
        text = case["text"] if heard is None else heard.text
        answer = await held.say(text, heard) if text.strip() else ""
        if answer.rstrip().endswith("?") and "state" in case["expect"]:
            answer = f"{answer} {await held.say('Yes.')}"
        after = await state_of(held)
        right = is_as_expected(case["expect"], answer, before, after, said=text)
        false = not right and claims(answer) and _same(before, after)
        return {"kind": case["kind"], "text": case["text"], "answered": answer, "right": right, "false_claim": false}


def _same(before: State, after: State) -> bool:
    return before.without_turns() == after.without_turns()


async def _wishes(cases: Sequence[dict[str, Any]]) -> dict[str, Any]:
    found = [await _wish(case) for case in _tracked(cases, "Wishes")]
    kinds = Counter(each["kind"] for each in found)
    right = Counter(each["kind"] for each in found if each["right"])
    return {
        "wishes": len(found),
        "right": sum(right.values()),
        "false_claims": sum(each["false_claim"] for each in found),
        "by_kind": {kind: f"{right[kind]}/{count}" for kind, count in kinds.items()},
        "failed": [{key: each[key] for key in ("kind", "text", "answered")} for each in found if not each["right"]],
    }


async def _by_voice(cases: Sequence[dict[str, Any]], spoken: Spoken) -> dict[str, Any]:
    """Have wishes said, each by the next of the voices there are, and judge what came of what the ear wrote down."""
    found = []
    for number, case in enumerate(_tracked(cases, "Spoken wishes")):
        voice = spoken.voices[number % len(spoken.voices)]
        heard = await spoken.hear(case["text"], voice)
        found.append({**await _wish(case, heard), "voice": voice, "heard": heard.text})
    asked, right = Counter(each["voice"] for each in found), Counter(each["voice"] for each in found if each["right"])
    return {
        "wishes": len(found),
        "right": right.total(),
        "false_claims": sum(each["false_claim"] for each in found),
        "by_voice": {voice: f"{right[voice]}/{count}" for voice, count in asked.items()},
        "failed": [
            {key: each[key] for key in ("voice", "text", "heard", "answered")} for each in found if not each["right"]
        ],
    }


async def _sentences(name: str, cases: Sequence[dict[str, Any]], spoken: Spoken | None = None) -> dict[str, Any]:
    """Type sentences that wish for nothing into one session, or have them said, and count what was made of them."""
    counts: Counter[str] = Counter()
    shown = []
    talk = small_talk_of("en")
    async with day(_NOON) as held:
        for number, case in enumerate(_tracked(cases, name)):
            text, heard = case["text"], None
            if spoken is not None:
                heard = await spoken.hear(text, spoken.voices[number % len(spoken.voices)])
                text = heard.text
                if not text.strip():
                    counts["not heard"] += 1
                    continue
            verdict, answer = await _verdict(held, text, talk.reply(text, ("Harry",)) is not None, heard)
            counts[verdict] += 1
            # What somebody tells of himself is taken in; a question or a wish is not.
            expected = {"small talk"} if name.startswith("small") else {"left to a language model", "taken in"}
            if verdict not in expected:
                also = {"heard": text} if heard is not None else {}
                shown.append({"text": case["text"], **also, "answered": answer, "taken_for": verdict})
    return {"sentences": len(cases), **{key.replace(" ", "_"): count for key, count in counts.items()}, "others": shown}


async def _verdict(held: Day, text: str, is_small_talk: bool, heard: Heard | None) -> tuple[str, str]:
    before = await state_of(held)
    answer = await held.say(text, heard)
    if not _same(before, await state_of(held)):
        return "changed something", answer
    if answer == SENTENCE:
        return "left to a language model", answer
    if answer == NOTED:
        return "taken in", answer
    if is_small_talk:
        return "small talk", answer
    return ("refused" if refuses(answer) else "answered"), answer


def _tracked(cases: Sequence[dict[str, Any]], name: str) -> Any:
    return track(cases, name, console=Console(stderr=True), transient=True)


async def _measure(paths: Sequence[Path]) -> dict[str, Any]:
    return {
        name.removesuffix(".json"): await (_wishes(cases) if _are_wishes(cases) else _sentences(name, cases))
        for name, cases in _read(paths).items()
    }


async def _measure_spoken(paths: Sequence[Path], count: int) -> dict[str, Any]:
    """Have so many wishes said, and as many ordinary sentences."""
    from harry.bench.spoken import Spoken  # noqa: PLC0415  loads a voice and an ear

    spoken = Spoken()
    figures: dict[str, Any] = {}
    for name, cases in _read(paths).items():
        some = _spread(cases, count)
        if _are_wishes(cases):
            figures[name.removesuffix(".json")] = await _by_voice(some, spoken)
        elif name.startswith("ordinary"):
            figures[name.removesuffix(".json")] = await _sentences(name, some, spoken)
    return figures


def _are_wishes(cases: Sequence[dict[str, Any]]) -> bool:
    return bool(cases) and "kind" in cases[0]


def _spread(cases: Sequence[dict[str, Any]], count: int) -> list[dict[str, Any]]:
    """Choose so many cases, spread over all of them; 0 is all."""
    count = min(count or len(cases), len(cases))
    return [cases[number * len(cases) // count] for number in range(count)]


def run(paths: Sequence[Path] = (), spoken: int | None = None) -> dict[str, Any]:
    """Type the cases of some files, by their names in the result; local times are those of Berlin.

    `spoken`: so many of their wishes, and of their ordinary sentences, are said aloud and heard instead, 0 for all.
    """
    local_zone("Europe/Berlin")
    return trio.run(_measure, paths) if spoken is None else trio.run(_measure_spoken, paths, spoken)
