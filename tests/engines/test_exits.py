"""A plug-in that asks for the end of the process ends its own work only, wherever it is called."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from actors.protocols import Delta, Request, ToolCall
from actors.supervisor import Supervisor
from channels.clock import AudioClock
from channels.events import EventStream
from channels.messages import Chunk, Outcome, Source, Utterance
from channels.turn import Turn, new_id
from harry.engines.lease import EnginePool
from harry.engines.worker_threads import WorkerThreads
from harry.errors import EngineError
from harry.host.engine_loading import Candidate, Chain, load_engines
from harry.testing.engines import ScriptedSettings, ScriptedVoice
from harry.tools.functions import make_offer
from harry.tools.toolbox import SessionTools
from tests.support.virtual_session import FakeMind, house, says


async def at_once() -> None:
    sys.exit(3)


async def in_a_nursery() -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.sleep_forever)
        nursery.start_soon(at_once)


async def with_an_error() -> None:
    async def fails() -> None:
        raise ValueError("too")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(fails)
        nursery.start_soon(at_once)


WAYS = [at_once, in_a_nursery, with_an_error]
Way = Callable[[], Awaitable[None]]


@pytest.mark.parametrize("way", WAYS, ids=lambda each: each.__name__)
async def test_a_mind_that_exits_fails_its_turn_and_answers_the_next(way: Way, autojump_clock: MockClock) -> None:
    asked: list[Request] = []

    async def answer(request: Request, emit: Callable[[Delta], Awaitable[None]]) -> None:
        asked.append(request)
        await way()

    async with house(mind=FakeMind(answer)) as home:
        for _ in range(2):
            turn = home.session.answer_typed("hello")
            assert turn is not None
            await turn.over.wait()
            await home.session.conductor.wait_idle()
        assert len(asked) == 2


@pytest.mark.parametrize("way", WAYS, ids=lambda each: each.__name__)
async def test_a_voice_that_exits_fails_its_turn_only(way: Way, autojump_clock: MockClock) -> None:
    class Leaving(ScriptedVoice):
        async def speak(self, text: str, emit: Callable[[Chunk], Awaitable[None]]) -> None:
            await way()

    async with house(mind=says("One."), voice=Leaving("leaving", ScriptedSettings())) as home:
        turn = home.session.answer_typed("hello")
        assert turn is not None
        await turn.over.wait()
        await home.session.conductor.wait_idle()
        assert home.happened("error")


@pytest.mark.parametrize("way", WAYS, ids=lambda each: each.__name__)
async def test_an_actor_that_exits_is_started_again(way: Way, autojump_clock: MockClock) -> None:
    crashes: list[str] = []
    runs = 0

    async def actor() -> None:
        nonlocal runs
        runs += 1
        if runs == 1:
            await way()

    await Supervisor(lambda name, _: crashes.append(name), lambda *_: None).keep("thinker", actor)
    assert (runs, crashes) == (2, ["thinker"])


async def test_work_in_a_thread_that_exits_has_failed() -> None:
    with pytest.raises(EngineError, match="SystemExit"):
        await WorkerThreads("ear", deadline=5).run(sys.exit, 1)


@pytest.mark.parametrize("way", WAYS, ids=lambda each: each.__name__)
async def test_whoever_holds_an_engine_meets_an_engine_error(way: Way) -> None:
    with pytest.raises((EngineError, BaseExceptionGroup)) as caught:
        async with EnginePool("text_to_speech", object()).lease():
            await way()
    error: Any = caught.value
    assert isinstance(error, EngineError) or error.split(SystemExit)[0] is None


async def test_an_engine_that_exits_while_it_is_loaded_cannot_serve(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harry.engines.registry.load_engine", lambda *_: sys.exit(1))
    monkeypatch.setattr("harry.host.engine_loading._loading.__defaults__", (lambda *_: sys.exit(1),))
    engines = await load_engines([Chain("text_to_speech", (Candidate("scripted"), Candidate("silent")))])
    assert engines.text_to_speech is None
    assert any("broke while it was loaded" in note for note in engines.notes)


@pytest.mark.parametrize("where", ["thread", "task"])
async def test_a_tool_that_exits_has_failed(where: str) -> None:
    def leave() -> str:
        """Leave."""
        sys.exit(1)

    async def leave_from_a_task() -> str:
        """Leave."""
        await with_an_error()
        return ""

    offer = make_offer(leave if where == "thread" else leave_from_a_task)
    box = SessionTools(EventStream(AudioClock()), shared=lambda: [offer])
    turn = Turn(Utterance(new_id(), "hello", Source.TYPED), "ann", "s", "harry")
    turn.decided.set()
    [used] = await box.for_turn(turn).use([ToolCall("1", offer.tool.name, "{}")])
    assert used.use.outcome is Outcome.FAILED
