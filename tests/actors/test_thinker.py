"""The thinker: he thinks after a turn once it is quiet, and lets go of a thought the moment somebody stirs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, time, timedelta

import pytest
import trio
import trio.testing

from actors.thinker import AFTER, PATIENCE, STIRRING, Reflection, Thinker
from channels.clock import AudioClock
from channels.events import EventStream
from harry.errors import EngineError
from harry.inner_life.rate_limit import Allowance, hours
from harry.inner_life.reflection import LONGEST, answered, reflected
from tests.channels.sample_events import sample

THOUGHT = Reflection("The tea was good.", mood="calm")


class Scene:
    def __init__(self, reflect: Callable[[], Awaitable[Reflection]] | None = None, *, may: bool = True) -> None:
        self.events = EventStream(AudioClock())
        self.kept: list[tuple[float, Reflection]] = []
        self.begun: list[float] = []
        self.busy = False
        self.may = may
        self._reflect = reflect

    async def reflect(self) -> Reflection:
        self.begun.append(trio.current_time())
        if self._reflect is not None:
            return await self._reflect()
        await trio.sleep(1)
        return THOUGHT

    @asynccontextmanager
    async def thinking(self) -> AsyncIterator[float]:
        thinker = Thinker(
            events=self.events,
            reflect=self.reflect,
            keep=lambda reflection: self.kept.append((trio.current_time(), reflection)),
            may=lambda: self.may,
            busy=lambda: self.busy,
            failure=EngineError,
        )
        async with trio.open_nursery() as nursery:
            nursery.start_soon(thinker.run)
            await trio.testing.wait_all_tasks_blocked()
            yield trio.current_time()
            nursery.cancel_scope.cancel()


async def test_he_thinks_once_after_a_turn_when_it_has_been_quiet(autojump_clock):
    scene = Scene()
    async with scene.thinking() as start:
        scene.events.publish(sample("turn_ended"))
        await trio.sleep(1000)
        assert scene.begun == [start + AFTER]
        assert scene.kept == [(start + AFTER + 1, THOUGHT)]


async def test_without_a_turn_he_does_not_think(autojump_clock):
    scene = Scene()
    async with scene.thinking():
        await trio.sleep(10_000)
        assert scene.begun == []


@pytest.mark.parametrize("stirring", sorted(kind.event for kind in STIRRING))  # type: ignore[misc]
async def test_whoever_stirs_before_it_is_quiet_puts_it_off(autojump_clock, stirring):
    scene = Scene()
    async with scene.thinking() as start:
        scene.events.publish(sample("turn_ended"))
        await trio.sleep(AFTER - 1)
        scene.events.publish(sample(stirring))
        scene.events.publish(sample("soc"))
        await trio.sleep(AFTER - 1)
        assert scene.begun == []
        await trio.sleep(10)
        assert scene.begun == [start + 2 * AFTER - 1]


@pytest.mark.parametrize("stirring", sorted(kind.event for kind in STIRRING))  # type: ignore[misc]
async def test_a_thought_is_let_go_the_moment_somebody_stirs(autojump_clock, stirring):
    ended: list[float] = []

    async def slow() -> Reflection:
        try:
            await trio.sleep(30)
        finally:
            ended.append(trio.current_time())
        return THOUGHT

    scene = Scene(slow)
    async with scene.thinking() as start:
        scene.events.publish(sample("turn_ended"))
        await trio.sleep(AFTER + 5)
        scene.events.publish(sample(stirring))
        await trio.sleep(100)
        assert ended == [start + AFTER + 5]
        assert scene.kept == []


async def test_he_does_not_think_while_a_turn_or_a_voice_is_on_its_way(autojump_clock):
    scene = Scene()
    scene.busy = True
    async with scene.thinking():
        scene.events.publish(sample("turn_ended"))
        await trio.sleep(AFTER * 3 + 1)
        assert scene.begun == []
        scene.busy = False
        await trio.sleep(AFTER)
        assert len(scene.begun) == 1


async def test_what_is_not_allowed_is_not_asked_and_not_made_up_for(autojump_clock):
    scene = Scene(may=False)
    async with scene.thinking():
        scene.events.publish(sample("turn_ended"))
        await trio.sleep(AFTER + 1)
        scene.may = True
        await trio.sleep(1000)
        assert scene.begun == []


async def test_passing_a_failure_and_an_endless_mind_leave_nothing_and_the_next_turn_is_thought_about(autojump_clock):
    async def fails() -> Reflection:
        raise EngineError("no")

    async def passes() -> Reflection:
        return Reflection()

    async def hangs() -> Reflection:
        await trio.sleep_forever()

    for reflect in (fails, passes, hangs):
        scene = Scene(reflect)
        async with scene.thinking():
            for number in (1, 2):
                scene.events.publish(sample("turn_ended"))
                await trio.sleep(AFTER + PATIENCE + 1)
                assert len(scene.begun) == number
            assert scene.kept == []


def test_a_reflection_is_read_from_whatever_a_mind_says_around_it():
    said = 'Sure!\n```json\n{"pass": false, "thought": "Tea\\n helps.", "mood": null, "goal": 3}\n``` Bye {'
    assert reflected(said) == Reflection("Tea helps.")
    assert reflected('{"pass": true, "thought": "x"}').passed
    assert reflected("I think that tea helps.").passed
    assert reflected('{"thought": "never closed').passed
    assert len(reflected('{"thought": "' + "x" * 10_000 + '"}').thought) == LONGEST
    assert answered("[" * 100_000 + "{" * 5_000) == {}


def test_the_allowance_counts_by_the_day_keeps_thoughts_apart_and_the_night_quiet():
    noon = datetime(2026, 3, 28, 12).astimezone()
    allowance = Allowance(2, 600, (time(23), time(7)))
    assert allowance.allows(noon)
    allowance.spent(noon)
    assert not allowance.allows(noon + timedelta(seconds=599))
    assert allowance.allows(noon + timedelta(seconds=600))
    allowance.spent(noon + timedelta(seconds=600))
    assert not allowance.allows(noon + timedelta(hours=5))
    assert not allowance.allows(noon + timedelta(hours=11, minutes=1))
    assert not allowance.allows(noon + timedelta(hours=18))
    assert allowance.allows(noon + timedelta(hours=24))


def test_a_clock_that_is_set_back_does_not_keep_him_from_thinking():
    noon = datetime(2026, 3, 28, 12).astimezone()
    allowance = Allowance(10, 600)
    allowance.spent(noon)
    assert allowance.allows(noon - timedelta(hours=1))


def test_quiet_hours_within_a_day_and_none():
    noon = datetime(2026, 3, 28, 12).astimezone()
    assert not Allowance(9, 0, hours("11:00-13:00")).allows(noon)
    assert Allowance(9, 0, hours("13:00-15:00")).allows(noon)
    assert hours("") is None
