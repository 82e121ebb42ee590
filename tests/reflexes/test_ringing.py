"""Where and when timers, alarms and reminders ring, by clocks that are set and stand still; in virtual time."""

# ruff: noqa: DTZ001  # alarms are for local times, which name no zone

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
import trio
from trio.testing import MockClock

from harry.errors import HarryError
from harry.memory.store.reminders import MOST
from harry.reflexes.reminders import Reminding, TooManyRemindersError
from tests.reflexes.places import BERLIN, FakePlace, Hands, ShelfInMemory

EVENING = datetime(2026, 11, 28, 20, 55, tzinfo=BERLIN)


@dataclass
class World:
    hands: Hands
    shelf: ShelfInMemory
    places: dict[str, list[FakePlace]]
    reminding: Reminding


@asynccontextmanager
async def world(
    *places: FakePlace, began: datetime = EVENING, shelf: ShelfInMemory | None = None, hands: Hands | None = None
) -> AsyncIterator[World]:
    hands = hands or Hands(began)
    shelf = shelf or ShelfInMemory()
    there = {"ann": list(places)}
    reminding = Reminding(shelf, lambda user: there.get(user, []), clocks=hands.clocks)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(reminding.run)
        yield World(hands, shelf, there, reminding)
        nursery.cancel_scope.cancel()


async def test_a_timer_rings_where_it_was_set_and_nowhere_else(autojump_clock: MockClock) -> None:
    room, page = FakePlace("room"), FakePlace("page")
    async with world(room, page) as at:
        made = await at.reminding.set("ann", "timer", seconds=540, name="pasta", session="page")
        await trio.sleep(545)
        assert page.words == ["Your pasta timer is up."]
        assert page.rang[0][2].seconds > 50
        assert room.rang == []
        # Every conversation sees it; only the one rings.
        assert [each["here"] for each in room.told if each["state"] == "ringing"] == [False]
        assert [each["here"] for each in page.told if each["state"] == "ringing"] == [True]
        await trio.sleep(70)
        assert page.states(made.id) == ["set", "ringing", "told"]
        assert at.shelf.kept == {}


async def test_where_nobody_is_left_it_rings_wherever_somebody_is(autojump_clock: MockClock) -> None:
    room, page, phone = FakePlace("room"), FakePlace("page", there=False), FakePlace("phone")
    async with world(room, page, phone) as at:
        await at.reminding.set("ann", "timer", seconds=10, session="page")
        await trio.sleep(15)
        assert room.words == phone.words == ["Your ten-second timer is up."]
        assert page.rang == []
        phone.interrupt("stop")
        await trio.sleep(1)
        assert not room.ringing, "stopped in one conversation, it stops in all"
        assert at.shelf.kept == {}


async def test_while_nobody_is_anywhere_it_waits_and_is_told_late_once(autojump_clock: MockClock) -> None:
    room = FakePlace("room", there=False)
    async with world(room) as at:
        await at.reminding.set("ann", "timer", seconds=600)
        await trio.sleep(3600)
        assert room.rang == []
        assert len(at.shelf.kept) == 1
        room.there = True
        await trio.sleep(5)
        assert room.words == ["Your ten-minute timer ended at 9:05 p.m."]
        assert room.rang[0][2].seconds == 0
        await trio.sleep(60)
        assert len(room.rang) == 1
        assert at.shelf.kept == {}


async def test_a_client_who_went_while_it_rang_is_not_taken_to_have_heard_it(autojump_clock: MockClock) -> None:
    page = FakePlace("page")
    async with world(page) as at:
        await at.reminding.set("ann", "timer", seconds=10, session="page")
        await trio.sleep(15)
        page.there = False
        await trio.sleep(300)
        assert len(at.shelf.kept) == 1
        page.there = True
        await trio.sleep(70)
        assert page.words[-1] == "Your ten-second timer ended at 8:55 p.m."
        assert at.shelf.kept == {}


