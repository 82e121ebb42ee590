"""A JSON array of any length, one element at a time: memory is bounded by the largest element, not by the file."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from typing import Any, BinaryIO

from harry.files.json_text import TooDeepError, check_depth

MAX_ELEMENT_CHARACTERS = 32_000_000
"""Characters of one element."""

_CHUNK = 1 << 20  # bytes that are read at once
_SPACE = " \t\r\n"


class CutOffError(ValueError):
    """The array ends before it should, or what follows in it is no JSON."""


class _Window:
    """The part of the text that is in memory: `text[at:]` is still to be read. `passed` counts bytes read so far."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self.text, self.at, self.passed, self.ended = "", 0, 0, False

    def read_on(self) -> None:
        """Read as much again as waits; raises `UnicodeDecodeError`."""
        waiting = self.text[self.at :]
        raw = self._file.read(max(_CHUNK, len(waiting)))
        self.passed += len(raw)
        self.ended = not raw
        self.text, self.at = waiting + self._decoder.decode(raw, final=self.ended), 0

    def next_sign(self) -> str:
        """Return the next character that is no space, without passing it; "" at the end."""
        while True:
            while self.at < len(self.text) and self.text[self.at] in _SPACE:
                self.at += 1
            if self.at < len(self.text) or self.ended:
                return self.text[self.at : self.at + 1]
            self.read_on()


def read_array(file: BinaryIO, *, largest: int = MAX_ELEMENT_CHARACTERS) -> Iterator[tuple[int, Any]]:
    """Yield (bytes read so far, element) for each object of an array.

    Raises `CutOffError`, `TooDeepError`, or another `ValueError` for what is no array of objects.
    """
    window = _Window(file)
    if window.next_sign() != "[":
        raise ValueError("it is no array")
    window.at += 1
    if window.next_sign() == "]":
        return
    while True:
        if window.next_sign() != "{":
            raise CutOffError("an element is missing")
        yield window.passed, _element(window, largest)
        sign = window.next_sign()
        window.at += 1
        if sign == "]":
            return
        if sign != ",":
            raise CutOffError("the array does not go on")


def _element(window: _Window, largest: int) -> Any:
    decoder = json.JSONDecoder(parse_constant=lambda _: None)
    while True:
        try:
            value, end = decoder.raw_decode(window.text, window.at)
        except RecursionError:
            raise TooDeepError from None
        except json.JSONDecodeError:
            if window.ended:
                raise CutOffError("an element is cut off") from None
            if len(window.text) - window.at > largest:
                raise ValueError(f"an element has more than {largest} characters, or is no JSON") from None
            window.read_on()
        else:
            window.at = end
            check_depth(value)
            return value
