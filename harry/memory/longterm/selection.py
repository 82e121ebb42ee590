"""What of a search reaches the prompt: nothing weak, nothing twice, nothing that stands there already; each as a line.

A prompt filled with what bears on nothing teaches a mind to pass over its memories. The floors were set on the golden
set of the tests, questions whose answer is not there included.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence

import structlog

from harry.errors import StoreError
from harry.memory.longterm.service import Answer, Found, LongTermMemory
from harry.memory.text.analysis import ago, words_of

FLOORS = {"both": (0.5, 0.42), "words": (0.1, 0.075)}
"""For each tier: the strength the strongest must have, and every other one."""

MOST = 5
"""Memories in a prompt."""

LONGEST = 400
"""Characters of a memory in a prompt."""

ALIKE = 0.8
"""Share of common words from which two memories of one speaker say the same."""

_ASKED = 12  # hits, so that some may fall away

log = structlog.get_logger(__name__)


def chosen(answer: Answer, *, present: Collection[str] = ()) -> list[Found]:
    """Choose what is worth a prompt, oldest first. `present` holds the ids of turns that the prompt has anyway."""
    first, other = FLOORS[answer.tier]
    candidates = [found for found in answer.found if found.item.id.partition("/")[0] not in present]
    if not candidates or max(found.strength for found in candidates) < first:
        return []
    kept: list[Found] = []
    for found in candidates:
        if found.strength >= other and not any(alike(found, each) for each in kept):
            kept.append(found)
        if len(kept) == MOST:
            break
    return sorted(kept, key=lambda found: found.item.at or 0.0)


def alike(one: Found, other: Found) -> bool:
    """Whether two memories say nearly the same: same kind, same speaker, nearly the same words."""
    if (one.item.kind, one.item.speaker) != (other.item.kind, other.item.speaker):
        return False
    these, those = set(words_of(one.item.text)), set(words_of(other.item.text))
    return len(these & those) >= ALIKE * len(these | those)


def rendered(found: Found, now: float) -> str:
    """Write a memory as one line: when, by whom or where from, and what. It is for quoting as data."""
    item = found.item
    text = " ".join(item.text[: 4 * LONGEST].split())
    if len(text) > LONGEST:
        text = f"{text[:LONGEST].rpartition(' ')[0] or text[:LONGEST]} \N{HORIZONTAL ELLIPSIS}"
    origin = item.speaker or item.heading or item.source or item.kind
    return f"Memory from {ago(item.at, now)}, {origin}: {text}"


class MemorySearch:
    """The search that a session's retriever is given. `present` tells which turns its prompt holds already."""

    def __init__(
        self,
        memory: LongTermMemory,
        namespace: str,
        *,
        present: Callable[[], Collection[str]] = frozenset,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._memory = memory
        self._namespace = namespace
        self._present = present
        self._wall = wall

    async def search(self, text: str, offer: Callable[[Sequence[str]], None]) -> list[str]:
        """Find what bears on some words, as lines; a store that fails is noted, and remembers nothing."""
        try:
            answer = await self._memory.search(
                text,
                namespace=self._namespace,
                count=_ASKED,
                offer=lambda answer: offer(self._lines(answer)),
            )
        except StoreError as error:
            log.warning("memory cannot be searched", reason=str(error))
            return []
        return self._lines(answer)

    def _lines(self, answer: Answer) -> list[str]:
        now = self._wall()
        return [rendered(found, now) for found in chosen(answer, present=self._present())]
