"""More than one thing in one utterance: "set a timer for ten minutes and add milk to the list", or a wish and why.

Words are taken apart only where every part but the last is a whole wish by itself, so that a reminder to "call Anna
and buy milk" and "bread and butter" on a list stay one. Pure but for `match`; for a thread, as it takes milliseconds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache, cached_property
from typing import NamedTuple

from harry.reflexes.grammar import LONGEST, is_whole
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
    r"(?!.*\b(?:sa(?:id|ys?)|shout|ask|tells?\b|told|yell|th(?:ink|ought)|cr(?:y|ied)|repl(?:y|ied)|laugh|whisper|wonder"
    r"|mutter|scream|beg|s[aiu]ng|wr(?:ite|ote)|text|insist|repeat|call)(?:s|ed|ing)?\b)"
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


def several(text: str, match: Match) -> Several | None:
    """Return what an utterance holds, if it is more than one wish; None where it is one or none.

    Words are matched once for each way to begin and to end at one of the first `JOINTS` joints, at most.
    """
    if len(text) > LONGEST:
        return None
    plural = _PLURAL.match(text)
    if plural is not None:
        wishes = [match(part) for part in _singly(plural)]
        if all(map(is_whole, wishes)):
            return Several([wish for wish in wishes if wish is not None])
    joints = list(_JOINT.finditer(text))[:JOINTS]
    return _Joined(text, joints, match).read() if joints else None


class _Joined:
    """An utterance that may be taken apart at its joints."""

    def __init__(self, text: str, joints: Sequence[re.Match[str]], match: Match) -> None:
        self._text = text
        self._joints = joints
        self._wish = cache(self._wish_between)
        self._match = match

    def read(self) -> Several | None:
        """Return the wishes, taken apart as finely as can be; else those before what says why, or asks for more."""
        found: list[tuple[int, list[Wish]]] = []
        for first in range(1, len(self._joints) + 1):
            wish = self._wish(0, first, 0)
            if wish is not None:
                wishes, end = self._further(first, first, [wish])
                if end > len(self._joints):
                    return Several(_once(wishes)) if len(wishes) > 1 else None
                found.append((end, wishes))
        return next(filter(None, (self._with_a_rest(end, _once(wishes)) for end, wishes in reversed(found))), None)

    def _further(self, start: int, first: int, wishes: list[Wish]) -> tuple[list[Wish], int]:
        """Return the wishes with those that follow from piece `start` on, as far as they reach, and where they end."""
        best = wishes, start
        if len(wishes) < MOST:
            for end in range(start + 1, len(self._joints) + 2):
                wish = self._wish(start, end, first)
                if wish is not None:
                    reached = self._further(end, first, [*wishes, wish])
                    if reached[1] > best[1]:
                        best = reached
        return best

    def _wish_between(self, start: int, end: int, first: int) -> Wish | None:
        """Return the whole wish of the pieces from `start` to `end`; what is said once stands in the first `first`."""
        words = self._words(start, end)
        wish = self._match(_filled(words, self._words(0, first)) if start else words)
        if not is_whole(wish) or wish.name == "Forget":
            return None
        return None if wish.name.startswith(_WHOLE) and self._goes_on(end) else wish

    def _with_a_rest(self, end: int, wishes: list[Wish]) -> Several | None:
        rest = self._words(end, len(self._joints) + 1)
        why = _IS_WHY.match(rest) is not None and "?" not in rest and len(rest.split()) <= _WHY_WORDS
        if not why and not _ASKS_FIRST.match(rest):
            return None
        whole = self._whole
        # "Remind me at nine to call Bob. I keep forgetting." reminds of the call alone; other free words may go on.
        if is_whole(whole) and (self._goes_on(end) or whole.name != "Remind"):
            return None
        return Several(wishes, "" if why else rest)

    @cached_property
    def _whole(self) -> Wish | None:
        return self._match(self._text)

    def _words(self, start: int, end: int) -> str:
        begins = self._joints[start - 1].end() if start else 0
        ends = self._joints[end - 1].start() if end <= len(self._joints) else len(self._text)
        return self._text[begins:ends].strip(" ,")

    def _goes_on(self, end: int) -> bool:
        """Whether the same sentence goes on after piece `end`."""
        return end <= len(self._joints) and self._joints[end - 1][0][0] not in ".;!?"


def _once(wishes: Sequence[Wish]) -> list[Wish]:
    """Leave out what was just wished for in other words: "turn it up, I can't hear you" is louder once."""
    return [
        wish
        for number, wish in enumerate(wishes)
        if not number or (wish.name, wish.slots) != (wishes[number - 1].name, wishes[number - 1].slots)
    ]


def _filled(part: str, first: str) -> str:
    """Return a part with what is said once for all of them: "one", "another", and the verb."""
    found, verb = _SET.search(first), _VERB.match(first)
    if found is not None and _ANOTHER.match(part):
        again = f"{first[: found.start()]}{'an' if found[1].lower() == 'alarm' else 'a'} {found[1]}"
        return _ANOTHER.sub(again, part, count=1)
    if verb is not None and _IS_AGAIN.match(part) and not _ASKS_FIRST.match(part):
        return f"{verb[0]} {part}"
    return part


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
