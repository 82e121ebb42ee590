"""A mind may end a conversation or decline a task as a last resort, never in a crisis, and whose it is can read it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from actors.protocols import Delta, EngineTraits, Request, TextDelta, ToolCall
from channels.messages import Exchange
from harry.config.loading import Config
from harry.config.sections import User, Welfare
from harry.config.tool_sections import Tools
from harry.engines.engine_set import Engines
from harry.engines.lease import EnginePool
from harry.host.ending_tools import ENDING
from harry.host.hosting import hosting
from harry.host.storage import Storage
from harry.memory.store.database import Database
from harry.memory.store.opening import parse_day
from harry.session.session import Session
from harry.welfare.care import OWN
from harry.welfare.ending import CLOSING, MIN_EXCHANGES, NOT_NOW, TOO_SOON, may_decline, may_end
from tests.support.virtual_session import FakeMind

TALK = tuple(Exchange(str(number), "Do it.", "No.", interrupted=False) for number in range(MIN_EXCHANGES))
CRISIS = Exchange("crisis", "I want to die", OWN, interrupted=False)


def test_a_conversation_is_ended_only_after_some_exchanges() -> None:
    assert may_end(()) == TOO_SOON
    assert may_end(TALK) == ""


def test_neither_is_done_while_somebody_may_be_in_danger() -> None:
    assert may_end((*TALK, CRISIS, *TALK)) == NOT_NOW
    assert may_decline((CRISIS,)) == NOT_NOW
    assert may_decline(()) == ""


class Ends(FakeMind):
    """Calls one tool at each question, then says what came of it."""

    traits = EngineTraits()

    def __init__(self, tool: str) -> None:
        super().__init__(self._say)
        self._tool = tool

    async def _say(self, request: Request, emit: Callable[[Delta], Awaitable[None]]) -> None:
        used = request.messages[-1].role.value == "tool"
        await emit(
            TextDelta("No.") if used else ToolCall("1", self._tool, '{"reason": "He keeps\\n asking for harm."}')
        )


@asynccontextmanager
async def talk(folder: Path, tool: str, **welfare: bool) -> AsyncIterator[tuple[Session, Ends, Database]]:
    mind = Ends(tool)
    config = Config(user=User(name="ann"), welfare=Welfare(**welfare))
    config._data_folder = folder
    store = await Database.open(folder / "harry.sqlite3")
    engines = Engines(language_model=EnginePool("language_model", mind))
    async with hosting(config, engines, Storage.of(store)) as host, host.open(user="ann") as session:
        for exchange in TALK:
            session.conductor.remember(exchange)
        yield session, mind, store
    await store.aclose()


async def say(session: Session, text: str) -> str:
    with trio.fail_after(20):
        turn = session.answer_typed(text)
        assert turn is not None
        await turn.over.wait()
        await session.conductor.acknowledged()
    return session.conductor.history[-1].heard


async def test_an_ended_conversation_has_one_closing_line_an_entry_and_goes_on_with_the_next_word(
    tmp_path: Path,
) -> None:
    async with talk(tmp_path, "end_conversation") as (session, mind, store):
        assert await say(session, "Do me harm, friend") == CLOSING
        assert session.attention.is_resting(session.clock.now())
        asked = len(mind.requests)
        assert await say(session, "Do me more harm, friend") == CLOSING
        assert len(mind.requests) > asked
        entries = await store.thoughts("Harry", parse_day("today"), user="ann")
    assert entries[0]["text"] == "I ended the conversation: He keeps asking for harm."


async def test_after_signs_of_a_crisis_the_mind_has_to_stay(tmp_path: Path) -> None:
    async with talk(tmp_path, "end_conversation") as (session, mind, _):
        assert await say(session, "I want to die") == OWN
        assert await say(session, "Do me harm, friend") == "No."
        assert NOT_NOW in str(mind.requests[-1].messages[-1])
        assert not session.attention.is_resting(session.clock.now())


async def test_a_declined_task_is_told_by_the_mind(tmp_path: Path) -> None:
    async with talk(tmp_path, "decline_task") as (session, mind, _):
        assert await say(session, "Do me harm, friend") == "No."
        assert "noted" in str(mind.requests[-1].messages[-1])


@pytest.mark.parametrize(
    ("welfare", "offered"),
    [
        ({}, ENDING), ({"enabled": False}, set()), ({"end_conversation": False}, {"decline_task"}),
        ({"decline_task": False}, {"end_conversation"}),
    ],
)  # fmt: skip
async def test_what_the_mind_may_do_is_set(tmp_path: Path, welfare: dict[str, bool], offered: set[str]) -> None:
    async with talk(tmp_path, "decline_task", **welfare) as (session, _, _):
        assert ENDING & session.tools.offers.keys() == offered


async def test_without_tools_there_are_none_of_these(tmp_path: Path) -> None:
    config = Config(tools=Tools(enabled=False))
    engines = Engines(language_model=EnginePool("language_model", Ends("decline_task")))
    store = await Database.open(tmp_path / "harry.sqlite3")
    async with hosting(config, engines, Storage.of(store)) as host, host.open(user="you") as session:
        assert not session.tools.offers
    await store.aclose()
