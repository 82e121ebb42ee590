"""Abbreviations and Roman numbers."""

# ruff: noqa: RUF001 - typographic quotes are looked for

from __future__ import annotations

import re

from actors.text.english.numbers import cardinal, ordinal
from actors.text.english.words import BEFORE_NUMBER, SHORT, WORDS, any_of, words_before

_SHORT = re.compile(rf"(?:{any_of(SHORT)})(?![\w])", re.IGNORECASE)
_NUMBERED = re.compile(rf"({any_of(BEFORE_NUMBER)}) ?(?=#?\d)", re.IGNORECASE)
_STREET = re.compile(r"(?:St|Dr|Sq|Ct|Pl)\.?(?![\w])")
_LETTERS = re.compile(r"(?:[A-Za-z]\.){2,}(?!\w)|(?:[A-Z]\.)+[A-Z](?![\w.])")
_ROMAN = re.compile(
    r"(?=[IVXLCDM])M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})(?:(?=[’'.,;:!?)\"”\s–-])|\Z)"
)
_SMALL = re.compile(r"(?=[ivx])x{0,3}(?:ix|iv|v?i{0,3})(?=[.,;:!?)\"”\s]|\Z)")
_VALUE = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
_PLACES = {
    "St": ("saint", "street"),
    "Dr": ("doctor", "drive"),
    "Sq": ("square", "square"),
    "Ct": ("court", "court"),
    "Pl": ("place", "place"),
}
_NAME_BEFORE = re.compile(r"(?:[A-Z][\w'’-]*|\d+(?:st|nd|rd|th)) \Z")
_NAME_AFTER = re.compile(r" [A-Z]")


def _ends_here(found: re.Match[str], written: str) -> bool:
    """Tell whether the dot of an abbreviation ends the sentence as well."""
    rest = found.string[found.start() + len(written) :]
    return written.endswith(".") and (not rest.strip(" \"'”’)") or rest[:1] == "\n")


_ONLY_TITLES = frozenset(("gen.", "col.", "sen.", "rep.", "hon.", "ln.", "maj.", "adm.", "pres."))
_MEASURES = frozenset(("min.", "max.", "dist.", "temp."))
_NEEDS_MORE = _MEASURES | {"v.", "ft.", "est.", *_ONLY_TITLES}


def _short(found: re.Match[str]) -> str | None:
    written = found[0]
    said = SHORT.get(written.lower())  # an odd letter may match, such as a long s
    if said is None:
        return None
    if written.lower() in (
        "v.",
        "ft.",
        "min.",
        "max.",
        "est.",
        "dist.",
        "temp.",
        "gen.",
        "col.",
        "sen.",
        "rep.",
        "hon.",
        "ln.",
    ):
        after = found.string[found.end() :]
        person = after[:2].strip()[:1].isupper()
        if written == "V." or (
            written[0].islower()
            and written != "v."
            and written.lower() in ("gen.", "col.", "sen.", "rep.", "hon.", "ln.")
        ):
            return None
        if not after.strip() or (person and written.lower() in ("min.", "max.", "dist.", "temp.")):
            return None
    return f"{said}." if _ends_here(found, written) and written.lower() not in ("mr.", "mrs.", "ms.") else said


def _numbered(found: re.Match[str]) -> str | None:
    written = found[1]
    if written.lower() in ("p.", "c.", "ca", "ed.", "v", "ext") and written[0].isupper():
        return None
    return BEFORE_NUMBER.get(written.lower())


def _place(found: re.Match[str]) -> str | None:
    """Tell "St. Louis" from "Elm St.", "Dr. Smith" from "Oak Dr."."""
    written = found[0]
    text, start, end = found.string, found.start(), found.end()
    before, after = _PLACES[written.rstrip(".")]
    named = _NAME_BEFORE.search(text[:start]) is not None and text[:start].rstrip()[-1:] not in ".!?"
    follows = _NAME_AFTER.match(text, end) is not None
    if written[0:2] in ("Sq", "Ct", "Pl") and not named:
        return None
    said = (
        before
        if follows and (not named or (before == "saint" and not re.search(r"\d[\w ]* \Z", text[:start])))
        else after
        if named
        else None
    )
    if said is None:
        return None
    return f"{said}." if written.endswith(".") and not text[end:].strip(" \"'”’)") else said


def _dotted(found: re.Match[str]) -> str | None:
    letters = found[0].replace(".", "")
    if len(letters) < 2:
        return None
    said = "-".join(letters.upper())
    text, end = found.string, found.end()
    ends = found[0].endswith(".") and not text[end:].strip(" \"'”’)")
    return f"{said}." if ends else said


def _value(roman: str) -> int:
    values = [_VALUE[letter] for letter in roman]
    return sum(-value if value < later else value for value, later in zip(values, [*values[1:], 0], strict=True))


_ONE_AFTER = re.compile(
    r"\s*(?:was|is|had|of|died|ruled|and|the|became|began|ended|started|in|to|reigned|error|diabetes|[,.;:!?)\"”–-]|[’']s|\Z)"
)
"""What follows a I that is a number and not he who speaks."""


def _roman(found: re.Match[str]) -> str | None:  # noqa: PLR0911 - one return for each kind
    roman = found[0].upper()
    if not roman:
        return None
    text, start = found.string, found.start()
    before = words_before(text, start, 2)
    near = before[0] if before else ""
    following = text[found.end() : found.end() + 8]
    if following.startswith((" century", "-century", "th cent")):
        return ordinal(_value(roman))
    touching = text[start - 1 : start] == " "
    named = touching and _NAME_BEFORE.search(text[:start]) is not None
    if roman == "I" and not _ONE_AFTER.match(text, found.end()):
        return None
    if touching and near in WORDS["numbered"]:
        return cardinal(_value(roman))
    if not found[0].isupper():
        return None
    if named and near in WORDS["crowned"] and _value(roman) < 40:
        return f"the {ordinal(_value(roman))}"
    if (
        len(roman) > 1
        and (roman not in WORDS["no_roman"] or (roman == "IV" and named))
        and (named or roman in ("II", "III"))
    ):
        return cardinal(_value(roman))
    if roman == "X" and named and near == "iphone":
        return "ten"
    return None


RULES = (
    (_LETTERS, lambda found: None if found[0].lower() in SHORT else _dotted(found)),
    (_NUMBERED, _numbered),
    (_SHORT, _short),
    (_STREET, _place),
    (_ROMAN, _roman),
    (_SMALL, _roman),
)
