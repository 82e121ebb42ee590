"""How long a server may be silent, and how long it may take in all: one trio scope whose deadline moves.

The time in which Harry himself is behind, because he is still speaking, is not counted.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

import trio

from harry.errors import EngineTimeout


class ProgressDeadline:
    """A context manager that raises `EngineTimeout` for a server that is silent or slow.

    `between_signs` is seconds from one sign of life to the next, `total` seconds in all.
    """

    def __init__(self, name: str, *, between_signs: float, total: float) -> None:
        self._name = name
        self._between_signs = between_signs
        self._left = total
        self._since = 0.0
        self._scope = trio.CancelScope()

    def __enter__(self) -> Self:
        self._since = trio.current_time()
        self._scope.deadline = self._since + min(self._between_signs, self._left)
        self._scope.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        swallowed = bool(self._scope.__exit__(kind, error, trace))
        if self._scope.cancelled_caught:
            raise EngineTimeout(f"{self._name} did not answer in time.", remedy="Ask again, or use another engine.")
        return swallowed

    @property
    def left(self) -> float:
        """Seconds to the next deadline."""
        return self._scope.deadline - trio.current_time()

    def renew(self) -> None:
        """Note a sign of life: the deadline moves."""
        now = trio.current_time()
        self._left -= now - self._since
        self._since = now
        self._scope.deadline = now + min(self._between_signs, self._left)

    @contextmanager
    def pause(self) -> Iterator[None]:
        """Stop the clock for the length of the block."""
        self.renew()
        self._scope.deadline = math.inf
        yield
        self._since = trio.current_time()
        self.renew()
