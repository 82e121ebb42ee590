"""Announcements for many: each person has a queue, who comes later is told, and no program says more than it may."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from channels.signals import Signal
from harry.errors import TooManySessions, TooMuchToSay
from harry.host.announcers import HOUR, MOST_PERSONS, Announcers
from harry.session.announcements import State
from harry.session.session import Session
from tests.session.test_announcements import heard
from tests.support.virtual_session import house


async def test_what_waits_for_somebody_is_said_when_he_comes_and_nobody_else_hears_it(
    autojump_clock: MockClock,
) -> None:
    there: dict[str, Session] = {}
    announcers = Announcers(there.get, came := Signal())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(announcers.run)
        async with house() as bens, house() as anns:
            there["ben"] = bens.session
            announced, _ = announcers.of("ann").put("Dinner.")
            late, _ = announcers.of("ann").put("Tea.", lasts=5)
            await bens.silence(10)
            assert (heard(bens), late.state) == ([], State.EXPIRED)
            there["ann"] = anns.session
            came.notify()
            await anns.silence(5)
            assert (heard(anns), heard(bens), announced.state) == (["Dinner."], [], State.HEARD)
        nursery.cancel_scope.cancel()


async def test_a_conversation_that_ends_loses_nothing(autojump_clock: MockClock) -> None:
    there: dict[str, Session] = {}
    announcers = Announcers(there.get, came := Signal())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(announcers.run)
        async with house() as first:
            there["ann"] = first.session
            announcers.of("ann").put("Dinner is ready.", "now")
            while not first.happened("speaking_started"):
                await first.silence(0.032)
        async with house() as second:
            there["ann"] = second.session
            came.notify()
            await second.silence(5)
            assert heard(second) == ["Dinner is ready."]
        nursery.cancel_scope.cancel()


async def test_a_program_has_so_much_said_an_hour_and_no_more(autojump_clock: MockClock) -> None:
    announcers = Announcers(lambda user: None, Signal(), an_hour=2)
    for _ in range(2):
        announcers.check("doorbell")
        announcers.count("doorbell")
    with pytest.raises(TooMuchToSay, match="2 announcements an hour"):
        announcers.check("doorbell")
    announcers.check("oven")
    autojump_clock.jump(HOUR)
    announcers.check("doorbell")


async def test_none_is_said_at_all_if_the_configuration_says_so(autojump_clock: MockClock) -> None:
    with pytest.raises(TooMuchToSay):
        Announcers(lambda user: None, Signal(), an_hour=0).check("doorbell")


async def test_only_so_many_persons_are_waited_for_and_those_who_wait_for_nothing_make_room(
    autojump_clock: MockClock,
) -> None:
    announcers = Announcers(lambda user: None, Signal())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(announcers.run)
        await wait_all_tasks_blocked()
        idle = announcers.of("nobody")
        for number in range(MOST_PERSONS - 1):
            announcers.of(f"user {number}").put("Dinner.")
        announcers.of("ann").put("Dinner.")
        assert idle.idle
        with pytest.raises(TooManySessions):
            announcers.of("ben")
        nursery.cancel_scope.cancel()
