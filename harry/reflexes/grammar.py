"""What of an utterance is a wish: every reading of its words against a language's grammar. Slow.

A match takes up to some milliseconds, so it belongs in a thread. hassil (the matcher of Home Assistant) does it; a
sentence is a wish only if all of it matches.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib.resources import files
from typing import Any

import yaml
from hassil import Intents, recognize_best

from harry.reflexes.bare_words import on_the_clock, readings
from harry.reflexes.durations import canonical
from harry.reflexes.marked_times import Marked, marked

LONGEST = 200
"""Characters of a reflex at most: what is longer is conversation."""

UNCLEAR = "Unclear"
"""So ends the name of a wish that lacks something; another reading of the words is better."""

_NOT_MINE = re.compile(
    r"(?:your|his|her|their|someone's|whose|this|that|a|an|every|no|which|what|waiting|wait|black|mailing"
    r"|price)\b|(?:\S+ ){3}",
    re.IGNORECASE,
)
_PLACE = re.compile(r"(?:the|my|our|a|an|this|that|work|school|town)\b|[A-Z]")
_NO_PLACE = re.compile(r"(?:stars?|galaxy|planet|black hole)\b", re.IGNORECASE)
_POINTING = frozenset(("it", "that", "this", "them", "these", "those", "something", "everything", "stuff", "things"))
_NAME_WORDS = 4
_NO_NAME = frozenset((
    "i", "you", "he", "she", "it", "we", "they", "is", "are", "was", "were", "has", "have", "had", "do", "does", "did",
    "will", "would", "can", "could", "not", "don't", "what", "when", "where", "who", "why", "how", "if", "because",
    "and", "but", "or", "to", "from", "that", "this", "there", "said", "says", "about", "my", "your", "his",
    "her", "their",
))  # fmt: skip
"""No timer is called by these: words with them are a sentence about timers."""

_LANGUAGE = re.compile(r"[a-z]{2,3}")


@dataclass(frozen=True, slots=True)
class Wish:
    """A reflex that was recognised: its name, what stood in its slots, and the words as they were."""

    name: str
    slots: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""


class Grammar:
    """One language's."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        """Build a grammar of `data`: what the files of `languages/` hold, as read."""
        told = dict(data)
        self.replies: Mapping[str, str] = told.pop("replies")
        self.needs: Mapping[str, Sequence[str]] = told.pop("needs", {})
        self.ringing: Mapping[str, Sequence[str]] = told.pop("ringing", {})
        self._intents = Intents.from_dict(told)

    def match(self, text: str, names: Sequence[str] = (), now: datetime | None = None) -> Wish | None:
        """Return the wish that these words are, or None. `now` is local time, the clock's by default. Milliseconds."""
        if len(text) > LONGEST:
            return None
        now = now or datetime.now().astimezone()
        unclear = None
        for reading in readings(text, names):
            for told in _with_times(reading, now):
                wish = self._wish(told, reading)
                if wish is None or is_doubtful(wish, text):
                    continue
                if not wish.name.endswith(UNCLEAR):
                    return wish
                unclear = unclear or wish
        return unclear

    def _wish(self, told: Marked, reading: str) -> Wish | None:
        words = on_the_clock(told.words).replace(":", ",")
        found = recognize_best(words, self._intents)
        if found is None:
            return None
        slots = {name: _restored(_value(entity, words), told.said) for name, entity in found.entities.items()}
        if "at" in slots:
            slots["at"] = told.said.get(f"moment {int(slots['at'])}", "")
        return Wish(found.intent.name, slots, on_the_clock(reading))


def _with_times(reading: str, now: datetime) -> list[Marked]:
    """Return the words with all times marked, with lengths of time alone, and as they are; each once."""
    told = [marked(reading, now), Marked(*canonical(reading)), Marked(reading)]
    return [item for at, item in enumerate(told) if item.words not in {before.words for before in told[:at]}]


def _restored(value: Any, said: Mapping[str, str]) -> Any:
    """Return the words of a slot with the times in it as they were said."""
    if isinstance(value, str):
        for mark, words in said.items():
            value = value.replace(mark, words)
    return value


def _value(entity: Any, said: str) -> Any:
    """Return what stands in a slot; free words as they were said, with the commas that the matcher leaves out."""
    if entity.is_wildcard and isinstance(entity.value, str):
        words = [re.escape(word) for word in re.findall(r"[^\s,;.!?]+", entity.value)]
        found = re.search(r"[\s,;.!?]+".join(words), said, re.IGNORECASE) if words else None
        return found[0] if found is not None else entity.value.strip(" .!?,")
    return entity.value.strip(" .!?,") if isinstance(entity.value, str) else entity.value


def is_doubtful(wish: Wish, text: str) -> bool:
    """Return whether words that match are still no wish: "remember that day?" asks, "call me Ishmael" calls nobody."""
    if wish.name == "Remember":
        return text.rstrip().endswith("?") and not re.match(
            r".{0,12}\b(?:can|could|would|will) you\b", text, re.IGNORECASE
        )
    if not _may_be_called(wish):
        return True
    callee = str(wish.slots.get("callee", ""))
    if callee:
        named = callee.split()
        return len(named) > 2 or not all(name[0].isupper() or name.isdigit() for name in named) or named[0] == "I"
    if str(wish.slots.get("items", "")).lower() in _POINTING or len(str(wish.slots.get("place", "")).split()) > 3:
        return True
    goal = str(wish.slots.get("goal", ""))
    if goal and (_NO_PLACE.match(goal) or (wish.text.lower().startswith("how do i get") and not _PLACE.match(goal))):
        return True
    return bool(_NOT_MINE.match(str(wish.slots.get("list", ""))))


def _may_be_called(wish: Wish) -> bool:
    """Return whether what stands for the name of a timer can be one."""
    which = "" if wish.name == "CancelTimers" else wish.slots.get("which", "")
    named = str(wish.slots.get("name", "") or which).lower().split()
    return len(named) <= _NAME_WORDS and _NO_NAME.isdisjoint(named)


@functools.cache
def grammar_of(language: str = "en") -> Grammar:
    """Return the grammar of a language tag, from its file and those named after it; English where there is none."""
    found = _LANGUAGE.match(language.lower())
    folder = files("harry.reflexes") / "languages"
    tag = found[0] if found and (folder / f"{found[0]}.yaml").is_file() else "en"
    data: dict[str, Any] = {}
    # A language's main file first; what another says of the same name takes its place.
    for file in sorted(folder.iterdir(), key=lambda path: path.name.removesuffix(".yaml")):
        if file.name == f"{tag}.yaml" or (file.name.startswith(f"{tag}-") and file.name.endswith(".yaml")):
            for key, value in yaml.safe_load(file.read_text("utf-8")).items():
                data[key] = {**data.get(key, {}), **value} if isinstance(value, dict) else value
    return Grammar(data)
