"""The conversation as heard, in memory: right at once, whatever the store has made durable by then."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from channels.messages import Exchange

KEPT = 200
"""Exchanges remembered here; the store keeps them all."""


class History:
    """Exchanges, oldest first. `revision` grows with every change, so that a guess can tell whether it still fits."""

    def __init__(self, exchanges: Iterable[Exchange] = ()) -> None:
        self._exchanges: deque[Exchange] = deque(exchanges, maxlen=KEPT)
        self.revision = 0

    def add(self, exchange: Exchange, *, amends: str | None = None) -> None:
        """Append an exchange; the one it amends, if any, goes."""
        if amends is not None:
            self._exchanges = deque(self.without(amends), maxlen=KEPT)
        self._exchanges.append(exchange)
        self.revision += 1

    def without(self, turn: str | None) -> tuple[Exchange, ...]:
        """All exchanges but that of one turn."""
        return tuple(each for each in self._exchanges if each.turn != turn)
