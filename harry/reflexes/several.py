"""More than one thing in one utterance: "set a timer for ten minutes and add milk to the list", or a wish and why.

Words are taken apart only where every part but the last is a whole wish by itself, so that a reminder to "call Anna
and buy milk" and "bread and butter" on a list stay one. Pure but for `match`; for a thread, as it takes milliseconds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from typing import NamedTuple

from harry.reflexes.grammar import LONGEST, UNCLEAR
from harry.reflexes.wishes import Wish

MOST = 4
"""Wishes in one utterance at most."""

JOINTS = 5
"""Places at most at which words are tried to be taken apart."""

_ASKS = (
    r"(?:please |also |then |after that |could you |can you |would you |i(?:'d| would) like (?:you )?to )*"
    r"(?:add|put|set|start|make|create|take|remove|delete|erase|cancel|stop|pause|resume|turn|switch|flip|toss|roll"
    r"|throw|spell|repeat|say|tell|read|give|mute|forget|wipe|clear|convert|write|note|cross|tick|pick|choose|wake"
    r"|remind|remember|snooze|lower|raise|play|call|send|open|close|check|show|how|what|what's|when|which|where|who"
    r"|another|one|a|an|is|are|let|sing|explain|translate|find|look)\b"
)
"""How a part that asks for something begins."""

_SAME_AGAIN = (
    r"(?:the|my|our) (?:[\w-]+ ){1,2}(?:timer|alarm|reminder)\b"
    r"|[^,.;]{1,60} (?:to|on|onto|off|from) (?:the|my|our)\b"
)
"""How a part begins for which the verb of the first holds: "... and the egg timer"."""

_WHY = (
    r"(?:because|'?cause|since|as|so|i|i'm|i've|i'd|i'll|we|we're|we've|we'll|it's|it is|my|our|there's"
    r"|otherwise|don't let|she's|he's|they're|someone's|somebody's|the \w+(?:'s| is| are)|heads|tails"
    r"|thanks|thank you)\b"
)
_WHY_AT_ONCE = (
    r"(?:because|'?cause|since|so (?:that )?(?:i|we)|i'm|i've|i have|i won't|i can't|i don't|i need|we're|we've|we have"
    r"|someone's|somebody's|there's|it's) "
)
"""Reasons that may follow without a comma, which hearing leaves out."""

_IS_WHY = re.compile(
    rf"{_WHY}(?! (?:mean|meant|take that))"
    r"(?!.*\b(?:said|says|shouted|asked|asks|told|tells|yelled|thought|cried|replied|laughed|whispered)\b)"
    r"(?!.*\b(?:no|never mind|wait|instead|rather|scratch)\b)",
    re.IGNORECASE | re.DOTALL,
)
_WHY_WORDS = 14
_END = r"(?<!\b[ap]\.m)[.;!?]+\s+(?=\S)"
_AND = r",?\s+(?:and(?: (?:then|also))?|then|also|plus|as well as)\s+"
_JOINT = re.compile(
    rf"{_END}|{_AND}(?={_ASKS}|{_SAME_AGAIN})|,\s+(?={_ASKS}|{_WHY})|\s+(?={_WHY_AT_ONCE})", re.IGNORECASE
)
_ASKS_FIRST = re.compile(_ASKS, re.IGNORECASE)
_IS_AGAIN = re.compile(_SAME_AGAIN, re.IGNORECASE)
_ANOTHER = re.compile(
    r"(?:another|one|a (?:second|third))(?: one)?\b(?! (?:timer|alarm|reminder|more|of)\b)", re.IGNORECASE
)
_SET = re.compile(r"\b(?:a|an|one|the|my) (?:[\w-]+ )?(timer|alarm|reminder)\b", re.IGNORECASE)
_VERB = re.compile(
    r"^.*?\b(?:add|put|write|note|cancel|stop|delete|remove|erase|pause|resume|take|cross)\b", re.IGNORECASE
)
_PLURAL = re.compile(
    r"^(.*?\b(?:set|start|make|create|give me|need|want)(?: me| us)?) (?:(?:two|three|four|2|3|4|a couple of|some) )?"
    r"(timer|alarm)s\b[,:]?\s*((?:one |for |at ).+)$",
    re.IGNORECASE | re.DOTALL,
)
_LIST = re.compile(r",?\s+and\s+|,\s+", re.IGNORECASE)
_EACH = re.compile(
    r"^(?:(?:one|another|the (?:other|second|third)|a (?:second|third))(?: one)?\s+)?(?:for|at)?\s*", re.IGNORECASE
)
_UNIT = re.compile(r"\b(seconds?|minutes?|mins?|hours?|[ap]\.?m\b\.?)\s*[.!?]*$", re.IGNORECASE)
_WHOLE = ("Remind", "Remember", "Forget")
"""What holds free words to the end of the sentence: what an "and" joins to these belongs to them."""

Match = Callable[[str], Wish | None]


class Several(NamedTuple):
    """The wishes of an utterance, in order, and what is left of it: words that ask for something else, else empty."""

    wishes: Sequence[Wish]
    rest: str = ""


class _Part(NamedTuple):
    words: str
    goes_on: bool = False
    """Whether the same sentence goes on after it."""


def several(text: str, match: Match) -> Several | None:
    """Return what an utterance holds, if it is more than one wish; None where it is one or none."""
    if len(text) > LONGEST or not (_JOINT.search(text) or _PLURAL.match(text)):
        return None
    for parts in _divisions(text):
        wishes = _wishes(parts, match)
        if wishes:
            return Several(wishes)
    return _with_a_rest(text, match)


def _wishes(parts: Sequence[_Part], match: Match) -> list[Wish]:
    """Return the wish of every part, none if one of them has none."""
    found: list[Wish] = []
    for part in parts:
        wish = match(part.words)
        if wish is None or wish.name.endswith(UNCLEAR) or wish.name == "Forget":
            return []
        if wish.name.startswith(_WHOLE) and part.goes_on:
            return []
        # "Turn it up, I can't hear you" is louder once.
        if not found or (wish.name, wish.slots) != (found[-1].name, found[-1].slots):
            found.append(wish)
    return found


def _with_a_rest(text: str, match: Match) -> Several | None:
    """Return the wishes before the last joint after which there is none: what follows says why, or asks for more."""
    whole = match(text)
    for joint in reversed(list(_JOINT.finditer(text))[:JOINTS]):
        before, rest = text[: joint.start()].strip(" ,"), text[joint.end() :].strip(" ,")
        ends = joint[0][0] in ".;!?"
        if whole is not None and not whole.name.endswith(UNCLEAR) and not (ends and whole.name == "Remind"):
            continue
        found = several(before, match)
        wishes = found.wishes if found is not None and not found.rest else _wishes([_Part(before, not ends)], match)
        if not wishes:
            continue
        if _IS_WHY.match(rest) and "?" not in rest and len(rest.split()) <= _WHY_WORDS:
            return Several(wishes)
        if _ASKS_FIRST.match(rest):
            return Several(wishes, rest)
    return None


def _divisions(text: str) -> Iterator[list[_Part]]:
    """Give the ways to take the words apart, the finest first."""
    plural = _PLURAL.match(text)
    if plural is not None:
        yield list(map(_Part, _singly(plural)))
    joints = list(_JOINT.finditer(text))[:JOINTS]
    for count in range(min(len(joints), MOST - 1), 0, -1):
        for chosen in combinations(joints, count):
            starts = [0, *(joint.end() for joint in chosen)]
            ends = [*(joint.start() for joint in chosen), len(text)]
            words = _filled([text[start:end].strip(" ,") for start, end in zip(starts, ends, strict=True)])
            goes_on = [*(joint[0][0] not in ".;!?" for joint in chosen), False]
            yield list(map(_Part, words, goes_on))


def _filled(parts: list[str]) -> list[str]:
    """Return the parts with what is said once for all of them: "one", "another", and the verb."""
    found, verb = _SET.search(parts[0]), _VERB.match(parts[0])
    filled = parts[:1]
    for part in parts[1:]:
        if found is not None and _ANOTHER.match(part):
            again = f"{parts[0][: found.start()]}{'an' if found[1].lower() == 'alarm' else 'a'} {found[1]}"
            filled.append(_ANOTHER.sub(again, part, count=1))
        elif verb is not None and _IS_AGAIN.match(part) and not _ASKS_FIRST.match(part):
            filled.append(f"{verb[0]} {part}")
        else:
            filled.append(part)
    return filled


def _singly(plural: re.Match[str]) -> list[str]:
    """Return "set two timers, one for five and one for ten minutes" as sentences; a unit said once is all theirs."""
    begins, noun, rest = plural[1], plural[2].lower(), plural[3].strip(" .!?")
    unit = _UNIT.search(rest)
    each = []
    for part in _LIST.split(rest):
        length = _EACH.sub("", part, count=1)
        if unit is not None and not _UNIT.search(length):
            length = f"{length} {unit[1]}"
        each.append(f"{begins} {'an' if noun == 'alarm' else 'a'} {noun} {'for' if noun == 'timer' else 'at'} {length}")
    return each
