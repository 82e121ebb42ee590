"""Sums as they are asked: "what is fifteen percent of eighty", "the square root of 144", "7 times 8 minus 3". Pure.

A parser of its own over a closed list of words; nothing is ever evaluated as a program. It reckons in fractions, so
that a third of ninety is thirty, and is bounded, so that no sum takes long.
"""

from __future__ import annotations

import math
import operator
import re
from fractions import Fraction

from harry.reflexes.numbers import figures, shown

MOST = Fraction(10) ** 15
"""Results beyond this are told by their size."""

_DIGITS = 400  # of a power at most

_ASKED = re.compile(
    r"^(?:(?:and |so )?(?:what(?:'s| is| are|s|'re)|how much(?: is| are|'s)|calculate|compute|work out|figure out|solve"
    r"|evaluate)"
    r"(?: the (?:answer|result) (?:to|of))?(?: what)?|what(?: do(?: you get (?:if|when) (?:you|i)| i get (?:if"
    r"|when) i)?| does| would)?"
    r"|how (?:much|many) (?:do|does|would|makes?|gives?)|(?:please )?(?:add|sum(?! of))(?: up)?(?= )) "
)
_SURE = re.compile(
    r"^(?:add|sum|multiply|divide|subtract|take) "
    r"|\d ?[\u00f7\u00d7] ?\d|^\d+(?:\.\d+)? - \d+(?:\.\d+)?$|\d (?:divided by|minus|take away"
    r"|multiplied by) (?:-?\d|a half)"
    r"|^(?:the )?(?:sum|total|product|average"
    r"|mean|difference) |^(?:a |one |\d )?(?:half|(?:third|quarter|fifth|tenth)s?) of \d"
)
_END = re.compile(
    r"(?:,? (?:equals?|equal to|(?:add|sum|come|comes) up to|adds up to|makes?|come to|comes to|is|are|be|give"
    r"|gives|what"
    r"|what's that|what is that|what does that (?:make|give)|altogether|together|in total|in all|=)|\s*=)+$"
)
_MONEY = re.compile(r"(?<=\d) (?:dollars?|bucks|euros?|pounds sterling|quid)\b|[$£€](?=\d)")

_WORDS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), plain)
    for pattern, plain in (
        (r"\b(?:a |1 )?half\Z", "0.5"),
        (r"(?<=\d) (twos|threes|fours|fives|sixes|sevens|eights|nines|tens|elevens|twelves)\b", r" times \1"),
        (r"\btwos\b", "2"),
        (r"\bthrees\b", "3"),
        (r"\bfours\b", "4"),
        (r"\bfives\b", "5"),
        (r"\bsixes\b", "6"),
        (r"\bsevens\b", "7"),
        (r"\beights\b", "8"),
        (r"\bnines\b", "9"),
        (r"\btens\b", "10"),
        (r"\belevens\b", "11"),
        (r"\btwelves\b", "12"),
        (r"\ba (?=(?:half|third|quarter|fifth|tenth|percent)\b)", "1 "),
        (r"\bhalf(?: of)?(?= (?:of )?\d)", "0.5 of"),
        (r"\bhalf of\b", "0.5 of"),
        (r"\b1 half of\b", "0.5 of"),
        (r"\b1 0\.5 of\b", "0.5 of"),
        (r"\b(\d+) thirds? of\b", r"(\1/3) of"),
        (r"\b(\d+) (?:quarters?|fourths?) of\b", r"(\1/4) of"),
        (r"\b(\d+) fifths? of\b", r"(\1/5) of"),
        (r"\b(\d+) tenths? of\b", r"(\1/10) of"),
        (r"\b(?:twice|double|2 times)(?= )", "2 *"),
        (r"\b(?:triple|thrice)(?= )", "3 *"),
        (r"\b(?:the )?cube root(?: of)?\b", "cbrt"),
        (r"\b(?:the )?(?:square root|root|sqrt)(?: of)?\b", "sqrt"),
        (r"√", "sqrt "),
        (r"\b(?:the )?square of (\d+(?:\.\d+)?)", r"\1 ^ 2"),
        (r"\b(?:the )?cube of (\d+(?:\.\d+)?)", r"\1 ^ 3"),
        (r"\b(?:the )?factorial of\b", "fact"),
        (r"\bto the power of\b|\bto the power\b|\braised to\b|\*\*", "^"),
        (r"\bto the (\d+)(?:st|nd|rd|th)(?: power)?\b", r"^ \1"),
        (r"\bto the (second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth)(?: power)?\b", r"^ \1"),
        (r"\bsquared\b|²", "^ 2"),
        (r"\bcubed\b|³", "^ 3"),
        (r"\bplus\b|\badded to\b", "+"),
        (r"\bminus\b|\btake away\b|\bless\b|\u2212|\u2013", "-"),
        (r"\b(?:multiplied|multiply) (?:by|with)\b|\btimes\b|\u00d7|(?<=\d)\s*x\s*(?=[\d(])", "*"),
        (r"\bdivided (?:by|into)\b|\bover\b|÷|(?<=\d)\s*:\s*(?=\d)", "/"),
        (r"\bmodulo\b|\bmod\b", "mod"),
        (r"\bper ?cents?\b|%", " % "),
        (r"\bpi\b|π", "pi"),
        (r"\bnegative (?=\d)", "-"),
        (r"\b(?:open|left) (?:bracket|parenthesis|paren)s?\b", "("),
        (r"\b(?:close|closed|right) (?:bracket|parenthesis|paren)s?\b", ")"),
    )
)
_POWERS = {"second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8, "ninth": 9,
           "tenth": 10}  # fmt: skip
