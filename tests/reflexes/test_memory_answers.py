"""Questions that memory answers in a session: only without a capable mind, in the second person, with the day."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from pathlib import Path

import pytest
import trio

from actors.text.phrases import load_phrases
from harry.bench.scripted_day import day
from harry.memory.longterm.service import LongTermMemory
from harry.memory.store.database import Database
from harry.memory.store.items import Item
from harry.reflexes.actions import Reflexes
from harry.reflexes.context import ReflexContext
from harry.reflexes.reported_speech import as_told, day_told

SATURDAY = 1_795_864_800.0
A_DAY = 86_400.0


async def test_what_was_told_in_talk_is_answered_a_day_later() -> None:
    async with day(SATURDAY) as held:
        await held.say("My sister Ada moved to Oslo last spring.")
        await held.say("She found a flat near the water.")
        await held.say("Remember that my locker number is 2214.")
        held.clock.at += A_DAY
        assert await held.say("Where does my sister live?") != ""
        assert await held.say("In which city does Ada live, Harry?") == (
            "You told me yesterday that your sister Ada moved to Oslo last spring."
        )
        assert await held.say("What's my locker number?") == "You told me yesterday that your locker number is 2214."
        assert await held.say("Where does my brother live?") == "I don't know: you haven't told me."
        assert await held.say("How old is Ada?") == "I don't know: you haven't told me."
        assert "needs a language model" in await held.say("My brother lives in Rome.")
        assert "needs a language model" in await held.say("What is the capital of Peru?")


async def test_what_was_said_off_the_record_is_unknown() -> None:
    async with day(SATURDAY) as held:
        held.session.dialogue.off_the_record(True)
        await held.say("My sister lives in Oslo.")
        held.session.dialogue.off_the_record(False)
        assert await held.say("Where does my sister live?") == "I don't know: you haven't told me."


@pytest.mark.parametrize("capable", [True, False])
async def test_a_capable_mind_is_asked_instead(tmp_path: Path, capable: bool) -> None:
    tables = await Database.open(tmp_path / "harry.sqlite3")
    memory = LongTermMemory(tables)
    await memory.upsert([Item("1/said", "My sister lives in Oslo.", "ann", "memory", "ann", SATURDAY)])

    async def thoughts() -> list[str]:
        await trio.lowlevel.checkpoint()
        return []

    async def forget(_: str) -> bool:
        await trio.lowlevel.checkpoint()
        return False

    body = ReflexContext(
        "Harry", "ann", str, lambda: False, lambda: True, thoughts, dict, lambda _: 1.0, forget,
        memory=memory, has_capable_mind=lambda: capable, wall=lambda: SATURDAY + 2 * A_DAY,
    )  # fmt: skip
    answer = partial(Reflexes(body, load_phrases("en")).answer_words, "Where does my sister live?")
    assert await answer() == (
        None if capable else f"You told me on {told_on(SATURDAY)} that your sister lives in Oslo."
    )
    await tables.aclose()


def told_on(at: float) -> str:
    return f"{datetime.fromtimestamp(at).astimezone():%A}"


NOW = datetime.fromisoformat("2026-11-28T20:00").astimezone()  # a Saturday


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ("2026-11-28T08:00", "this morning"),
        ("2026-11-28T13:00", "this afternoon"),
        ("2026-11-28T19:55", "just now"),
        ("2026-11-27T23:59", "yesterday"),
        ("2026-11-24T09:00", "on Tuesday"),
        ("2026-11-03T09:00", "on November 3"),
        ("2026-03-03T09:00", "in March"),
        ("2024-03-03T09:00", "in March 2024"),
    ],
)
def test_the_day_is_told_as_people_do(told: str, words: str) -> None:
    assert day_told(datetime.fromisoformat(told).astimezone().timestamp(), NOW) == words


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("I'm allergic to penicillin.", "you're allergic to penicillin"),
        ("We got married in Verona.", "you got married in Verona"),
        ("My plumber comes at eight tomorrow.", "your plumber comes at eight today"),
        ("I was ill, and my sister drove me.", "you were ill, and your sister drove you"),
        ("Mum's birthday is on the ninth.", "Mum's birthday is on the ninth"),
        ("The bins are ours.", "the bins are yours"),
    ],
)
def test_words_are_turned_to_the_one_who_said_them(said: str, words: str) -> None:
    assert as_told(said, NOW.timestamp() - A_DAY, NOW) == words


async def test_where_something_is_is_told_by_memory_before_it_is_said_to_be_out_of_sight() -> None:
    async with day(SATURDAY) as held:
        await held.say("I parked my car on level 3.")
        await held.say("My parcel is at the post office.")
        await held.say("My phone is in the kitchen.")
        assert "level 3" in await held.say("Where's my car?")
        assert "post office" in await held.say("Where is my parcel?")
        assert "kitchen" in await held.say("Where is my phone?")


@pytest.mark.parametrize(
    ("told", "question", "answered"),
    [
        ("the wifi password is purple tiger", "what's the wifi password again", "purple tiger"),
        ("the wifi password is on the fridge", "what's the wifi password?", ""),
        ("my boat is called sea breeze", "what's my boat called?", "sea breeze"),
        ("my dog's name is rex", "what is my dog's name?", "rex"),
        ("the name of our street is old mill lane", "what is the name of our street?", "old mill lane"),
    ],
)
async def test_passwords_of_several_words_and_names_in_small_letters_are_told(
    told: str, question: str, answered: str
) -> None:
    async with day(1_795_808_760.0) as held:
        await held.say(f"Remember that {told}.")
        said = await held.say(question)
        assert answered in said if answered else said == "I don't know: you haven't told me."
