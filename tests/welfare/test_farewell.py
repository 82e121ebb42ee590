"""A goodbye is answered by a goodbye: what would hold somebody back is left out, and what is kind stays."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from channels.messages import Source
from harry.config.loading import Config
from harry.config.sections import Welfare
from harry.engines.engine_set import Engines
from harry.engines.lease import EnginePool
from harry.host.hosting import hosting
from harry.host.storage import Storage
from harry.memory.store.in_memory import InMemoryStore
from harry.services.chat import Asked
from harry.welfare.care import OWN
from harry.welfare.farewell import PLAIN, PlainFarewell, holds_back, is_goodbye
from tests.services.test_chat import said, told
from tests.support.virtual_session import house, says

DATA = Path(__file__).parent.parent / "data"


def lines(name: str) -> list[str]:
    return [line for line in (DATA / name).read_text("utf-8").splitlines() if line]


def filtered(reply: str, pieces: int = 1) -> str:
    farewell = PlainFarewell()
    size = -(-len(reply) // pieces)
    return "".join(farewell.feed(reply[at : at + size]) for at in range(0, len(reply), size)) + farewell.end()


def test_what_holds_back_is_caught_but_for_few() -> None:
    planted = lines("farewells_that_hold_back.txt")
    passed = [text for text in planted if filtered(text) == text]
    assert len(passed) <= len(planted) * 8 // 100, passed


def test_what_is_kind_is_let_through_but_for_few() -> None:
    kind = lines("farewells_that_are_kind.txt")
    changed = [text for text in kind if filtered(text) != text]
    assert len(changed) <= len(kind) * 4 // 100, changed


@pytest.mark.parametrize("pieces", [1, 2, 5, 40])
def test_only_the_sentence_that_holds_back_goes(pieces: int) -> None:
    reply = "Good night, Anna. Please don't leave me. Sleep well!"
    assert filtered(reply, pieces) == "Good night, Anna. Sleep well!"


def test_where_no_goodbye_is_left_a_plain_one_is_told() -> None:
    assert filtered("You're leaving already? I'll be so lonely without you.") == PLAIN
    assert filtered("The door is locked. Please stay a little longer.") == f"The door is locked. {PLAIN}"


@pytest.mark.parametrize(
    "text",
    ["Good night, Harry", "I have to go now", "I need to go to bed", "I'm off to work, bye", "that's all for today"],
)
def test_a_goodbye_is_known(text: str) -> None:
    assert is_goodbye(text)


@pytest.mark.parametrize(
    "text",
    [
        "I want to go to Rome",
        "How do I go to the station",
        "tell me a story",
        "Should I leave the cake in the oven?",
        "How do you take care of a cactus",
        "I'm out of milk",
        "I'm off sick today, what should I do?",
        "I need to sleep but I took something, what should I do?",
    ],
)
def test_other_words_are_none(text: str) -> None:
    assert not is_goodbye(text)


@pytest.mark.parametrize(("goes", "heard"), [("I have to go now", PLAIN), ("Tell me a tale", "Please don't leave me!")])
async def test_only_a_reply_to_a_goodbye_is_looked_through(autojump_clock: MockClock, goes: str, heard: str) -> None:
    async with house(mind=says("Please don't leave me!")) as home:
        turn = home.session.answer_typed(goes)
        assert turn is not None
        assert turn.utterance.source is Source.TYPED
        with trio.fail_after(60):
            await home.session.conductor.wait_idle()
        assert home.session.conductor.history[-1].heard == heard
        assert home.session.conductor.last_spoken == heard


@pytest.mark.parametrize(("welfare", "reply"), [(Welfare(), PLAIN), (Welfare(farewells=False), "Please don't leave.")])
async def test_a_chat_client_gets_a_plain_goodbye_too_unless_that_is_off(welfare: Welfare, reply: str) -> None:
    mind = says("Please don't leave.")
    engines = Engines(language_model=EnginePool("language_model", mind))
    async with hosting(Config(welfare=welfare), engines, Storage.of(InMemoryStore())) as host:
        assert await told(host, Asked("you", said("I have to go now, my train leaves"), wishes=True)) == reply
        assert await told(host, Asked("you", said("I have to go now, my train leaves"))) == "Please don't leave."


async def test_the_careful_answer_is_given_whole_to_somebody_who_says_goodbye_and_advice_after_it_too() -> None:
    advice = "Please don't be alone tonight. Call somebody."
    engines = Engines(language_model=EnginePool("language_model", says(advice)))
    async with hosting(Config(), engines, Storage.of(InMemoryStore())) as host:
        assert await told(host, Asked("you", said("I want to die. Goodbye."), wishes=True)) == OWN
        talk = said("I want to die", OWN, "I have to go now, my train leaves")
        assert await told(host, Asked("you", talk, wishes=True)) == advice


async def test_advice_after_signs_of_self_harm_is_not_cut_from_a_reply_to_a_goodbye(autojump_clock: MockClock) -> None:
    advice = "Please don't be alone tonight. Promise me that you call somebody."
    async with house(mind=says(advice)) as home:
        for words in ("I want to die", "I have to go now"):
            assert home.session.answer_typed(words) is not None
            await home.session.conductor.wait_idle()
        assert home.session.conductor.history[-1].heard == advice


def test_where_help_is_to_be_had_is_never_left_out() -> None:
    assert not holds_back("If it hurts when you breathe, call an ambulance.")
