"""What a call leaves behind: tasks, threads that work, tokens of limiters that did not come back."""

from __future__ import annotations

import sys
import threading
import time
from typing import Any

import trio

from harry.engines.worker_threads import WorkerThreads

ENDS_WITHIN = 2.0
"""Seconds after a cancel within which work ends, or its engine is retired."""

_AT_MOST = 10.0
"""Seconds for a process that gets no processor."""

_LOOK = 0.01


class Leftovers:
    """Knows what there was when it was made, in trio: what is new is a leftover. `engine` owns the limiters."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine
        self._threads = set(_working_threads())
        self._tasks = trio.lowlevel.current_statistics().tasks_living
        self._default = trio.to_thread.current_default_thread_limiter()

    def find(self) -> str:
        """Say in a few words what is left over now; "" for nothing."""
        if trio.lowlevel.current_statistics().tasks_living > self._tasks:
            return "a task"
        if any(threads.busy for threads in find_worker_threads(self._engine)) or self._default.borrowed_tokens:
            return "a token of a limiter"
        names = [thread.name for thread in set(_working_threads()) - self._threads]
        return f"the thread {names[0]!r}" if names else ""

    async def wait(self) -> str:
        """Wait until nothing is left over, or the engine is retired; say what is still there after `ENDS_WITHIN`."""
        began, worked = time.perf_counter(), time.process_time()
        while (left := self.find()) and not getattr(self._engine, "retired", False):
            waited = time.perf_counter() - began
            # A process that the machine does not let work has not had its time yet.
            if waited > ENDS_WITHIN and (time.process_time() - worked > ENDS_WITHIN or waited > _AT_MOST):
                return left
            await trio.sleep(_LOOK)
        return ""


def find_worker_threads(engine: Any) -> list[WorkerThreads]:
    """Return the `WorkerThreads` that an engine holds as attributes."""
    return [value for value in getattr(engine, "__dict__", {}).values() if isinstance(value, WorkerThreads)]


def _working_threads() -> list[threading.Thread]:
    """Return the threads that do anything; one that trio keeps for its next call does nothing."""
    frames = sys._current_frames()  # noqa: SLF001  documented, and the only way to see what a thread does
    return [
        thread
        for thread in threading.enumerate()
        if thread is not threading.current_thread()
        and (frame := frames.get(thread.ident or 0)) is not None
        and not frame.f_code.co_filename.endswith("_thread_cache.py")
    ]
