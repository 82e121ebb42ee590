"""Cuts a reply into pieces to be spoken: a clause first, so that sound comes soon, then sentences.

Fed with the reply as it streams; `actors.text.markup` has taken out what must not be spoken. The pieces are the same
however the reply was cut into tokens, and none is longer than `MAX_PIECE_CHARACTERS`. Pure: no trio, no clock.
"""

# ruff: noqa: RUF001 - typographic quotes and the marks of other scripts are meant

from __future__ import annotations

import re

from actors.text.characters import COMMA, GAP, NEW_LINE, NUMBER_DOT
from actors.text.markup import Markup

FIRST_WORDS = 6
"""The first piece ends after so many words at the latest."""
LONG_PIECE_CHARACTERS = 200
"""Characters after which a sentence is cut at a clause."""
MAX_PIECE_CHARACTERS = 400
"""Characters after which it is cut at a word, or anywhere."""

_CLAUSE = ",;:"
_SENTENCE = ".!?…"
_CLOSING = "\"'”’»)]"
_WITHOUT_SPACE = {"。": True, "！": True, "？": True, "，": False, "；": False, "：": False, "、": False}
"""Marks of scripts that put no space after them, and whether a sentence ends there."""

_ABBREVIATION = re.compile(
    r"""[a-hj-z] | (?:[a-z]\.)+[a-z]  # an initial, but not "I"; letters with dots between, as a.m
    | mrs? | ms | dr | prof | st | [js]r | vs | eg | ie | cf | approx | co | capt | lt | sgt | rev
    | gov | sen | rep | gen | col | cpl | adm | maj | cmdr | hon | pres | mt | ft | ave | blvd | hwy
    | bros | dept | univ | jan | feb | apr | aug | sept? | oct
    | nov | dec | tues? | thurs? | incl | excl | est | esp | ca | ph\.d""",
    re.VERBOSE,
)
"""Before a dot that ends no sentence."""

_BEFORE_NUMBER = re.compile(
    r"""no | nos | figs? | pp | ch | chap | vol | sec | eq | ext | rm | ver | pt | ep | rte | mar | jun | jul | wed
    | fri | mon | sat | sun | min | max | avg | temp | al | etc | inc | ltd | corp | hrs? | mins?""",
    re.VERBOSE,
)
"""Before a dot that ends a sentence unless a number or a small letter follows: "No. 5", "He said no."."""

_BOUND = re.compile(
    r"""[($£€¥~#+-]*\d[\d.,:/-]*[%)]? | [-–—+=×÷<>/&x] | (?:no|st|dr|mt|fig|p|pp|vol|ext)\.
    | (?:jan|febr)uary | march | april | may | june | july | august | (?:septem|novem|decem)ber | october
    | (?:jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)\.""",
    re.VERBOSE | re.IGNORECASE,
)
"""A word that may say with the next one what it means: "5" and "km", "$3" and "million", "St." and "Louis"."""


