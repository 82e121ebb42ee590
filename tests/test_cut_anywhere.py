"""A turn that is cut at any step, its tool that is stopped at any step, and a writer that is: nothing is left or lost.

An instrument counts the steps that the tasks of a turn take. For each of them the turn is held again and cut there.
After each, the next words are answered, history and store tell the same, and a tool with an effect was called once.
"""

from __future__ import annotations

import gc
import random
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import product
from pathlib import Path
from types import FrameType, SimpleNamespace
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from actors.protocols import Delta, Request, TextDelta
from channels.event_types import TurnEnded
from channels.messages import Chunk, Outcome
from channels.turn import Turn
from harry.memory.store.database import Database
from harry.session.session import Session
from harry.testing.faults import Fault, Faults, Kind
from tests.support.faulty_house import FaultyHouse, Lamp, calls_once, faulty_house
from tests.support.virtual_session import FakeMind

Act = Callable[[FaultyHouse], object]


class AtStep(trio.abc.Instrument):
    """Counts the steps of tasks that are born in one function or below it, and acts at the `at`-th."""

    def __init__(self, root: str, at: int, act: Callable[[], object]) -> None:
        self.steps = 0
        self._root = root
        self._at = at
        self._act = act
        self._known: dict[trio.lowlevel.Task, bool] = {}

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        if not self._counts(task):
            return
        self.steps += 1
        if self.steps == self._at:
            self._act()

    def _counts(self, task: trio.lowlevel.Task) -> bool:
        known = self._known.get(task)
        if known is None:
            nursery = task.parent_nursery
            born_below = nursery is not None and self._counts(nursery.parent_task)
            known = self._known[task] = self._root in task.name or born_below
        return known


@contextmanager
def watching(root: str, at: int, act: Callable[[], object]) -> Iterator[AtStep]:
    instrument = AtStep(root, at, act)
    trio.lowlevel.add_instrument(instrument)
    try:
        yield instrument
    finally:
        trio.lowlevel.remove_instrument(instrument)


