"""Blocking engine work in threads: a limiter for each instance, a deadline, and the engine's own way to stop.

A cancelled caller leaves at once; the thread is told to stop and its result is dropped. A call that outlives its
deadline marks the instance as retired, limiter and all: otherwise one hang would hold up every session.
"""

from __future__ import annotations

import contextlib
import math
import threading
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar, TypeVarTuple

import trio

from harry.errors import EngineError, EngineTimeout, HarryError

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


WAITING = 3
"""How many deadlines a call may wait for its turn: a queue is no hang, but it has an end."""


class WorkerThreads:
    """The threads of one engine instance.

    `deadline` is seconds for a call, or between two items of a stream, from the moment its thread begins. What waits
    for a thread longer than `WAITING` deadlines is refused; only a call that began and hung retires the instance.
    """

    def __init__(self, name: str, *, deadline: float, threads: int = 1) -> None:
        self.name = name
        self.deadline = deadline
        self.retired = False
        self._limiter = trio.CapacityLimiter(threads)

    @property
    def busy(self) -> int:
        """Threads that work now, those that nobody waits for any more included."""
        return self._limiter.borrowed_tokens

    async def run(self, work: Callable[[*Ts], T], *args: *Ts, abort: Callable[[], None] | None = None) -> T:
        """Do blocking `work` in a thread. `abort` is called from trio's thread when nobody waits for it any more.

        Raises `EngineTimeout` past the deadline, `EngineError` if the work raised anything but a `HarryError`.
        """
        results: list[T] = []
        call = _Call(self.deadline)
        with call.scope:
            try:
                results.append(
                    await trio.to_thread.run_sync(
                        self._guarded, call, work, args, abandon_on_cancel=True, limiter=self._limiter
                    )
                )
            finally:
                if abort is not None and not results:
                    abort()
        if not results:
            raise self._too_slow(call, f"{self.name} did not answer within {self.deadline:g} seconds.")
        return results[0]

    async def stream(self, work: Callable[[Emit[T]], None], send: Callable[[T], Awaitable[None]]) -> None:
        """Do blocking `work(emit)` in a thread, and `await send(item)` in trio for each item it emits.

        `emit(item)` returns when the item was taken; it is False once nobody listens. The deadline holds between two
        items and stands still while `send` waits. Errors as in `run`.
        """
        # With abandon_on_cancel the thread's calls run in system tasks, outside the caller's scope: each gets its own.
        sending: list[trio.CancelScope] = []
        raised: list[Exception] = []
        call = _Call(self.deadline)
        ended = False
        with call.scope:

            async def pass_on(item: T) -> None:
                if emit.stopped:
                    return  # The system task may begin after the caller has gone.
                call.scope.deadline = math.inf
                with trio.CancelScope() as sending_one:
                    sending[:] = [sending_one]
                    try:
                        await send(item)
                    except Exception as error:
                        raised.append(error)
                        raise
                call.begin()

            emit = Emit(pass_on)
            try:
                await trio.to_thread.run_sync(
                    self._guarded, call, work, (emit,), abandon_on_cancel=True, limiter=self._limiter
                )
                ended = True
            except EngineError:
                if raised:
                    raise raised[0] from None  # it passed through the engine's thread, and is no failure of its own
                raise
            finally:
                emit.stop()
                for scope in sending:
                    scope.cancel()
        if not ended:
            raise self._too_slow(call, f"{self.name} said nothing for {self.deadline:g} seconds.")

    def _guarded(self, call: _Call, work: Callable[[*Ts], T], args: tuple[*Ts]) -> T:
        call.thread_begins()
        try:
            return work(*args)
        except HarryError:
            raise
        except (Exception, SystemExit) as error:
            raise EngineError(f"{self.name} failed: {type(error).__name__}: {error}") from error

    def _too_slow(self, call: _Call, sentence: str) -> EngineTimeout:
        self.retired |= call.begun
        return EngineTimeout(sentence if call.begun else f"{self.name} is too busy to answer.")


class _Call:
    """One call's scope, whose deadline counts from the moment its thread begins."""

    def __init__(self, deadline: float) -> None:
        self.begun = False
        self._deadline = deadline
        self._token = trio.lowlevel.current_trio_token()
        self.scope = trio.CancelScope(deadline=trio.current_time() + WAITING * deadline)

    def begin(self) -> None:
        """Start the deadline."""
        self.begun = True
        self.scope.deadline = trio.current_time() + self._deadline

    def thread_begins(self) -> None:
        """Start the deadline from within the thread."""
        with contextlib.suppress(trio.RunFinishedError):  # nobody is left who could wait
            self._token.run_sync_soon(self.begin)


class Emit(Generic[T]):
    """Called in the engine's thread with each item; False tells the engine to stop."""

    def __init__(self, pass_on: Callable[[T], Awaitable[None]]) -> None:
        self._pass_on = pass_on
        self._stopped = threading.Event()

    def __call__(self, item: T) -> bool:
        """Hand an item over and wait until it was taken; return False if nobody listens any more."""
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