_NUM = r"(-?\d+(?:\.\d+)?)"
_OF_US = r"(?: people| friends| of us)?"
_SHAPES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern + r"\Z"), plain)
    for pattern, plain in (
        (rf"(?:1 |an? )?{_NUM} % tip (?:on|for|of) {_NUM}", r"\1 % of \2"),
        (rf"(?:the )?tip (?:on|for|of) {_NUM} (?:at|with) {_NUM} %", r"\2 % of \1"),
        (rf"(?:take )?{_NUM} % off(?: of)? {_NUM}", r"\2 - \1 %"),
        (rf"take {_NUM} % from {_NUM}", r"\2 - \1 %"),
        (rf"{_NUM} % from {_NUM}", r"\1 % of \2"),
        (rf"{_NUM} (?:with|at) {_NUM} % off", r"\1 - \2 %"),
        (rf"(?:what )?(?:%|percentage) of {_NUM} is {_NUM}", r"100 * \2 / \1 percent"),
        (rf"(?:what )?(?:%|percentage) is {_NUM} (?:out )?of {_NUM}", r"100 * \1 / \2 percent"),
        (rf"{_NUM} is what (?:%|percentage) of {_NUM}", r"100 * \1 / \2 percent"),
        (rf"{_NUM} (?:as a|in) (?:%|percentage)(?: of)? {_NUM}", r"100 * \1 / \2 percent"),
        (rf"{_NUM} out of {_NUM} (?:as a|in) (?:%|percentage)", r"100 * \1 / \2 percent"),
        (rf"multiply {_NUM} (?:by|and|with) {_NUM}", r"\1 * \2"),
        (rf"divide {_NUM} by {_NUM}", r"\1 / \2"),
        (rf"(?:subtract|take) {_NUM} (?:away )?from {_NUM}", r"\2 - \1"),
        (rf"(?:split|divide|share) {_NUM} (?:in )?{_NUM} ways", r"\1 / \2"),
        (rf"{_NUM} (?:split|divided|shared) (?:in )?{_NUM} ways", r"\1 / \2"),
        (rf"{_NUM} by {_NUM}", r"\1 * \2"),
        (rf"(?:split|divide|share)? ?{_NUM} (?:split |divided |shared )?(?:between|among|by) {_NUM}(?: people| of us)?",
         r"\1 / \2"),
        (rf"(?:the )?difference (?:between|of) {_NUM} and {_NUM}", r"\1 - \2"),
        (rf"{_NUM} and {_NUM} (?:add up to|sum up to|added up|added|together)", r"\1 + \2"),
        (rf"{_NUM} % (?:of|on) {_NUM}", r"\1 % of \2"),
        (rf"(?:tip (?:is|at) )?{_NUM} % (?:of|on) {_NUM}", r"\1 % of \2"),
        (rf"(?:how )?many % (?:is|are) {_NUM} (?:out )?of {_NUM}", r"100 * \1 / \2 percent"),
        (rf"(?:how )?many % of {_NUM} (?:is|are) {_NUM}", r"100 * \2 / \1 percent"),
        (rf"(?:increase|raise) {_NUM} by {_NUM} %", r"\1 + \2 %"),
        (rf"(?:decrease|reduce|lower|cut) {_NUM} by {_NUM} %", r"\1 - \2 %"),
        (rf"{_NUM} (?:increased|raised) by {_NUM} %", r"\1 + \2 %"),
        (rf"{_NUM} (?:decreased|reduced|lowered|cut) by {_NUM} %", r"\1 - \2 %"),
        (rf"add {_NUM} % to {_NUM}", r"\2 + \1 %"),
        (rf"(?:take|subtract) {_NUM} % (?:away )?(?:from|off) {_NUM}", r"\2 - \1 %"),
        (rf"{_NUM} more than {_NUM}", r"\2 + \1"),
        (rf"{_NUM} (?:-|less|fewer) than {_NUM}", r"\2 - \1"),
        (rf"add {_NUM} (?:and|to) {_NUM}", r"\1 + \2"),
        (rf"{_NUM} (?:is )?(?:split|shared|divided)(?: equally| evenly)? (?:between|among|by|into) {_NUM}{_OF_US}",
         r"\1 / \2"),
        (rf"{_NUM} (?:and|und) {_NUM}", r"\1 + \2"),
        (rf"{_NUM} factorial", r"fact \1"),
        (rf"{_NUM}!", r"fact \1"),
    )
)  # fmt: skip
_IN_A_STORY = {
    "NUM": _NUM, "~": "[a-z', ]*?", "FRIENDS": "(?:of us|people|friends|persons|kids|children)",
    "SPLIT": "(?:split|share|divide|are splitting|are sharing)",
    "OFF": "(?:off|discount|reduction|reduced|less|cheaper)",
    "PAY": "(?:what|how much)(?: do| would| will| must) (?:i|we) (?:have to )?pay",
    "ASKED": "(?:how much|how many|what|each)",
}  # fmt: skip
"""What the words in capitals stand for, and any words without a number."""


