"""The conversation as heard, in memory: right at once, whatever the store has made durable by then.

What a prompt recalls of it is held to a number of exchanges and of tokens. The oldest are left out in strides, so that
the next prompts begin as this one did, and a model that reads them finds what it has read before.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable

from channels.messages import STRIDE, Exchange
from harry.memory.conversations.window import fit_budget

MAX_EXCHANGES = 200
"""Exchanges remembered here; the store keeps them all."""


class History:
    """Exchanges, oldest first. `revision` grows with every change, so that a guess can tell whether it still fits."""

    def __init__(self, exchanges: Iterable[Exchange] = ()) -> None:
        self._exchanges: deque[Exchange] = deque(exchanges, maxlen=MAX_EXCHANGES)
        self._dropped = 0  # at the old end, since the beginning
        self.revision = 0

    def add(self, exchange: Exchange, *, amends: str | None = None) -> None:
        """Append an exchange; the one it amends, if any, goes."""
        if amends is not None:
            self._exchanges = deque(self.select_without(amends), maxlen=MAX_EXCHANGES)
        self._dropped += len(self._exchanges) == MAX_EXCHANGES
        self._exchanges.append(exchange)
        self.revision += 1

    def forget(self, turns: Collection[str]) -> None:
        """Forget the exchanges of these turns: they belong to a conversation that is over."""
        left = [exchange for exchange in self._exchanges if exchange.turn not in turns]
        if len(left) < len(self._exchanges):
            self._exchanges, self._dropped = deque(left, maxlen=MAX_EXCHANGES), 0
            self.revision += 1

    def select_without(self, turn: str | None) -> tuple[Exchange, ...]:
        """Return all exchanges but that of one turn."""
        return tuple(exchange for exchange in self._exchanges if exchange.turn != turn)

    def select_recent(self, turn: str | None, *, most: int, tokens: int) -> tuple[Exchange, ...]:
        """Return the newest exchanges without that of one turn: at most `most`, and within `tokens` together."""
        exchanges = self.select_without(turn)
        kept = fit_budget(exchanges[-most:], tokens) if most else []
        first = len(exchanges) - len(kept)
        if first and kept:
            aligned = -(-(first + self._dropped) // STRIDE) * STRIDE - self._dropped
            # Where few have room, half of them are not given up for a beginning.
            first = aligned if 2 * (len(exchanges) - aligned) >= len(kept) else first
        return exchanges[first:]