class Wording:
    """One reply, from deltas to pieces. At most `max_characters` of it are spoken; it then ends at a word.

    A piece after the first begins with the space that separates it, so that the pieces joined are the spoken wording.
    """

    def __init__(self, *, max_characters: int = 100_000) -> None:
        self._markup = Markup()
        self._left = max_characters
        self._piece = ""
        self._words = 0
        self._clause = 0  # where in the piece its last clause ended
        self._first = True  # no piece has been sent yet
        self._space = False  # a space came, and no word after it yet
        self._gap = False  # something was taken out since the last character
        self._undecided = False  # a dot came that ends a sentence unless more of it follows
        self._pieces: list[str] = []
        self.finished = False
        """Whether nothing more will be spoken, so that the mind may stop."""

    def feed(self, delta: str) -> list[str]:
        """Take in more of the reply; returns the pieces that have become whole."""
        if not self.finished:
            self._take(self._markup.feed(delta))
        return self._whole()

    def end(self) -> list[str]:
        """Take the reply as over; returns what is left of it."""
        if not self.finished:
            self._take(self._markup.end())
            self._send(len(self._piece), whatever=True)
            self.finished = True
        return self._whole()

    def _whole(self) -> list[str]:
        pieces, self._pieces = self._pieces, []
        return pieces

    def _take(self, plain: str) -> None:
        for char in plain:
            if self.finished:
                return
            if char == " ":
                self._end_word()
            elif char == NEW_LINE:
                self._end_line()
            elif char == GAP:
                self._gap = True
            elif char == COMMA:
                self._space = False
                self._add(",")
                self._end_word()
            elif char == NUMBER_DOT:
                self._add(".")
                self._space = True  # at once, so that the space that follows is no place to stop
            else:
                self._add(char)

    def _add(self, char: str) -> None:
        if self._undecided and (self._space or not char.isspace()):
            self._undecided = False
            if not char.isdecimal() and not char.islower():
                self._stop(sentence=True, enough=self._words > 1)
        if self._space and self._gap and char in ",.;:!?":
            self._space = False
        if self._space or not self._piece:
            self._words += 1
        if self._space and not (self._first and not self._piece):
            self._piece += " "
        self._space = self._gap = False
        self._piece += char
        if char in _WITHOUT_SPACE:
            self._stop(sentence=_WITHOUT_SPACE[char], enough=len(self._piece) > 2)
        if len(self._piece) >= MAX_PIECE_CHARACTERS:
            space = self._piece.rfind(" ", 1)
            self._send(space if space > 0 else len(self._piece), whatever=True)

    def _end_line(self) -> None:
        if self._piece:
            self._space = True
            self._stop(sentence=True, enough=self._words > 1)

    def _end_word(self) -> None:
        if self._space:
            return
        self._space = True
        ending = self._piece.rstrip(_CLOSING)
        mark = ending[-1:] or " "
        if mark in _SENTENCE and _before_number(ending):
            self._undecided = True
            return
        if mark in _SENTENCE and not _goes_on(ending):
            self._stop(sentence=True, enough=self._words > 1)
        elif mark in _CLAUSE:
            self._stop(sentence=False, enough=self._words > 1)
        elif len(self._piece) > LONG_PIECE_CHARACTERS and self._clause:
            self._send(self._clause)
        if self._first and self._words >= FIRST_WORDS and (self._words >= 2 * FIRST_WORDS or not _binds(ending)):
            self._send(len(self._piece))

    def _stop(self, *, sentence: bool, enough: bool) -> None:
        """End a clause or a sentence here; `enough` of it is there to be a first piece."""
        if (self._first and enough) or (not self._first and (sentence or len(self._piece) > LONG_PIECE_CHARACTERS)):
            self._send(len(self._piece))
        else:
            self._clause = len(self._piece)

    def _send(self, length: int, *, whatever: bool = False) -> None:
        """Let the beginning of the piece go, unless it holds nothing to say: then it waits, or (`whatever`) is lost."""
        piece = self._piece[:length]
        sayable = any(map(str.isalnum, piece))
        if not sayable and not whatever:
            return
        self._piece, self._clause, self._words = self._piece[length:], 0, 0
        if not sayable:
            return
        if len(piece) > self._left:
            self.finished = True
            word = piece.rfind(" ", 0, self._left + 1)
            piece = piece[: self._left if word < 0 and self._first else max(word, 0)]
        if piece:
            self._pieces.append(piece)
            self._left -= len(piece)
            self._first = False


def _last_word(ending: str) -> str:
    return ending[ending.rfind(" ") + 1 :].lstrip("\"'“‘«([").lower()


def _goes_on(ending: str) -> bool:
    """Return whether the dot at the end belongs to an abbreviation."""
    word = _last_word(ending)
    return word.endswith(".") and _ABBREVIATION.fullmatch(word[:-1]) is not None


def _before_number(ending: str) -> bool:
    """Return whether the dot at the end belongs to an abbreviation if a number follows."""
    word = _last_word(ending)
    return word.endswith(".") and _BEFORE_NUMBER.fullmatch(word[:-1]) is not None


def _binds(ending: str) -> bool:
    """Return whether the last word may be one thing with the next."""
    return _BOUND.fullmatch(ending[ending.rfind(" ") + 1 :].lstrip("\"'“‘«[")) is not None
