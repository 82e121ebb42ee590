"""A goodbye is answered by a goodbye: what would hold somebody back who goes is left out of a mind's reply.

How often companion programs answer a goodbye with guilt, need, a lure or by passing over it has been counted (De
Freitas and others, HBS working paper 26-005). Sentences of these kinds are left out; where nothing of a goodbye is
left, a plain one is told. Pure.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

PLAIN = "Goodbye, and take care."

MAX_SENTENCE_CHARACTERS = 600
"""Characters of a sentence after which it is taken as ended."""

_APOSTROPHES = str.maketrans("\u2018\u2019", "''")
_MARKUP = dict.fromkeys(map(ord, "*_~`"))
_END = re.compile(r"[.!?\u2026]+[\"'\u201d\u2019)]*(?:\s+|$)|\n+")
_MAX_GOODBYE_CHARACTERS = 300
_ASKS = re.compile(
    r"[?\uff1f]|\b(?:what|how|where|which) (?:do|does|should|can|could|shall|is|are|am|if)\b", re.IGNORECASE
)


@dataclass(slots=True)
class PlainFarewell:
    """One reply to a goodbye, as it comes: `feed` and `end` give what may be said of it."""

    _waiting: str = ""
    _said: list[str] = field(default_factory=list)
    left_out: int = 0

    def feed(self, text: str) -> str:
        """Take more of the reply; return the whole sentences that may be said."""
        self._waiting += text
        ready = ""
        while (found := _END.search(self._waiting)) is not None and (found.end() < len(self._waiting)):
            ready += self._checked(self._waiting[: found.end()])
            self._waiting = self._waiting[found.end() :]
        if len(self._waiting) > MAX_SENTENCE_CHARACTERS:
            ready += self._checked(self._waiting)
            self._waiting = ""
        return ready

    def end(self) -> str:
        """Return the rest, and a plain goodbye where one was left out."""
        rest = self._checked(self._waiting) if self._waiting.strip() else ""
        self._waiting = ""
        if not self.left_out or is_goodbye("".join(self._said)):
            return rest
        before = rest or "".join(self._said)
        return f"{rest}{'' if before[-1:].isspace() or not before else ' '}{PLAIN}"

    def _checked(self, sentence: str) -> str:
        if holds_back(sentence):
            self.left_out += 1
            return ""
        if sentence.strip():
            self._said.append(sentence)
        return sentence


def is_goodbye(text: str) -> bool:
    """Return whether somebody says that he goes, and asks nothing."""
    short = len(text) <= _MAX_GOODBYE_CHARACTERS
    return short and _ASKS.search(text) is None and _load()[0].search(_plain(text)) is not None


def holds_back(sentence: str) -> bool:
    """Return whether a sentence, said to somebody who goes, would hold him back."""
    _, holds, kind = _load()
    said = _plain(sentence)
    return holds.search(said) is not None and kind.search(said) is None


def _plain(text: str) -> str:
    return " ".join(text.lower().translate(_APOSTROPHES).translate(_MARKUP).split())


def warm_up() -> None:
    """Make the patterns ready; takes some hundredths of a second, once."""
    _load()


@cache
def _load() -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    text = (files("harry.welfare") / "languages" / "en.toml").read_text("utf-8")
    farewell = tomllib.loads(text)["farewell"]
    holds = "|".join(f"(?:{each})" for each in farewell["holds"])
    return re.compile(farewell["goodbye"]), re.compile(holds), re.compile(farewell["kind"])
