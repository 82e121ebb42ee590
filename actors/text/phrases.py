"""The fixed phrases of a language: what stops Harry, what lets him go on, what only says that somebody listens.

Matching forgives what speech to text does to such words: case, marks, hyphens, "mm-hmm" or "mhm", a letter held long.
Lists are data, `languages/*.toml`, one file a language. Of a longer text the first `MAX_TEXT_CHARACTERS` are looked at.
"""

from __future__ import annotations

import functools
import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, NamedTuple

MAX_TEXT_CHARACTERS = 600
"""Characters of a text that are looked at."""

_LONGEST_PHRASE = 6  # in words
_WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*")
_SENTENCE_ENDS = re.compile(r"[.!?]+\s+")
_HELD = re.compile(r"([^\W\d_])\1{2,}")
_SOUND = re.compile(r"[mhuan]+")
_DOUBLED = re.compile(r"(.)\1+")
_LANGUAGE = re.compile(r"[a-z]{2,3}")


class Token(NamedTuple):
    """A word as it is compared, and where it stands in the text."""

    word: str
    start: int
    end: int


def tokenize(text: str) -> list[Token]:
    """Cut a text into words as they are compared: lower case, without marks, held letters shortened."""
    return [Token(_plain(found[0]), found.start(), found.end()) for found in _WORD.finditer(text[:MAX_TEXT_CHARACTERS])]


def split_words(text: str) -> tuple[str, ...]:
    """Return only the words of `tokenize`."""
    return tuple(token.word for token in tokenize(text))


@functools.lru_cache(maxsize=4096)  # words alone, never what was said with them
def _plain(word: str) -> str:
    word = unicodedata.normalize("NFKC", word).casefold().replace("\u2019", "'")
    word = _HELD.sub(r"\1", word)
    # "mmm", "hmm", "uhh", "mhmm": as many spellings as listeners; one letter stands for a run of them.
    return _DOUBLED.sub(r"\1", word) if _SOUND.fullmatch(word) else word


@dataclass(frozen=True, slots=True)
class Stop:
    """A phrase that stops Harry was said. `rest` is what was said after it, "" if that was all."""

    rest: str


