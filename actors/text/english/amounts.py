"""Sums of money, fractions, measures, percentages and plain numbers."""

# ruff: noqa: RUF001 - signs of currencies, dashes and primes are what is looked for

from __future__ import annotations

import re

from actors.text.english.numbers import NUM, cardinal, digits, fraction, in_order, mixed, number, paired, year
from actors.text.english.words import (
    CURRENCIES,
    FIXED,
    FRACTIONS,
    SCALES,
    UNITS,
    WORDS,
    any_of,
    word_after,
    words_before,
)

_SCALE_WORDS = "thousand|million|billion|trillion"
_SUFFIX = rf"(?P<scale> (?:{_SCALE_WORDS})| ?(?:{any_of(SCALES)})(?![\w/]))?"
_RANGE = rf"(?: ?[-–—] ?(?P<until>{NUM}))?"
_SIGN = r"(?P<sign>[-−])?"
_CODES = any_of(code for code in CURRENCIES if code.isalpha())
_MARKS = any_of(sign for sign in CURRENCIES if not sign.isalpha())
_EACH = r"(?:/(?P<each>[A-Za-z]+)(?![\w/]))?"
_FOUR = re.compile(r"\d{4}")


def _one_or_more(written: str, names: tuple[str, ...]) -> str:
    return names[0] if written == "1" else names[1]


def _each(found: re.Match[str]) -> str:
    unit = found["each"]
    if not unit:
        return ""
    return f" per {UNITS[unit][0] if unit in UNITS else unit}"


def _signed(found: re.Match[str], said: str) -> str:
    return f"minus {said}" if found["sign"] else said


def _money(found: re.Match[str]) -> str:
    names = CURRENCIES[found["mark"]]
    scale = (found["scale"] or "").strip()
    amount = found["amount"]
    if found["until"]:
        said = f"{number(amount)} to {number(found['until'])}"
        amount = found["until"]
    elif not scale and re.search(r"\.\d\d\Z", amount) and names[3]:
        return _signed(found, _change(amount, names)) + _each(found)
    else:
        said = number(amount)
    if scale:
        return _signed(found, f"{said} {SCALES.get(scale, scale)} {names[1]}") + _each(found)
    singular = word_after(found.string, found.end()) in WORDS["money_of"] or amount == "1"
    return _signed(found, f"{said} {names[0] if singular else names[1]}") + _each(found)


def _change(amount: str, names: tuple[str, ...]) -> str:
    whole, _, part = amount.replace(",", "").partition(".")
    cents = f"{cardinal(int(part))} {names[2] if int(part) == 1 else names[3]}"
    if not whole.strip("0") and int(part):
        return cents
    coins = f"{number(whole)} {_one_or_more(whole, names)}"
    return f"{coins} and {cents}" if int(part) else coins


def _cents(found: re.Match[str]) -> str:
    names = CURRENCIES["$" if found[2] == "¢" else "£"]
    return f"{number(found[1])} {names[2] if found[1] == '1' else names[3]}"


MONEY = (
    (re.compile(rf"{_SIGN}(?P<mark>{_MARKS}) ?[-−]?(?P<amount>{NUM}){_RANGE}{_SUFFIX}{_EACH}"), _money),
    (re.compile(rf"(?P<sign>[-−])?(?P<mark>{_CODES}) (?P<amount>{NUM}){_RANGE}{_SUFFIX}{_EACH}"), _money),
    (
        re.compile(rf"{_SIGN}(?P<amount>{NUM}){_RANGE}{_SUFFIX} ?(?P<mark>{_MARKS}|{_CODES})(?![\w]){_EACH}"),
        _money,
    ),
    (re.compile(rf"({NUM}) ?(¢|p\b(?!\.))"), _cents),
)


# Fractions.


def _vulgar(found: re.Match[str]) -> str:
    above, below = map(int, FRACTIONS[found[2]].split("/"))
    return _with_unit(found[1], above, below, found["unit"])


def _slashed(found: re.Match[str]) -> str | None:
    above, below = int(found[2]), int(found[3])
    if below == 0 or (found[1] and above >= below):
        return None
    return _with_unit(found[1], above, below, found["unit"])


def _with_unit(whole: str | None, above: int, below: int, unit: str | None) -> str:
    if whole:
        said = mixed(whole, above, below)
        return f"{said} {UNITS[unit][1]}" if unit else said
    said = fraction(above, below)
    if not unit:
        return said
    name = UNITS[unit][0]
    if above == 1 and below == 2:
        return f"half {'an' if name[0] in 'aeiou' or name == 'hour' else 'a'} {name}"
    return f"{said} {name}" if above == 1 and below == 4 else f"{said} of {'an' if name[0] in 'aeio' else 'a'} {name}"


_UNIT = rf"(?:{any_of(unit for unit in UNITS if unit not in ('C', 'F'))})(?![\w²³])"
_AFTER = rf"(?:[ -](?P<unit>{_UNIT})(?:\.(?= [a-z]))?)?"
_VULGAR = "".join(FRACTIONS)

FRACTIONS_ = (
    (re.compile(rf"({any_of(FIXED)})(?![\w/])"), lambda found: FIXED[found[1]]),
    (re.compile(rf"(\d*) ?([{_VULGAR}]){_AFTER}"), _vulgar),
    (re.compile(rf"(?:(\d+)[ -])?(\d{{1,3}})[/⁄](\d{{1,4}})(?![\w/]){_AFTER}"), _slashed),
)


