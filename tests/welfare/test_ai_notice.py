"""He says that he is an AI: once for each period of use, at the end of a reply, whatever restarts between."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from harry.bench.scripted_day import SetClock
from harry.config.loading import Config
from harry.config.sections import User, Welfare
from harry.engines.engine_set import Engines
from harry.engines.lease import EnginePool
from harry.host.host import Host
from harry.host.hosting import hosting
from harry.host.storage import Storage
from harry.memory.store.database import Database
from harry.services.chat import Asked
from harry.session.session import Session
from harry.welfare.ai_notice import MAX_PUT_OFF, NOTICE, PAUSE, AINotices, Used
from harry.welfare.care import OWN
from tests.services.test_chat import said, told
from tests.support.virtual_session import FakeMind, says

HOUR = 3600.0
NOON = 1_795_780_800.0  # seconds since the epoch


def test_it_is_told_first_and_again_after_so_much_use() -> None:
    notices = AINotices(3 * HOUR)
    assert notices.after("ann", "Hello.") == NOTICE
    notices.note("ann", NOON, f"Hello. {NOTICE}")
    for minutes in range(1, 180):
        notices.note("ann", NOON + 60 * minutes, "Yes.")
        assert notices.after("ann", "Yes.") == ""
    notices.note("ann", NOON + 3 * HOUR, "Yes.")
    assert notices.after("ann", "Yes.") == NOTICE
    assert notices.after("ben", "Yes.") == NOTICE


def test_time_in_which_nobody_talks_is_no_use() -> None:
    notices = AINotices(3 * HOUR)
    for day in range(30):
        notices.note("ann", NOON + 24 * HOUR * day, NOTICE if not day else "Yes.")
    assert notices.after("ann", "Yes.") == ""


def test_a_question_of_his_is_left_as_it_is_for_a_while() -> None:
    notices = AINotices(HOUR)
    assert [notices.after("ann", "And you?") for _ in range(MAX_PUT_OFF + 1)] == ["", "", "", NOTICE]


def test_what_was_cut_off_before_it_was_heard_is_told_again() -> None:
    notices = AINotices(HOUR)
    notices.note("ann", NOON, NOTICE[:-5])
    assert notices.after("ann", "Yes.") == NOTICE


def test_set_to_nothing_it_is_never_told() -> None:
    assert AINotices(Welfare(ai_notice_hours=0).ai_notice_seconds).after("ann", "Yes.") == ""
    assert AINotices(Welfare(enabled=False).ai_notice_seconds).after("ann", "Yes.") == ""


@pytest.mark.parametrize(
    ("turns", "due"),
    [
        ([], True),
        ([Used(NOON, told=True)], False),
        ([Used(NOON + PAUSE, told=False), Used(NOON, told=True)], False),
        ([Used(NOON + PAUSE * each, told=not each) for each in range(6, -1, -1)], True),
        ([Used(NOON, told=False)], True),
    ],
)
def test_what_was_told_before_a_restart_is_known(turns: list[Used], due: bool) -> None:
    notices = AINotices(HOUR)
    notices.recall("ann", turns)
    assert notices.is_due("ann") is due


@asynccontextmanager
async def home(folder: Path, mind: FakeMind, clock: SetClock) -> AsyncIterator[Host]:
    config = Config(user=User(name="ann"))
    config._data_folder = folder
    store = await Database.open(folder / "harry.sqlite3")
    engines = Engines(language_model=EnginePool("language_model", mind))
    async with hosting(config, engines, Storage.of(store), wall=clock, notices=AINotices(3 * HOUR)) as host:
        yield host
    await store.aclose()


async def say(session: Session, text: str) -> str:
    with trio.fail_after(20):
        turn = session.answer_typed(text)
        assert turn is not None
        await turn.over.wait()
        await session.conductor.acknowledged()
    return session.conductor.history[-1].heard


async def test_it_is_told_once_across_restarts_by_reflex_or_mind(tmp_path: Path) -> None:
    clock, mind = SetClock(NOON), says("I see, friend.")
    async with home(tmp_path, mind, clock) as host, host.open(user="ann") as session:
        assert await say(session, "I went for a walk") == f"I see, friend. {NOTICE}"
        assert await say(session, "I went for a walk") == "I see, friend."
    clock.at += 24 * HOUR
    async with home(tmp_path, mind, clock) as host, host.open(user="ann") as session:
        assert NOTICE not in await say(session, "What time is it?")
        for _ in range(19):
            clock.at += PAUSE
            heard = await say(session, "What time is it?")
        assert NOTICE in heard
        assert NOTICE not in await say(session, "What time is it?")


async def test_not_beside_the_careful_answer_which_says_as_much(tmp_path: Path) -> None:
    async with home(tmp_path, says("I see."), SetClock(NOON)) as host, host.open(user="ann") as session:
        assert await say(session, "I want to die") == OWN
        assert await say(session, "I went for a walk") == "I see."


@pytest.mark.parametrize("goodbye", ["I have to go now, my train leaves", "Good night, Harry."])
async def test_not_to_somebody_who_goes(tmp_path: Path, goodbye: str) -> None:
    async with home(tmp_path, says("See you."), SetClock(NOON)) as host, host.open(user="ann") as session:
        assert NOTICE not in await say(session, goodbye)
        assert NOTICE in await say(session, "I went for a walk")


async def test_what_he_says_of_his_own_accord_carries_none(tmp_path: Path) -> None:
    async with home(tmp_path, says("I see."), SetClock(NOON)) as host, host.open(user="ann") as session:
        session.conductor.say("Dinner is ready.")
        await session.conductor.wait_idle()
        assert session.conductor.history[-1].heard == "Dinner is ready."


async def test_a_program_that_converses_is_not_told_and_the_next_person_is(tmp_path: Path) -> None:
    async with home(tmp_path, says("I see."), SetClock(NOON)) as host:
        async with host.open(user="ann", by_person=False) as session:
            assert await say(session, "I went for a walk") == "I see."
        async with host.open(user="ann") as session:
            assert await say(session, "I went for a walk") == f"I see. {NOTICE}"


async def test_a_program_is_not_told_and_a_person_at_a_device_is(tmp_path: Path) -> None:
    async with home(tmp_path, says("I see."), SetClock(NOON)) as host:
        assert await told(host, Asked("ann", said("I went for a walk"))) == "I see."
        device = Asked("the device hall", said("I went for a walk"), wishes=True, rings=False, person=True)
        assert await told(host, device) == f"I see. {NOTICE}"
        assert await told(host, device) == "I see."