async def test_it_rings_until_it_is_stopped_and_not_a_minute_longer(autojump_clock: MockClock) -> None:
    room = FakePlace("room")
    async with world(room) as at:
        await at.reminding.set("ann", "timer", seconds=10)
        await trio.sleep(15)
        assert room.ringing
        assert await at.reminding.stop("ann")
        await trio.sleep(0.1)
        assert not room.ringing
        assert at.shelf.kept == {}
        await at.reminding.set("ann", "timer", seconds=10)
        await trio.sleep(85)
        assert not room.ringing
        assert len(room.rang) == 2


async def test_other_words_interrupt_a_ring_and_it_goes_on_for_the_rest_of_its_time(autojump_clock: MockClock) -> None:
    room = FakePlace("room")
    async with world(room) as at:
        await at.reminding.set("ann", "timer", seconds=10)
        await trio.sleep(30)
        room.interrupt("cut")
        await trio.sleep(2)
        assert room.ringing
        assert len(room.rang) == 2
        assert room.rang[1][2].seconds < 45
        room.interrupt("stop")
        await trio.sleep(60)
        assert len(room.rang) == 2
        assert at.shelf.kept == {}


async def test_a_mere_reminder_is_told_once_and_again_if_no_word_of_it_was_heard(autojump_clock: MockClock) -> None:
    room = FakePlace("room", silent=True)
    async with world(room) as at:
        await at.reminding.set("ann", "reminder", seconds=10, text="call Anna")
        await trio.sleep(11)
        room.interrupt("cut")
        await trio.sleep(0.1)
        room.silent = False
        await trio.sleep(10)
        assert room.words == ["Your reminder: call Anna."] * 2
        assert at.shelf.kept == {}


async def test_what_comes_due_while_something_rings_joins_it(autojump_clock: MockClock) -> None:
    room = FakePlace("room")
    async with world(room) as at:
        await at.reminding.set("ann", "timer", seconds=10, name="pasta")
        await at.reminding.set("ann", "timer", seconds=20, name="egg")
        await trio.sleep(25)
        assert room.words == ["Your pasta timer is up.", "Your pasta timer is up. Your egg timer is up."]
        room.interrupt("stop")
        await trio.sleep(2)
        assert not room.ringing
        assert at.shelf.kept == {}


async def test_another_process_can_take_away_what_rings(autojump_clock: MockClock) -> None:
    room = FakePlace("room")
    async with world(room) as at:
        await at.reminding.set("ann", "timer", seconds=10)
        await trio.sleep(15)
        assert room.ringing
        elsewhere = Reminding(at.shelf, lambda user: (), clocks=at.hands.clocks)
        assert len(await elsewhere.stop("ann")) == 1
        await trio.sleep(3)
        assert not room.ringing


async def test_what_another_process_sets_rings_too(autojump_clock: MockClock) -> None:
    room = FakePlace("room")
    async with world(room) as at:
        await trio.sleep(100)
        elsewhere = Reminding(at.shelf, lambda user: (), clocks=at.hands.clocks)
        made = await elsewhere.set("ann", "timer", seconds=5)
        await trio.sleep(8)
        assert room.words == ["Your five-second timer is up."]
        assert room.states(made.id)[0] == "set"


@pytest.mark.parametrize("jump", [-7200.0, 7200.0, -86_400.0 * 400])
async def test_a_timer_does_not_care_for_a_wall_clock_that_is_set(jump: float, autojump_clock: MockClock) -> None:
    room = FakePlace("room")
    async with world(room) as at:
        await at.reminding.set("ann", "timer", seconds=600)
        await trio.sleep(300)
        at.hands.set(jump)
        await trio.sleep(299)
        assert room.rang == []
        await trio.sleep(3)
        assert room.words == ["Your ten-minute timer is up."]


async def test_a_timer_goes_on_while_the_computer_sleeps(autojump_clock: MockClock) -> None:
    room = FakePlace("room")
    async with world(room) as at:
        await at.reminding.set("ann", "timer", seconds=600)
        await trio.sleep(100)
        at.hands.sleep(499)
        await trio.sleep(4)
        assert room.words == ["Your ten-minute timer is up."]


