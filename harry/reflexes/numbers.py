"""Numbers as they are said and as an ear writes them: "two and a half", "fifteen percent", "1 1/2", "½" as figures.

Pure and quick. Words that do not make one number stay apart: "seven thirty" is 7 and 30, "thirty seven" is 37.
"""

from __future__ import annotations

import re

ONES = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16,
    "seventeen": 17, "eighteen": 18, "nineteen": 19,
}  # fmt: skip
TENS = {
    "twenty": 20, "thirty": 30, "forty": 40, "fourty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80,
    "ninety": 90,
}  # fmt: skip
SCALES = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9, "trillion": 10**12}
ORDINALS = {
    "first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8, "ninth": 9,
    "tenth": 10, "eleventh": 11, "twelfth": 12, "thirteenth": 13, "fourteenth": 14, "fifteenth": 15, "sixteenth": 16,
    "seventeenth": 17, "eighteenth": 18, "nineteenth": 19, "twentieth": 20, "thirtieth": 30,
}  # fmt: skip
_PARTS = {
    "half": 0.5, "third": 1 / 3, "thirds": 1 / 3, "quarter": 0.25, "quarters": 0.25, "fourth": 0.25, "fourths": 0.25,
    "fifth": 0.2, "fifths": 0.2, "sixth": 1 / 6, "eighth": 0.125, "eighths": 0.125, "tenth": 0.1, "tenths": 0.1,
}  # fmt: skip
_VULGAR = {
    "½": "1/2", "⅓": "1/3", "⅔": "2/3", "¼": "1/4", "¾": "3/4", "⅕": "1/5", "⅛": "1/8", "⅜": "3/8", "⅝": "5/8",
    "⅞": "7/8",
}  # fmt: skip

_GROUPED = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?![\d,])")
_MIXED = re.compile(r"(?<![\d./])(?:(\d+)\s+)?(\d{1,3})\s?/\s?(\d{1,3})(?![\d/])")
_AND_PART = re.compile(
    r"\b(\d+) and (?:(a|one|1|two|2|three|3) )?(half|third|quarter|fifth|eighth|thirds|quarters|fifths|eighths)\b"
)
_FIGURE = re.compile(r"\d+(?:\.\d+)?\Z")
_A_SCALE = re.compile(r"\ba (?=(?:hundred|thousand|million|billion|trillion)\b)")


def shown(value: float) -> str:
    """Return a number as it is written, with at most ten digits behind the point and no zeros at its end."""
    return f"{value:.10f}".rstrip("0").rstrip(".")


def figures(text: str) -> str:
    """Return the words in lower case, a space between them, with every spoken number as figures."""
    for mark, plain in _VULGAR.items():
        text = text.replace(mark, f" {plain} ")
    text = _GROUPED.sub(lambda found: found[0].replace(",", ""), text.lower().replace("\u2019", "'"))
    words = _A_SCALE.sub("one ", re.sub(r"\b([a-z]+)-(?=[a-z])", _apart, text)).split()
    out: list[str] = []
    at = 0
    while at < len(words):
        number, used = _number(words, at)
        out.append(words[at] if number is None else number + _mark(words[at + used - 1]))
        at += used
    said = _MIXED.sub(_mixed, " ".join(out))
    return _AND_PART.sub(_and_part, said)


def _apart(found: re.Match[str]) -> str:
    """Take "twenty-five" apart, and leave "merry-go-round" as it is."""
    return f"{found[1]} " if found[1] in TENS or found[1] in ONES or found[1] in SCALES else found[0]


def _mark(word: str) -> str:
    return word[len(_bare(word)) :]


def _mixed(found: re.Match[str]) -> str:
    whole, top, bottom = int(found[1] or 0), int(found[2]), int(found[3])
    return found[0] if bottom == 0 else shown(whole + top / bottom)


def _and_part(found: re.Match[str]) -> str:
    times = {"two": 2, "2": 2, "three": 3, "3": 3}.get(found[2] or "a", 1)
    return shown(int(found[1]) + times * _PARTS[found[3]])


class _Count:
    """A number that grows word by word, as long as the next word can still belong to it."""

    def __init__(self) -> None:
        self.total = 0
        self.group = 0  # below the next thousand
        self._room = 10**15  # what may still be added: "twenty" leaves room for one to nine

    def add(self, word: str, *, first: bool) -> bool:
        """Add a word; False where it is no part of this number."""
        if word in SCALES and not first:
            return self._scale(SCALES[word])
        if word in ONES and ONES[word] < self._room and (ONES[word] < 10 or self._room >= 100):
            if ONES[word] == 0 and not first:
                return False
            self.group, self._room = self.group + ONES[word], 0
            return True
        if word in TENS and self._room >= 100:
            self.group, self._room = self.group + TENS[word], 10
            return True
        return False

    def takes_and(self) -> bool:
        """Whether "and" may stand here, as in "two hundred and five"."""
        return self._room >= 100 and self.total + self.group >= 100 and not (self.group % 100 and self.total < 1000)

    def _scale(self, scale: int) -> bool:
        if scale > 100:
            self.total, self.group, self._room = self.total + self.group * scale, 0, scale
        elif 0 < self.group < 100:
            self.group, self._room = self.group * 100, 100
        else:
            return False
        return True


def _number(words: list[str], at: int) -> tuple[str | None, int]:
    """Return the number that begins here and how many words it has; None and 1 where none does."""
    if _FIGURE.match(words[at]) and at + 1 < len(words) and _bare(words[at + 1]) in SCALES:
        return shown(float(words[at]) * SCALES[_bare(words[at + 1])]), 2
    if (
        words[at].isdecimal()
        and at + 2 < len(words)
        and words[at + 1] == "point"
        and (digits := _digits(words, at + 2))
    ):
        return f"{words[at]}.{digits}", 2 + len(digits)
    count, used = _Count(), 0
    for index in range(at, len(words)):
        word = _bare(words[index])
        if word == "and" == words[index] and used and count.takes_and() and _begins(words, index + 1):
            continue
        if word == "point" and used and (digits := _digits(words, index + 1)):
            return f"{count.total + count.group}.{digits}", index + 1 + len(digits) - at
        if not count.add(word, first=not used):
            break
        used = index + 1 - at
        if words[index] != word:
            break
    return (str(count.total + count.group), used) if used else (None, 1)


def _bare(word: str) -> str:
    return word.rstrip(",.!?;:")


def _begins(words: list[str], at: int) -> bool:
    return at < len(words) and (ONES.get(_bare(words[at]), 0) > 0 or _bare(words[at]) in TENS)


def _digits(words: list[str], at: int) -> str:
    digits = ""
    for raw in words[at:]:
        word = _bare(raw)
        digit = (
            str(ONES[word]) if word in ONES and ONES[word] < 10 else word if word.isdecimal() and len(word) == 1 else ""
        )
        if word == "oh":
            digit = "0"
        if not digit:
            break
        digits += digit
        if raw != word:
            break
    return digits
