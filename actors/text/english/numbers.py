"""Numbers in words: counted, in order, figure by figure, in pairs, as years and as fractions. By num2words."""

from __future__ import annotations

from functools import lru_cache

from num2words import num2words

MAX_FIGURES = 18
"""Longer numbers are read figure by figure."""

NUM = r"(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)(?![\d]|[.,]\d)"
"""A pattern of a number: figures, with commas between thousands, with a fraction behind a point."""

_PARTS = {2: ("half", "halves"), 4: ("quarter", "quarters")}
_HARD = (16, 32, 64, 100, 1000)


def _plain(words: str) -> str:
    return words.replace(",", "").replace("-", " ").replace(" and ", " ")


@lru_cache(2048)
def cardinal(number: int) -> str:
    """Return "two hundred five"."""
    return _plain(num2words(number))


@lru_cache(512)
def ordinal(number: int) -> str:
    """Return "two hundred fifth"."""
    return _plain(num2words(number, to="ordinal"))


def digits(figures: str, *, zero: str = "zero") -> str:
    """Return "four oh two" for the figures in a text, whatever stands between them."""
    return " ".join(zero if figure == "0" else cardinal(int(figure)) for figure in figures if figure.isdecimal())


@lru_cache(512)
def year(number: int) -> str:
    """Return "nineteen oh five", "two thousand eight"."""
    return _plain(num2words(number, to="year")) if number >= 100 else cardinal(number)


def number(written: str) -> str:
    """Return a number as it counts; one that begins with a zero, or has no end, figure by figure."""
    whole, _, part = written.replace(",", "").partition(".")
    if len(whole) > MAX_FIGURES or (len(whole) > 1 and whole.startswith("0")):
        words = digits(whole)
    else:
        words = cardinal(int(whole))
    return f"{words} point {digits(part)}" if part else words


def paired(figures: str) -> str:
    """Return a number of a room, a bus or a house: "three oh five", "seven forty seven", "sixteen hundred"."""
    if len(figures) not in (3, 4) or figures[0] == "0":
        return number(figures)
    first, last = int(figures[:-2]), int(figures[-2:])
    if last == 0:
        return f"{cardinal(first)} hundred" if first % 10 else number(figures)
    return f"{cardinal(first)} {cardinal(last) if last > 9 else f'oh {cardinal(last)}'}"


def fraction(above: int, below: int) -> str:
    """Return "three quarters"; "nine out of ten" where people say so."""
    if below in (10, 100) or below == 0:
        return f"{cardinal(above)} out of {cardinal(below)}"
    if above >= below or (below > 20 and below not in _HARD):
        return f"{cardinal(above)} over {cardinal(below)}"
    one, many = _PARTS.get(below) or (ordinal(below), f"{ordinal(below)}s")
    return f"one {one}" if above == 1 else f"{cardinal(above)} {many}"


def in_order(figures: str) -> str:
    """Return "twenty first" for the figures of a number of any length; one that is too long, figure by figure."""
    return ordinal(int(figures)) if len(figures) <= MAX_FIGURES else digits(figures)


def mixed(whole: str, above: int, below: int) -> str:
    """Return "one and a half", "two and three quarters"."""
    part = fraction(above, below)
    return f"{number(whole)} and {part.replace('one ', 'a ', 1) if above == 1 else part}"
