"""Dice, coins and random numbers. Pure but for the source of chance, which is handed in."""

from __future__ import annotations

import re
from random import Random

from harry.reflexes.numbers import figures

MOST_DICE = 20
MOST_SIDES = 1000
_LARGEST = 10**9

_DICE = re.compile(
    r"(?:(?:roll|throw|cast|toss)(?: me| us)?|let's roll|give me a roll of) (?:(?P<n>\d{1,3}|an?|the|some|my"
    r"|your|a couple of|a pair of) )?"
    r"(?:(?:(?P<sides>\d{1,4})[ -]?sided|normal|regular) )?(?:dice|die"
    r"|d ?(?P<d>\d{1,4})s?)(?: with (?P<with>\d{1,4}) sides)?"
    r"|(?:roll|throw) (?P<nd>\d{1,3}) ?d ?(?P<nds>\d{1,4})|(?P<bare>\d{1,2})d(?P<bares>\d{1,4})"
    r"|(?P<plain>(?:give me )?(?:a )?(?:dice roll|throw of the dice|roll of the dice))"
)
_COIN = re.compile(
    r"(?:flip|toss|throw|spin)(?: me| us)? (?:a|the|one|1|your) coin(?: for (?:me|us))?|(?:a )?(?:coin flip"
    r"|coin toss|flip of a coin)"
    r"|heads or tails|(?:let's )?(?:flip|toss) a coin|(?:flip|toss) (?P<coins>\d{1,2}) coins"
)
_NUMBER = re.compile(
    r"(?:(?:what's|what is|pick|choose|give me|tell me|generate|say|think of|draw|name|i need|make"
    r"|get me)(?: me)? )?(?:a|any"
    r"|some|another)? ?(?:random )?number"
    r"(?:(?: between| from|,? between) (?P<a>-?\d{1,10}) (?:and|to|through|-) (?P<b>-?\d{1,10})"
    r"| up to (?P<to>\d{1,10}))?(?: at random)?"
)


def answer(text: str, random: Random) -> str | None:
    """Return what the dice show, as a sentence; None where the words ask for no such thing."""
    said = re.sub(r"[\s?!.]+$", "", figures(text)).removeprefix("let's ")
    said = re.sub(r"^(?:i|we)(?: want| would like|'d like) to (?=roll|throw|flip|toss)", "", said)
    if (found := _DICE.fullmatch(said)) is not None:
        return _rolled(found, random)
    if (found := _COIN.fullmatch(said)) is not None:
        return _tossed(int(found["coins"] or 1), random)
    found = _NUMBER.fullmatch(said)
    if found is None or not (found["a"] or found["to"] or "random" in said):
        return None
    low, high = (int(found["a"]), int(found["b"])) if found["a"] else (1, int(found["to"] or 100))
    low, high = min(low, high), max(low, high)
    return f"{random.randint(low, high):,}." if high - low <= _LARGEST * 20 else None


def _rolled(found: re.Match[str], random: Random) -> str | None:
    spoken = found["n"] or found["nd"] or found["bare"] or "1"
    named = {"a couple of": 2, "a pair of": 2, "some": 2}
    count = int(spoken) if spoken.isdigit() else named.get(spoken, 1)
    sides = int(found["sides"] or found["d"] or found["with"] or found["nds"] or found["bares"] or 6)
    if not 1 <= count <= MOST_DICE or not 2 <= sides <= MOST_SIDES:
        return f"I roll up to {MOST_DICE} dice, of 2 to {MOST_SIDES:,} sides."
    shown = [random.randint(1, sides) for _ in range(count)]
    if count == 1:
        return f"{'A' if shown[0] not in (8, 11, 18) else 'An'} {shown[0]}."
    return f"{', '.join(map(str, shown[:-1]))} and {shown[-1]}: {sum(shown):,} together."


def _tossed(count: int, random: Random) -> str:
    shown = [random.choice(("heads", "tails")) for _ in range(max(1, min(count, MOST_DICE)))]
    words = shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
    return f"{words.capitalize()}."
