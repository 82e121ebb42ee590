"""What of an utterance is a wish: every reading of its words against a language's grammar. Slow.

A match takes up to some milliseconds, so it belongs in a thread. hassil (the matcher of Home Assistant) does it; a
sentence is a wish only if all of it matches.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from importlib.resources import files
from typing import Any, TypeGuard

import yaml
from hassil import Intents, RecognizeResult, recognize_all

from harry.reflexes.bare_words import on_the_clock, readings
from harry.reflexes.doubts import is_doubtful
from harry.reflexes.durations import canonical
from harry.reflexes.marked_times import Marked, marked
from harry.reflexes.wishes import Wish

__all__ = ["LONGEST", "UNCLEAR", "Grammar", "Wish", "grammar_of", "is_whole"]

LONGEST = 200
"""Characters of a reflex at most: what is longer is conversation."""

UNCLEAR = "Unclear"
"""So ends the name of a wish that lacks something; another reading of the words is better."""


_IS = re.compile(
    r"\b(timer|alarm|countdown)'s\b(?= (?:up|done|over|off|at|on|going|still|left|finished|due))", re.IGNORECASE
)
_FIRST_WORD = re.compile(r"[^\W\d_]+")
_LANGUAGE = re.compile(r"[a-z]{2,3}")


def is_whole(wish: Wish | None) -> TypeGuard[Wish]:
    """Whether words are a wish that lacks nothing."""
    return wish is not None and not wish.name.endswith(UNCLEAR)


class Grammar:
    """One language's."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        """Build a grammar of `data`: what the files of `languages/` hold, as read."""
        told = dict(data)
        self.replies: Mapping[str, str] = told.pop("replies")
        self.needs: Mapping[str, Sequence[str]] = told.pop("needs", {})
        self.ringing: Mapping[str, Sequence[str]] = told.pop("ringing", {})
        self.intents = Intents.from_dict(told)

    def match(self, text: str, names: Sequence[str] = (), now: datetime | None = None) -> Wish | None:
        """Return the wish that these words are, or None. `now` is local time, the clock's by default. Milliseconds."""
        if len(text) > LONGEST:
            return None
        now = now or datetime.now().astimezone()
        unclear = None
        for reading in readings(text, names):
            for told in _with_times(reading, now):
                wishes = (each for each in self._wishes(told, reading) if not _holds_a_call(each, reading, names))
                wish = next((each for each in wishes if not is_doubtful(each, text)), None)
                if wish is None:
                    continue
                if is_whole(wish):
                    return wish
                unclear = unclear or wish
        return unclear

    def _wishes(self, told: Marked, reading: str) -> Iterator[Wish]:
        """Give the wishes that the words can be, the likeliest first."""
        words = _IS.sub(r"\1 is", on_the_clock(told.words).replace(":", ","))
        for found in sorted(recognize_all(words, self.intents), key=_rank):
            slots = {name: _restored(_value(entity, words), told.said) for name, entity in found.entities.items()}
            moments = [told.said.get(f"moment {int(slots.pop(part))}", "") for part in ("day", "at") if part in slots]
            if moments:
                slots["at"] = " ".join(moments)
            yield Wish(found.intent.name, slots, on_the_clock(reading))


def _holds_a_call(wish: Wish, reading: str, names: Sequence[str]) -> bool:
    """Return whether free words begin with the name by which he was called: no timer is named "Harry" in this."""
    first = _FIRST_WORD.match(reading.lower())
    if first is None or first[0] not in {name.lower() for name in names}:
        return False
    begins = re.compile(rf"{re.escape(first[0])}\b(?!')", re.IGNORECASE)
    return any(begins.match(value) is not None for value in wish.slots.values() if isinstance(value, str))


def _rank(found: RecognizeResult) -> tuple[int, int, int, str]:
    """Order what matches as `recognize_best` does: few free words first, then much of the sentence as it stands."""
    free = [entity for entity in found.entities_list if entity.is_wildcard]
    return (
        len(free),
        -found.text_chunks_matched,
        sum(len(entity.text or "") for entity in free),
        found.intent.name,
    )


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
