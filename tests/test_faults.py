"""Every stage x every fault x every step of a turn: whatever goes wrong, the next turn works and nothing is left.

A spoken turn that uses a tool is held once without a fault, which tells every place and how often it is reached. Then
it is held again for each of them, with each fault there, once or from then on; what has to hold is looked at after it.
All runs in virtual time, in the order of the places.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from itertools import groupby, islice

import pytest
import trio
from trio.testing import MockClock

from channels.event_types import Degraded, ErrorOccurred, TurnEnded
from harry.errors import DeviceError, EngineError, StoreError
from harry.testing.faults import Fault, Faults, Kind
from tests.support.faulty_house import LISTENS_WITHIN, FaultyHouse, faulty_house

STEPS = 5
"""Calls of a place that are looked at, evenly spread: what is called for each block of sound has hundreds."""

DEVICE_RETURNS = 2.5
"""Seconds within which a sound card that failed is used again."""

ONE_OF = 9
"""Of so many cases of a place one is walked in each test run; the long run has all."""

GIVEN_UP = 18.0
"""Seconds within which an ear or a store that hangs is given up."""


def own(place: str) -> Callable[[], Exception]:
    """Make the error that a part is allowed to raise."""
    part = place.partition(".")[0]
    kind = {"card": DeviceError, "microphone": DeviceError, "store": StoreError, "spill": StoreError}.get(
        part, EngineError
    )
    return lambda: kind("It failed on purpose.")


def strange() -> Exception:
    return RuntimeError("something of a stranger's")


async def one_turn(home: FaultyHouse) -> None:
    await home.say(0.3, silence=1.0)
    await home.settle(4)


@cache
def reached() -> tuple[dict[str, int], frozenset[str]]:
    """Return how often a turn without a fault reaches each place, and which of them are awaited."""
    faults = Faults()

    async def once() -> None:
        async with faulty_house(faults) as home:
            await one_turn(home)
            assert home.lamp.used == 1
            assert not home.broken()

    trio.run(once, clock=MockClock(autojump_threshold=0))
    return dict(faults.calls), frozenset(faults.waits)


def cases() -> Iterator[Fault]:
    calls, waits = reached()
    for place, count in sorted(calls.items()):
        if place == STARTING:
            continue
        steps = sorted({1 + (count - 1) * step // max(1, STEPS - 1) for step in range(STEPS)}) if count else []
        for n in steps:
            for always in (False, True):
                yield Fault(place, Kind.FAILS, n, always, error=own(place))
                yield Fault(place, Kind.FAILS, n, always, error=strange)
                yield Fault(place, Kind.WRONG, n, always)
                if place in waits:
                    yield Fault(place, Kind.SLOW, n, always)
                    yield Fault(place, Kind.HANGS, n, always)


STARTING = "card.play"
"""A loudspeaker that never worked ends the session, with the reason: somebody is there to read it."""


def named(fault: Fault) -> str:
    how = f"{fault.kind.value}{'' if fault.error is not strange else ' strangely'}"
    return f"{fault.place} {how} {'from' if fault.always else 'at'} {fault.n}".replace(" ", "-")


async def walk(fault: Fault) -> list[str]:
    """Hold a turn with a fault and two after it; return what did not hold."""
    faults = Faults(fault)
    found: list[str] = []
    tasks = trio.lowlevel.current_statistics().tasks_living
    async with faulty_house(faults) as home:
        await one_turn(home)
        told = bool(home.happened(ErrorOccurred) or home.happened(Degraded))
        if fault.kind is Kind.FAILS and not home.loud_since(0) and not told:
            found.append("nothing was heard, and nobody was told")
        faults.faults.clear()
        if fault.place.startswith(("card", "microphone")):
            await trio.sleep(DEVICE_RETURNS)
        if fault.kind is Kind.HANGS and not fault.place.startswith(("mind", "voice", "tool")):
            await trio.sleep(GIVEN_UP)
        at = home.session.clock.now()
        home.session.answer_typed("hello")
        if not await home.settle(6):
            found.append("the typed line after it was not answered")
        if not home.loud_since(at):
            found.append("the answer to the typed line was not heard")
        before = len(home.admitted)
        await home.say(0.3)
        if not await home.began(before, LISTENS_WITHIN):
            found.append(f"not listening within {LISTENS_WITHIN:g} s")
        if not await home.settle(6):
            found.append("the spoken words after it were not answered")
        found += home.broken()
        if home.lamp.used > 2:
            found.append(f"two wishes switched the lamp {home.lamp.used} times")
    if trio.lowlevel.current_statistics().tasks_living != tasks:
        found.append("a task was left")
    return found


def walked(faults: list[Fault]) -> dict[str, list[str]]:
    """Walk through faults; return what did not hold, by the fault."""
    broken = {}
    for fault in faults:
        try:
            found = trio.run(walk, fault, clock=MockClock(autojump_threshold=0))
        except BaseException as error:  # noqa: BLE001  a session that ends is what is looked for
            found = [f"the session ended: {error!r}"]
        if found:
            broken[named(fault)] = found
    return broken


def test_the_walk_comes_to_every_stage() -> None:
    parts = {place.partition(".")[0] for place in reached()[0]}
    assert parts == {"card", "detector", "ear", "microphone", "mind", "spill", "store", "tool", "voice"}
    assert {"mind.reply.emit", "voice.speak.emit", "microphone.capture.hear"} <= set(reached()[0])


def test_after_a_fault_anywhere_the_next_turn_works_and_nothing_is_left() -> None:
    # Of each place some, and of each place others.
    chosen = [
        fault
        for number, (_, found) in enumerate(groupby(cases(), lambda fault: fault.place))
        for fault in islice(found, number % ONE_OF // 2, None, ONE_OF)
    ]
    assert {fault.place for fault in chosen} == set(reached()[0]) - {STARTING}
    assert not walked(chosen)


@pytest.mark.acceptance
@pytest.mark.timeout(1800)
def test_after_every_fault_at_every_step_the_next_turn_works_and_nothing_is_left() -> None:
    assert not walked(list(cases()))


@pytest.mark.parametrize("kind", [Kind.FAILS, Kind.HANGS, Kind.WRONG])
def test_a_loudspeaker_that_never_worked_ends_the_session_with_the_reason(kind: Kind) -> None:
    async def begin() -> None:
        async with faulty_house(Faults(Fault(STARTING, kind, error=own(STARTING)))):
            raise AssertionError("it began")

    with pytest.RaisesGroup(pytest.RaisesExc(DeviceError), flatten_subgroups=True):
        trio.run(begin, clock=MockClock(autojump_threshold=0))


def test_a_record_that_can_never_be_kept_ends_its_turn_without_an_acknowledgement() -> None:
    def never() -> Exception:
        return ValueError("it cannot be kept")

    async def talk() -> None:
        async with faulty_house(Faults(Fault("store.write", Kind.FAILS, always=True, error=never))) as home:
            home.session.answer_typed("hello")
            assert await home.settle(4), "somebody waits for it for ever"
            assert not home.happened(TurnEnded)
            assert [told.message for told in home.happened(ErrorOccurred)] == [
                "What was said in this turn cannot be kept."
            ]

    trio.run(talk, clock=MockClock(autojump_threshold=0))


@pytest.mark.parametrize(
    ("error", "why"), [(own("ear"), "It failed on purpose."), (strange, "The log says why.")], ids=["own", "strange"]
)
def test_an_ear_that_fails_is_said_aloud_once_and_the_next_words_are_heard_when_it_works(
    error: Callable[[], Exception], why: str
) -> None:
    faults = Faults(Fault("ear.transcribe", Kind.FAILS, always=True, error=error))

    async def talk() -> None:
        async with faulty_house(faults) as home:
            for _ in range(3):
                await home.say(0.3, silence=4.0)
            spoken = [record.heard for record in home.store.records.values()]
            assert spoken == [f"I heard you, but I could not make out the words. {why}"]
            faults.faults.clear()
            await home.say(0.3, silence=4.0)
            assert list(home.store.records.values())[-1].said == "switch the lamp on"
            assert not home.session.supervisor.degraded

    trio.run(talk, clock=MockClock(autojump_threshold=0))


def test_a_detector_that_fails_is_told_once_and_loudness_serves_meanwhile() -> None:
    faults = Faults(Fault("detector.probability", Kind.FAILS, always=True))

    async def talk() -> None:
        async with faulty_house(faults) as home:
            await one_turn(home)
            assert home.lamp.used == 1, "he was deaf"
            faults.faults.clear()
            await home.say(0.3, silence=1.0)
            told = [each.over for each in home.happened(Degraded)]
            assert told == [False, True]

    trio.run(talk, clock=MockClock(autojump_threshold=0))