def _story(pattern: str) -> re.Pattern[str]:
    for name, words in _IN_A_STORY.items():
        pattern = pattern.replace(name, words)
    return re.compile(pattern + r"\Z")


_STORIES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (_story(pattern), plain)
    for pattern, plain in (
        (r"(?:how much|what)~ (?:if|when) NUM FRIENDS~ SPLIT~ NUM~", r"\2 / \1"),
        (r"(?:if |when |and )?NUM FRIENDS~ SPLIT~ NUM~ASKED~", r"\2 / \1"),
        (r"(?:if |when )?(?:i|we) SPLIT NUM~ (?:between|among|with|by) NUM~ASKED~", r"\1 / \2"),
        (r"(?:if )?(?:i|we)(?: have|'ve got| had) NUM~ (?:spend|spent|lose|pay|give away|eat) NUM~ASKED~", r"\1 - \2"),
        (r"PAY (?:if|when|with|for)~ NUM % OFF~ NUM~", r"\2 - \1 %"),
        (r"PAY~ NUM~ NUM % OFF", r"\1 - \2 %"),
        (r"(?:if )?~(?: (?:costs?|is|was)|'s) NUM~ NUM % OFF~ASKED~", r"\1 - \2 %"),
        (r"(?:if )?~NUM~ (?:reduced|cut|lowered|discounted|marked down)~ NUM %~ASKED~", r"\1 - \2 %"),
        (r"(?:if )?SPLIT NUM~ (?:between|among|with|by) NUM~ASKED~", r"\1 / \2"),
        (r"~ NUM % tip (?:on|for) NUM~ASKED~", r"\1 % of \2"),
        (r"~NUM FRIENDS~ (?:bill|total|meal|dinner|check|cost|rent)~ NUM~ASKED~", r"\2 / \1"),
        (r"how (?:many times|often) (?:does|do|will|can) NUM (?:go|fit) in(?:to)? NUM", r"\2 / \1"),
        (
            r"how much (?:of a |is the )?tip (?:is |do i give |should i give |for )?NUM % (?:of|on|for) NUM",
            r"\1 % of \2",
        ),
    )
)
"""Small sums that are told: who asks them asks how much it is."""

_NUMBERS = re.compile(r"\d+(?:\.\d+)?(?:(?:, and|,| and) \d+(?:\.\d+)?)+")
_MANY = re.compile(r"(?:the )?(sum|total|product|average|mean) of (.+)")
_LISTED = re.compile(r"\s*(?:,\s*(?:and\s+)?|\band\b|(?<=\d)\s+(?=\d))\s*")
_TOKEN = re.compile(r"\s*(\d+(?:\.\d+)?|\.\d+|pi\b|sqrt\b|cbrt\b|fact\b|mod\b|of\b|[-+*/^%()])")