# Measures.


def _measure(found: re.Match[str]) -> str | None:
    amount, unit = found["amount"], found["unit"]
    names = UNITS[unit]
    if unit == "m" and _HOURS_BEFORE.search(found.string[: found.start()]):
        names = UNITS["min"]
    single = amount == "1" or found["gap"] == "-"
    said = f"{number(amount)} {names[0] if single else names[1]}"
    return _signed(found, said) + _each(found)


_HOURS_BEFORE = re.compile(r"\d ?hr?s? ?\Z")


def _feet(found: re.Match[str]) -> str:
    feet = f"{number(found[1])} foot"
    return f"{feet} {number(found[2])}" if found[2] else feet


def _inches(found: re.Match[str]) -> str | None:
    if found[2] in '"”' and (found.string.count('"', 0, found.start()) % 2 or "“" in found.string[: found.start()]):
        return None  # the end of a quotation
    return f"{number(found[1])} inch"


UNITS_ = (
    (re.compile(r"""(\d{1,2})['’′] ?(\d{1,2}(?:\.5)?)(?:"|”|″|''|’’)"""), _feet),
    (re.compile(r"(\d+)(?:′)()"), _feet),
    (re.compile(rf"({NUM})([\"”″])(?!\w)"), _inches),
    (
        re.compile(
            rf"(?P<sign>[-−])?(?P<amount>{NUM})(?P<gap>[ \u00a0-]?)(?P<unit>(?:{any_of(UNITS)})(?![\w²³]))"
            rf"(?:\.(?= [a-z0-9(]))?{_EACH}"
        ),
        _measure,
    ),
)


# Plain numbers.


def _ordinal(found: re.Match[str]) -> str:
    return in_order(found[1].replace(",", ""))


def _scaled(found: re.Match[str]) -> str:
    scale = found[2].strip()
    return f"{number(found[1])} {SCALES.get(scale, scale)}"


def _from_europe(written: str) -> str:
    return written.replace(".", "").replace(",", ".")


def _out_of(found: re.Match[str]) -> str | None:
    return f"{number(found[1])} out of {cardinal(int(found[2]))}" if "." in found[1] else None


def _by(found: re.Match[str]) -> str:
    return f"{number(found[1])} {'by' if found[2] else 'times'}{' ' + number(found[2]) if found[2] else ''}"


def _counted(found: re.Match[str]) -> str:
    written = found[1]
    text, start, end = found.string, found.start(), found.end()
    before = words_before(text, start)
    after = word_after(text, end)
    said = number(written)
    if _FOUR.fullmatch(written) and text[start - 1 : start] != "." and _is_year(written, before, after):
        said = year(int(written))
    elif (written.isdecimal() and len(written) in (3, 4) and before and before[0] in WORDS["places"]) or (
        _FOUR.fullmatch(written) and after[:1].isupper() and written[2:] == "00"
    ):
        said = paired(written)
    # "10-12", "9:00-17:00": what follows is read on its own.
    return said


def _is_year(written: str, before: list[str], after: str) -> bool:
    if not "1000" <= written <= "2099":
        return False
    counted = (
        after.islower() and after.endswith("s") and after not in ("is", "was", "has", "as", "this", "its", "series")
    )
    if before and before[0] in WORDS["before_year"]:
        return not counted
    return written >= "1500" and not counted and written[1:] != "000"


NUMBERS = (
    (re.compile(rf"({NUM})(?= ?×)"), lambda found: number(found[1])),
    (re.compile(r"(\d{1,3}(?:,\d{3})+|\d+)(?:st|nd|rd|th|ST|ND|RD|TH)(?!\w)"), _ordinal),
    (re.compile(rf"({NUM})[x×](?:({NUM}))?(?!\w)"), _by),
    (re.compile(rf"({NUM}) x (?=\d)"), lambda found: f"{number(found[1])} by"),
    (re.compile(r"(\d{1,3}(?:\.\d{3})+,\d{1,2})(?![\d,])"), lambda found: number(_from_europe(found[1]))),
    (re.compile(r"(\d{1,3},\d{1,2})(?= ?(?:[a-z€%]))(?!\d)"), lambda found: number(_from_europe(found[1]))),
    (re.compile(rf"({NUM})/(\d{{1,3}})(?![\w/]|\.\d)"), _out_of),
    (re.compile(rf"({NUM})((?:k|M|mn|bn|tn|(?<=\d\d)K)(?!\w))"), _scaled),
    (
        re.compile(rf"({NUM})(?=[A-Z](?!\w))"),
        lambda found: paired(found[1]) if found[1].isdecimal() else number(found[1]),
    ),
    (re.compile(rf"({NUM})"), _counted),
    (re.compile(r"(\d+)"), lambda found: number(found[1])),
)


def _dash(found: re.Match[str]) -> str | None:
    text, at = found.string, found.start()
    before = text[at - 1 : at]
    if (
        before.isdecimal()
        or (before in "%°" and before)
        or (text[max(0, at - 2) : at] in ("am", "pm", "AM", "PM", "m."))
    ):
        return "to"
    if before.isalpha():
        return None
    return "minus" if not before or before in " ($£€" else None


SIGNED = (
    (re.compile(r"(?<![\w.])\.(\d+)(?![\w.])"), lambda found: f"point {digits(found[1])}"),
    (re.compile(r"[-–—−](?=[$£€]?\.?\d)"), _dash),
    (re.compile(r" [-–—] (?=\d)"), _dash),
)
