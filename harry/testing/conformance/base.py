"""What every engine has to do, whatever its role: as pytest classes that an author derives one from."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, ClassVar, NoReturn

import pytest
import trio

from actors.protocols import EngineTraits
from harry.engines.contract import find_fault, find_fault_in_class
from harry.engines.registry import check_settings
from harry.errors import ConfigurationError, EngineError
from harry.testing.conformance.leftovers import Leftovers
from harry.testing.conformance.loop_watch import find_block, slowness, watching

RETURNS_WITHIN = 0.05
"""Seconds from a cancel until the call has returned."""

NAME = "conformance"
"""The name of the table that the engine is made from."""

_ATTEMPTS = 3
"""Times that a slow return has to show: what the machine delayed once, it does not delay each time."""


def fail(sentence: str) -> NoReturn:
    """Fail the test with a sentence."""
    pytest.fail(sentence, pytrace=False)


def require(holds: object, sentence: str) -> None:
    """Fail the test with a sentence unless something holds."""
    if not holds:
        fail(sentence)


class EngineSuite:
    """What is asked of every engine. `engine` is the class that the entry point names, `settings` its table.

    `shared`: loading takes long, so that all tests use one instance. `patience` is in seconds for a test.
    """

    role: ClassVar[str] = ""
    engine: ClassVar[Any] = None
    settings: ClassVar[Mapping[str, Any]] = {}
    shared: ClassVar[bool] = False
    patience: ClassVar[float] = 60.0
    _kept: ClassVar[list[Any]] = []

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls._kept = []

    def load(self, name: str = NAME) -> Any:
        """Make the engine as Harry does, blocking; may be replaced where a test has one at hand."""
        return self.engine.load(name, check_settings(self.engine, f"engine.{name}", self.settings))

    @asynccontextmanager
    async def loaded(self) -> AsyncIterator[Any]:
        """Have an engine for the length of the block, and close it unless it is shared."""
        while self._kept and getattr(self._kept[0], "retired", False):
            self._kept.clear()
        engine = self._kept[0] if self._kept else await trio.to_thread.run_sync(self.load)
        before = Leftovers(engine)
        try:
            yield engine
        finally:
            with trio.move_on_after(10, shield=True):
                if not self.shared:
                    await engine.aclose()
                elif await before.wait():
                    # What still works would give its token back to a loop that is over: it serves no other test.
                    self._kept.clear()
                else:
                    self._kept[:] = [engine]

    def run(self, scenario: Callable[[Any], Awaitable[None]], *, patience: float = 0.0) -> None:
        """Run a scenario with an engine in a loop of its own, for `patience` seconds at most."""
        most = (patience or self.patience) * slowness()

        async def main() -> None:
            with trio.move_on_after(most) as scope:
                async with self.loaded() as engine:
                    await scenario(engine)
            require(not scope.cancelled_caught, f"it did not come to an end within {most:.0f} seconds")

        trio.run(main)

    @classmethod
    def teardown_class(cls) -> None:
        """Close the engine that was shared."""
        for engine in cls._kept:
            trio.run(engine.aclose)
        cls._kept.clear()

    def test_its_class_is_what_an_entry_point_may_name(self) -> None:
        """It has `Settings` and `load`."""
        fault = find_fault_in_class(self.role, self.engine)
        require(not fault, f"{fault}.")

    def test_a_key_that_it_does_not_declare_is_refused(self) -> None:
        """A slip of the pen in the configuration stops the start instead of being ignored."""
        try:
            check_settings(self.engine, f"engine.{NAME}", {**self.settings, "no_such_key_at_all": 1})
        except ConfigurationError:
            return
        fail("its `Settings` take any key: derive them from EngineSettings, and do not change `extra`.")

    def test_it_has_all_that_its_role_needs(self) -> None:
        """It has name, description and methods, and its traits are traits."""

        async def scenario(engine: Any) -> None:
            await trio.lowlevel.checkpoint()
            fault = find_fault(self.role, engine)
            require(not fault, f"{fault}.")
            require(engine.name == NAME, f"its `name` is {engine.name!r}, not that of its table, {NAME!r}.")
            told = engine.describe()
            require(isinstance(told, str) and told.strip(), "`describe()` tells nothing.")
            require("\n" not in told, "`describe()` is more than one line.")
            traits = getattr(engine, "traits", None)
            require(traits is None or isinstance(traits, EngineTraits), "its `traits` are no EngineTraits.")
            retired = getattr(engine, "retired", False)
            require(isinstance(retired, bool) and not retired, "it is `retired` before it has done anything.")

        self.run(scenario)

    def test_two_tables_are_two_engines(self) -> None:
        """Two tables of one kind do not get in each other's way."""
        if self.shared:
            pytest.skip("its engine is shared: loading another takes long")

        async def scenario(engine: Any) -> None:
            other = await trio.to_thread.run_sync(self.load, "other")
            try:
                require(other is not engine, "`load` returns the same engine for two tables.")
                require((engine.name, other.name) == (NAME, "other"), "a second engine takes the name of the first.")
            finally:
                await other.aclose()

        self.run(scenario)

    def test_closing_it_lets_go_of_everything(self) -> None:
        """After `aclose`, no task and no thread of it is left."""

        async def main() -> None:
            before = Leftovers(None)
            engine = await trio.to_thread.run_sync(self.load)
            await self.use_once(engine)
            with trio.move_on_after(2 * slowness()) as scope:
                await engine.aclose()
            require(not scope.cancelled_caught, "`aclose` does not return within 2 seconds.")
            left = await before.wait()
            require(not left, f"after `aclose`, {left} is left.")

        trio.run(main)

    async def use_once(self, engine: Any) -> None:
        """Have it do something ordinary."""
        raise NotImplementedError


