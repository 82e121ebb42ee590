"""What a wish may change, as it is found: timers, alarms, reminders, lists, memories, volume; and how it is judged."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from harry.bench.scripted_day import USER, Day
from harry.memory.text.analysis import STOP_WORDS, split_words, stem

_CANNOT = re.compile(
    r"\b(?:can't|cannot|can not|couldn't|not able|unable|have no (?:way|access)|don't have|no \w+ (?:is )?connected"
    r"|not connected|don't know|needs a language model)\b",
    re.IGNORECASE,
)
_CLAIM = re.compile(
    r"\b(?:timer for|is set|i will (?:remind|wake|remember)|alarm (?:is|for|at)|are? on (?:your|the) \w+(?: \w+)? list"
    r"|cancelled|paused|goes on|i have (?:added|set|removed)|is forgotten)\b",
    re.IGNORECASE,
)
_SHUT = re.compile(r"\bmicrophone\b|\bnot listening\b", re.IGNORECASE)
_SLACK = 2.0
"""Seconds by which a moment may differ."""


@dataclass(frozen=True, slots=True)
class Held:
    """A timer, an alarm or a reminder."""

    kind: str
    due: float
    words: str
    paused: bool


@dataclass(frozen=True, slots=True)
class State:
    """Everything at one moment; `turns` are the lines that were typed, as they are kept."""

    now: float
    held: tuple[Held, ...]
    lists: tuple[tuple[str, tuple[str, ...]], ...]
    memories: tuple[str, ...]
    volume: float
    turns: tuple[str, ...] = ()

    def without_turns(self) -> State:
        """Return it without what every turn changes."""
        return replace(self, now=0.0, turns=())


async def state_of(held: Day) -> State:
    """Look at everything that a wish may change."""
    host = held.host
    reminders = await host.reminding.of(USER) if host.reminding is not None else []
    names = await host.lists.names(USER) if host.lists is not None else {}
    lists = [(name, tuple(await host.lists.of(USER, name))) for name in names] if host.lists is not None else []
    items = await host.memory.memory.list_items(USER, kind="memory") if host.memory is not None else []
    return State(
        held.clock.at,
        tuple(
            Held(each.kind, each.due, f"{getattr(each, 'name', '')} {each.text}", bool(getattr(each, "paused", False)))
            for each in reminders
        ),
        tuple(sorted(lists)),
        tuple(item.text for _, item in items if item.source == "told"),
        held.session.gate.volume,
        tuple(item.text for _, item in items if item.id.endswith("/said")),
    )


def refuses(answer: str) -> bool:
    """Whether an answer says honestly that he cannot."""
    return _CANNOT.search(answer) is not None


def claims(answer: str) -> bool:
    """Whether an answer claims that something was done."""
    return _CLAIM.search(answer) is not None


def is_as_expected(expect: dict[str, Any], answer: str, before: State, after: State, *, said: str) -> bool:
    """Judge an answer and what it changed by all that is expected; `or` is enough by itself."""
    if "or" in expect and is_as_expected(expect["or"], answer, before, after, said=said):
        return True

    def found(pattern: str) -> bool:
        return re.search(pattern, answer, re.IGNORECASE) is not None

    return (
        ("any" not in expect or any(map(found, expect["any"])))
        and all(map(found, expect.get("all", ())))
        and not any(map(found, expect.get("none", ())))
        and (not expect.get("cannot") or refuses(answer))
        and ("state" not in expect or _state_is(expect["state"], answer, before, after, said))
    )


def _state_is(wanted: dict[str, Any], answer: str, before: State, after: State, said: str) -> bool:  # noqa: C901, PLR0911  (a table)
    new = [each for each in after.held if each not in before.held]
    if "timer" in wanted:
        return _is_set(new, "timer", after.now + wanted["timer"], wanted.get("name", ""))
    if "alarm" in wanted:
        return _is_set(new, "alarm", _local(wanted["alarm"]), "")
    if "reminder" in wanted:
        return _is_set(new, "reminder", _local(wanted["reminder"]["at"]), wanted["reminder"]["text"])
    if "cancelled" in wanted:
        return bool(before.held) and not [each for each in after.held if each.kind == wanted["cancelled"]]
    if "paused" in wanted:
        return any(each.paused for each in after.held)
    if "resumed" in wanted:
        return any(each.paused for each in before.held) and not any(each.paused for each in after.held)
    if "list" in wanted:
        return _list_is(wanted, answer, before, after)
    if "volume" in wanted:
        return after.volume > before.volume if wanted["volume"] == "up" else after.volume < before.volume
    if wanted.get("muted"):
        return bool(_SHUT.search(answer))  # there is no microphone here to look at
    if wanted.get("unchanged"):
        return before.without_turns() == after.without_turns()
    if "forgotten" in wanted:
        kept = [*after.memories, *(each for each in after.turns if each != said)]
        return not any(wanted["forgotten"].lower() in each.lower() for each in kept)
    return False


def _is_set(new: list[Held], kind: str, due: float, words: str) -> bool:
    return any(
        each.kind == kind and abs(each.due - due) <= _SLACK and _content(words) <= _content(each.words) for each in new
    )


def _list_is(wanted: dict[str, Any], answer: str, before: State, after: State) -> bool:
    def entries(state: State) -> list[frozenset[str]]:
        held = [content for name, content in state.lists if _content(wanted["list"]) <= _content(name)]
        return [_content(each) for content in held for each in content]

    if wanted.get("created"):
        return wanted["list"].lower() in answer.lower() and not refuses(answer)
    of: Any = wanted.get("added", wanted.get("removed"))
    items = [_content(str(each)) for each in (of if isinstance(of, list) else [of])]
    now, then = entries(after), entries(before)
    if "added" in wanted:
        return all(any(item <= each for each in now) for item in items)
    return all(any(item <= each for each in then) and not any(item <= each for each in now) for item in items)


def _content(text: str) -> frozenset[str]:
    words = split_words(text.replace("-", " "))
    return frozenset(stem(word) for word in words if word not in STOP_WORDS or len(words) <= 2)


def _local(moment: str) -> float:
    return datetime.fromisoformat(moment).astimezone().timestamp()
