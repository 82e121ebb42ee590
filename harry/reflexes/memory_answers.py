"""Questions that memory answers where no capable mind is there: what was told, and when; or that it was not told.

A capable mind is asked instead, and is given its memories: it can do more with them than tell one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from harry.memory.longterm.answers import ToldFact, answer
from harry.memory.longterm.questions import read_question
from harry.memory.longterm.service import LongTermMemory
from harry.reflexes.bare_words import readings
from harry.reflexes.own_name import asks_for_own_name, own_name
from harry.reflexes.reported_speech import as_told, day_told

_AGAIN = re.compile(r"(?:,? (?:again|then|though|exactly))+(?=[?.!]*$)", re.IGNORECASE)
_OF_MINE = re.compile(
    r"^(?:do you (?:still )?(?:know|remember|recall)|(?:please )?(?:tell|give) me|remind me of) ((?:my"
    r"|our) [\w' -]+)[?.!]*$",
    re.IGNORECASE,
)
"""A question without its word: "do you know my shoe size?"."""


@dataclass(frozen=True, slots=True)
class MemoryAnswer:
    """What memory says. `known`: it was told; else it is unknown, or only something near was told."""

    words: str
    known: bool


class MemoryAnswers:
    """A session's. `reply` puts an answer in the persona's words; `is_wish` tells of a wish."""

    def __init__(
        self, memory: LongTermMemory | None, user: str, reply: Callable[..., str], is_wish: Callable[[str], bool]
    ) -> None:
        self._memory = memory
        self._user = user
        self._reply = reply
        self._is_wish = is_wish

    async def answer(self, text: str, names: Sequence[str], now: datetime) -> MemoryAnswer | None:
        """Return what memory says to a question; None where it is none for it. Raises `StoreError`."""
        if asks_for_own_name(text, names):
            name = await own_name(self._memory, self._user)
            return MemoryAnswer(self._reply("YourName", name=name), known=True) if name is not None else self._unknown()
        said = (_AGAIN.sub("", _OF_MINE.sub(r"what is \1", words)) for words in reversed(readings(text, names)))
        question = next((words for words in said if read_question(words) is not None), None)
        if question is None or self._memory is None:
            return None
        found = await answer(question, self._memory, self._user, is_wish=self._is_wish)
        if found is None:
            return None
        if found.fact is not None:
            return MemoryAnswer(self._told(found.fact, now), known=True)
        if found.near is not None:
            return MemoryAnswer(self._told(found.near, now, "NearestFact"), known=False)
        return self._unknown()

    def _unknown(self) -> MemoryAnswer:
        return MemoryAnswer(self._reply("NotTold"), known=False)

    def _told(self, fact: ToldFact, now: datetime, reply: str = "ToldFact") -> str:
        text, when = as_told(fact.text, fact.at, now), day_told(fact.at, now)
        if fact.origin:
            words = self._reply("ToldElsewhere", when=when, origin=fact.origin, text=text)
            return words if reply == "ToldFact" else f"{self._unknown().words} {words}"
        if fact.about:
            return self._reply("ToldAbout", when=when, about=as_told(fact.about, fact.at, now), text=text)
        return self._reply(reply, when=when, text=text)