class CallSuite(EngineSuite):
    """What is asked of engines that are called and may be cancelled."""

    async def call(self, engine: Any) -> None:
        """Call it in an ordinary way, and check what it returns or emits."""
        raise NotImplementedError

    async def long_call(self, engine: Any) -> None:
        """Call it with as much as Harry ever gives it at once: it is cancelled before its end."""
        raise NotImplementedError

    def odd_calls(self, engine: Any) -> Iterator[tuple[str, Callable[[], Awaitable[None]]]]:
        """Go through odd input, each with what it is: what is empty, huge, or not what anybody would say."""
        raise NotImplementedError

    async def use_once(self, engine: Any) -> None:
        """Have it do something ordinary."""
        await self.call(engine)

    def test_an_ordinary_call_leaves_nothing_behind(self) -> None:
        """No task, no thread at work, no token of a limiter is left after a call."""

        async def scenario(engine: Any) -> None:
            await self.call(engine)
            before = Leftovers(engine)
            await self.call(engine)
            left = await before.wait()
            require(not left, f"after a call, {left} is left.")

        self.run(scenario)

    @pytest.mark.parametrize("after", [0.0, 0.02, 0.2], ids=["at once", "soon", "later"])
    def test_a_cancelled_call_returns_at_once_and_its_work_ends(self, after: float) -> None:
        """The caller is free within 50 ms; within 2 s the work has ended, or its instance is retired."""

        async def scenario(engine: Any) -> None:
            await self.call(engine)
            before = Leftovers(engine)
            took = await self.cancel_after(after, engine)
            require(
                took <= RETURNS_WITHIN * slowness(),
                f"a call that was cancelled after {after:g} s returned {took * 1e3:.0f} ms later: at most "
                f"{RETURNS_WITHIN * slowness() * 1e3:.0f} ms are allowed here.",
            )
            left = await before.wait()
            require(not left, f"2 s after a cancel, {left} is left, and the engine is not `retired`.")

        self.run(scenario)

    async def cancel_after(self, seconds: float, engine: Any) -> float:
        """Cancel a long call; return the shortest time of some attempts that it took to return."""
        return min([await self._cancelled(seconds, engine) for _ in range(_ATTEMPTS)])

    async def _cancelled(self, seconds: float, engine: Any) -> float:
        with contextlib.suppress(EngineError):
            return await time_cancel(partial(self.long_call, engine), partial(trio.sleep, seconds))
        return 0.0

    def test_it_serves_again_after_a_cancel(self) -> None:
        """A call that was given up costs the next one nothing but time."""

        async def scenario(engine: Any) -> None:
            for seconds in (0.0, 0.05):
                await self._cancelled(seconds, engine)
                if getattr(engine, "retired", False):
                    return  # a fresh one takes its place
                await self.call(engine)

        self.run(scenario)

    def test_calls_at_the_same_time_do_not_mix(self) -> None:
        """Each gets an answer of its own."""

        async def scenario(engine: Any) -> None:
            async with trio.open_nursery() as nursery:
                for _ in range(3):
                    nursery.start_soon(self.call, engine)

        self.run(scenario)

    def test_the_loop_is_never_blocked(self) -> None:
        """Nothing keeps everything else waiting for more than 5 ms."""

        async def scenario(engine: Any) -> None:
            await self.call(engine)
            block = await find_block(lambda: self.call(engine))
            require(not block, f"{block}")

        self.run(scenario)

    def test_odd_input_is_answered_or_refused(self) -> None:
        """Empty, huge and odd input gives an answer or an `EngineError`, and blocks nobody."""

        async def scenario(engine: Any) -> None:
            for what, call in self.odd_calls(engine):
                try:
                    with trio.move_on_after(self.patience / 4):  # how soon that returns is tried elsewhere
                        await call()
                except EngineError:
                    pass
                except pytest.fail.Exception as failed:
                    fail(f"{what}: {failed.msg}")
                except Exception as error:  # noqa: BLE001  it is what is looked for
                    fail(f"{what}: it raised {type(error).__name__}: {error}. Only an EngineError is allowed.")
                block = await find_block(lambda call=call: _for_a_while(call), repeats=2)  # type: ignore[misc]
                require(not block, f"{what}: {block}")

        self.run(scenario, patience=self.patience * 10)


