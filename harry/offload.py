"""Blocking engine work in threads: a limiter for each instance, a deadline, and the engine's own way to stop.

A cancelled caller leaves at once; the thread is told to stop and its result is dropped. A call that outlives its
deadline marks the instance as retired, limiter and all: otherwise one hang would hold up every session.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar, TypeVarTuple

import trio

from harry.errors import EngineError, EngineTimeout

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Offload:
    """The threads of one engine instance. `deadline` is seconds for a call, or between two items of a stream."""

    def __init__(self, name: str, *, deadline: float, threads: int = 1) -> None:
        self.name = name
        self.deadline = deadline
        self.retired = False
        self._limiter = trio.CapacityLimiter(threads)

    async def run(self, work: Callable[[*Ts], T], *args: *Ts, abort: Callable[[], None] | None = None) -> T:
        """Do blocking `work` in a thread. `abort` is called from trio's thread when nobody waits for it any more.

        Raises `EngineTimeout` past the deadline, `EngineError` if the work raised anything that is not one.
        """
        done = False
        try:
            with trio.fail_after(self.deadline):
                result = await trio.to_thread.run_sync(
                    self._guarded, work, args, abandon_on_cancel=True, limiter=self._limiter
                )
            done = True
            return result
        except trio.TooSlowError:
            self.retired = True
            raise EngineTimeout(f"{self.name} did not answer within {self.deadline:g} seconds.") from None
        finally:
            if abort is not None and not done:
                abort()

    async def stream(self, work: Callable[[Emit[T]], None], send: Callable[[T], Awaitable[None]]) -> None:
        """Do blocking `work(emit)` in a thread, and `await send(item)` in trio for each item it emits.

        `emit(item)` returns when the item was taken; it is False once nobody listens. The deadline holds between two
        items and stands still while `send` waits. Errors as in `run`.
        """
        # With abandon_on_cancel the thread's calls run in system tasks, outside the caller's scope: each gets its own.
        sending: list[trio.CancelScope] = []
        with trio.CancelScope(deadline=trio.current_time() + self.deadline) as scope:

            async def pass_on(item: T) -> None:
                if emit.stopped:
                    return  # The system task may begin after the caller has gone.
                scope.deadline = math.inf
                with trio.CancelScope() as sending_one:
                    sending[:] = [sending_one]
                    await send(item)
                scope.deadline = trio.current_time() + self.deadline

            emit = Emit(pass_on)
            try:
                await trio.to_thread.run_sync(
                    self._guarded, work, (emit,), abandon_on_cancel=True, limiter=self._limiter
                )
            finally:
                emit.stop()
                for each in sending:
                    each.cancel()
        if scope.cancelled_caught:
            self.retired = True
            raise EngineTimeout(f"{self.name} said nothing for {self.deadline:g} seconds.")

    def _guarded(self, work: Callable[[*Ts], T], args: tuple[*Ts]) -> T:
        try:
            return work(*args)
        except EngineError:
            raise
        except Exception as error:
            raise EngineError(f"{self.name} failed: {type(error).__name__}: {error}") from error


class Emit(Generic[T]):
    """Called in the engine's thread with each item; False tells the engine to stop."""

    def __init__(self, pass_on: Callable[[T], Awaitable[None]]) -> None:
        self._pass_on = pass_on
        self._stopped = threading.Event()

    def __call__(self, item: T) -> bool:
        if self._stopped.is_set():
            return False
        try:
            trio.from_thread.run(self._pass_on, item)
        except (trio.Cancelled, trio.RunFinishedError):
            # The listener has gone: this is how an abandoned thread hears of it.
            return False
        return not self._stopped.is_set()

    def stop(self) -> None:
        """Make the next call return False. From any thread."""
        self._stopped.set()

    @property
    def stopped(self) -> bool:
        """Whether nobody listens any more."""
        return self._stopped.is_set()
