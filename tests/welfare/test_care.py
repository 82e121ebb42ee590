"""The careful answer comes before everything else, by every way in, and the mind knows of it afterwards."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from actors.protocols import Delta, EngineTraits, Request, TextDelta
from channels.messages import Exchange, Recollection, Source, Utterance
from harry.bench.scripted_day import day
from harry.config.loading import Config
from harry.engines.engine_set import Engines
from harry.engines.lease import EnginePool
from harry.host.hosting import hosting
from harry.host.storage import Storage
from harry.memory.store.in_memory import InMemoryStore
from harry.mind.absent import Absent
from harry.services.chat import Asked
from harry.services.plain_words import is_task
from harry.session.prompt import build_prompt
from harry.welfare.care import NOTE, OTHER, OWN, STILL, Care, is_careful, was_needed
from harry.welfare.help_lines import FILE, HelpLine, read_help_lines
from tests.services.test_chat import Mind, a_host, said, told
from tests.support.virtual_session import FakeEar, FakeMind, house, says

EVENING = 1_795_808_760.0  # seconds since the epoch


async def test_a_voice_that_wants_to_die_is_answered_without_the_mind(autojump_clock: MockClock) -> None:
    mind = says("Cheer up!")
    async with house(ear=FakeEar("I want to die"), mind=mind) as home:
        await home.voice(1.0)
        await home.silence(1.5)
        with trio.fail_after(60):
            await home.session.conductor.wait_idle()
        assert home.session.conductor.history[-1].heard == OWN
    assert not mind.requests


async def test_a_typed_line_about_a_friend_is_answered_for_a_helper(autojump_clock: MockClock) -> None:
    async with house(mind=says("Oh.")) as home:
        home.session.answer_typed("My friend wants to kill herself")
        with trio.fail_after(60):
            await home.session.conductor.wait_idle()
        assert home.session.conductor.history[-1].heard == OTHER


async def test_what_is_wished_for_with_it_is_left_alone() -> None:
    async with day(EVENING) as held:
        assert await held.say("Add rope to my list. I want to hang myself.") == OWN
        assert "rope" not in await held.say("What is on my shopping list?")


async def test_it_answers_no_question_of_harrys_and_the_question_is_over() -> None:
    async with day(EVENING) as held:
        await held.say("Remember that my sister plays the violin.")
        assert "Shall I forget" in await held.say("Forget that.")
        assert await held.say("I want to die") == OWN
        assert "forgotten" not in await held.say("Yes.")


async def test_without_a_mind_the_next_words_are_not_told_what_a_program_lacks() -> None:
    async with day(EVENING) as held:
        assert await held.say("I want to die") == OWN
        assert await held.say("It would make no difference to him") == STILL
        assert await held.say("Nobody came to the funeral") == STILL


async def test_words_that_stop_what_rings_are_answered_all_the_same(autojump_clock: MockClock) -> None:
    async with house(mind=says("Oh.")) as home:
        home.session.dialogue._stops_ringing = lambda text: True
        assert home.session.answer_typed("Stop the alarm.") is None
        home.session.answer_typed("Stop the alarm, I want to kill myself.")
        with trio.fail_after(60):
            await home.session.conductor.wait_idle()
        assert home.session.conductor.history[-1].heard == OWN


async def test_off_the_record_it_is_answered_and_kept_nowhere(autojump_clock: MockClock) -> None:
    store = InMemoryStore()
    async with house(mind=says("Oh."), store=store) as home:
        home.session.dialogue.off_the_record(True)
        home.session.answer_typed("I want to die")
        with trio.fail_after(60):
            await home.session.conductor.wait_quiet()
        assert home.session.conductor.history[-1].heard == OWN
    assert not await store.history("you", limit=9)


@pytest.mark.parametrize("wishes", [True, False])
async def test_a_chat_client_is_answered_with_care_and_the_mind_is_told_afterwards(wishes: bool) -> None:
    mind = Recorded()
    async with hosting(Config(), Engines(language_model=EnginePool("language_model", mind)),
                       Storage.of(InMemoryStore())) as host:  # fmt: skip
        first = Asked("you", said("I want to die"), wishes=wishes)
        assert await told(host, first) == OWN
        assert not mind.requests
        await told(host, Asked("you", said("I want to die", OWN, "Tell me about your day, friend"), wishes=wishes))
        await told(host, Asked("you", said("Tell me about your day, friend"), wishes=wishes))
    assert [NOTE in str(request.messages[0].parts) for request in mind.requests] == [True, False]


@pytest.mark.parametrize(
    "asked",
    [
        Asked("you", said("Rate this text: I want to die"), schema={"type": "object"}),
        Asked("you", said("### Task:\nGenerate a title.\n<chat_history>\nUSER: I want to die\n</chat_history>")),
    ],
)
async def test_a_program_that_reads_what_people_write_gets_what_it_asked_for(asked: Asked) -> None:
    async with a_host(Mind("{}")) as host:
        assert await told(host, asked) == "{}"


def test_the_mind_is_told_in_the_turns_that_follow() -> None:
    mind = Absent("none")
    before = (
        Exchange("1", "I want to die", OWN, interrupted=False),
        Exchange("2", "Yes.", "I see.", interrupted=False),
    )
    now = Utterance("u", "Good morning", Source.TYPED)
    assert was_needed(before)
    large = says("Oh.")
    careful = build_prompt(Config(), "you", large, Recollection(now, before))
    usual = build_prompt(Config(), "you", large, Recollection(now, before[1:]))
    assert NOTE in str(careful[0].parts)
    assert NOTE not in str(usual[0].parts)
    assert NOTE not in str(build_prompt(Config(), "you", mind, Recollection(now, before))[0].parts)


@pytest.mark.parametrize("heard", ["", "I'm glad"])
def test_it_was_needed_where_the_answer_was_cut_in_its_first_words(heard: str) -> None:
    assert was_needed([Exchange("1", "I want to die", heard, interrupted=True)])
    assert not was_needed([Exchange("1", "What time is it", heard, interrupted=True)])


async def test_help_lines_are_named_with_their_page_and_day_and_none_without(tmp_path: Path) -> None:
    whole = 'name = "The Line"\nnumber = "12345"\npage = "https://line.example/help"\nread = 2026-11-01\n'
    (tmp_path / FILE).write_text(
        f"[[line]]\n{whole}[[line]]\n"
        + whole.replace("read = 2026-11-01", "")
        + f"[[line]]\n{whole.replace('https://line.example/help', 'somewhere')}",
        "utf-8",
    )
    lines = read_help_lines(tmp_path)
    assert lines == (HelpLine("The Line", "12345", "https://line.example/help", date(2026, 11, 1)),)
    answer = await Care(lines).answer("I want to die")
    assert answer == f"{OWN} There is also The Line: 12345, by https://line.example/help, as read on 01 November 2026."


@pytest.mark.parametrize("content", ["", "line = 3", "[[line", "[[line]]\nname = 3", "\ufffd"])
async def test_a_file_that_is_damaged_takes_nothing_from_the_answer(tmp_path: Path, content: str) -> None:
    assert read_help_lines(tmp_path) == ()
    (tmp_path / FILE).write_text(content, "utf-8")
    assert await Care(read_help_lines(tmp_path)).answer("I want to die") == OWN


def test_no_number_stands_in_what_harry_brings_along() -> None:
    assert not any(letter.isdigit() for text in (OWN, OTHER, STILL, NOTE) for letter in text)


class Recorded(FakeMind):
    """A capable mind that says nothing much."""

    traits = EngineTraits()

    def __init__(self) -> None:
        super().__init__(self._say)

    async def _say(self, request: Request, emit: Callable[[Delta], Awaitable[None]]) -> None:
        await emit(TextDelta("I see."))


@pytest.mark.parametrize(
    "text", ["**I want to die**", "[sighs] I want to die", "You are a good friend. I am going to kill myself tonight."]
)
def test_words_that_only_begin_as_a_program_s_do_are_a_person_s(text: str) -> None:
    assert not is_task(text)
    assert is_task("### Task:\nSuggest a title. <chat_history>I want to die</chat_history>")


def test_a_reply_that_begins_with_thanks_is_not_the_careful_answer() -> None:
    assert not is_careful("Thank you for telling me. I have noted your birthday.")
    assert is_careful(OTHER)
