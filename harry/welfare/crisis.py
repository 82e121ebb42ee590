"""Whether words are a sign that somebody is in danger by his own hand: whoever speaks, or somebody he tells of. Pure.

What is a sign, and what only sounds like one (figures of speech, songs, tales, games, news), stands as data in
`languages/en.toml`. Where the two are hard to tell apart, a careful answer too many is the smaller mistake.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Generator, Iterator, Mapping
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple, cast

import trio

MAX_CHARACTERS = 4_000
"""Characters of a text that are looked through: half of them at its beginning, half at its end."""

MAX_TOLD_CHARACTERS = 2_000
"""Characters of a text in which somebody may tell of another; what is longer, and tells of others, is a document."""

STRETCH = 200
"""Characters that are matched in one step."""
OVERLAP = 100
"""Characters that two stretches of a sentence share, so that no sign is cut in two."""

_HIDDEN = dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff*_~`|"))
"""What stands in a word and is not spoken: marks of width zero, and markup."""
_APOSTROPHES = str.maketrans("\u2018\u2019\u00b4\u2032", "''''")
_QUOTED = re.compile(r"[\"\u201c\u201e\u00ab][^\"\u201c\u201d\u201e\u00ab\u00bb]{1,400}[\"\u201d\u201c\u00bb]")
_SENTENCES = re.compile(r"(?:(?<=\w\w)[.!?;:]+(?=\s|$)|[!?;]|\n\s*\n)\s*")
_HESITATIONS = re.compile(r",? ?\b(?:u+h+|u+m+|e+r+m?|h+m+)\b,?(?= |$)|\b(?:like,|you know,?|i mean,)(?= |$)")
_DOTS = re.compile(r"\.{2,}")
_SPACE = re.compile(r"\s+")
_BARE = re.compile(
    r"\b(?:(i)(m|ve)|(you|they)(re|ve)|(do|does|did|is|was|are|were|wo|would|ca|could|should|has|have|ai)n(t))\b"
)
_SLOT = re.compile(r"\{(\w+)(?::(\w+))?\}")
_WHOSE: Mapping[str, Mapping[str, str]] = {
    "my": {"self": r"(?:my ?self|me ?self)", "own": "my"},
    "your": {"self": r"(?:your ?self|one ?self|my ?self)", "own": "(?:your|my)"},
    "his": {"self": r"(?:him ?self|her ?self|them ?sel(?:f|ves))", "own": "(?:his|her|their)"},
}


class Danger(StrEnum):
    """Who is in danger, as far as the words say."""

    OWN = "own"
    OTHER = "other"


class _Signs(NamedTuple):
    own: re.Pattern[str]
    other: re.Pattern[str]
    denied: re.Pattern[str]
    named: re.Pattern[str]
    frames: re.Pattern[str]
    tales: re.Pattern[str]
    meant: re.Pattern[str]
    reported: re.Pattern[str]


def find_danger(text: str) -> Danger | None:
    """Return who is in danger by these words, None where nothing says that anybody is.

    A sentence takes a tenth of a millisecond; whoever has a long text on the loop awaits `look_for_danger`.
    """
    looking = _look(text)
    while True:
        try:
            next(looking)
        except StopIteration as found:
            return cast(Danger | None, found.value)


async def look_for_danger(text: str) -> Danger | None:
    """Return the same, and let others run between two stretches of the text."""
    looking = _look(text)
    while True:
        await trio.lowlevel.checkpoint()
        try:
            next(looking)
        except StopIteration as found:
            return cast(Danger | None, found.value)


def warm_up() -> None:
    """Make the patterns ready. Takes some tenths of a second, once, so it belongs in a thread."""
    find_danger("I live.")


def _look(text: str) -> Generator[None, None, Danger | None]:
    """Look through a text, a stretch at a step: what is matched in one call keeps everybody else waiting."""
    signs = _load()
    said = _plain(text)
    unquoted = _QUOTED.sub(" ", said)
    if any(map(str.isalpha, unquoted)):
        said = unquoted  # what is quoted is another's; what is all in quotes is not
    found: set[Danger | None] = set()
    doubtful: set[Danger | None] = set()
    told = meant = False
    for sentence in _SENTENCES.split(said):
        here: set[Danger | None] = set()
        framed = False
        for stretch in _stretches(sentence):
            yield
            here.add(_in_sentence(stretch, signs))
            framed = framed or signs.frames.search(stretch) is not None
            told = told or signs.tales.search(stretch) is not None
            meant = meant or signs.meant.search(stretch) is not None
        if framed or told:
            doubtful |= here
        else:
            found |= here
    if meant:
        found |= doubtful
    if Danger.OWN in found:
        return Danger.OWN
    return Danger.OTHER if Danger.OTHER in found and len(said) <= MAX_TOLD_CHARACTERS else None


def _stretches(sentence: str) -> Iterator[str]:
    """Give a sentence, a long one in stretches that overlap."""
    words = sentence.strip(" ,.")
    while len(words) > STRETCH:
        end = words.rfind(" ", OVERLAP, STRETCH)
        yield words[: end if end > 0 else STRETCH]
        begin = words.find(" ", STRETCH - OVERLAP, STRETCH)
        words = words[begin + 1 if begin > 0 else STRETCH :]
    yield words


def _in_sentence(sentence: str, signs: _Signs) -> Danger | None:
    sentence = signs.named.sub("", signs.denied.sub(" ", sentence))
    if signs.own.search(sentence) is not None:
        # Whoever "he" is who "said I want to die", he is nobody that is known.
        return None if signs.reported.search(sentence) is not None else Danger.OWN
    return Danger.OTHER if signs.other.search(sentence) is not None else None


def _plain(text: str) -> str:
    if len(text) > MAX_CHARACTERS:
        text = f"{text[: MAX_CHARACTERS // 2]}\n\n{text[-MAX_CHARACTERS // 2 :]}"
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)[: 2 * MAX_CHARACTERS].translate(_APOSTROPHES)
    said = _HESITATIONS.sub("", _DOTS.sub(" ", text.translate(_HIDDEN).lower()))
    said = "\n\n".join(_SPACE.sub(" ", part) for part in re.split(r"\n\s*\n", said))
    return _BARE.sub(_with_apostrophe, said)


def _with_apostrophe(bare: re.Match[str]) -> str:
    """Return "im" as "i'm" and "dont" as "don't", as they are typed in haste."""
    return f"{bare[5]}n't" if bare[5] else f"{bare[1] or bare[3]}'{bare[2] or bare[4]}"


@cache
def _load() -> _Signs:
    data = tomllib.loads((files("harry.welfare") / "languages" / "en.toml").read_text("utf-8"))
    words = data["words"]

    def build(*patterns: str) -> re.Pattern[str]:
        return re.compile("|".join(f"(?:{_filled(each, words)})" for each in patterns))

    frames, masks = data["frames"], data["masks"]
    return _Signs(
        build(*data["own"]["signs"]),
        build(*data["other"]["signs"]),
        build(masks["denied"]),
        build(masks["named"]),
        build(frames["signs"]),
        build(frames["tales"]),
        build(frames["meant"]),
        build(frames["reported"]),
    )


def _filled(pattern: str, words: Mapping[str, Any], whose: str = "my") -> str:
    """Return a pattern with the words that its slots name; `{deed:his}` takes them for another person."""

    def fill(slot: re.Match[str]) -> str:
        name, of = slot[1], slot[2] or whose
        if name.isdigit():
            return slot[0]  # a repetition, such as {2}
        return _WHOSE[of][name] if name in _WHOSE[of] else _filled(words[name], words, of)

    return _SLOT.sub(fill, pattern)