class Phrases:
    """The phrases of one language."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        """Read `data`, a file of `languages/`."""
        self.stop = _set(data["stop"])
        self.no_stops = _set(data["no_stops"])
        self._go_on = _set(data["go_on"])
        self._backchannels = _set(data["backchannels"])
        self._hesitations = _set(data["hesitations"])
        self._politeness = _set(data["politeness"])
        self._off_the_record = _set(data["off_the_record"])
        self._on_the_record = _set(data["on_the_record"])
        self._unmute = _set(data["unmute"])
        self._yes = _set(data["yes"])
        self._no = _set(data["no"])
        self.repeated = _set(data["repeated"])
        self.urgent = _set(data["urgent"])
        self.requests = _set(data["requests"])
        self.claims = _set(data["claims"])
        self.filler = str(data["filler"])
        self.passed_on = str(data["passed_on"])
        self._say_again = _set(data["say_again"])
        self._confirm = str(data["confirm"])
        self._confirm_with = str(data["confirm_with"])
        self.wordless = str(data["wordless"])
        self.greetings = _set(data["greetings"])
        self.about = frozenset(data["about"])
        self.no_names = frozenset(data["no_names"])
        self.before_name = frozenset(data["before_name"])
        self.endings: Mapping[str, frozenset[tuple[str, ...]]] = {
            name: _set(phrases) for name, phrases in data["endings"].items()
        }
        self.dictation: Mapping[str, frozenset[tuple[str, ...]]] = {
            name: _set(phrases) for name, phrases in data["dictation"].items()
        }

    def find_stop(self, text: str, names: Sequence[str] = ()) -> Stop | None:
        """Return whether these words stop Harry: as a whole, or before a mark with more to answer behind it.

        `names` may stand anywhere about the phrase. "Stop signs are red" and "wait for me" stop nobody.
        """
        said = tokenize(text)
        around = self._politeness | _names(tuple(names))
        at = self._skip(said, 0, around)
        after = _longest(said, at, self.stop)
        if after == at:
            return None
        while True:  # "stop stop", "stop, please, Harry": more of the same belongs to the phrase
            further = self._skip(said, after, around | self.stop)
            if further == after:
                break
            after = further
        if after == len(said):
            return Stop("")
        marked = text[said[after - 1].end : said[after].start].strip()
        called = any(_longest(said, place, _names(tuple(names))) > place for place in range(after))
        if not marked and not called:
            return None
        return Stop(text[said[after].start :].strip())

    def only_stops(self, text: str, names: Sequence[str] = ()) -> bool:
        """Return whether these words may follow a stop phrase and say nothing else: "please", "stop", a name."""
        said = tokenize(text)
        return bool(said) and self._skip(said, 0, self._politeness | self.stop | _names(tuple(names))) == len(said)

    def asks_to_go_on(self, text: str, names: Sequence[str] = ()) -> bool:
        """Return whether Harry is asked, and nothing else, to say the rest."""
        return self._wholly(text, self._go_on, self._politeness | _names(tuple(names)))

    def asks_again(self, text: str, names: Sequence[str] = ()) -> bool:
        """Return whether Harry is asked, and nothing else, to say what he said once more."""
        # "Sorry, no" is an answer.
        around = (self._politeness | _names(tuple(names))) - self._yes - self._no
        return self._wholly(text, self._say_again, around)

    def asks_off_the_record(self, text: str, names: Sequence[str] = ()) -> bool | None:
        """Return True if Harry is asked to go off the record, False if back on it, None if neither."""
        around = self._politeness | self.greetings | _names(tuple(names))
        if self._wholly(text, self._off_the_record, around):
            return True
        return False if self._wholly(text, self._on_the_record, around) else None

    def mute_wish(self, text: str, names: Sequence[str] = ()) -> bool | None:
        """Tell whether a command or a whole sentence shuts the microphone (True), opens it (False), or neither (None).

        Shutting it by a sentence is a reflex; opening it has to work where nothing is heard and nothing else runs.
        """
        if text.strip().lower() == "/mute":
            return True
        around = self._politeness | self.greetings | _names(tuple(names))
        return False if self._wholly(text, self._unmute, around) else None

    def agrees(self, text: str, names: Sequence[str] = ()) -> bool | None:
        """Return True for a yes and nothing else, False for a no, None for anything else."""
        around = self._politeness | _names(tuple(names))
        if self._wholly(text, self._yes, around):
            return True
        return False if self._wholly(text, self._no, around) else None

    def ask_to_confirm(self, tool: str, arguments: str) -> str:
        """Return the question whether a tool is to be used with these arguments, "" for none."""
        pattern = self._confirm_with if arguments else self._confirm
        return pattern.replace("{tool}", tool).replace("{arguments}", arguments)

    def is_backchannel(self, text: str) -> bool:
        """Return whether all of it is "mhm", "yeah", "right" and the like: the sounds of a listener."""
        return self._made_of(text, self._backchannels | self._hesitations) and not self.is_hesitation(text)

    def is_directed(self, text: str) -> bool:
        """Return whether somebody asks or wants something in one of these sentences: the words are for a listener."""
        starts = self.requests | self.endings["question"]
        around = self.greetings | self._politeness
        for sentence in _SENTENCE_ENDS.split(text[:MAX_TEXT_CHARACTERS]):
            said = tokenize(sentence)
            if any(_longest(said, at, starts) > at for at in {0, self._skip(said, 0, around - starts)}):
                return True
        return False

    def is_hesitation(self, text: str) -> bool:
        """Return whether all of it is "um", "uh" and the like."""
        return self._made_of(text, self._hesitations)

    def _wholly(self, text: str, phrases: frozenset[tuple[str, ...]], around: frozenset[tuple[str, ...]]) -> bool:
        said = tokenize(text)
        at = self._skip(said, 0, around - phrases)
        after = _longest(said, at, phrases)
        return after > at and self._skip(said, after, around | phrases) == len(said)

    @staticmethod
    def _made_of(text: str, phrases: frozenset[tuple[str, ...]]) -> bool:
        said = tokenize(text)
        at = 0
        while at < len(said):
            after = _longest(said, at, phrases)
            if after == at:
                return False
            at = after
        return bool(said)

    @staticmethod
    def _skip(said: list[Token], at: int, phrases: frozenset[tuple[str, ...]]) -> int:
        while (after := _longest(said, at, phrases)) > at:
            at = after
        return at


def _set(phrases: Iterable[str]) -> frozenset[tuple[str, ...]]:
    return frozenset(found for phrase in phrases if (found := split_words(phrase)))


@functools.lru_cache(maxsize=64)
def _names(names: tuple[str, ...]) -> frozenset[tuple[str, ...]]:
    return _set(names)


def _longest(said: list[Token], at: int, phrases: frozenset[tuple[str, ...]]) -> int:
    """Return where the longest phrase that begins at `at` ends; `at` if none does."""
    for length in range(min(_LONGEST_PHRASE, len(said) - at), 0, -1):
        if tuple(token.word for token in said[at : at + length]) in phrases:
            return at + length
    return at


@functools.cache
def load_phrases(language: str = "en") -> Phrases:
    """Load the phrases of a language tag ("en-GB"); English where there are none for it."""
    found = _LANGUAGE.match(language.lower())
    folder = files("actors") / "languages"
    file = folder / f"{found[0] if found else 'en'}.toml"
    if not file.is_file():
        file = folder / "en.toml"
    return Phrases(tomllib.loads(file.read_text("utf-8")))


def asks(text: str) -> bool:
    """Return whether the last sentence of these words is a question."""
    return text.rstrip(" \"')\u201d\u2019\u00bb").endswith(("?", "\uff1f"))
