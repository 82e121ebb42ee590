"""What is told of many things found about one: each once, the newest of what has one value, no question, no wish.

Pure. "My favourite player is Messi now" takes the place of "my favourite player is Ronaldo"; "I like tea" and "I like
cola" stand side by side.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from harry.memory.store.items import Item

_ASKED_TO_KEEP = re.compile(
    r"^(?:\w+, )?(?:please )?(?:remember|note|keep in mind|don't forget)(?: (?:that|this))?[:,]? (?=\S)", re.IGNORECASE
)
_ONE_VALUE = re.compile(
    r"^(?P<subject>(?:my|our|the|\w+'s) (?:[\w'-]+ ){0,3}?"
    r"(?:favou?rite [\w'-]+(?: [\w'-]+)?|(?:\w+ )?(?:name|number|password|code|pin|address|birthday|age|boss|size)))"
    r"(?: is| are| was|'s)(?: now)? (?!not\b|on |in |at |hard |easy )"
    r"(?=(?-i:[A-Z])|\S*\d|\S+(?: now)?[.!]?$)",
    re.IGNORECASE,
)
"""A thing that has one value, and the value: a name, a number, or one word."""


def retold(found: Sequence[Item], is_wish: Callable[[str], bool]) -> list[Item]:
    """Return what is worth telling of what was found, in its order. `is_wish` is slow."""
    oldest_first = sorted(found, key=lambda item: item.at or 0.0)
    newest: dict[str, Item] = {}
    for item in oldest_first:
        text = core(item.text)
        if item.id.endswith("/heard") or text.endswith("?") or (text == item.text.strip() and is_wish(text)):
            continue
        value = _ONE_VALUE.match(text)
        newest[value["subject"].casefold().replace("favourite", "favorite") if value is not None else _plain(text)] = (
            item
        )
    kept = {item.id for item in newest.values()}
    return [item for item in found if item.id in kept]


def core(text: str) -> str:
    """Return what was told without the words that asked to keep it."""
    return _ASKED_TO_KEEP.sub("", " ".join(text.split())).strip()


def _plain(text: str) -> str:
    return re.sub(r"[^\w]+", " ", text).strip().casefold()
