"""What of a search reaches the prompt: nothing weak, nothing twice, nothing that stands there already; each as a line.

A prompt filled with what bears on nothing teaches a mind to pass over its memories. The floors were set on the golden
set of the tests, questions whose answer is not there included.
"""

from __future__ import annotations

from collections.abc import Collection

from harry.memory.longterm.service import Answer, Found
from harry.memory.store.items import IMPORTED
from harry.memory.text.analysis import format_age, split_words

FLOORS = {"both": (0.5, 0.42), "words": (0.1, 0.075)}
"""For each tier: the strength the strongest must have, and every other one."""

MAX_MEMORIES = 5
"""Memories in a prompt."""

MAX_MEMORY_CHARACTERS = 400
"""Characters of a memory in a prompt."""

ALIKE = 0.8
"""Share of common words from which two memories of one speaker say the same."""

CANDIDATES = 12
"""Hits to ask a search for, so that some may fall away."""


def select(answer: Answer, *, present: Collection[str] = ()) -> list[Found]:
    """Select the memories for a prompt, oldest first. `present` holds the ids of turns that stand in it already."""
    first, other = FLOORS[answer.tier]
    candidates = [found for found in answer.found if found.item.id.partition("/")[0] not in present]
    if not candidates or max(found.strength for found in candidates) < first:
        return []
    kept: list[Found] = []
    for found in candidates:
        if found.strength >= other and not any(are_alike(found, other_found) for other_found in kept):
            kept.append(found)
        if len(kept) == MAX_MEMORIES:
            break
    return sorted(kept, key=lambda found: found.item.at or 0.0)


def are_alike(one: Found, other: Found) -> bool:
    """Return whether two memories say nearly the same: same kind, same speaker, nearly the same words."""
    if (one.item.kind, one.item.speaker) != (other.item.kind, other.item.speaker):
        return False
    these, those = set(split_words(one.item.text)), set(split_words(other.item.text))
    return len(these & those) >= ALIKE * len(these | those)


def render(found: Found, now: float) -> str:
    """Render a memory as one line: when, by whom or from where, and what. The caller quotes it as data."""
    item = found.item
    text = " ".join(item.text[: 4 * MAX_MEMORY_CHARACTERS].split())
    if len(text) > MAX_MEMORY_CHARACTERS:
        text = (
            f"{text[:MAX_MEMORY_CHARACTERS].rpartition(' ')[0] or text[:MAX_MEMORY_CHARACTERS]} \N{HORIZONTAL ELLIPSIS}"
        )
    origin = item.speaker or item.heading or item.source or item.kind
    if item.source.startswith(IMPORTED):
        origin = f"{origin} (an imported conversation, {item.heading})"
    return f"Memory from {format_age(item.at, now)}, {origin}: {text}"


def render_memories(answer: Answer, *, present: Collection[str], now: float) -> list[str]:
    """Render the memories for a prompt as lines, oldest first; `present` as in `select`."""
    return [render(found, now) for found in select(answer, present=present)]
