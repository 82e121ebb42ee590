"""Finds out for how long an engine keeps trio's loop from everything else, whatever else the machine does.

A step of a task counts with the processor time that it took itself, and, where its thread gave the processor up by
itself (it slept, or waited for a file or a lock), with the time that it waited. That the machine ran something else in
between counts for nothing. The time for which a thread of the engine held the interpreter's lock is seen by a ticker.
"""

from __future__ import annotations

import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import trio

from harry.errors import EngineError

LIMIT_SECONDS = 0.005
"""For which the loop may be blocked at most."""

LOCK_LIMIT_SECONDS = 0.015
"""The same where a thread holds the interpreter's lock: it is asked to let go only every 5 ms."""

REPEATS = 5
"""Times that a call is watched: what is the engine's own shows each time, what is the machine's does not."""

_TICK = 0.002
_USUAL = 0.0006
"""Seconds of the processor for `_calibrate` on an ordinary computer."""


def _calibrate() -> float:
    times = []
    for _ in range(7):
        began = time.thread_time()
        sum(range(30_000))
        times.append(time.thread_time() - began)
    return min(times)


def slowness() -> float:
    """Return how many times slower than an ordinary computer this one computes; at least 1."""
    return max(1.0, _calibrate() / _USUAL)


def _gave_up() -> Callable[[], int]:
    """Return what counts how often this thread has given the processor up by itself.

    Systems other than Linux do not tell; there all of a step's time counts.
    """
    if sys.platform == "linux":
        import resource  # noqa: PLC0415  it is not there everywhere

        return lambda: resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw
    return time.monotonic_ns


class LoopWatch(trio.abc.Instrument):
    """Measures, in seconds: `worst` is the longest step, `worst_lock` for how long the lock was held."""

    def __init__(self) -> None:
        self.worst = 0.0
        self.worst_lock = 0.0
        self.culprit = ""
        self._gave_up = _gave_up()
        self._began: tuple[float, float, float, int] | None = None

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        """Note when a step begins."""
        self._began = (time.perf_counter(), time.thread_time(), time.process_time(), self._gave_up())

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        """Judge a step that is over."""
        if self._began is None:
            return  # it had begun before this was installed
        wall, processor = time.perf_counter() - self._began[0], time.thread_time() - self._began[1]
        others = time.process_time() - self._began[2] - processor
        # While other threads worked, it may have waited for the interpreter's lock: that is the ticker's affair.
        waited = max(0.0, wall - processor - others) if self._gave_up() > self._began[3] else 0.0
        took = processor + waited
        if took > self.worst:
            self.worst, self.culprit = took, task.name

    async def tick(self) -> None:
        """Look for a lock that is held, until cancelled."""
        while True:
            due = time.perf_counter() + _TICK
            before = time.process_time() - time.thread_time(), self._gave_up()
            await trio.sleep(_TICK)
            late = time.perf_counter() - due
            others = time.process_time() - time.thread_time() - before[0]
            if self._gave_up() - before[1] > 1:
                self.worst_lock = max(self.worst_lock, min(late, others))


@asynccontextmanager
async def watching() -> AsyncIterator[LoopWatch]:
    """Watch the loop for the length of the block."""
    watch = LoopWatch()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(watch.tick)
        await trio.lowlevel.checkpoint()
        trio.lowlevel.add_instrument(watch)
        try:
            yield watch
        finally:
            trio.lowlevel.remove_instrument(watch)
            nursery.cancel_scope.cancel()


async def find_block(call: Callable[[], Awaitable[None]], *, repeats: int = REPEATS) -> str:
    """Make a call several times; say in a sentence that it blocks the loop, "" if it does not.

    An `EngineError` is an answer like any other.
    """
    worst, lock, culprit = float("inf"), float("inf"), ""
    slow = slowness()
    for _ in range(repeats):
        async with watching() as watch:
            with suppress(EngineError):
                await call()
        if watch.worst < worst:
            worst, culprit = watch.worst, watch.culprit
        lock = min(lock, watch.worst_lock)
        if worst <= LIMIT_SECONDS * slow and lock <= LOCK_LIMIT_SECONDS * slow:
            return ""
    if worst > LIMIT_SECONDS * slow:
        return (
            f"the loop was blocked for {worst * 1e3:.1f} ms in {culprit}: "
            f"at most {LIMIT_SECONDS * slow * 1e3:.1f} ms are allowed here. Work that takes longer belongs in a thread."
        )
    return (
        f"a thread held the interpreter's lock for {lock * 1e3:.1f} ms, which blocks the loop: "
        f"at most {LOCK_LIMIT_SECONDS * slow * 1e3:.1f} ms are allowed here."
    )
