"""What engines elsewhere cost: the meter that is asked before each use, and how an engine is handed it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol, runtime_checkable

from actors.protocols import Delta, Request


class Meter(Protocol):
    """Records what is spent; see `harry.host.budget`."""

    def spending(
        self, name: str, request: Request, *, local: bool
    ) -> AbstractAsyncContextManager[Callable[[Delta], None]]:
        """Record what a mind's reply costs. Raises `EngineError` where nothing is left to spend."""
        ...

    def charging(self, name: str, *, tokens: int, money: float, local: bool) -> AbstractAsyncContextManager[None]:
        """Record one use of an ear or a voice, whose cost is known before. Raises as `spending`."""
        ...


@runtime_checkable
class Charged(Protocol):
    """An engine that asks a meter itself, before each use: it is handed the meter when it is loaded."""

    meter: Meter | None
