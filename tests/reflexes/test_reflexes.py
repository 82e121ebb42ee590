"""Reflexes: five fresh wordings of each are understood, ordinary sentences are not taken for one; no mind."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trio

from channels.messages import Source, Utterance
from channels.turn import new_id
from harry.config.loading import Config
from harry.config.sections import User
from harry.engines.engine_set import Engines
from harry.engines.lease import EnginePool
from harry.host.host import Host
from harry.host.hosting import hosting
from harry.host.storage import Storage
from harry.memory.store.database import Database
from harry.memory.store.reminders import Reminders
from harry.reflexes.clocks import Clocks
from harry.reflexes.grammar import grammar_of
from harry.reflexes.reminders import Reminding
from harry.reflexes.times import parse_moment, told_duration, told_when
from harry.session.session import Session
from harry.tools.toolbox import ToolError
from tests.support.paths import DATA

WORDINGS = {
    "Repeat": [
        "Say that again, please.", "Could you repeat that?", "Sorry, what did you say?", "I didn't catch that.",
        "Harry, come again?", "What was that?",
    ],
    "Louder": [
        "Speak up.", "A bit louder, please.", "Turn it up.", "I can hardly hear you.",
        "Could you talk a little louder?",
    ],
    "Softer": [
        "You're too loud.", "Quieter, please.", "Turn the volume down.", "Can you speak more softly?", "Not so loud!",
    ],
    "Mute": [
        "Mute yourself.", "Stop listening.", "Turn the microphone off.", "Please shut your ears.",
        "Harry, mute the microphone.",
    ],
    "Time": [
        "What time is it?", "What's the time?", "Do you have the time?", "Tell me what time it is.",
        "Hey Harry, how late is it?",
    ],
    "Date": [
        "What day is it?", "What's today's date?", "Which day is it today?", "What's the date?", "Tell me the date.",
    ],
    "Timer": [
        "Set a timer for ten minutes.", "Timer for half an hour.", "Start a five minute timer.",
        "Could you wake me in twenty minutes?", "Set me a timer for an hour and ten minutes, please.",
    ],
    "Remind": [
        "Remind me in ten minutes to take out the cake.", "Remind me to call Anna tomorrow at nine.",
        "Could you remind me at half past seven to feed the cat?", "In an hour remind me to stretch.",
        "Set a reminder for friday to buy milk.",
    ],
    "Alarm": [
        "Wake me at seven.", "Set an alarm for 6:30 a.m.", "Wake me up tomorrow at quarter past six.",
        "Make an alarm for eight o'clock.", "Please set an alarm for noon.",
    ],
    "ListTimers": [
        "What timers do I have?", "List my reminders.", "Any timers running?", "Do I have any alarms?",
        "Which reminders are set?",
    ],
    "CancelTimers": [
        "Cancel the timer.", "Delete all my reminders.", "Stop the timer, please.", "I don't need the alarm any more.",
        "Forget the reminder.",
    ],
    "Remember": [
        "Remember that my sister comes on Friday.", "Please remember that I am allergic to nuts.",
        "Make a note that the key is under the pot.", "Don't forget that Anna likes tea.",
        "Keep in mind that we leave at nine.",
    ],
    "Recall": [
        "What do you remember about my sister?", "Do you remember anything about the key?",
        "Tell me what you remember about Anna.", "What have I told you about the cat?",
        "Harry, what do you recall about last summer?",
    ],
    "Forget": [
        "Forget that.", "Please forget it.", "Erase that from your memory.", "Strike that from your memory.",
        "Forget what I just said.",
    ],
    "ForgetAll": [
        "Forget everything.", "Erase your memory.", "Delete all my data.", "Forget everything about me.",
        "Wipe all your memories.",
    ],
    "Thoughts": [
        "Read me your thoughts.", "What have you been thinking today?", "What's on your mind?", "Read today's diary.",
        "Tell me your thoughts.",
    ],
    "GoodNight": [
        "Good night.", "I'm going to bed.", "Sleep well!", "See you in the morning.", "Good night, Harry.",
    ],
    "WhoAreYou": [
        "Who are you?", "What's your name?", "Introduce yourself.", "Who am I talking to?",
        "Please tell me who you are.",
    ],
    "WhichModel": [
        "Which model are you?", "What model do you use?", "What are you thinking with?", "What's your brain?",
        "What language model is this?",
    ],
    "Abilities": [
        "What can you do?", "What can I say?", "How can you help me?", "Help!", "What are you capable of?",
    ],
}  # fmt: skip

ORDINARY = (DATA / "ordinary_sentences.txt").read_text("utf-8").splitlines()


def test_five_wordings_of_each_reflex_are_understood() -> None:
    grammar = grammar_of("en")
    wrong = {
        text: found.name if (found := grammar.match(text, ("Harry",))) else None
        for name, texts in WORDINGS.items()
        for text in texts
        if (each := grammar.match(text, ("Harry",))) is None or each.name != name
    }
    total = sum(map(len, WORDINGS.values()))
    assert min(map(len, WORDINGS.values())) >= 5
    assert len(wrong) <= total * 0.05, wrong


def test_no_ordinary_sentence_is_taken_for_a_reflex() -> None:
    assert len(ORDINARY) >= 200
    grammar = grammar_of("en")
    for ending in ("", ".", "?"):
        found = {text: grammar.match(text + ending, ("Harry",)) for text in ORDINARY}
        # To forget something is a wish only where it is remembered.
        taken = {text: wish.name for text, wish in found.items() if wish and wish.name != "ForgetIfTold"}
        assert not taken


NOW = datetime(2026, 11, 27, 14, 20).astimezone()  # a Friday


@pytest.mark.parametrize(
    ("words", "due"),
    [
        ("Wake me at seven.", (27, 19, 0)),
        ("Wake me at seven am.", (28, 7, 0)),
        ("Set an alarm for 6:30 a.m.", (28, 6, 30)),
        ("Set an alarm for half past two.", (27, 14, 30)),
        ("Set an alarm for quarter to three.", (27, 14, 45)),
        ("Set an alarm for ten to five.", (27, 16, 50)),
        ("Set an alarm for noon.", (28, 12, 0)),
        ("Set an alarm for midnight.", (28, 0, 0)),
        ("Wake me tomorrow at nine.", (28, 9, 0)),
        ("Remind me tomorrow to call.", (28, 9, 0)),
        ("Remind me to call on monday at ten.", (30, 10, 0)),
        ("Remind me on friday to rest.", (4, 9, 0)),
        ("Remind me to eat tonight at eight.", (27, 20, 0)),
        ("Set an alarm for 18:15.", (27, 18, 15)),
        ("Remind me tomorrow evening at eight to call Anna.", (28, 20, 0)),
        ("Remind me to call Anna tomorrow evening at eight.", (28, 20, 0)),
        ("Wake me at half past seven.", (27, 19, 30)),
        ("Set an alarm for seven tomorrow morning.", (28, 7, 0)),
        ("Set an alarm for quarter to nine in the evening.", (27, 20, 45)),
        ("Remind me next friday at noon to rest.", (4, 12, 0)),
        ("Remind me in two days at noon to rest.", (29, 12, 0)),
        ("Set a six thirty alarm.", (27, 18, 30)),
    ],
)  # fmt: skip
def test_a_time_of_day_is_the_next_one_that_is_meant(words: str, due: tuple[int, int, int]) -> None:
    wish = grammar_of("en").match(words)
    assert wish is not None
    at = parse_moment(wish.slots["at"], NOW)
    assert at is not None
    assert (at.day, at.hour, at.minute) == due
    assert at > NOW


@pytest.mark.parametrize(
    ("words", "seconds"),
    [
        ("timer for ninety seconds", 90), ("timer for half an hour", 1800), ("timer for an hour and a half", 5400),
        ("timer for two hours and ten minutes", 7800), ("timer for an hour and ten minutes", 4200),
        ("timer for one minute", 60), ("timer for 25 minutes", 1500), ("timer for a minute and thirty seconds", 90),
        ("remind me in two days to water the plants", 172_800), ("set the timer to five minutes", 300),
        ("set a timer for 1 1/2 hours", 5400), ("set a timer for 2 and a half minutes", 150),
        ("set a two and a half minute timer", 150), ("timer for three quarters of an hour", 2700),
        ("set a timer for 2 minutes 30", 150), ("set an alarm in an hour and a half", 5400),
    ],
)  # fmt: skip
def test_a_duration_is_heard_to_the_second(words: str, seconds: int) -> None:
    wish = grammar_of("en").match(words)
    assert wish is not None
    assert int(wish.slots["seconds"]) == seconds


def test_times_are_told_as_a_person_says_them() -> None:
    assert told_duration(5400) == "one hour and 30 minutes"
    assert told_duration(61) == "one minute and one second"
    assert told_when(NOW.replace(hour=15), NOW) == "at 3:20 p.m."
    assert told_when(NOW.replace(day=28), NOW) == "tomorrow at 2:20 p.m."


class Hung:
    """A mind that never answers."""

    name = "hung"

    def __init__(self) -> None:
        self.asked = 0

    async def reply(self, *_: Any) -> None:
        self.asked += 1
        await trio.sleep_forever()

    def describe(self) -> str:
        return "a mind that hangs"

    async def aclose(self) -> None:
        await trio.lowlevel.checkpoint()


@asynccontextmanager
async def harry(tmp_path: Path) -> AsyncIterator[tuple[Host, Hung]]:
    mind = Hung()
    config = Config(user=User(name="ann"))
    config._data_folder = tmp_path
    store = await Database.open(tmp_path / "harry.sqlite3")
    async with hosting(
        config, Engines(language_model=EnginePool("language_model", mind)), Storage.of(store), most=3
    ) as host:
        yield host, mind
    await store.aclose()


async def said(session: Session, text: str, source: Source = Source.TYPED) -> str:
    """Say something; returns what Harry answered, and fails if he does not."""
    with trio.fail_after(10):
        turn = session.answer(Utterance(new_id(), text, source, 0.0, 0.0))
        assert turn is not None
        await turn.over.wait()
    return session.conductor.history[-1].heard


async def test_reflexes_answer_while_the_mind_hangs(tmp_path: Path) -> None:
    async with harry(tmp_path) as (host, mind), host.open(user="ann") as session:
        assert "Nothing" not in await said(session, "What time is it?")
        assert "a mind that hangs" in await said(session, "Which model are you?")
        heard = await said(session, "Who are you?")
        assert "Harry" in heard
        assert await said(session, "Say that again.") == heard
        assert await said(session, "Louder!") == "There is no loudspeaker here, so there is nothing to turn up or down."
        assert await said(session, "Mute yourself.") == "There is no microphone here."
        assert "erase" in await said(session, "Forget everything.")
        assert "Good night" in await said(session, "Good night, Harry.")
    assert mind.asked == 0


async def test_sums_dates_and_lists_are_answered_while_the_mind_hangs(tmp_path: Path) -> None:
    async with harry(tmp_path) as (host, mind), host.open(user="ann") as session:
        assert await said(session, "What is fifteen percent of eighty?") == "That is 12."
        assert await said(session, "How many ounces are in a pound?") == "1 pound is 16 ounces."
        assert "Christmas" in await said(session, "When is Christmas?")
        assert await said(session, "Add milk to my shopping list.") == "Milk is on your shopping list."
        assert (await said(session, "What's the weather like?")).startswith("I can't see the weather.")
    async with harry(tmp_path) as (host, _), host.open(user="ben") as bens, host.open(user="ann") as session:
        assert await said(bens, "What's on my shopping list?") == "Your shopping list is empty."
        assert await said(session, "What's on my shopping list?") == "On your shopping list: milk."
    assert mind.asked == 0


async def test_what_harry_is_told_to_remember_is_quoted_and_forgotten_after_a_yes(tmp_path: Path) -> None:
    async with harry(tmp_path) as (host, _), host.open(user="ann") as session:
        assert await said(session, "Remember that my sister plays the violin.") == (
            "I will remember that your sister plays the violin."
        )
        recalled = await said(session, "What do you remember about my sister's violin?")
        assert "plays the violin" in recalled
        assert "just now" in recalled
        assert await said(session, "Forget that.") == "Shall I forget this: my sister plays the violin?"
        assert await said(session, "No.") == "Then I keep it."
        await said(session, "Forget that.")
        # Harry himself cannot agree.
        session.conductor.say("Yes.")
        await session.conductor.wait_idle()
        await said(session, "Forget that.")
        assert await said(session, "Yes, please.") == "It is forgotten."
        assert host.memory is not None
        kept = await host.memory.memory.list_items("ann", kind="memory")
        assert [item.text for _, item in kept if item.source == "told"] == []
        assert (await said(session, "Forget that.")).startswith("There is nothing")


async def test_off_the_record_nothing_is_remembered(tmp_path: Path) -> None:
    async with harry(tmp_path) as (host, _), host.open(user="ann") as session:
        session.attention.off_the_record = True
        assert "cannot remember" in await said(session, "Remember that I hid the key.")
        assert host.memory is not None
        assert not await host.memory.memory.list_items("ann", kind="memory")


async def test_a_timer_comes_due_in_a_gap_and_is_told_once(tmp_path: Path) -> None:
    async with harry(tmp_path) as (host, _), host.open(user="ann", attended=lambda: True) as session:
        assert await said(session, "Set a timer for one second.") == "Timer set for one second."
        assert "timer" in await said(session, "What timers do I have?")
        happenings = session.events.listen()
        with trio.fail_after(10):
            async for event in happenings:
                if event.event == "heard":
                    break
        assert event.fields["text"] == "Your one-second timer is up."
        assert host.reminding is not None
        await gone(host)


async def gone(host: Host) -> None:
    assert host.reminding is not None
    with trio.fail_after(10):
        while await host.reminding.of("ann"):  # noqa: ASYNC110  (the store tells nobody)
            await trio.sleep(0.02)


async def test_a_reminder_survives_a_restart_and_is_told_late(tmp_path: Path) -> None:
    async with harry(tmp_path) as (host, _):
        assert host.database is not None
        past = Clocks(lambda: time.time() - 4000, boot="an earlier start")
        held = Reminding(Reminders(host.database), lambda user: (), clocks=past)
        await held.set("ann", "reminder", seconds=400, text="call Anna")
    async with (
        harry(tmp_path) as (host, _),
        host.open(user="ben", attended=lambda: True),
        host.open(user="ann", attended=lambda: True) as session,
    ):
        happenings = session.events.listen()
        with trio.fail_after(10):
            async for event in happenings:
                if event.event == "heard":
                    break
        assert str(event.fields["text"]).endswith(", while I was off, you wanted to be reminded: call Anna.")
        await gone(host)


async def test_reminders_are_listed_and_cancelled_by_kind(tmp_path: Path) -> None:
    async with harry(tmp_path) as (host, _), host.open(user="ann") as session:
        await said(session, "Set a timer for ten minutes.")
        await said(session, "Remind me in two hours to call my mother.")
        told = await said(session, "List my reminders.")
        assert "call your mother" in told
        assert "timer" in told
        assert (await said(session, "Cancel the timer.")).startswith("Cancelled: a ten-minute timer")
        assert host.reminding is not None
        assert [each.kind for each in await host.reminding.of("ann")] == ["reminder"]
        assert (await said(session, "Delete all my reminders.")).startswith("Cancelled: a reminder")
        assert await said(session, "Do I have any timers?") == "There is no timer."


async def test_a_reflex_with_an_effect_waits_until_the_words_are_sure(tmp_path: Path) -> None:
    async with harry(tmp_path) as (host, _), host.open(user="ann") as session:
        session.conductor.speculate(Utterance(new_id(), "Set a timer for ten minutes.", Source.VOICE, 0.0, 0.0))
        await trio.sleep(0.2)
        session.conductor.withdraw()
        await session.conductor.wait_idle()
        assert host.reminding is not None
        assert await host.reminding.of("ann") == []


async def test_a_mind_sets_timers_and_reminders_by_tools(tmp_path: Path) -> None:
    async with harry(tmp_path) as (host, _), host.open(user="ann") as session:
        offers = session.tools.offers
        assert await offers["set_timer"].handler({"seconds": 600}) == "A timer for ten minutes is set."
        at = (datetime.now().astimezone() + timedelta(days=1)).replace(tzinfo=None, hour=12, microsecond=0)
        told = await offers["set_reminder"].handler({"at": at.isoformat(), "what": "water the plants"})
        assert str(told).startswith("A reminder tomorrow at")
        with pytest.raises(ToolError):
            await offers["set_reminder"].handler({"at": "2020-01-01T10:00", "what": "x"})
        assert host.reminding is not None
        assert [each.text for each in await host.reminding.of("ann")] == ["", "water the plants"]


def test_a_wish_is_matched_in_some_milliseconds() -> None:
    grammar = grammar_of("en")
    grammar.match("what time is it")
    took: list[float] = []
    for texts in WORDINGS.values():
        for text in texts:
            began = time.perf_counter()
            grammar.match(text)
            took.append(time.perf_counter() - began)
    # A machine may be slow; a match that took the time of a reply would be a mistake all the same.
    assert sorted(took)[len(took) // 2] < 0.05


def test_replies_of_the_grammar_are_whole_sentences() -> None:
    replies: dict[str, Callable[[], str]] = {}
    for name, words in grammar_of("en").replies.items():
        assert words.endswith((".", "?", "}", "!")), name
        replies[name] = words.strip
    assert {name for name in WORDINGS if name not in replies} == set()