async def test_an_alarm_goes_by_the_wall_clock_whichever_way_it_is_set(autojump_clock: MockClock) -> None:
    room = FakePlace("room")
    async with world(room) as at:
        await at.reminding.set("ann", "alarm", at=datetime(2026, 11, 28, 22, 0))
        at.hands.set(3600 + 4 * 60)  # 21:59
        await trio.sleep(30)
        assert room.rang == []
        at.hands.set(-3600)
        await trio.sleep(120)
        assert room.rang == []
        at.hands.set(3600)
        await trio.sleep(4)
        assert room.words == ["It is 10 p.m. This is your alarm."]
        assert room.rang[0][2].seconds > 500


async def test_an_alarm_that_a_clock_leaps_over_rings_within_seconds(autojump_clock: MockClock) -> None:
    room = FakePlace("room")
    async with world(room) as at:
        await at.reminding.set("ann", "alarm", at=datetime(2026, 11, 28, 22, 0))
        await trio.sleep(10)
        at.hands.set(1.5 * 3600)
        await trio.sleep(4)
        assert room.words == ["Your alarm was set for 10 p.m."]
        assert room.rang[0][2].seconds > 500


@pytest.mark.parametrize(
    ("day", "hours"),
    [(datetime(2026, 3, 28, 21, 0), 9), (datetime(2026, 10, 24, 21, 0), 11), (datetime(2026, 11, 28, 21, 0), 10)],
)
async def test_an_alarm_for_seven_rings_at_seven_across_a_change_of_summer_time(
    day: datetime, hours: int, autojump_clock: MockClock
) -> None:
    room = FakePlace("room")
    async with world(room, began=day.replace(tzinfo=BERLIN)) as at:
        await at.reminding.set("ann", "alarm", at=(day + timedelta(days=1)).replace(hour=7))
        await trio.sleep(hours * 3600 - 5)
        assert room.rang == []
        await trio.sleep(10)
        assert room.words == ["It is 7 a.m. This is your alarm."]


async def test_an_alarm_in_the_hour_that_is_left_out_rings_and_one_in_the_doubled_hour_rings_once(
    autojump_clock: MockClock,
) -> None:
    room = FakePlace("room")
    async with world(room, began=datetime(2026, 3, 29, 1, 0, tzinfo=BERLIN)) as at:
        await at.reminding.set("ann", "alarm", at=datetime(2026, 3, 29, 2, 30))
        await trio.sleep(1.5 * 3600 + 5)
        assert room.words == ["It is 3:30 a.m. This is your alarm."]
    room = FakePlace("room")
    async with world(room, began=datetime(2026, 10, 25, 1, 0, tzinfo=BERLIN)) as at:
        await at.reminding.set("ann", "alarm", at=datetime(2026, 10, 25, 2, 30))
        await trio.sleep(4 * 3600)
        assert room.words == ["It is 2:30 a.m. This is your alarm."]


async def test_an_alarm_on_weekdays_comes_again_on_the_next_of_them(autojump_clock: MockClock) -> None:
    room = FakePlace("room")
    friday = datetime(2026, 11, 27, 6, 0, tzinfo=BERLIN)
    async with world(room, began=friday) as at:
        made = await at.reminding.set("ann", "alarm", at=datetime(2026, 11, 27, 7, 0), days="01234")
        await trio.sleep(3605)
        room.interrupt("stop")
        await trio.sleep(1)
        [kept] = at.shelf.kept.values()
        assert (kept.id, kept.local, kept.rang_at) == (made.id, "2026-11-30T07:00:00", None)
        await trio.sleep(3 * 86_400)
        assert len(room.rang) == 2


async def test_a_daily_alarm_that_was_missed_for_days_is_told_once(autojump_clock: MockClock) -> None:
    room = FakePlace("room", there=False)
    async with world(room) as at:
        await at.reminding.set("ann", "alarm", at=datetime(2026, 11, 29, 7, 0), days="0123456")
        await trio.sleep(3 * 86_400)
        room.there = True
        await trio.sleep(5)
        assert room.words == ["Your alarm was set for 7 a.m. on Sunday, November 29, 2026."]
        [kept] = at.shelf.kept.values()
        assert kept.local == "2026-12-02T07:00:00"


