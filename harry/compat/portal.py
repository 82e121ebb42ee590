"""Runs the functions of this room in one thread with a trio loop of its own, wherever they are called from.

The store is opened once a process, however many loops of callers come and go, and a `_sync` function never waits for
the loop that it blocks. Every call has a time limit, and ends in the thread too when its caller is cancelled.
"""

from __future__ import annotations

import atexit
import inspect
import os
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, contextmanager, suppress
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, cast

import trio
from anyio.from_thread import BlockingPortal

from harry.errors import StoreError

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S")

WITHIN_SECONDS = 30.0
"""Seconds a call may take, if nothing else is said; past them it raises `StoreError`."""

_CLOSING = 5.0  # seconds


class Portal(Generic[S]):
    """A thread with a trio loop, started by the first call.

    `open_services` makes what the functions work with, when it is first needed, and lets go of it. A call may take
    `within` seconds.
    """

    def __init__(
        self, open_services: Callable[[], AbstractAsyncContextManager[S]], *, within: float = WITHIN_SECONDS
    ) -> None:
        self._open = open_services
        self.within = within
        self._starting = threading.Lock()
        self._loop: _Loop[S] | None = None
        atexit.register(self.close)
        os.register_at_fork(after_in_child=self._forget)

    async def call(self, work: Callable[[S], Awaitable[R]]) -> R:
        """Run `work` in the portal's thread and wait for it, under trio or asyncio.

        Raises what `work` raises, and `StoreError` if it takes too long or the portal is closed meanwhile.
        """
        loop = self._running()
        with _closing_is_a_store_error():
            return await loop.portal.call_async(loop.run, work, self.within, abandon_on_cancel=True)

    def call_here(self, work: Callable[[S], Awaitable[R]]) -> R:
        """Run `work` in the portal's thread and block this one until it is done. Raises as `call` does."""
        loop = self._running()
        if trio.lowlevel.in_trio_task():
            # Handing over blocks for a moment, which anyio allows only outside of trio.
            with ThreadPoolExecutor(1) as helper:
                result = helper.submit(loop.portal.start_task_soon, loop.run, work, self.within).result()
        else:
            result = loop.portal.start_task_soon(loop.run, work, self.within)
        try:
            with _closing_is_a_store_error():
                return result.result()
        except BaseException:
            result.cancel()
            raise

    def close(self) -> None:
        """End the thread and what it holds; the next call starts another. Waits at most five seconds."""
        with self._starting:
            loop, self._loop = self._loop, None
        if loop is not None:
            loop.end()

    def _running(self) -> _Loop[S]:
        with self._starting:
            if self._loop is None or not self._loop.thread.is_alive():
                self._loop = _Loop(self._open)
            loop = self._loop
        if threading.current_thread() is loop.thread:
            raise RuntimeError("these functions cannot wait for one another in the thread they run in")
        return loop

    def _forget(self) -> None:
        """Start afresh in a child process: the thread stays behind in the parent."""
        self._starting = threading.Lock()
        self._loop = None


class _Loop(Generic[S]):
    """One run of the thread: anyio's portal, and the services that its calls share."""

    def __init__(self, open_services: Callable[[], AbstractAsyncContextManager[S]]) -> None:
        self._open = open_services
        self._services: list[S] = []
        ready: Future[BlockingPortal] = Future()
        self.thread = threading.Thread(target=trio.run, args=(self._live, ready), name="harry", daemon=True)
        self.thread.start()
        self.portal = ready.result()

    def end(self) -> None:
        """Cancel what still runs and wait for the thread, from another one."""
        with suppress(trio.RunFinishedError):
            self._token.run_sync_soon(self._nursery.cancel_scope.cancel)
        self.thread.join(_CLOSING)

    async def run(self, work: Callable[[S], Awaitable[R]], within: float) -> R:
        """Run one call, in the thread."""
        with trio.move_on_after(within):
            async with self._opening:
                if not self._services:
                    # A task of its own: what is opened must be closed by the task that opened it.
                    self._services.append(await self._nursery.start(self._hold))
            return await work(self._services[0])
        raise StoreError(f"Harry did not answer within {within:g} seconds.")

    async def _live(self, ready: Future[BlockingPortal]) -> None:
        async with trio.open_nursery() as self._nursery, BlockingPortal() as portal:
            self._token, self._opening = trio.lowlevel.current_trio_token(), trio.Lock()
            ready.set_result(portal)
            await portal.sleep_until_stopped()

    async def _hold(self, *, task_status: trio.TaskStatus[S]) -> None:
        async with self._open() as services:
            task_status.started(services)
            await trio.sleep_forever()


@contextmanager
def _closing_is_a_store_error() -> Iterator[None]:
    try:
        yield
    except CancelledError as error:
        raise StoreError("Harry's memory was closed meanwhile.") from error


def port(
    portal: Portal[S],
) -> Callable[[Callable[Concatenate[S, P], Awaitable[R]]], Callable[P, Coroutine[Any, Any, R]]]:
    """Make a function of the services a public one: it runs in the portal, under whichever loop it is awaited."""

    def decorate(function: Callable[Concatenate[S, P], Awaitable[R]]) -> Callable[P, Coroutine[Any, Any, R]]:
        async def public(*args: P.args, **kwargs: P.kwargs) -> R:
            return await portal.call(lambda services: function(services, *args, **kwargs))

        def here(*args: P.args, **kwargs: P.kwargs) -> R:
            return portal.call_here(lambda services: function(services, *args, **kwargs))

        name, explained = function.__name__, function.__doc__ or ""
        _dress(public, function, name, explained)
        _dress(here, function, f"{name}_sync", f"`{name}` in plain code, a thread, or a running loop. {explained}")
        _TWINS[public] = here
        return public

    return decorate


def make_synchronous(function: Callable[P, Coroutine[Any, Any, R]]) -> Callable[P, R]:
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
    made.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    made.__annotations__["return"] = signature.return_annotation
