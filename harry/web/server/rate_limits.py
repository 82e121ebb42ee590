"""How much one address may ask of the door: connections at once, requests and wrong tokens a second. Pure.

Times are seconds on any one clock. An address that is not heard of for a while is forgotten; of those that are known
at once there are `_KNOWN` at most, and the one that was idle longest goes first.
"""

from __future__ import annotations

from collections import OrderedDict

_KNOWN = 4096


class Bucket:
    """A token bucket: `rate` a second, and `burst` at once."""

    __slots__ = ("_at", "_burst", "_left", "_rate")

    def __init__(self, rate: float, burst: float) -> None:
        self._rate = rate
        self._burst = burst
        self._left = burst
        self._at: float | None = None

    def left(self, now: float) -> float:
        """How many could be taken now."""
        if self._at is not None:
            self._left = min(self._burst, self._left + (now - self._at) * self._rate)
        self._at = now
        return self._left

    def take(self, now: float, count: float = 1) -> bool:
        """Take `count` out, if they are there."""
        if self.left(now) < count:
            return False
        self._left -= count
        return True


class _Address:
    __slots__ = ("connections", "requests", "wrong")

    def __init__(self) -> None:
        self.connections = 0
        self.requests = Bucket(200, 400)
        self.wrong = Bucket(0.5, 20)


class Limits:
    """What each address does now. `per_address` and `in_all` bound the connections."""

    def __init__(self, per_address: int, in_all: int) -> None:
        self._per_address = per_address
        self._in_all = in_all
        self._addresses: OrderedDict[str, _Address] = OrderedDict()
        self.connections = 0

    def enter(self, address: str) -> bool:
        """Count a connection in; False if there are too many."""
        known = self._of(address)
        if self.connections >= self._in_all or known.connections >= self._per_address:
            return False
        known.connections += 1
        self.connections += 1
        return True

    def leave(self, address: str) -> None:
        """Count a connection out."""
        self._of(address).connections -= 1
        self.connections -= 1

    def request(self, address: str, now: float) -> bool:
        """Count a request; False if there were too many."""
        return self._of(address).requests.take(now)

    def wrong(self, address: str, now: float) -> bool:
        """Count a token that was wrong; False if there were too many. A right one is always heard."""
        return self._of(address).wrong.take(now)

    def _of(self, address: str) -> _Address:
        known = self._addresses.get(address)
        if known is None:
            known = self._addresses[address] = _Address()
            if len(self._addresses) > _KNOWN:
                idle = next(
                    (name for name, budget in self._addresses.items() if not budget.connections and name != address),
                    None,
                )
                if idle is not None:
                    del self._addresses[idle]
        else:
            self._addresses.move_to_end(address)
        return known
