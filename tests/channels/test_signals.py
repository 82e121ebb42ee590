"""A signal wakes those that wait, and is forgotten by those that come later."""

from __future__ import annotations

import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from channels.signals import Signal


async def test_a_signal_wakes_everybody_who_waits(autojump_clock: MockClock) -> None:
    signal, woken = Signal(), list[int]()

    async def wait(number: int) -> None:
        await signal.wait()
        woken.append(number)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait, 1)
        nursery.start_soon(wait, 2)
        await wait_all_tasks_blocked()
        signal.notify()
    assert sorted(woken) == [1, 2]


async def test_who_comes_later_waits_for_the_next_signal(autojump_clock: MockClock) -> None:
    signal = Signal()
    signal.notify()
    with trio.move_on_after(1) as patience:
        await signal.wait()
    assert patience.cancelled_caught
