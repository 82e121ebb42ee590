"""Where the functions of this room run: one thread with a trio loop of its own, whoever calls from wherever.

So the store is opened once for a process, however many loops come and go, and a `_sync` function never waits for the
loop that it blocks. Every call is bounded, and leaves the thread when its caller is cancelled.
"""

from __future__ import annotations

import asyncio
import atexit
import inspect
import os
import threading
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, suppress
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, cast

import sniffio
import trio

from harry.errors import StoreError

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S")

WITHIN = 30.0
"""Seconds a call may take, if nothing else is said; past them it raises `StoreError`."""

_CLOSING = 5.0  # seconds


class Portal(Generic[S]):
    """The thread. `open_services` makes what the functions work with, when it is first needed, and lets go of it.

    A call may take `within` seconds.
    """

    def __init__(self, open_services: Callable[[], AbstractAsyncContextManager[S]], *, within: float = WITHIN) -> None:
        self._open = open_services
        self.within = within
        self._starting = threading.Lock()
        self._life: _Life[S] | None = None
        atexit.register(self.close)
        os.register_at_fork(after_in_child=self._forget)

    def submit(self, work: Callable[[S], Awaitable[R]]) -> _Call[R]:
        """Begin `work` in the portal's thread."""
        with self._starting:
            if self._life is None or not self._life.thread.is_alive():
                self._life = _Life(self._open)
                self._life.begin()
            life = self._life
        if threading.current_thread() is life.thread:
            raise RuntimeError("these functions cannot wait for one another in the thread they run in")
        return life.submit(work, self.within)

    def close(self) -> None:
        """End the thread and what it holds; the next call starts anew. Waits at most five seconds."""
        with self._starting:
            life, self._life = self._life, None
        if life is not None:
            life.end()

    def _forget(self) -> None:
        """Begin anew in a child process, which has no such thread."""
        self._starting = threading.Lock()
        self._life = None


class _Life(Generic[S]):
    """One run of the thread."""

    def __init__(self, open_services: Callable[[], AbstractAsyncContextManager[S]]) -> None:
        self._open = open_services
        self._ready = threading.Event()
        self._services: list[S] = []
        self.thread = threading.Thread(target=trio.run, args=(self._live,), name="harry", daemon=True)

    def begin(self) -> None:
        """Start the thread, from another one."""
        self.thread.start()
        self._ready.wait()

    def end(self) -> None:
        """End it, from another thread."""
        with suppress(trio.RunFinishedError):
            self._token.run_sync_soon(self._nursery.cancel_scope.cancel)
        self.thread.join(_CLOSING)

    def submit(self, work: Callable[[S], Awaitable[R]], within: float) -> _Call[R]:
        """Begin a call, from another thread."""

        async def with_services() -> R:
            async with self._opening:
                if not self._services:
                    # In a task of its own: what it holds open must be let go by whoever opened it.
                    self._services.append(await self._nursery.start(self._hold))
            return await work(self._services[0])

        call = _Call(self._token, with_services, within)
        self._token.run_sync_soon(call.begin)
        return call

    async def _live(self) -> None:
        async with trio.open_nursery() as self._nursery:
            self._token, self._opening = trio.lowlevel.current_trio_token(), trio.Lock()
            self._ready.set()
            await trio.sleep_forever()

    async def _hold(self, *, task_status: trio.TaskStatus[S]) -> None:
        async with self._open() as services:
            task_status.started(services)
            await trio.sleep_forever()


class _Call(Generic[R]):
    """One call on its way: begun in the portal's thread, awaited in the caller's."""

    def __init__(self, token: trio.lowlevel.TrioToken, work: Callable[[], Awaitable[R]], within: float) -> None:
        self._token = token
        self._work = work
        self._within = within
        self._scope = trio.CancelScope()
        self._result: Future[R] = Future()
        self._result.set_running_or_notify_cancel()  # from here on only the work itself settles it

    def begin(self) -> None:
        """Start the work, in the portal's thread."""
        trio.lowlevel.spawn_system_task(self._run)

    async def _run(self) -> None:
        try:
            result = await self._bounded()
        except trio.Cancelled:
            self._result.set_exception(StoreError("Harry's memory was closed meanwhile."))
            raise
        except BaseException as error:  # noqa: BLE001  it is the caller's: it is raised there
            self._result.set_exception(error)
        else:
            self._result.set_result(result)

    async def _bounded(self) -> R:
        with self._scope, trio.move_on_after(self._within):
            return await self._work()
        raise StoreError(f"Harry did not answer within {self._within:g} seconds.")

    def cancel(self) -> None:
        """Let the work end: nobody waits for it any more."""
        with suppress(trio.RunFinishedError):
            self._token.run_sync_soon(self._scope.cancel)

    async def wait(self) -> R:
        """Wait in an asynchronous caller, under trio or asyncio."""
        try:
            if sniffio.current_async_library() == "trio":
                await self._wait_in_trio()
                return self._result.result()
            return await asyncio.wrap_future(self._result)
        except BaseException:
            self.cancel()
            raise

    async def _wait_in_trio(self) -> None:
        here, done = trio.lowlevel.current_trio_token(), trio.Event()

        def tell(_: object) -> None:
            with suppress(trio.RunFinishedError):
                here.run_sync_soon(done.set)

        self._result.add_done_callback(tell)
        await done.wait()

    def wait_here(self) -> R:
        """Wait in plain code, blocking this thread."""
        try:
            return self._result.result()
        except BaseException:
            self.cancel()
            raise


def ported(
    portal: Portal[S],
) -> Callable[[Callable[Concatenate[S, P], Awaitable[R]]], Callable[P, Coroutine[Any, Any, R]]]:
    """Make a function of the services a public one: it runs in the portal, under whichever loop it is awaited."""

    def decorate(function: Callable[Concatenate[S, P], Awaitable[R]]) -> Callable[P, Coroutine[Any, Any, R]]:
        async def public(*args: P.args, **kwargs: P.kwargs) -> R:
            return await portal.submit(lambda services: function(services, *args, **kwargs)).wait()

        def here(*args: P.args, **kwargs: P.kwargs) -> R:
            return portal.submit(lambda services: function(services, *args, **kwargs)).wait_here()

        name, explained = function.__name__, function.__doc__ or ""
        _dress(public, function, name, explained)
        _dress(here, function, f"{name}_sync", f"`{name}` in plain code, a thread, or a running loop. {explained}")
        _TWINS[public] = here
        return public

    return decorate


def synchronous(function: Callable[P, Coroutine[Any, Any, R]]) -> Callable[P, R]:
    """Give the `_sync` twin of a ported function: the same arguments, result and errors, without `await`."""
    return cast("Callable[P, R]", _TWINS[function])


_TWINS: dict[Callable[..., Any], Callable[..., Any]] = {}


def _dress(made: Callable[..., Any], original: Callable[..., Any], name: str, explained: str) -> None:
    """Let `help` and editors see the function as its author wrote it, without the services."""
    signature = inspect.signature(original)
    parameters = list(signature.parameters.values())[1:]
    vars(made)["__signature__"] = signature.replace(parameters=parameters)
    made.__name__ = made.__qualname__ = name
    made.__module__, made.__doc__ = original.__module__, explained
    made.__annotations__ = {each.name: each.annotation for each in parameters}
    made.__annotations__["return"] = signature.return_annotation
