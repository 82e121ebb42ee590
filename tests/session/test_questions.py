"""Questions that Harry asks for somebody else: the next words for him are the answer, as they were understood."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from trio.testing import MockClock

from harry.memory.store.in_memory import InMemoryStore
from harry.session.announcements import Announcement, Announcements, State
from tests.session.test_announcements import announcing, heard
from tests.support.virtual_session import FakeMind, House, house, says

QUESTION = "Shall I water the garden this evening?"


@asynccontextmanager
async def asked(
    *, mind: FakeMind | None = None, within: float = 30.0
) -> AsyncIterator[tuple[House, Announcement, Announcements]]:
    """Have a question asked."""
    async with (
        house(mind=mind or says("I am the mind.")) as home,
        announcing(home) as announcements,
    ):
        announcement, _ = announcements.put(QUESTION, answer_within=within)
        yield home, announcement, announcements


async def speak(home: House, words: str, seconds: float = 0.6) -> None:
    """Have a person say something."""
    assert home.engines.speech_to_text is not None
    home.engines.speech_to_text.engine.texts = [words]  # type: ignore[attr-defined]  # it is a FakeEar
    await home.voice(seconds)


async def until_heard(home: House, word: str) -> None:
    while word not in home.session.conductor.last_heard:
        await home.silence(0.064)


@pytest.mark.parametrize(
    "words",
    ["Yes, please.", "No.", "Stop.", "Cancel that.", "Go ahead.", "Sorry, no.", "Mhm.", "What is the weather like?"],
)
async def test_the_next_words_are_the_answer_and_no_mind_answers_them(autojump_clock: MockClock, words: str) -> None:
    mind = says("I am the mind.")
    async with asked(mind=mind) as (home, announcement, _):
        await until_heard(home, "evening?")
        await home.silence(1)
        await speak(home, words)
        await home.silence(5)
        assert (announcement.state, announcement.answer) == (State.ANSWERED, words)
        assert heard(home) == [QUESTION, "All right."]
        assert not mind.requests


@pytest.mark.parametrize("words", ["Yes, please.", "stop"])
async def test_a_typed_line_answers_as_well(autojump_clock: MockClock, words: str) -> None:
    async with asked() as (home, announcement, _):
        await until_heard(home, "evening?")
        await home.silence(1)
        home.session.answer_typed(words)
        await home.silence(5)
        assert (announcement.state, announcement.answer) == (State.ANSWERED, words)


async def test_an_answer_is_a_turn_of_the_conversation(autojump_clock: MockClock) -> None:
    async with asked() as (home, _, _announcements):
        await until_heard(home, "evening?")
        await home.silence(1)
        await speak(home, "Yes, please.")
        await home.silence(5)
        assert [(each.said, each.heard) for each in home.session.conductor.history] == [
            ("", QUESTION),
            ("Yes, please.", "All right."),
        ]


async def test_where_nobody_answers_it_is_told_after_the_deadline_and_later_words_are_for_the_mind(
    autojump_clock: MockClock,
) -> None:
    async with asked(within=10) as (home, announcement, _):
        await until_heard(home, "evening?")
        await home.silence(9)
        assert not announcement.settled.is_set()
        await home.silence(2)
        assert announcement.state is State.UNANSWERED
        await speak(home, "Yes.")
        await home.silence(5)
        assert heard(home) == [QUESTION, "I am the mind."]


async def test_who_is_speaking_at_the_deadline_has_answered(autojump_clock: MockClock) -> None:
    async with asked(within=5) as (home, announcement, _):
        await until_heard(home, "evening?")
        await home.silence(4.5)
        await speak(home, "Yes, but only the roses.", 3)
        await home.silence(5)
        assert announcement.answer == "Yes, but only the roses."


@pytest.mark.parametrize("words", ["What did you say?", "Pardon?", "Harry, say that again, please."])
async def test_a_question_is_said_again_and_answered_then(autojump_clock: MockClock, words: str) -> None:
    async with asked(within=8) as (home, announcement, _):
        await until_heard(home, "evening?")
        await home.silence(6)
        await speak(home, words)
        await home.silence(8)
        assert heard(home) == [QUESTION, QUESTION]
        await speak(home, "Yes.")
        await home.silence(5)
        assert announcement.answer == "Yes."


async def test_um_is_no_answer(autojump_clock: MockClock) -> None:
    async with asked() as (home, announcement, _):
        await until_heard(home, "evening?")
        for words in ("Um.", "Yes."):
            await home.silence(1)
            await speak(home, words)
        await home.silence(5)
        assert announcement.answer == "Yes."


async def test_words_that_cut_a_question_of_which_enough_was_heard_are_its_answer(autojump_clock: MockClock) -> None:
    async with asked() as (home, announcement, _):
        await until_heard(home, "garden")
        await speak(home, "Yes, do that.", 1.0)
        await home.silence(5)
        assert announcement.answer == "Yes, do that."
        assert "this evening?" not in heard(home)[0]


async def test_words_that_cut_it_before_are_for_the_mind_and_it_is_asked_again(autojump_clock: MockClock) -> None:
    async with asked() as (home, announcement, _):
        await until_heard(home, "Shall I")
        await speak(home, "Where is my hat?", 1.0)
        await home.silence(20)
        assert heard(home)[1:] == ["I am the mind.", QUESTION]
        await speak(home, "Yes.")
        await home.silence(5)
        assert announcement.answer == "Yes."


async def test_a_stop_while_it_sounds_silences_it_and_is_no_answer(autojump_clock: MockClock) -> None:
    async with asked() as (home, announcement, _):
        await until_heard(home, "garden")
        await speak(home, "Stop.")
        await home.silence(5)
        assert announcement.state is State.STOPPED
        await speak(home, "Hello.")
        await home.silence(5)
        assert heard(home)[1:] == ["I am the mind."]


async def test_an_answer_that_goes_on_after_a_pause_is_told_whole(autojump_clock: MockClock) -> None:
    async with asked() as (home, announcement, _):
        await until_heard(home, "evening?")
        await home.silence(1)
        await speak(home, "Yes,")
        while not home.session.conductor.busy:
            await home.silence(0.032)
        await speak(home, "but only the roses.", 1.0)
        await home.silence(6)
        assert announcement.answer == "Yes, but only the roses."


async def test_while_an_answer_is_awaited_only_the_urgent_is_said_and_the_question_again_after_it(
    autojump_clock: MockClock,
) -> None:
    async with asked() as (home, announcement, announcements):
        await until_heard(home, "evening?")
        announcements.put("Dinner.")
        await home.silence(5)
        announcements.put("Fire!", "now")
        await home.silence(15)
        assert heard(home) == [QUESTION, "Fire!", QUESTION]
        await speak(home, "Yes.")
        await home.silence(12)
        assert announcement.answer == "Yes."
        assert heard(home)[3:] == ["All right.", "Dinner."]


async def test_a_question_that_was_answered_under_a_key_is_not_asked_again_and_another_is(
    autojump_clock: MockClock,
) -> None:
    async with asked() as (home, announcement, announcements):
        await until_heard(home, "evening?")
        joined, new = announcements.put(QUESTION, answer_within=30)
        assert (joined, new) == (announcement, False)
        await home.silence(1)
        await speak(home, "Yes.")
        await home.silence(5)
        assert announcements.put(QUESTION, answer_within=30)[1], "a question is asked again"
        keyed, _ = announcements.put("Tea?", answer_within=30, key="tea")
        await until_heard(home, "evening?")
        await speak(home, "Yes.")
        await home.silence(10)
        await speak(home, "Yes.")
        await home.silence(5)
        assert keyed.answer == "Yes."
        assert announcements.put("Tea?", answer_within=30, key="tea") == (keyed, False)


async def test_off_the_record_is_done_and_is_no_answer(autojump_clock: MockClock) -> None:
    store = InMemoryStore()
    async with (
        house(store=store) as home,
        announcing(home) as announcements,
    ):
        announcement, _ = announcements.put(QUESTION, answer_within=30)
        await until_heard(home, "evening?")
        for words in ("Off the record.", "Yes."):
            await home.silence(3)
            await speak(home, words)
        await home.silence(5)
        assert announcement.answer == "Yes."
        assert not home.session.attention.is_recording
        assert all(not kept.said for kept in await store.history("you", limit=10))
