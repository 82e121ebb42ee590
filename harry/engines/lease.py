"""Engines in a pool: leased by turns, shared by sessions, swapped and retired without anybody noticing.

A swap changes what the next lease gives; an old instance closes at its last lease, and `changed` tells those who hold a
lease for longer than a turn. An instance that outlived a deadline
(`retired`) is replaced by a fresh one, at most `MAX_RELOADS` times; then the role is degraded and
`on_degraded` is called.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Generic, TypeVar

import structlog
import trio

from actors.protocols import MayRetire
from channels.signals import Signal
from harry.engines.exits import exits_fail
from harry.errors import EngineUnavailable

E = TypeVar("E", bound=Any)
log = structlog.get_logger(__name__)

MAX_RELOADS = 2
"""How often a hung engine is loaded afresh in a session of the daemon."""


class _Leased(Generic[E]):
    """One instance and how many hold it."""

    def __init__(self, engine: E) -> None:
        self.engine = engine
        self.holders = 0
        self.replaced = False


class EnginePool(Generic[E]):
    """The engine of one role. `reload()` loads the same engine afresh."""

    def __init__(
        self,
        role: str,
        engine: E,
        *,
        reload: Callable[[], Awaitable[E]] | None = None,
        on_degraded: Callable[[str, str], None] = lambda role, why: None,
    ) -> None:
        self.role = role
        self.changed = Signal()
        self._current = _Leased(engine)
        self._reload = reload
        self._on_degraded = on_degraded
        self._fresh = 0
        self._replacing = trio.Lock()
        self._closed = False

    @property
    def engine(self) -> E:
        """The instance that the next lease would give, for asking its name or rate."""
        return self._current.engine

    @asynccontextmanager
    async def lease(self) -> AsyncIterator[E]:
        """Hold the current instance for the block's length. Raises `EngineUnavailable` when the role is degraded."""
        if _retired(self._current.engine):
            await self._replace()
        leased = self._current
        leased.holders += 1
        try:
            with exits_fail(f"The {self.role.replace('_', ' ')}"):
                yield leased.engine
        finally:
            leased.holders -= 1
            if leased.replaced and not leased.holders:
                await close_engine(self.role, leased.engine)

    async def swap(self, engine: E) -> None:
        """Hand `engine` to every lease from now on; the old instance closes when its last holder has left."""
        await self.exchange(engine)()

    def exchange(self, engine: E, *, reload: Callable[[], Awaitable[E]] | None = None) -> Callable[[], Awaitable[None]]:
        """Do so without a checkpoint; what is returned is to be called, and closes the old one if nobody holds it.

        `reload` loads the engine afresh, where it is another than before.
        """
        if reload is not None:
            self._reload, self._fresh = reload, 0
        old, self._current = self._current, _Leased(engine)
        free = not old.holders
        old.replaced = True  # from here on its last holder closes it
        self.changed.notify()

        async def close() -> None:
            if free:
                await close_engine(self.role, old.engine)

        return close

    async def _replace(self) -> None:
        async with self._replacing:
            hung = self._current
            if not _retired(hung.engine):
                return
            role = self.role.replace("_", " ")
            if self._reload is None or self._fresh >= MAX_RELOADS:
                sentence = f"The {role} hung again and again and is out of use."
                self._on_degraded(self.role, sentence)
                raise EngineUnavailable(sentence, remedy="Restart Harry, or choose another engine.")
            log.warning("loading a hung engine afresh", role=self.role, time=self._fresh + 1)
            try:
                fresh = await self._reload()
            except trio.Cancelled:
                raise  # the turn was cut meanwhile: that says nothing of the engine
            except Exception:
                self._fresh += 1
                raise
            if self._current is not hung:
                await close_engine(self.role, fresh)  # another engine took its place meanwhile
                return
            self._fresh += 1
            await self.swap(fresh)

    async def aclose(self) -> None:
        """Close the current instance."""
        if not self._closed:
            self._closed = True
            await close_engine(self.role, self._current.engine)


def _retired(engine: object) -> bool:
    return isinstance(engine, MayRetire) and engine.retired


async def close_engine(role: str, engine: Any) -> None:
    """Close an engine of anybody's, or none, within two seconds; why it would not be closed is logged."""
    if engine is None:
        return
    # An engine that will not close must not hold up the stop of everything else, nor spoil the turn that used it.
    with trio.move_on_after(2, shield=True):
        try:
            await engine.aclose()
        except (Exception, SystemExit) as error:  # noqa: BLE001  an engine may come from anybody
            log.warning("engine did not close", role=role, cause=type(error).__name__)
