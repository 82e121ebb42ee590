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

LONGEST = 200
"""Characters of a reflex at most: what is longer is conversation."""

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
        self._intents = Intents.from_dict(told)

    def match(self, text: str, names: Sequence[str] = ()) -> Wish | None:
        """The reflex that these words are, or None. Takes milliseconds."""
        if len(text) > LONGEST:
            return None
        for said in self._variants(text, names):
            found = recognize_best(said, self._intents)
            if found is not None:
                slots = {name: _plain(entity.value) for name, entity in found.entities.items()}
                return None if _doubtful(found.intent.name, text) else Wish(found.intent.name, slots, said)
        return None

    @staticmethod
    def _variants(text: str, names: Sequence[str]) -> list[str]:
        """The words as they are, and without what only surrounds a wish."""
        said = _DAYTIME.sub(r"\1m", _CLOCK.sub(" ", text.strip()))
        for name in names:
            called = re.escape(name)
            said = re.sub(rf"^(?:(?:hey|hi|ok|okay|hello)[,\s]+)?{called}[,.!\s]+", "", said, flags=re.IGNORECASE)
            said = re.sub(rf"[,\s]+{called}[\s.!?]*$", "", said, flags=re.IGNORECASE)
        bare = _TAIL.sub("", _HEAD.sub("", said))
        return [said] if bare == said or not bare else [said, bare]


def _plain(value: Any) -> Any:
    return value.strip(" .!?,") if isinstance(value, str) else value


def _doubtful(name: str, text: str) -> bool:
    """Whether words that match are still no wish: "remember that day?" asks."""
    return name == "Remember" and text.rstrip().endswith("?")


@functools.cache
def grammar_of(language: str = "en") -> Grammar:
    """Return the grammar of a language tag, from its file and those named after it; English where there is none."""
    found = _LANGUAGE.match(language.lower())
    folder = files("harry.reflexes") / "languages"
    tag = found[0] if found and (folder / f"{found[0]}.yaml").is_file() else "en"
    data: dict[str, Any] = {}
    # A language's main file first; what another says of the same name takes its place.
    for file in sorted(folder.iterdir(), key=lambda each: each.name.removesuffix(".yaml")):
        if file.name == f"{tag}.yaml" or (file.name.startswith(f"{tag}-") and file.name.endswith(".yaml")):
            for key, value in yaml.safe_load(file.read_text("utf-8")).items():
                data[key] = {**data.get(key, {}), **value} if isinstance(value, dict) else value
    return Grammar(data)
