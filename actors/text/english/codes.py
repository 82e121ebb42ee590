"""Addresses on the net, phone numbers, and whatever else is read letter by letter and figure by figure."""

from __future__ import annotations

import re

from actors.text.english.numbers import cardinal, digits, number, paired
from actors.text.english.words import WORDS, words_before

_VOWEL = re.compile("[aeiouyàáâãäåæèéêëìíîïòóôõöøùúûüýÿœ]", re.IGNORECASE)
_PARTS = re.compile(r"[^\W\d_]+|\d+|[^\w\s]|_")
_MARKS = {".": "dot", "-": "dash", "_": "underscore", "@": "at", "/": "slash", "+": "plus", ":": "colon", "#": "hash"}


def spelled(letters: str) -> str:
    """Return letters to be said one by one: with hyphens, or a voice takes an A for the article."""
    return "-".join(letters.upper())


def _as_word(letters: str, *, ending: bool = False) -> str:
    if ending:
        sayable = letters.lower() in WORDS["said_endings"] or (len(letters) > 3 and _VOWEL.search(letters))
        return letters if sayable else spelled(letters)
    return letters if _VOWEL.search(letters) or len(letters) > 4 else spelled(letters)


def _address(written: str) -> str:
    parts = _PARTS.findall(written)
    last = len(parts) - 1
    said = [
        _MARKS.get(part, "")
        if not part.isalnum()
        else _figures(part)
        if part.isdecimal()
        else _as_word(part, ending=place == last and place > 1)
        for place, part in enumerate(parts)
    ]
    return " ".join(word for word in said if word)


def _figures(figures: str) -> str:
    return digits(figures) if figures[0] == "0" or len(figures) > 4 else number(figures)


def _mail(found: re.Match[str]) -> str:
    return _address(found[0])


def _host(found: re.Match[str]) -> str | None:
    host = found["host"]
    if any(len(label) < 2 and not label.isdecimal() for label in host.split(".")[:-1]) and not found["scheme"]:
        return None
    return _address(host.removeprefix("www."))


def _version(found: re.Match[str]) -> str | None:
    parts = found[0].split(".")
    if len(parts) == 3 and re.fullmatch(r"(?:19|20)\d\d", parts[2]):
        return None  # a date
    if len(parts) == 4:
        return " dot ".join(digits(part) for part in parts)
    return " point ".join(number(part) for part in parts)


ADDRESSES = (
    (re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"), _mail),
    (
        re.compile(
            r"(?P<scheme>https?://|www\.)?(?P<host>[A-Za-z0-9][\w-]*(?:\.[\w-]+)*\.[a-z]{2,12})(?![\w@])(?!\.\w)"
            r"(?(scheme)(?:/[\w./?=&%#~+-]*[\w/])?|(?:/(?=[\s.,!?)]|\Z))?)"
        ),
        _host,
    ),
    (re.compile(r"\d{1,3}(?:\.\d{1,4}){2,5}(?![\w.]\d)"), _version),
)


def _phone(found: re.Match[str]) -> str:
    groups = re.findall(r"\d+", found[0])
    said = [
        "eight hundred" if group == "800" else digits(group, zero="oh" if len(group) > 1 else "zero")
        for group in groups
    ]
    return ("plus " if found[0].startswith("+") else "") + ", ".join(said)


def _grouped(found: re.Match[str]) -> str:
    return ", ".join(digits(group) for group in re.findall(r"\d+", found[0]))


PHONES = (
    (re.compile(r"\+\d{1,3}[ .-]?(?:\(\d{1,4}\)[ .-]?)?\d{1,4}(?:[ .-]\d{2,4}){1,4}(?![\w])"), _phone),
    (re.compile(r"\+\d{7,15}(?!\w)"), lambda found: f"plus {digits(found[0])}"),
    (re.compile(r"(?:1[ .-])?\(\d{3}\) ?\d{3}[ .-]\d{4}(?!\w)"), _phone),
    (re.compile(r"(?:1[-. ])?\d{3}[-. ]\d{3}[-. ]\d{4}(?!\w)"), _phone),
    (re.compile(r"\(0\d{1,4}\) ?\d{3,8}(?:[ -]\d{2,6}){0,3}(?![\w-])"), _phone),
    (re.compile(r"\d{3}-\d{4}(?![\w-])"), _phone),
    (re.compile(r"0\d{1,4}(?:[ -]\d{2,8}){1,4}(?![\w-])"), _phone),
    (re.compile(r"\d{4}(?:[ -]\d{4}){2,3}(?![\w-])"), _grouped),
    (re.compile(r"\d{3}-\d{2}-\d{4}(?![\w-])"), _grouped),
)


def _code(found: re.Match[str]) -> str | None:
    figures = found[0]
    before = words_before(found.string, found.start(), 3)
    long = len(figures) > 6 and not figures.endswith("000")
    asked = len(figures) > 2 and any(word in WORDS["codes"] for word in before)
    called = len(figures) == 3 and before[:1] in (["call"], ["ring"], ["dial"], ["text"])
    return digits(figures) if called or long or asked or (figures[0] == "0" and len(figures) > 1) else None


CODES = ((re.compile(r"\d{2,}(?![\w]|[.,]\d)"), _code),)


def _mixed(found: re.Match[str]) -> str | None:
    """Say "BA2490", "A-1047", "COVID-19": its letters, and its figures in the way people read so many."""
    said: list[str] = []
    for part in _PARTS.findall(found[0]):
        if part.isdecimal():
            said.append(_code_figures(part))
        elif part.isalpha():
            shouted = part.isupper() and (len(part) < 3 or not _VOWEL.search(part))
            said.append(spelled(part) if shouted else part)
    words = " ".join(said)
    # An A by itself would be taken for the article.
    return re.sub(r"(?<![\w-])A ", "A-", words)


def _code_figures(figures: str) -> str:
    if len(figures) < 3 and figures[0] != "0":
        return cardinal(int(figures))
    return paired(figures) if len(figures) == 3 and figures[0] != "0" else digits(figures)


MIXED = (
    (re.compile(r"[A-Z]{1,6}-?\d+(?:[A-Z]+\d*|-\d+)*(?!\w|\.\d)"), _mixed),
    (re.compile(r"[A-Za-z]*[a-z]-?\d{2,4}(?!\w|[.,]\d)"), _mixed),
)