async def time_cancel(call: Callable[[], Awaitable[None]], until: Callable[[], Awaitable[None]]) -> float:
    """Cancel a call once `until` has come; return how many seconds it added to its own end, 0 if it was over by then.

    Another task is cancelled together with it, which does nothing: what that one waits is the machine's.
    """
    returned: list[float] = []

    async def work(of: Callable[[], Awaitable[None]], scope: trio.CancelScope) -> None:
        try:
            with scope:
                await of()
        finally:
            returned.append(time.perf_counter())

    async with watching() as watch, trio.open_nursery() as nursery:
        scope, idle = trio.CancelScope(), trio.CancelScope()
        nursery.start_soon(work, call, scope)
        await until()
        if returned:
            return 0.0
        nursery.start_soon(work, trio.sleep_forever, idle)
        await trio.lowlevel.checkpoint()
        watch.worst = 0.0
        scope.cancel()
        idle.cancel()
    # The two return in no order; one that blocks the loop at its end keeps the other waiting as well.
    return max(returned[-1] - returned[0], watch.worst)


async def _cancelled_in_emit(suite: EmittingSuite, engine: Any) -> float:
    waits = trio.Event()

    async def never(item: Any) -> None:
        waits.set()
        await trio.sleep_forever()

    return await time_cancel(partial(suite.emit_to, engine, never), waits.wait)


async def _for_a_while(call: Callable[[], Awaitable[None]]) -> None:
    with trio.move_on_after(0.5):
        await call()


class EmittingSuite(CallSuite):
    """What is asked of engines that emit: they wait for whoever takes what they emit."""

    async def emit_to(self, engine: Any, take: Callable[[Any], Awaitable[None]]) -> None:
        """Call it in an ordinary way, handing on what it emits."""
        raise NotImplementedError

    def test_it_waits_for_what_it_has_emitted(self) -> None:
        """One item at a time: the next comes when the one before was taken."""

        async def scenario(engine: Any) -> None:
            busy = False

            async def take(item: Any) -> None:
                nonlocal busy
                require(not busy, "`emit` is called again before it has returned.")
                busy = True
                await trio.sleep(0.005)
                busy = False

            await self.emit_to(engine, take)
            require(not busy, "it returned before what it emitted was taken.")

        self.run(scenario)

    def test_a_cancel_while_nobody_takes_what_it_emits_returns_at_once(self) -> None:
        """A listener who has gone holds nothing up."""

        async def scenario(engine: Any) -> None:
            await self.call(engine)
            before = Leftovers(engine)
            times = [await _cancelled_in_emit(self, engine) for _ in range(_ATTEMPTS)]
            require(
                min(times) <= RETURNS_WITHIN * slowness(),
                f"a call that waited in `emit` returned {min(times) * 1e3:.0f} ms after it was cancelled.",
            )
            left = await before.wait()
            require(not left, f"2 s after a cancel in `emit`, {left} is left, and the engine is not `retired`.")

        self.run(scenario)

    def test_what_the_listener_raises_comes_back_to_the_caller(self) -> None:
        """An engine does not swallow what `emit` raises, and ends its work."""

        class ListenerError(Exception):
            pass

        async def scenario(engine: Any) -> None:
            async def refuse(item: Any) -> None:
                await trio.lowlevel.checkpoint()
                raise ListenerError

            await self.call(engine)
            before = Leftovers(engine)
            try:
                await self.emit_to(engine, refuse)
            except ListenerError:
                pass
            except ExceptionGroup as group:
                _, others = group.split(ListenerError)
                require(others is None, f"of what `emit` raised, it made {others!r}.")
            except EngineError as error:
                fail(f"what `emit` raised, it told as a failure of its own: {error}")
            else:
                fail("it swallowed what `emit` raised.")
            left = await before.wait()
            require(not left, f"after `emit` had raised, {left} is left.")

        self.run(scenario)