def again_and_again(session: Session) -> None:
    """Let the writer be run again when it was cancelled alone, as after a crash."""
    run = session.writer.run

    async def running(*, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        while True:
            with trio.CancelScope() as scopes[session]:
                await run(task_status=task_status)
            task_status = trio.TASK_STATUS_IGNORED
            await trio.lowlevel.checkpoint()

    session.writer.run = running  # type: ignore[method-assign]


scopes: dict[Session, trio.CancelScope] = {}


def cut(home: FaultyHouse) -> None:
    home.session.conductor.cut("stop")


def cancel_turn(home: FaultyHouse) -> None:
    slot = home.session.gate.live
    if slot is not None:
        slot.turn.scope.cancel()


def cancel_tool(home: FaultyHouse) -> None:
    home.lamp.scope.cancel()


def cancel_writer(home: FaultyHouse) -> None:
    scopes[home.session].cancel()


async def held(act: Act, root: str, at: int, found: list[str]) -> int:
    """Hold a turn, act at a step of it, and see what holds; return how many steps it has."""
    tasks = trio.lowlevel.current_statistics().tasks_living
    async with faulty_house(Faults(), lamp=Lamp(0.05), wrap=again_and_again) as home:
        with watching(root, at, lambda: act(home)) as instrument:
            home.session.answer_typed("switch the lamp on")
            if not await home.settle(8):
                found.append("the turn never ended")
        if home.lamp.used > 1:
            found.append(f"the tool was called {home.lamp.used} times")
        found += known(home)
        sounding = home.session.clock.now()
        home.session.answer_typed("hello")
        if not await home.settle(8) or not home.loud_since(sounding):
            found.append("the next words were not answered")
        found += home.broken()
        del scopes[home.session]
    if trio.lowlevel.current_statistics().tasks_living != tasks:
        found.append("a task was left")
    return instrument.steps


def known(home: FaultyHouse) -> list[str]:
    """Return what the next prompt would not know of a tool that was called."""
    uses = [use for exchange in home.session.conductor.history for use in exchange.tools]
    if len(uses) != home.lamp.used:
        return ["the next prompt does not know that the tool was called"]
    late = dict(home.session.tools.list_late_results())
    finished = [use for use in uses if use.outcome is Outcome.FINISHED] or late
    if home.lamp.done and not finished:
        return ["the next prompt does not know what the tool did"]
    if any(use.outcome is Outcome.CANCELLED for use in uses):
        return ["the next prompt takes a tool for not used that was"]
    return []


ACTS: dict[str, tuple[Act, str]] = {
    "cut": (cut, "Conductor._see_through"),
    "turn": (cancel_turn, "Conductor._see_through"),
    "tool": (cancel_tool, "Conductor._see_through"),
    "writer": (cancel_writer, "again_and_again"),
}


def swept(name: str, stride: int) -> dict[int, list[str]]:
    """Act at every `stride`-th step; return what did not hold, by the step."""
    act, root = ACTS[name]
    broken: dict[int, list[str]] = {}
    clean: list[str] = []
    steps = trio.run(held, act, root, 0, clean, clock=MockClock(autojump_threshold=0))
    assert not clean
    assert steps > 3
    for at in range(1, steps + 1, stride):
        found: list[str] = []
        trio.run(held, act, root, at, found, clock=MockClock(autojump_threshold=0))
        if found:
            broken[at] = found
    return broken


@pytest.mark.parametrize(("name", "stride"), [("cut", 1), ("turn", 3), ("tool", 5), ("writer", 1)])
def test_what_is_cancelled_at_any_step_leaves_nothing_and_the_next_words_are_answered(name: str, stride: int) -> None:
    assert not swept(name, stride)


@pytest.mark.acceptance
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", list(ACTS))
def test_what_is_cancelled_at_every_step_leaves_nothing_and_the_next_words_are_answered(name: str) -> None:
    assert not swept(name, 1)


# What a turn leaves to the garbage collector

SILENT_LOG = SimpleNamespace(**dict.fromkeys(("debug", "info", "warning", "error"), lambda *_, **__: None))


@pytest.mark.parametrize("fails", [False, True], ids=["cut", "failed"])
def test_a_turn_that_was_cut_or_failed_waits_for_no_collection(fails: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its sound and its words are let go at once: a full collection, which would find them, is rare."""
    # A log that draws the trace of an error holds on to it.
    monkeypatch.setattr("harry.session.conductor.log", SILENT_LOG)
    fault = Fault("mind.reply.emit", Kind.FAILS, always=True)

    async def talk() -> list[Any]:
        async with faulty_house(Faults(*([fault] if fails else []))) as home:
            for turn in range(3):
                if turn == 1:  # the first of anything is another matter
                    gc.collect()
                    gc.disable()
                home.session.answer_typed("hello")
                await trio.sleep(0.2)
                cut(home)
                await home.settle(8)
            gc.set_debug(gc.DEBUG_SAVEALL)
            gc.collect()
            return [each for each in gc.garbage if isinstance(each, Turn | Chunk | FrameType | BaseException)]

    try:
        assert not trio.run(talk, clock=MockClock(autojump_threshold=0))
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


# A tool with an effect that ends about when it is cut


async def nearly(seed: int, *, stubborn: bool) -> list[str]:
    """Cut a turn within 10 ms of the end of its tool; return what does not hold."""
    chance = random.Random(seed)
    found: list[str] = []
    async with faulty_house(Faults(), lamp=Lamp(0.3, stubborn=stubborn)) as home:
        home.session.answer_typed("switch the lamp on")
        await home.lamp.began.wait()
        await trio.sleep(0.3 + chance.uniform(-0.01, 0.01))
        cut(home)
        if not await home.settle(8):
            found.append("the turn never ended")
        if home.lamp.used != 1:
            found.append(f"the tool was called {home.lamp.used} times")
        found += known(home)
        home.session.answer_typed("hello")
        if not await home.settle(8):
            found.append("the next words were not answered")
        told = home.recollections[-1]
        uses = [use for exchange in told.history for use in exchange.tools]
        if len(uses) != 1:
            found.append("the next prompt does not tell of the call")
        elif stubborn and "The lamp is on." not in uses[0].result and "The lamp is on." not in str(told.state):
            found.append("the next prompt does not tell the result")
        found += home.broken()
    return found


def near(count: int) -> dict[str, list[str]]:
    broken = {}
    for seed in range(count):
        for stubborn in (False, True):
            found = trio.run(partial(nearly, seed, stubborn=stubborn), clock=MockClock(autojump_threshold=0))
            if found:
                broken[f"seed {seed}{', stubborn' * stubborn}"] = found
    return broken


def test_a_tool_that_ends_about_when_it_is_cut_was_called_once_and_the_next_prompt_knows() -> None:
    assert not near(12)


@pytest.mark.acceptance
@pytest.mark.timeout(1800)
def test_five_hundred_tools_that_end_about_when_they_are_cut_are_called_once_each() -> None:
    assert not near(250)


# Interruptions at every moment of a reply


async def hesitates(request: Request, emit: Callable[[Delta], Awaitable[None]]) -> None:
    """A mind that takes its time: before the first word, between two sentences, and for a tool that is slow."""
    await trio.sleep(0.6)
    if request.tools and "lamp" in str(request.messages[0].parts):
        await calls_once(request, emit)
        return
    await emit(TextDelta("one two three four five six. "))
    await trio.sleep(1.5)
    await emit(TextDelta("seven eight."))


REPLY_SECONDS = 3.6
"""What a reply of `hesitates` takes, its pauses included; with a tool about as long."""


async def interrupted(at: float, wish: str, *, aloud: bool) -> list[str]:
    """Say something `at` seconds after the words before it; return what does not hold."""
    found: list[str] = []
    async with faulty_house(Faults(), mind=FakeMind(hesitates), lamp=Lamp(2.5)) as home:
        home.session.answer_typed(wish)
        await trio.sleep(at)
        before, began = len(home.admitted), home.session.clock.now()
        if aloud:
            await home.say(0.7)
        else:
            home.session.answer_typed("and now?")
        if not await home.began(before, 1.0):
            found.append("no turn began")
        if not await home.settle(12):
            found.append("it never ended")
        if not home.loud_since(began + 0.7):
            found.append("nothing was heard")
        newest = home.session.conductor.history[-1]
        if newest.interrupted or not newest.heard:
            found.append(f"the newest words were answered by {newest.heard!r}")
        if home.lamp.used > 2:
            found.append(f"the tool was called {home.lamp.used} times")
        found += home.broken()
    return found


def interruptions(step: float) -> dict[str, list[str]]:
    broken = {}
    moments = [number * step for number in range(int(REPLY_SECONDS / step) + 1)]
    for at, wish, aloud in product(moments, ("hello", "the lamp, please"), (False, True)):
        found = trio.run(partial(interrupted, at, wish, aloud=aloud), clock=MockClock(autojump_threshold=0))
        if found:
            broken[f"{wish!r} interrupted after {at:.2f} s{' aloud' * aloud}"] = found
    return broken


def test_whenever_a_reply_is_interrupted_the_next_words_are_answered() -> None:
    assert not interruptions(0.35)


@pytest.mark.acceptance
@pytest.mark.timeout(1800)
def test_at_every_fifty_milliseconds_of_a_reply_an_interruption_is_answered() -> None:
    assert not interruptions(0.05)


# By the real clock, with the store on disk


async def cut_for_real(folder: Path, count: int, seed: int) -> dict[str, Any]:
    """Cut turns at random instants by the real clock; return what was acknowledged, kept and left."""
    chance = random.Random(seed)
    tasks = trio.lowlevel.current_statistics().tasks_living
    database = await Database.open(folder / "harry.sqlite3")
    acknowledged: list[str] = []
    unanswered = 0
    try:
        async with faulty_house(Faults(), store=database, lamp=Lamp(0.02)) as home:
            for _ in range(count):
                home.session.answer_typed(chance.choice(["hello", "switch the lamp on"]))
                await trio.sleep(chance.uniform(0, 0.15))
                if chance.random() < 0.5:
                    cut(home)
                else:
                    home.session.answer_typed("and now?")
                    await trio.sleep(chance.uniform(0, 0.05))
                    cut(home)
                with trio.move_on_after(20) as patience:
                    await home.session.conductor.wait_quiet()
                unanswered += patience.cancelled_caught
                acknowledged = [told.turn for told in home.happened(TurnEnded)]
            admitted = list(home.admitted)
            history = {exchange.turn for exchange in home.session.conductor.history}
            switched = home.lamp.used
        rows = await database.read(lambda held: held.execute("SELECT id, tools, spoken, heard FROM turn").fetchall())
    finally:
        await database.aclose()
    return {
        "unanswered": unanswered,
        "twice": len(acknowledged) - len(set(acknowledged)),
        "not acknowledged": sorted(set(admitted) - set(acknowledged)),
        "lost": sorted(set(acknowledged) - {row[0] for row in rows}),
        "not in the history": sorted({row[0] for row in rows[-50:]} - history),
        "calls without a record": switched - sum(row[1].count('"switch"') for row in rows),
        "heard otherwise": [row[0] for row in rows if not row[2].startswith(row[3])],
        "tasks": trio.lowlevel.current_statistics().tasks_living - tasks,
    }


def check_for_real(folder: Path, count: int) -> None:
    descriptors, threads = len(list(Path("/proc/self/fd").iterdir())), threading.active_count()
    found = trio.run(cut_for_real, folder, count, 1)
    assert not any(found.values()), found
    assert len(list(Path("/proc/self/fd").iterdir())) <= descriptors
    assert threading.active_count() <= threads + THREADS_KEPT


THREADS_KEPT = 3
"""Threads that trio keeps for ten seconds, for whoever needs one next: the database has three."""


def test_cuts_by_the_real_clock_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    check_for_real(tmp_path, 8)


@pytest.mark.acceptance
@pytest.mark.timeout(1800)
def test_five_hundred_cuts_by_the_real_clock_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    check_for_real(tmp_path, 500)
