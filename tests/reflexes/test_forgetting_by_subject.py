"""What was told is forgotten by its subject: Harry finds it, says what it is, and forgets it after a yes alone."""

from __future__ import annotations

import pytest

from harry.bench.scripted_day import USER, day

EVENING = 1_795_808_760.0  # seconds since the epoch


@pytest.mark.parametrize(
    ("told", "wish", "asked"),
    [
        ("Remember that my locker number is 2214.", "Forget my locker number.", "my locker number is 2214"),
        ("Remember that Karl owes me fifty euros.", "Delete what I told you about Karl.", "Karl owes me fifty euros"),
        ("Remember that my PIN is 4821.", "Could you erase my pin from your memory, Harry?", "my PIN is 4821"),
        ("Remember that the key is under the mat.", "Please forget where the key is.", "the key is under the mat"),
    ],
)
async def test_harry_asks_whether_to_forget_what_was_told(told: str, wish: str, asked: str) -> None:
    async with day(EVENING) as held:
        await held.say(told)
        assert await held.say(wish) == f"Shall I forget this: {asked}?"
        assert await held.say("Yes.") == "It is forgotten."
        assert held.host.memory is not None
        kept = await held.host.memory.memory.list_items(USER, kind="memory")
        assert not [item for _, item in kept if asked.lower() in item.text.lower()]


async def test_what_is_not_remembered_is_said_or_left_alone() -> None:
    async with day(EVENING) as held:
        assert await held.say("Forget my shoe size.") == (
            "I remember nothing about your shoe size, so there is nothing to forget."
        )
        assert "needs a language model" in await held.say("Forget the past.")


async def test_off_the_record_what_was_told_before_can_still_be_asked_for() -> None:
    async with day(EVENING) as held:
        await held.say("Remember that my locker number is 2214.")
        held.session.dialogue.off_the_record(True)
        assert "2214" in await held.say("What do you remember about my locker?")
        assert "2214" in await held.say("What is my locker number?")


async def test_forget_that_means_the_newer_of_what_was_to_be_remembered_and_what_was_just_said() -> None:
    async with day(EVENING) as held:
        await held.say("Remember that my name is Margaret.")
        held.clock.at += 60
        await held.say("My husband's birthday is the 4th of March.")
        assert "birthday" in await held.say("Forget that.")
        await held.say("No.")
        held.clock.at += 60
        await held.say("Remember that I like tea.")
        assert "tea" in await held.say("Forget that.")
        await held.say("No.")
        held.clock.at += 60
        await held.say("Tell me more about the leaves of it.")
        assert "tea" in await held.say("Forget that.")