class _NoSumError(Exception):
    """The words are no sum."""


class _TooMuchError(Exception):
    """A sum of which the result is out of reach; the text says why."""


def answer(text: str) -> str | None:
    """Return the result of the sum that the words ask for, as a sentence; None where they are no sum."""
    plain = figures(_apart(text))
    # "What is 5!" asks for a factorial; "it is 5!" only shouts.
    said = re.sub(
        r"[\s?!.]+$", "", re.sub(r"(?<=\d)!(?=[\s?.]*$)", " factorial", plain) if _ASKED.match(plain) else plain
    )
    said = _of_a_story(said) or said
    found = _ASKED.match(said)
    asked = found is not None or _SURE.search(said) is not None
    adds = found is not None and found[0].lstrip().startswith(("add", "sum", "please add"))
    bare = _MONEY.sub("", said[found.end() :] if found is not None else said)
    bare = _END.sub("", bare)
    if adds and re.search(r"%|per ?cent| to ", bare):
        adds, bare = False, f"add {bare}"
    adds = adds or (found is not None and _NUMBERS.fullmatch(bare) is not None)
    if not re.search(r"\d|\bpi\b", bare):
        return None
    try:
        value, percent = _value(f"the sum of {bare}" if adds and "sum of" not in bare else bare, asked=asked)
    except _NoSumError:
        return None
    except _TooMuchError as trouble:
        return str(trouble)
    except ZeroDivisionError:
        return "Nothing can be divided by zero."
    return f"That is {told(value)}{' percent' if percent else ''}."


def _apart(text: str) -> str:
    """Write a division that stands alone as one: elsewhere "144 / 12" is a fraction."""
    return re.sub(r"^(\s*\d+(?:\.\d+)?)\s+/\s+(\d+(?:\.\d+)?[\s?!.=]*)$", r"what is \1 divided by \2", text)


def _of_a_story(said: str) -> str | None:
    """Return the bare sum of one that is told: "if three of us split 87 euros, what is each one's share"."""
    plain = re.sub(r"\s+", " ", _MONEY.sub(" ", re.sub(r"\bper ?cents?\b|%", " % ", said))).strip()
    found = next(((form, told) for pattern, form in _STORIES if (told := pattern.match(plain))), None)
    return f"what is {found[1].expand(found[0])}" if found is not None else None


def told(value: Fraction | float) -> str:
    """Return a number as it is said: rounded to what one can listen to, "about" where it was rounded."""
    exact = Fraction(value)
    if abs(exact) >= MOST:
        power = len(str(abs(int(exact)))) - 1
        size = round(abs(exact) / 10**power, 2)
        if size == 10:
            size, power = Fraction(1), power + 1
        return f"about {'minus ' if exact < 0 else ''}{float(size):.2f} times 10 to the power of {power}"
    places = 4 if abs(exact) >= Fraction(1, 100) else 8
    rounded = round(exact, places)
    if rounded == 0 and exact:
        return "almost zero"
    figure = shown(float(abs(rounded)))
    whole, _, rest = figure.partition(".")
    words = f"{int(whole):,}{'.' if rest else ''}{rest}"
    near = abs(exact - rounded) > Fraction(1, 10**10)
    return f"{'about ' if near else ''}{'minus ' if exact < 0 else ''}{words}"


def _value(said: str, *, asked: bool) -> tuple[Fraction, bool]:
    for pattern, plain in _WORDS:
        said = pattern.sub(plain, said)
    said = re.sub(r"\s+", " ", re.sub(r"\^ (\w+)", lambda found: f"^ {_POWERS.get(found[1], found[1])}", said)).strip()
    many = _MANY.match(said)
    if many is not None:
        return _of_many(many[1], many[2]), False
    percent = False
    for pattern, plain in _SHAPES:
        found = pattern.match(said)
        if found is not None:
            said, asked, percent = found.expand(plain), True, "percent" in plain
            said = said.removesuffix(" percent")
            break
    if not asked and not re.search(r"[+*^]|sqrt|cbrt|fact|% of", said):
        raise _NoSumError
    return _Sum(said).value(), percent


def _of_many(what: str, said: str) -> Fraction:
    parts = [part for part in _LISTED.split(said) if part]
    if not 2 <= len(parts) <= 50:
        raise _NoSumError
    values = [_Sum(part, alone=True).value() for part in parts]
    if what == "product":
        return math.prod(values, start=Fraction(1))
    return sum(values, Fraction(0)) / (len(values) if what in ("average", "mean") else 1)


