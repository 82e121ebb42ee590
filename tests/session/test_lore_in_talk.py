"""Lore in a conversation: as far back as a book looks, and as its decorators ask, turn by turn."""

from __future__ import annotations

from typing import Any

import pytest

from channels.messages import Exchange
from harry.memory.lore.model import Book, Entry, Scope
from harry.memory.lore.service import KnowledgeBase
from harry.session.recall import SessionMemory
from tests.support.lore_in_memory import LoreInMemory


class Talk:
    """A conversation of which only the lore matters."""

    def __init__(self, *entries: Entry, **book: Any) -> None:
        nothing: Any = None
        lore = KnowledgeBase(LoreInMemory([Book("b", entries, **book)]), Scope("ann", "Harry"))
        self.memory = SessionMemory(nothing, lore, nothing, user="ann")
        self.said: list[Exchange] = []
        self.memory.history = lambda: self.said

    async def guess(self, words: str) -> list[str]:
        """What the words would call up; the turn does not come to be."""
        return [line.removeprefix("Known: ") for line in await self.memory._known(words)]

    async def say(self, words: str, reply: str = "I see.") -> list[str]:
        known = await self.guess(words)
        self.said.append(Exchange(str(len(self.said)), words, reply, interrupted=False))
        return known


def entry(key: str, content: str) -> Entry:
    return Entry(keys=(key,), content=content)


@pytest.mark.parametrize(("depth", "turns"), [(1, 1), (3, 2), (5, 3), (None, 2)])
async def test_a_book_looks_back_as_far_as_it_says(depth: int | None, turns: int, autojump_clock: Any) -> None:
    talk = Talk(entry("Ember", "a red dragon"), scan_depth=depth)
    told = [await talk.say(words) for words in ("I met Ember.", "So?", "And?", "Well?", "Hm?")]
    assert [bool(known) for known in told] == [at < turns for at in range(5)]


async def test_what_harry_said_calls_up_lore_too(autojump_clock: Any) -> None:
    talk = Talk(entry("castle", "it is blue"))
    assert await talk.say("Where to?", "To the castle.") == []
    assert await talk.say("What colour is it?") == ["it is blue"]


async def test_decorators_hold_over_the_turns(autojump_clock: Any) -> None:
    talk = Talk(
        entry("castle", "@@keep_activate_after_match\nblue"),
        entry("well", "@@dont_activate_after_match\ndry"),
        entry("late", "@@activate_only_after 2\ncome"),
        scan_depth=1,
    )
    assert await talk.say("The castle by the well is late.") == ["blue", "dry"]
    assert await talk.say("And the well?") == ["blue"]
    assert await talk.say("Is it late?") == ["blue", "come"]


async def test_a_guess_that_was_taken_back_has_fired_nothing(autojump_clock: Any) -> None:
    talk = Talk(entry("well", "@@dont_activate_after_match\ndry"))
    assert await talk.guess("The well") == ["dry"]
    assert await talk.say("The well is deep.") == ["dry"]
    assert await talk.say("The well again.") == []
