"""Timers by words, in a session whose mind never answers: set, asked about, changed, stopped, snoozed."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio

from channels.event_types import ReminderChanged
from channels.messages import Source, Utterance
from channels.turn import new_id
from harry.host.host import Host
from harry.reflexes.durations import canonical, seconds_in
from harry.reflexes.grammar import grammar_of
from harry.session.session import Session
from tests.reflexes.test_reflexes import gone, harry, said

WORDINGS = {
    "Timer": [
        "Set a timer for ten minutes.", "Set a pasta timer for nine minutes.", "Pasta timer for nine minutes.",
        "Start a 5 minute timer.", "I need a timer for an hour and a half please",
        "Set a second timer for five minutes.",
        "Count down from thirty seconds.", "Tea timer, 4 minutes.", "Set a timer for 20 minutes called laundry.",
        "Set a ten-minute timer for the eggs.", "New timer: 12 minutes.", "Set a timer named tea for four minutes.",
    ],
    "TimeLeft": [
        "How long is left?", "How long is left on the pasta timer?", "How much time is left?", "Time left?",
        "How much longer on the pasta timer?", "When does the timer go off?", "Check the timer.",
        "How many minutes are left on the egg timer?", "Is the pasta timer done yet?", "How's the pasta timer doing?",
        "What's left on the timer?", "How long does the timer have left?",
    ],
    "PauseTimer": [
        "Pause the timer.", "Pause the pasta timer.", "Hold the timer.", "Put the timer on hold.", "Freeze the timer.",
        "Can you pause the egg timer?", "Suspend the timer.", "Pause all timers.", "Halt the timer.",
        "Stop the timer for a moment.",
    ],
    "ResumeTimer": [
        "Resume the timer.", "Resume the pasta timer.", "Continue the timer.", "Unpause the timer.",
        "Start the timer again.", "Let the timer run.", "Carry on with the pasta timer.", "Keep the timer going.",
        "Take the timer off hold.", "Go on with the timer.",
    ],
    "AddTime": [
        "Add five minutes to the timer.", "Add five minutes.", "Add 2 minutes to the pasta timer.",
        "Give me five more minutes.", "Five more minutes.", "Another five minutes.", "Extend the timer by ten minutes.",
        "Make the timer ten minutes longer.", "Put another minute on the timer.", "Add one more minute to the timer.",
    ],
    "TakeTime": [
        "Take five minutes off the timer.", "Take two minutes off the pasta timer.",
        "Subtract a minute from the timer.",
        "Shorten the timer by five minutes.", "Reduce the pasta timer by one minute.", "Take off three minutes.",
        "Make the timer two minutes shorter.", "Remove five minutes from the timer.", "Knock a minute off the timer.",
        "Five minutes less.",
    ],
    "CancelTimers": [
        "Cancel the timer.", "Cancel the pasta timer.", "Delete all my timers.", "Stop the pasta timer.",
        "I don't need the timer any more.", "Get rid of the alarm.", "Cancel my 7 o'clock alarm.",
        "Cancel the reminder to call Anna.", "Don't remind me to call Anna.", "Remove the ten minute timer.",
        "Never mind the timer.", "Cancel both timers.",
    ],
    "ListTimers": [
        "What timers do I have?", "List my timers.", "Do I have any timers?", "Which alarms are set?",
        "Show my reminders.", "Any timers running?", "What are my timers?", "When is my next alarm?",
        "How many timers do I have?", "Read me my reminders.",
    ],
    "Snooze": [
        "Snooze.", "Snooze for five minutes.", "Snooze the alarm.", "Hit snooze.", "Wake me again in ten minutes.",
        "Remind me again in five minutes.", "Snooze it for a quarter of an hour.", "Let me sleep ten more minutes.",
        "Ring again in five minutes.", "Snooze 5 minutes.",
    ],
    "Alarm": [
        "Wake me at seven.", "Set an alarm for 6:30 a.m.", "Set an alarm for seven tomorrow.", "Alarm for noon.",
        "Wake me up every weekday at half past six.", "Set a daily alarm for 7 am.", "I need to get up at six.",
        "Set an alarm for seven every day.", "Set an alarm in twenty minutes.", "Wake me tomorrow at quarter past six.",
    ],
    "Remind": [
        "Remind me in ten minutes to take out the cake.", "Remind me to call Anna tomorrow at nine.",
        "At six remind me to feed the cat.", "Remind me at 8:59 p.m. to call Anna.",
        "Remind me every day at nine to take my pills.", "Set a reminder for friday to buy milk.",
        "Remind me about the meeting tomorrow at noon.", "Remind me on weekdays at seven to stand up.",
        "In an hour remind me to stretch.", "Set a reminder to water the plants in two hours.",
    ],
}  # fmt: skip


@pytest.mark.parametrize("wish", WORDINGS)
def test_ten_wordings_of_each_wish_are_understood(wish: str) -> None:
    assert len(WORDINGS[wish]) >= 10
    grammar = grammar_of("en")
    heard = {text: found.name if (found := grammar.match(text, ("Harry",))) else None for text in WORDINGS[wish]}
    assert heard == dict.fromkeys(WORDINGS[wish], wish)


@pytest.mark.parametrize(
    ("words", "seconds"),
    [
        ("an hour and a half", 5400), ("1h30", 5400), ("two and a half hours", 9000), ("1 hour 30", 5400),
        ("half an hour", 1800), ("a quarter of an hour", 900), ("three quarters of an hour", 2700), ("90 secs", 90),
        ("three seconds", 3), ("thirteen minutes", 780),
        ("one hundred and twenty minutes", 7200), ("1.5 hours", 5400), ("twenty-five minutes", 1500), ("½ hour", 1800),
        ("an hour, ten minutes and five seconds", 4205), ("a couple of minutes", 120), ("1 1/2 hours", 5400),
        ("2 weeks", 1_209_600),
    ],
)  # fmt: skip
def test_lengths_of_time_are_read_as_people_say_and_ears_write_them(words: str, seconds: int) -> None:
    assert seconds_in(words) == seconds
    assert canonical(f"set a timer for {words}")[0] == f"set a timer for {seconds} seconds"


def test_another_timer_is_no_timer_of_a_second() -> None:
    assert canonical("set a second timer for 5 minutes")[0] == "set a second timer for 300 seconds"


@pytest.mark.parametrize(
    "text",
    [
        "My sister arrives in twenty minutes.", "I bought a kitchen timer for five euros.", "Time flies.",
        "The bomb has a timer for ten minutes.", "I set an alarm but I slept through it.", "Give me a minute.",
        "Remind me of that story again.", "It takes half an hour to get there.", "I slept for ten hours.",
        "Remove the lid after ten minutes.", "He has two minutes to live.", "How long is the Nile?",
    ],
)  # fmt: skip
def test_sentences_about_time_are_no_wishes(text: str) -> None:
    assert grammar_of("en").match(text, ("Harry",)) is None


async def _left(host: Host) -> list[tuple[str, int, bool]]:
    assert host.reminding is not None
    held = await host.reminding.of("ann")
    return [(each.name, round(host.reminding.clocks.left(each) / 60), each.paused) for each in held]


async def test_a_named_timer_is_set_asked_about_changed_paused_and_cancelled(tmp_path: Path) -> None:
    async with harry(tmp_path) as (host, mind), host.open(user="ann") as session:
        assert await said(session, "Set a pasta timer for nine minutes.") == "Pasta timer set for nine minutes."
        assert await said(session, "Set a timer for one minute.") == "Timer set for one minute."
        assert "left on the pasta timer" in await said(session, "How long is left on the pasta timer?")
        told = await said(session, "How long is left?")
        assert "the pasta timer" in told
        assert "the one-minute timer" in told
        assert (await said(session, "Add five minutes to the pasta timer.")).startswith("The pasta timer now has 14")
        assert (await said(session, "Take four minutes off the pasta timer.")).startswith("The pasta timer now has ten")
        assert (await said(session, "Take an hour off the pasta timer.")).endswith("I have changed nothing.")
        assert (await said(session, "Pause the pasta timer.")).startswith("The pasta timer is paused, with")
        assert (await said(session, "Pause the pasta timer.")).startswith("The pasta timer is paused already")
        assert ("pasta", 10, True) in await _left(host)
        assert (await said(session, "Resume the timer.")).startswith("The pasta timer goes on")
        assert (await said(session, "Cancel the pasta timer.")).startswith("Cancelled: a pasta timer")
        assert [name for name, _, _ in await _left(host)] == [""]
        assert "no such timer" in await said(session, "Cancel the egg timer.")
        assert len(await _left(host)) == 1
    assert mind.asked == 0


async def test_harry_asks_which_one_before_anything_is_lost(tmp_path: Path) -> None:
    async with harry(tmp_path) as (host, _), host.open(user="ann") as session:
        await said(session, "Set a pasta timer for nine minutes.")
        await said(session, "Set an egg timer for six minutes.")
        assert await said(session, "Cancel the timer.") == "Which one: the egg timer or the pasta timer?"
        assert len(await _left(host)) == 2
        assert (await said(session, "The egg timer.")).startswith("Cancelled: an egg timer")
        await said(session, "Set an egg timer for six minutes.")
        assert (await said(session, "Pause the timer.")).startswith("Which one")
        assert (await said(session, "What time is it?")).startswith("It is")
        assert (await said(session, "Cancel the timer.")).startswith("Which one")
        assert (await said(session, "Both.")).startswith("Cancelled: ")
        assert await _left(host) == []
        assert await said(session, "Cancel the timer.") == "There was nothing to cancel."


async def test_a_timer_without_a_length_is_not_set_until_it_is_told(tmp_path: Path) -> None:
    async with harry(tmp_path) as (host, _), host.open(user="ann") as session:
        assert await said(session, "Set a pasta timer.") == "For how long?"
        assert await _left(host) == []
        assert await said(session, "Nine minutes, please.") == "Pasta timer set for nine minutes."
        assert await said(session, "Set an alarm.") == "For what time?"
        assert (await said(session, "Seven a.m.")).startswith("I'll wake you ")
        assert await said(session, "Remind me to call Anna.") == "When shall I remind you?"
        answer = await said(session, "Tomorrow at nine.")
        assert answer == "I'll remind you tomorrow at 9 a.m. to call Anna."
        assert (await said(session, "Set a timer for 9000 hours.")).endswith("Nothing is set.")
        assert len(await _left(host)) == 3


async def test_sentences_of_harry_end_with_one_full_stop(tmp_path: Path) -> None:
    async with harry(tmp_path) as (host, _), host.open(user="ann") as session:
        for words in (
            "Wake me at seven p.m.",
            "Wake me every day at seven.",
            "Set an alarm for 6:30 a.m.",
            "List my alarms.",
        ):
            assert ".." not in await said(session, words)


async def _ringing(session: Session) -> str:
    happenings = session.events.listen(1000)
    with trio.fail_after(10):
        async for event in happenings:
            match event.what:
                case ReminderChanged(state="ringing", id=identity):
                    return identity
    raise AssertionError


async def test_what_rings_is_snoozed_by_words(tmp_path: Path) -> None:
    async with harry(tmp_path) as (host, _), host.open(user="ann", attended=lambda: True) as session:
        await said(session, "Set a timer for one second.")
        await _ringing(session)
        assert await said(session, "Snooze for five minutes.", Source.TYPED) == "I'll ring again in five minutes."
        [(_, left, _)] = await _left(host)
        assert left == 5
        assert await said(session, "Snooze.") == "Nothing is ringing."


@pytest.mark.parametrize("words", ["Okay.", "Stop.", "Got it, Harry.", "Turn it off, please."])
async def test_a_typed_word_stops_what_rings_and_is_no_turn(tmp_path: Path, words: str) -> None:
    async with harry(tmp_path) as (host, mind), host.open(user="ann", attended=lambda: True) as session:
        assert session.answer_typed(words) is not None or words == "Stop."
        await said(session, "Set a timer for one second.", Source.TYPED)
        happenings = session.events.listen(1000)
        await _ringing(session)
        asked = mind.asked
        assert session.answer_typed(words) is None
        with trio.fail_after(10):
            async for event in happenings:
                match event.what:
                    case ReminderChanged(state="stopped"):
                        break
        assert mind.asked == asked
        await gone(host)


async def test_a_time_is_understood_on_both_sides_of_what_to_do(tmp_path: Path) -> None:
    async with harry(tmp_path) as (host, _), host.open(user="ann") as session:
        told = await said(session, "Remind me tomorrow to call Anna at nine, please.")
        assert told == "I'll remind you tomorrow at 9 a.m. to call Anna."
        told = await said(session, "Remind me tomorrow evening at eight to feed the cat, Harry.")
        assert told == "I'll remind you tomorrow at 8 p.m. to feed the cat."
        told = await said(session, "Remind me every day at three to drink.")
        assert told == "I'll remind you every day at 3 p.m. to drink."
        told = await said(session, "Wake me every evening at seven.")
        assert told == "I'll wake you every day at 7 p.m."
        assert await said(session, "Remind me every Monday to take out the bins.") == "When shall I remind you?"
        told = await said(session, "At half past seven.")
        assert told == "I'll remind you every Monday at 7:30 a.m. to take out the bins."
        assert len(await _left(host)) == 5


async def test_words_that_name_no_timer_go_to_the_mind_where_there_is_none(tmp_path: Path) -> None:
    async with harry(tmp_path) as (host, mind), host.open(user="ann") as session:
        for words in ("Five more minutes.", "Later.", "Turn it off."):
            session.answer(Utterance(new_id(), words, Source.TYPED))
            with trio.fail_after(5):
                while not mind.asked:  # noqa: ASYNC110  (the mind tells nobody)
                    await trio.sleep(0.01)
            mind.asked = 0