async def test_a_snoozed_alarm_rings_again_and_its_days_are_kept(autojump_clock: MockClock) -> None:
    room = FakePlace("room")
    async with world(room) as at:
        await at.reminding.set("ann", "alarm", at=datetime(2026, 11, 28, 21, 0), days="0123456")
        await trio.sleep(305)
        assert room.ringing
        assert len(await at.reminding.snooze("ann", 300)) == 1
        await trio.sleep(1)
        assert not room.ringing
        assert len(at.shelf.kept) == 2
        await trio.sleep(300)
        assert room.words[-1] == "It is 9:05 p.m. This is your alarm."
        room.interrupt("stop")
        await trio.sleep(1)
        assert [each.local for each in at.shelf.kept.values()] == ["2026-11-29T21:00:00"]


async def test_a_paused_timer_stands_still_and_goes_on_with_what_was_left(autojump_clock: MockClock) -> None:
    room = FakePlace("room")
    async with world(room) as at:
        made = await at.reminding.set("ann", "timer", seconds=600)
        await trio.sleep(200)
        paused = await at.reminding.pause(made)
        assert paused is not None
        await trio.sleep(5000)
        assert room.rang == []
        assert at.hands.clocks.left(paused) == pytest.approx(400)
        longer = await at.reminding.extend(paused, 60)
        assert longer is not None
        assert longer.paused
        await at.reminding.resume(longer)
        await trio.sleep(455)
        assert room.rang == []
        await trio.sleep(10)
        assert len(room.rang) == 1


async def test_after_a_restart_a_timer_goes_on_by_the_same_clock_and_after_another_start_by_the_wall(
    autojump_clock: MockClock,
) -> None:
    room = FakePlace("room")
    shelf, hands = ShelfInMemory(), Hands(EVENING)
    async with world(room, shelf=shelf, hands=hands) as at:
        await at.reminding.set("ann", "timer", seconds=600)
        await trio.sleep(100)
    hands.set(-86_400)
    async with world(room, shelf=shelf, hands=hands):
        await trio.sleep(495)
        assert room.rang == []
        await trio.sleep(10)
        assert room.words == ["Your ten-minute timer is up."]
        room.interrupt("stop")
        await trio.sleep(1)
    async with world(room, shelf=shelf, hands=hands) as at:
        await at.reminding.set("ann", "timer", seconds=600)
    await trio.sleep(3600)
    later = Hands(datetime.fromtimestamp(hands.clocks.wall(), BERLIN))
    object.__setattr__(later.clocks, "boot", "another start")
    async with world(room, shelf=shelf, hands=later):
        await trio.sleep(5)
        assert room.words[-1].startswith("Your ten-minute timer ended at ")
        assert room.words[-1].endswith(", while I was off.")


async def test_there_is_a_bound_to_how_many_and_how_long(autojump_clock: MockClock) -> None:
    async with world() as at:
        for _ in range(MOST):
            await at.reminding.set("ann", "timer", seconds=600)
        with pytest.raises(TooManyRemindersError):
            await at.reminding.set("ann", "timer", seconds=600)
        await at.reminding.set("ben", "timer", seconds=600)
        with pytest.raises(HarryError):
            await at.reminding.set("ben", "timer", seconds=400 * 86_400)


@pytest.mark.parametrize(
    "words",
    [
        "stop", "ok", "Okay.", "Got it, thanks.", "turn it off", "Turn off the alarm!", "stop the timer, please",
        "Harry, stop.", "yes yes", "I'm up", "thank you", "enough", "OK, got it", "be quiet",
        "Hey Harry, turn it off please.",
    ],
)  # fmt: skip
async def test_these_words_stop_what_rings(words: str, autojump_clock: MockClock) -> None:
    async with world() as at:
        assert at.reminding.stops(words, ("Harry",))


@pytest.mark.parametrize(
    "words", ["what time is it", "how long is left", "ok what's the weather", "snooze", "I stopped smoking", "hm", ""]
)
async def test_these_do_not(words: str, autojump_clock: MockClock) -> None:
    async with world() as at:
        assert not at.reminding.stops(words, ("Harry",))
