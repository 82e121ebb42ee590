"""What a session lets its reflexes see and move. Every reflex is handed the same context."""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

import trio

from actors.protocols import ExpectedWords, OtherReading
from harry.memory.longterm.service import LongTermMemory
from harry.reflexes.grammar import Wish
from harry.reflexes.lists import KeptLists
from harry.reflexes.reminders import Reminding

_MOST_LISTS = 20

HearAgain = Callable[[str, str, ExpectedWords], Awaitable[Sequence[OtherReading]]]


async def hear_nothing_else(utterance: str, text: str, expected: ExpectedWords) -> Sequence[OtherReading]:
    """Return no other words: nothing was spoken, or it cannot be heard again."""
    await trio.lowlevel.checkpoint()
    return ()


@dataclass(slots=True)
class ReflexContext:
    """What a session lets its reflexes see and move.

    `volume` sets how loud he speaks, if a number is given, and tells it; None where there is no loudspeaker. `tools`
    gives what the mind may use, each as its name and its description; `unmute` opens the microphone again, and says
    whether there is one. `has_capable_mind` says whether a question is better left to the mind. `forget` forgets a
    memory by its id, for good. Lists, reminders and memory are None where nothing is kept. What is set rings first in
    `session`; `understand(words)` gives the wish that words are, and takes milliseconds. `hear_again` gives other words
    for an utterance, by its id and the words that were heard, where it was spoken.
    """

    persona: str
    user: str
    last_words: Callable[[], str]
    mute: Callable[[], bool]
    keeps: Callable[[], bool]
    thoughts: Callable[[], Awaitable[Sequence[str]]]
    minds: Callable[[], Mapping[str, str]]
    volume: Callable[[float | None], float | None]
    forget: Callable[[str], Awaitable[object]]
    memory: LongTermMemory | None = None
    reminding: Reminding | None = None
    lists: KeptLists | None = None
    unmute: Callable[[], bool] = lambda: False
    tools: Callable[[], Sequence[str]] = tuple
    has_capable_mind: Callable[[], bool] = lambda: True
    replies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    wall: Callable[[], float] = time.time
    session: str = ""
    hear_again: HearAgain = hear_nothing_else
    understand: Callable[[str], Wish | None] = field(default=lambda words: None)


async def words_kept(body: ReflexContext) -> frozenset[str]:
    """Return the words of timers, reminders and lists, and of what is on these. Raises `StoreError`."""
    texts: list[str] = []
    if body.reminding is not None:
        texts += [f"{each.name} {each.text}" for each in await body.reminding.of(body.user)]
    if body.lists is not None:
        for name in list(await body.lists.names(body.user))[:_MOST_LISTS]:
            texts += [name, *await body.lists.of(body.user, name)]
    return frozenset(re.findall(r"[\w']+", " ".join(texts).lower()))
