"""Signs: of arithmetic, of comparison, "&", "#1", "@name", "his/her"."""

# ruff: noqa: RUF001 - these signs are what is looked for

from __future__ import annotations

import re

from actors.text.english.numbers import number
from actors.text.english.words import SIGNS, UNITS, any_of

_SPACED = re.compile(rf"(?:{any_of(SIGNS)})")


def _power(found: re.Match[str]) -> str:
    exponent = found[1].strip("{}")
    if exponent in ("2", "3"):
        return SIGNS[f"^{exponent}"]
    return f"to the power of {number(exponent) if exponent.isdecimal() else exponent}"


def _sign(found: re.Match[str]) -> str | None:
    sign = found[0]
    text, start, end = found.string, found.start(), found.end()
    said = SIGNS[sign]
    if not said:
        return said
    before, after = text[start - 1 : start], text[end : end + 1]
    if sign in ("<", ">", "=") and before.isalpha() and not after.strip():
        return None
    return said


def _minus(found: re.Match[str]) -> str | None:
    text = found.string
    before = text[: found.start()].rstrip()[-1:]
    formula = "=" in text[found.end() :] or "=" in text[: found.start()]
    figures = before.isdecimal() and text[found.end() : found.end() + 2].strip()[:1].isdecimal()
    return "minus" if formula or figures else None


def _plusses(found: re.Match[str]) -> str:
    return " ".join(["plus"] * len(found[0]))


def _over(found: re.Match[str]) -> str:
    return "divided by"


def _hash(found: re.Match[str]) -> str:
    return "number" if found[1].isdecimal() else "hashtag"


RULES = (
    (re.compile(r"\^(\{?-?\w{1,6}\}?)"), _power),
    (re.compile(r"[-–](?= )"), _minus),
    (re.compile(r"\+{2}(?!\w)"), _plusses),
    (re.compile(r"(?<= )/(?= )"), _over),
    (re.compile(r"#(?=(\w))"), _hash),
    (re.compile(r"@(?=\w)"), lambda found: "at"),
    (re.compile(r"~(?=[$£€]?\d)"), lambda found: "about"),
    (_SPACED, _sign),
)

_CHOICES = re.compile(r"[a-z]{2,}(?:/[a-z]{2,})+(?![\w/])")
_UNIT = re.compile(rf"({any_of(unit for unit in UNITS if '/' in unit)})(?![\w/])")
_POWER_OF = re.compile(r"(?![aeiou])([a-z]{1,3})(?=[²³])")
_AND = re.compile(r"([A-Z]{1,3})&([A-Z]{1,3})(?!\w)")


def _choice(found: re.Match[str]) -> str:
    path = found[0].count("/") > 1 or found.string[: found.start()][-1:] in ("/", ".", "~")
    return found[0].replace("/", " slash " if path else " or ")


def _and(found: re.Match[str]) -> str:
    return f"{'-'.join(found[1])} and {'-'.join(found[2])}"


LETTERS = (
    (_UNIT, lambda found: UNITS[found[1]][1]),
    (_POWER_OF, lambda found: " ".join(found[1].upper())),
    (_SPACED, _sign),
    (_CHOICES, _choice),
    (_AND, _and),
)
"""Signs between letters."""