class _Sum:
    """A parser by descent. `alone`: a number by itself will do."""

    def __init__(self, said: str, *, alone: bool = False) -> None:
        self._tokens: list[str] = []
        self._at = 0
        at = 0
        while at < len(said):
            found = _TOKEN.match(said, at)
            if found is None or len(self._tokens) > 100:
                raise _NoSumError
            self._tokens.append(found[1])
            at = found.end()
        if not alone and not any(not re.match(r"[\d.]", token) for token in self._tokens):
            raise _NoSumError

    def value(self) -> Fraction:
        """Return the result. Raises `_NoSumError`, `_TooMuchError`, `ZeroDivisionError`."""
        result = self._sum(0)
        if self._at < len(self._tokens):
            raise _NoSumError
        return result

    def _next(self, *wanted: str) -> str | None:
        if self._at < len(self._tokens) and self._tokens[self._at] in wanted:
            self._at += 1
            return self._tokens[self._at - 1]
        return None

    def _sum(self, depth: int) -> Fraction:
        value = self._product(depth)
        while sign := self._next("+", "-"):
            other = self._product(depth)
            if self._next("%"):
                other = value * other / 100  # "80 plus 15 percent"
            value = value + other if sign == "+" else value - other
        return value

    def _product(self, depth: int) -> Fraction:
        value = self._power(depth)
        while True:
            if self._at + 1 < len(self._tokens) and self._tokens[self._at : self._at + 2] == ["%", "of"]:
                self._at += 2
                value = value * self._power(depth) / 100
                continue
            sign = self._next("*", "/", "mod", "of")
            if sign is None:
                return value
            other = self._power(depth)
            value = _REDUCED[sign](value, other)
            if abs(value) > Fraction(10) ** _DIGITS:
                raise _TooMuchError("That number is too long to say.")

    def _power(self, depth: int) -> Fraction:
        base = self._atom(depth)
        while self._next("^"):
            exponent = self._atom(depth)
            base = _raised(base, exponent)
        return base

    def _atom(self, depth: int) -> Fraction:
        if depth > 20 or self._at >= len(self._tokens):
            raise _NoSumError
        part = self._tokens[self._at]
        self._at += 1
        if part[0].isdigit() or part[0] == ".":
            return Fraction(part)
        if part == "pi":
            return Fraction(math.pi)
        if part == "-":
            return -self._atom(depth + 1)
        if part == "(":
            value = self._sum(depth + 1)
            if not self._next(")"):
                raise _NoSumError
            return value
        if part in _FUNCTIONS:
            return _FUNCTIONS[part](self._atom(depth + 1))
        raise _NoSumError


def _raised(base: Fraction, exponent: Fraction) -> Fraction:
    size = math.log10(max(abs(base.numerator), base.denominator)) if base else 0.0
    # Compared as fractions: an exponent may be too large for a float.
    if Fraction(size) * abs(exponent) > _DIGITS:
        raise _TooMuchError("That number is too long to say.")
    if exponent.denominator == 1:
        return base ** int(exponent)
    if base < 0:
        raise _TooMuchError("A negative number has no such root.")
    try:
        return Fraction(float(base) ** float(exponent))
    except OverflowError:  # a float ends long before a fraction does
        raise _TooMuchError("That number is too long to say.") from None


def _root(value: Fraction, degree: int) -> Fraction:
    if value < 0 and degree == 2:
        raise _TooMuchError("A negative number has no square root among the real numbers.")
    if abs(value) > Fraction(10) ** 300:
        raise _TooMuchError("That number is too long to say.")
    near = Fraction(round(math.copysign(abs(float(value)) ** (1 / degree), float(value))))
    return near if near**degree == value else Fraction(math.copysign(abs(float(value)) ** (1 / degree), float(value)))


def _factorial(value: Fraction) -> Fraction:
    if value.denominator != 1 or not 0 <= value <= 150:
        raise _TooMuchError("I can tell the factorial of whole numbers up to 150.")
    return Fraction(math.factorial(int(value)))


_REDUCED = {"mod": operator.mod, "/": operator.truediv, "*": operator.mul, "of": operator.mul}
_FUNCTIONS = {"sqrt": lambda value: _root(value, 2), "cbrt": lambda value: _root(value, 3), "fact": _factorial}
