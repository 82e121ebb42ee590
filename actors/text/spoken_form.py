"""What is written beside what is said: "$5.99" and "five dollars and ninety nine cents", piece by piece, kept together.

A voice is given the words that are said; what was heard is told as it was written. So both are cut into the same
stretches, and a stretch counts as heard when the last of its spoken words has sounded. Pure: no trio, no clock.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from actors.text.english.reading import is_plain
from actors.text.english.reading import read as read_english

Read = Callable[[str, int], tuple[int, str] | None]
"""Reads what stands at a place of a text: where it ends and how it is said, None if it is said as it is written."""

_BEFORE = 48
"""Characters of what was said before that are looked at: "July 4," and, in the next piece, "1976"."""
_TOKEN = re.compile(r"\S+")
_SIMPLE = re.compile(r"[A-Za-z\u00c0-\u024f]+")


@dataclass(frozen=True, slots=True)
class SpokenForm:
    """A text and how it is said. `stops` are places, in the spoken and in the written text, up to which both agree."""

    written: str
    spoken: str
    stops: tuple[tuple[int, int], ...]

    def written_until(self, spoken: int) -> int:
        """Return how much of the written text has been said when so many characters of the spoken one have."""
        reached = 0
        for place, (end, written) in enumerate(self.stops):
            if end > spoken:
                before, was = self.stops[place - 1] if place else (0, 0)
                # Where nothing was changed, the stretch is heard letter by letter.
                return was + spoken - before if end - before == written - was and self._same(place) else reached
            reached = written
        return reached

    def _same(self, place: int) -> bool:
        before, was = self.stops[place - 1] if place else (0, 0)
        end, written = self.stops[place]
        return self.spoken[before:end] == self.written[was:written]


class SpokenForms:
    """How the pieces of one reply are said. `pronunciations` says how to say a word or a name, and goes first."""

    def __init__(self, language: str = "en", pronunciations: Mapping[str, str] | None = None) -> None:
        self._read: Read | None = read_english if language.lower().partition("-")[0] == "en" else None
        given = dict(pronunciations or {})
        self._say = {word.lower(): said for word, said in given.items()} | given
        words = "|".join(map(re.escape, sorted(self._say, key=len, reverse=True)))
        self._named = re.compile(rf"(?:{words})(?!\w)", re.IGNORECASE) if words else None
        self._before = ""

    def next(self, piece: str) -> SpokenForm:
        """Return how the next piece is said."""
        text, start = self._before + piece, len(self._before)
        self._before = text[-_BEFORE:]
        spoken: list[str] = []
        stops: list[tuple[int, int]] = []
        length = copied = 0
        named = self._named is not None and self._named.search(text, start) is not None
        for token in _TOKEN.finditer(text, start):
            if not named and (self._read is None or is_plain(token[0])):
                continue
            at = max(token.start(), start + copied)
            while at < token.end():
                found = self._look(text, at)
                if found is None:
                    simple = _SIMPLE.match(text, at)
                    at = simple.end() if simple is not None else at + 1
                    continue
                end, said = found
                same, at = piece[copied : at - start], end
                if same:
                    spoken.append(same)
                    length += len(same)
                    stops.append((length, copied + len(same)))
                said = self._apart(said, "".join(spoken[-1:]), text, end)
                spoken.append(said)
                length += len(said)
                copied = end - start
                stops.append((length, copied))
        if copied < len(piece):
            spoken.append(piece[copied:])
            stops.append((length + len(piece) - copied, len(piece)))
        return SpokenForm(piece, "".join(spoken), tuple(stops))

    def _look(self, text: str, at: int) -> tuple[int, str] | None:
        if self._named is not None and not (at and (text[at - 1].isalnum() or text[at - 1] == "_")):
            named = self._named.match(text, at)
            said = self._say.get(named[0], self._say.get(named[0].lower())) if named is not None else None
            if named is not None and said is not None:
                return named.end(), said
        return self._read(text, at) if self._read is not None else None

    @staticmethod
    def _apart(said: str, before: str, text: str, end: int) -> str:
        """Put a space where words would else run together: "10km" has none."""
        if said and before and (before[-1].isalnum() or before[-1] in "%)"):
            said = f" {said}"
        following = text[end : end + 1]
        return f"{said} " if said and (following.isalnum() or following in ("$", "£", "€", "(")) else said
