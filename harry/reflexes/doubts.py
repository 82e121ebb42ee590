"""Words that match a sentence of the grammar, and are still no wish: free words may be anything. Pure.

"Remember that day?" asks, "call me Ishmael" calls nobody, and "he wrote milk on the list" only tells.
"""

from __future__ import annotations

import re

from harry.reflexes.wishes import Wish

_ASKS = re.compile(r".{0,12}\b(?:can|could|would|will) you\b", re.IGNORECASE)
_NOT_MINE = re.compile(
    r"(?:your|his|her|their|someone's|whose|this|that|a|an|every|no|which|what|waiting|wait|black|mailing|guest"
    r"|price|short|hit|best[- ]seller)\b|(?:\S+ ){3}",
    re.IGNORECASE,
)
_PLACE = re.compile(r"(?:the|my|our|a|an|this|that|work|school|town)\b|[A-Z]")
_NO_PLACE = re.compile(r"(?:stars?|galaxy|planet|black hole)\b", re.IGNORECASE)
_ARTICLE = re.compile(r"^(?:the|my|our) ", re.IGNORECASE)
_POINTING = frozenset(("it", "that", "this", "them", "these", "those", "something", "everything", "stuff", "things"))
_NAME_WORDS = 4
_TELLING = frozenset((
    "i", "you", "he", "she", "it", "we", "they", "is", "are", "was", "were", "has", "have", "had", "do", "does", "did",
    "will", "would", "can", "could", "not", "don't", "what", "when", "where", "who", "why", "how", "if", "because",
    "said", "says", "there", "your", "his", "their",
))  # fmt: skip
"""What has one of these is a sentence of its own, and neither the name nor the entry of anything."""

_NO_NAME = _TELLING | {
    "no",
    "never",
    "without",
    "hold",
    "pause",
    "stop",
    "freeze",
    "cancel",
    "halt",
    "keep",
    "resume",
    "and",
    "but",
    "or",
    "to",
    "from",
    "that",
    "this",
    "about",
    "my",
    "her",
    "off",
    "went",
    "rang",
}
_NO_ENTRY = _TELLING | {
    "please",
    "let",
    "without",
    "no",
    "off",
    "out",
    "remove",
    "removed",
    "delete",
    "deleted",
    "take",
    "took",
    "crossed",
    "wrote",
    "put",
    "my",
    "hey",
    "hi",
    "add",
    "so",
    "um",
    "okay",
    "ok",
}
_IS_AN_ORDER = re.compile(
    r"(?:do(?:n't| not)|never)\b|(?:remind|wake|tell|ask|let|give|get) (?:me|us)\b"
    r"|(?:set|start|cancel|pause|stop|make) .*\b(?:timers?|alarms?|reminders?)\b"
    r"|.* (?:to|on|onto|off|from) (?:the|my|our) (?:[\w-]+ ){0,3}list\b",
    re.IGNORECASE,
)
"""Words before the entry that are an order of their own, "set a timer and add milk": no entry of a list."""

_IS_CORRECTED = re.compile(r"\w,\s+(?:no|sorry|wait|actually|i mean|rather)\b|\w no (?:wait|sorry)\b", re.IGNORECASE)
_ENTRY_WORDS = 10
_NOT_REMEMBERED = re.compile(
    r".*\b(?:timers?|alarms?|reminders?|lists?)\b|(?:everything|yesterday|me|it|i asked)$|.*\bfrom your (?:memory"
    r"|mind)\b",
    re.IGNORECASE,
)
_TO_REMEMBER = re.compile(
    r"(?:i|we) (?!told|said|asked|were|was|used|had|never|always)\w+ |(?!when|how|what|why|to|me|him|her|those"
    r"|these|who|if|it|that)\w+"
    r" .*\b(?:is|are|has|owes|lives|needs|likes)\b",
    re.IGNORECASE,
)


def is_doubtful(wish: Wish, text: str) -> bool:
    """Return whether words that match are still no wish. `text` is all that was said."""
    asks = text.rstrip().endswith("?")
    if wish.name == "Remember":
        if "bare" in wish.slots and not _TO_REMEMBER.match(str(wish.slots["what"])):
            return True
        return asks and not _ASKS.match(text)
    if wish.name == "Repeat" and wish.text.lower().strip(" .!?,") in ("sorry", "excuse me"):
        return not asks
    if wish.name in ("ForgetAbout", "ForgetIfTold"):
        named = str(wish.slots.get("what", wish.slots.get("mine", "")))
        return (asks and not _ASKS.match(text)) or _NOT_REMEMBERED.match(named) is not None
    return not _may_be_called(wish) or _is_no_call(wish) or _is_no_entry(wish, text) or _is_no_goal(wish)


def _may_be_called(wish: Wish) -> bool:
    """Return whether what stands for the name of a timer can be one."""
    which = "" if wish.name == "CancelTimers" else wish.slots.get("which", "")
    named = str(wish.slots.get("name", "") or which).lower().split()
    return len(named) <= _NAME_WORDS and _NO_NAME.isdisjoint(named)


def _is_no_call(wish: Wish) -> bool:
    named = str(wish.slots.get("callee", "")).split()
    return bool(named) and (
        len(named) > 2 or not all(name[0].isupper() or name.isdigit() for name in named) or named[0] == "I"
    )


def _is_no_entry(wish: Wish, text: str) -> bool:
    named = str(wish.slots.get("items", ""))
    items = re.findall(r"\w+", named.lower())
    if _IS_AN_ORDER.match(named) or (named and _IS_CORRECTED.search(text)):
        return True
    if " ".join(items) in _POINTING or _NOT_MINE.match(_ARTICLE.sub("", str(wish.slots.get("list", "")))):
        return True
    return "bare" in wish.slots and (len(items) > _ENTRY_WORDS or not _NO_ENTRY.isdisjoint(items))


def _is_no_goal(wish: Wish) -> bool:
    if len(str(wish.slots.get("place", "")).split()) > 3:
        return True
    goal = str(wish.slots.get("goal", ""))
    lost = wish.text.lower().startswith("how do i get")
    return bool(goal) and bool(_NO_PLACE.match(goal) or (lost and not _PLACE.match(goal)))
