"""Small talk that needs no language model: greetings, thanks, how somebody feels, a joke, a story.

It is also the list of what may reach the smallest language model: whatever else is asked of that one it would invent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from typing import NamedTuple

import yaml

MAX_CHARACTERS = 120
"""Longer words are no small talk."""

_MARKS = re.compile(r"[^\w' ]+")
_SOUNDS = frozenset(("um", "uh", "er", "ah", "hm", "hmm", "please"))
_BEGINNINGS = frozenset(("oh", "well", "so", "and", "now", "dear", "my", "just"))


class _Kind(NamedTuple):
    says: tuple[re.Pattern[str], ...]
    replies: tuple[str, ...]


class SmallTalk:
    """A language's. Pure; which of several replies is given goes by a number that the caller counts up."""

    def __init__(self, kinds: Mapping[str, _Kind]) -> None:
        self._kinds = kinds

    def kind(self, text: str, names: Sequence[str] = ()) -> str | None:
        """Name the kind of small talk that these words are wholly, None where they are anything else."""
        if len(text) > MAX_CHARACTERS:
            return None
        named = "|".join(re.escape(name) for name in names)
        between = rf"(?<=[.!?,;])\s+|(?i:\b(?:{named})\b)" if named else r"(?<=[.!?,;])\s+"
        kinds = [self._one(part, names) for part in re.split(between, text.strip()) if any(map(str.isalnum, part))]
        # "Good morning, Harry. How are you?" is both; the last of them wants the answer.
        return kinds[-1] if kinds and None not in kinds else self._one(text, names)

    def reply(self, text: str, names: Sequence[str] = (), *, number: int = 0) -> str | None:
        """Give the reply whose turn it is by `number`, None where the words are no small talk."""
        kind = self.kind(text, names)
        return None if kind is None else self._kinds[kind].replies[number % len(self._kinds[kind].replies)]

    def _one(self, text: str, names: Sequence[str]) -> str | None:
        called = {name.lower() for name in names}
        plain = _MARKS.sub(" ", text.lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")).split()
        words = [word for word in plain if word not in called and word not in _SOUNDS]
        while len(words) > 1 and words[0] in _BEGINNINGS:
            words.pop(0)
        bare = " ".join(words)
        if not bare:
            # Only his name, or a sound: somebody looks whether he is there.
            return "greeting" if any(word in called for word in plain) else None
        return next((name for name, kind in self._kinds.items() if any(p.fullmatch(bare) for p in kind.says)), None)


@lru_cache(maxsize=4)
def small_talk_of(language: str = "en") -> SmallTalk:
    """Read the small talk of a language; English where there is none for it."""
    folder = files("harry.reflexes") / "languages"
    file = folder / f"small-talk-{language}.yaml"
    text = (file if file.is_file() else folder / "small-talk-en.yaml").read_text("utf-8")
    kinds = {
        name: _Kind(tuple(re.compile(pattern) for pattern in told["says"]), tuple(told["replies"]))
        for name, told in yaml.safe_load(text).items()
    }
    return SmallTalk(kinds)
