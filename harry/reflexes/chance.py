"""Dice, coins and random numbers. Pure but for the source of chance, which is handed in."""

from __future__ import annotations

import re
from random import Random

from harry.reflexes.numbers import figures

MOST_DICE = 20
MOST_SIDES = 1000
_LARGEST = 10**9
_ENDS = (("a", "b"), ("a2", "b2"), ("a3", "b3"))

_LEAD = r"(?:(?:i|we) need |give (?:me|us) |what is |what's |have |do |make |how about |my turn,? |and )*"
_DICE = re.compile(
    rf"{_LEAD}(?:(?:roll|throw|cast|toss|shake)(?: me| us)?|roll of|let(?: the)?) (?:(?P<n>\d{{1,3}}|an?|the|some"
    rf"|my|your|one of the"
    r"|a couple of|a pair of|both)(?: of the)? )?"
    r"(?:(?:(?P<sides>\d{1,4})[ -]?sided|normal|regular|standard|fair) )?(?:dice|dices|die"
    r"|d ?(?P<d>\d{1,4})s?)(?: with (?P<with>\d{1,4}) sides)?(?: roll)?(?: once| again| now| together)*"
    rf"|{_LEAD}(?:(?:roll|throw)(?: me| us)? )?(?P<nd>\d{{1,3}}) ?d ?(?P<nds>\d{{1,4}})"
    rf"|{_LEAD}(?P<bare>\d{{1,2}})d(?P<bares>\d{{1,4}})"
    rf"|{_LEAD}(?:an? |the |one |1 )?(?:(?:dice|die|d6)(?: roll| throw)?|(?:throw|roll) of (?:the|a) (?:dice|die))"
)
_COIN = re.compile(
    r"(?:(?:i|we) need |give (?:me|us) |do |make |have |decide (?:by|with) |settle it (?:by|with) )*"
    r"(?:(?:flip|flipping|toss|tossing|throw|throwing|spin)(?: me| us)? (?:a|an|the|one|1|your|my"
    r"|that)(?: fair)? (?:coin|penny|quarter|euro)"
    r"|(?:(?:a|one|1|the) )?(?:coin[- ]?flip|coin[- ]?toss|coin throw|flip of (?:a|the) coin|toss of (?:a"
    r"|the) coin)|flip coin|toss coin|(?:with )?a coin|coin)"
    r"(?:(?: and| to)? (?:tell me|decide|see))?(?:[,:]? (?:is it )?(?:heads or tails|tails or heads))?"
    r"|(?:give me |tell me |say |do |play |call it |choose |pick |is it )?(?:heads or tails|tails or heads)"
    r"|(?:heads or tails|tails or heads),? you (?:throw|flip|toss|choose|pick|decide)"
    r"|(?:flip|toss)(?: me)? (?P<coins>\d{1,2}) coins"
)
_NUMBER = re.compile(
    r"(?:(?:what's|what is|pick|pull|choose|select|give (?:me|us)|tell (?:me|us)|generate|say|think of|draw|name"
    r"|i need|make|roll"
    r"|get me|have|what)(?: me| us)? )?(?:a|an|any|some|another|1)? ?(?:(?:random|whole) )*(?:number"
    r"|integer)(?: for (?:me|us))?(?: out of (?:the|a) (?:hat|bag))?"
    r"(?:,?(?: (?:that is|that's|lying|somewhere|anywhere))? (?:between|from|in the range(?: of"
    r"| from)?)? ?(?P<a>-?\d{1,10}) ?(?:and|to|through|-) ?(?P<b>-?\d{1,10})"
    r"| (?:up to|under|below|less than|smaller than|no more than) (?P<to>\d{1,10}))?(?: at random| randomly| please)?"
    r"|(?P<a2>-?\d{1,10}) (?:and|to|through|-) (?P<b2>-?\d{1,10}) (?:at )?random(?:ly)?"
    r"|random(?:ly)?,? (?:from |between )?(?P<a3>-?\d{1,10}) (?:and|to|through|-) (?P<b3>-?\d{1,10})"
)


def answer(text: str, random: Random) -> str | None:
    """Return what the dice show, as a sentence; None where the words ask for no such thing."""
    said = re.sub(r"[\s?!.]+$", "", figures(text)).removeprefix("let's ")
    said = re.sub(r"^give (?:the|a) (?:dice|die) a (?:roll|throw|shake)$", "roll the dice", said)
    said = re.sub(r"^(?:i|we)(?: need| want)(?: to have)? a coin (?:tossed|flipped)$", "flip a coin", said)
    said = re.sub(r"^(?:i|we)(?: want| would like|'d like) to (?=roll|throw|flip|toss)", "", said)
    if (found := _DICE.fullmatch(said)) is not None:
        return _rolled(found, random)
    if (found := _COIN.fullmatch(said)) is not None:
        return _tossed(int(found["coins"] or 1), random)
    found = _NUMBER.fullmatch(said)
    if found is None:
        return None
    ends = next(((found[low], found[high]) for low, high in _ENDS if found[low]), None)
    if ends is None and not found["to"] and "random" not in said:
        return None
    below = 1 if re.search(r"under|below|less than|smaller than", said) else 0
    low, high = map(int, ends) if ends else (1, max(1, int(found["to"] or 100) - below))
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
