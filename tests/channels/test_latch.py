"""A signal wakes whoever waits, again and again; pauses between attempts grow up to a limit."""

from __future__ import annotations

import trio
import trio.testing

from channels.backoff import MAX_SECONDS, Backoff
from channels.signals import Latch


async def test_a_signal_that_was_set_before_the_wait_is_not_missed(autojump_clock):
    signal = Latch()
    signal.set()
    await signal.wait()
    signal.clear()
    with trio.move_on_after(1) as waited:
        await signal.wait()
    assert waited.cancelled_caught


async def test_clearing_a_signal_leaves_nobody_waiting_for_ever(autojump_clock):
    signal = Latch()
    with trio.fail_after(1):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(signal.wait)
            await trio.testing.wait_all_tasks_blocked()
            signal.clear()
            signal.set()


def test_pauses_double_up_to_the_limit_and_begin_again_after_a_success():
    backoff = Backoff()
    assert [backoff.advance() for _ in range(3)] == [0.1, 0.2, 0.4]
    assert max(backoff.advance() for _ in range(10)) == MAX_SECONDS
    backoff.reset()
    assert backoff.advance() == 0.1
