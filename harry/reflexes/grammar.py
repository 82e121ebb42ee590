"""What of an utterance is a reflex: the words, without names and politeness, against a language's grammar. Slow.

A match takes one to three milliseconds, so it belongs in a thread. hassil (the matcher of Home Assistant) does it; a
sentence is a reflex only if all of it matches.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

import yaml
from hassil import Intents, recognize_best

from harry.reflexes.durations import canonical

LONGEST = 200
"""Characters of a reflex at most: what is longer is conversation."""

UNCLEAR = "Unclear"
"""So ends the name of a wish that lacks something; another reading of the words is better."""

_LANGUAGE = re.compile(r"[a-z]{2,3}")
_CLOCK = re.compile(r"(?<=\d)[:.](?=\d\d)")
_DAYTIME = re.compile(r"\b([ap])\.\s?m\b\.?", re.IGNORECASE)
_TAIL = re.compile(r"[,\s]+(please|thanks|thank you|now please|for me)[\s.!?]*$", re.IGNORECASE)
_HEAD = re.compile(r"^(?:(?:hey|hi|hello|ok|okay|so|well|and|now|oh|um|uh|please)[,\s]+)+(?=\S+\s|\S+$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Wish:
    """A reflex that was recognised: its name, what stood in its slots, and the words as they were."""

    name: str
    slots: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""


class Grammar:
    """One language's."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        """`data` is a file of `languages/`, as read."""
        told = dict(data)
        self.replies: Mapping[str, str] = told.pop("replies")
        self.ringing: Mapping[str, Sequence[str]] = told.pop("ringing", {})
        self._intents = Intents.from_dict(told)

    def match(self, text: str, names: Sequence[str] = ()) -> Wish | None:
        """The reflex that these words are, or None. Takes milliseconds."""
        if len(text) > LONGEST:
            return None
        unclear = None
        for said in self._variants(text, names):
            lengths, before = canonical(said)
            for words in dict.fromkeys((lengths, said)):
                found = recognize_best(words, self._intents)
                if found is None:
                    continue
                slots = {name: _plain(_restored(entity.value, before)) for name, entity in found.entities.items()}
                if _doubtful(found.intent.name, slots, text):
                    return None
                wish = Wish(found.intent.name, slots, said)
                if not wish.name.endswith(UNCLEAR):
                    return wish
                unclear = unclear or wish
        return unclear

    @staticmethod
    def _variants(text: str, names: Sequence[str]) -> list[str]:
        """The words as they are, and without what only surrounds a wish."""
        said = _DAYTIME.sub(r"\1m", _CLOCK.sub(" ", text.strip())).replace(":", ",")
        for name in names:
            called = re.escape(name)
            said = re.sub(rf"^(?:(?:hey|hi|ok|okay|hello)[,\s]+)?{called}[,.!\s]+", "", said, flags=re.IGNORECASE)
            said = re.sub(rf"[,\s]+{called}[\s.!?]*$", "", said, flags=re.IGNORECASE)
        bare = _TAIL.sub("", _HEAD.sub("", said))
        return [said] if bare == said or not bare else [said, bare]


def _plain(value: Any) -> Any:
    return value.strip(" .!?,") if isinstance(value, str) else value


def _restored(value: Any, before: Mapping[str, str]) -> Any:
    """Return the words of a slot with the lengths of time in it as they were said."""
    if isinstance(value, str):
        for written, said in before.items():
            value = value.replace(written, said)
    return value


_NAME_WORDS = 4
_NO_NAME = frozenset(
    [
        "i",
        "you",
        "he",
        "she",
        "it",
        "we",
        "they",
        "is",
        "are",
        "was",
        "were",
        "has",
        "have",
        "had",
        "do",
        "does",
        "did",
        "will",
        "would",
        "can",
        "could",
        "not",
        "don't",
        "what",
        "when",
        "where",
        "who",
        "why",
        "how",
        "if",
        "because",
        "and",
        "but",
        "or",
        "to",
        "from",
        "that",
        "this",
        "there",
        "said",
        "says",
        "about",
        "my",
        "your",
        "his",
        "her",
        "their",
    ]
)
"""No timer is called by these: words with them are a sentence about timers."""


def _doubtful(name: str, slots: Mapping[str, Any], text: str) -> bool:
    """Whether words that match are still no wish: "remember that day?" asks."""
    if name == "Remember":
        return text.rstrip().endswith("?")
    named = str(slots.get("name", "") or ("" if name == "CancelTimers" else slots.get("which", ""))).lower().split()
    return len(named) > _NAME_WORDS or not _NO_NAME.isdisjoint(named)


@functools.cache
def grammar_of(language: str = "en") -> Grammar:
    """Return the grammar of a language tag; English where there is none for it."""
    found = _LANGUAGE.match(language.lower())
    folder = files("harry.reflexes") / "languages"
    file = folder / f"{found[0] if found else 'en'}.yaml"
    if not file.is_file():
        file = folder / "en.yaml"
    parts = [each for each in sorted(folder.iterdir(), key=str) if each.name.startswith(f"{file.name[:-5]}-")]
    return Grammar(_merged([yaml.safe_load(each.read_text("utf-8")) for each in (file, *parts)]))


def _merged(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return a language's files as one: `en.yaml`, and what stands beside it as `en-timers.yaml`."""
    whole: dict[str, Any] = {}
    for part in parts:
        for key, value in part.items():
            whole[key] = {**whole[key], **value} if isinstance(value, Mapping) and key in whole else value
    return whole
