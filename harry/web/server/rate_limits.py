"""How much one address and one user may ask of the door: connections at once, requests and wrong tokens a second. Pure.

An address is known of everybody and proves nothing, so it counts only while nobody has shown a right token: from then
on a connection and its requests are the user's. Where there are too many that have shown none, the oldest of them goes,
so whoever holds connections open without a token holds up nobody who has one. An eighth of all connections is never
given to guests.

Times are seconds on any one clock. An address or a user that is not heard of for a while is forgotten; of those that
are known at once there are `_KNOWN` at most, and the one that was idle longest goes first.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Container

_KNOWN = 4096

AT_ONCE = 4
"""Requests of one guest that may have an engine work at the same time: all engines are shared with the owner."""


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


class _Client:
    """An address, or a user: `seats` are his connections, the oldest first."""

    __slots__ = ("requests", "seats", "working", "wrong")

    def __init__(self) -> None:
        self.seats: OrderedDict[Seat, None] = OrderedDict()
        self.requests = Bucket(200, 400)
        self.wrong = Bucket(0.5, 20)
        self.working = 0


class Seat:
    """A connection at the door. `user` is whose it is, None before a right token was shown; `leave` ends it."""

    __slots__ = ("address", "leave", "taken", "user")

    def __init__(self, address: str, leave: Callable[[], object]) -> None:
        self.address = address
        self.user: str | None = None
        self.leave = leave
        self.taken = True


class Limits:
    """What each address and each user does now.

    `per_address` bounds the connections that have shown no token yet, but those of `proxies`, addresses that speak for
    others; `per_user` those of a user other than the `owner`, and `in_all` all of them.
    """

    def __init__(
        self, per_address: int, per_user: int, in_all: int, *, owner: str, proxies: Container[str] = ()
    ) -> None:
        self._per_address = per_address
        self._per_user = per_user
        self._in_all = in_all
        self._owner = owner
        self._proxies = proxies
        self._addresses: OrderedDict[str, _Client] = OrderedDict()
        self._users: OrderedDict[str, _Client] = OrderedDict()
        self._unknown: OrderedDict[Seat, None] = OrderedDict()
        self._guests = 0
        self.connections = 0

    def hold_to(self, per_address: int, per_user: int, in_all: int) -> None:
        """Count those who come in from now on by other bounds."""
        self._per_address, self._per_user, self._in_all = per_address, per_user, in_all

    def enter(self, address: str, leave: Callable[[], object]) -> Seat | None:
        """Count a connection in, having another leave for it if need be; None if there are too many."""
        own = _of(self._addresses, address).seats
        if address not in self._proxies and len(own) >= self._per_address:
            self._turn_out(next(iter(own)))
        elif self.connections >= self._in_all:
            if not self._unknown:
                return None
            self._turn_out(next(iter(self._unknown)))
        seat = Seat(address, leave)
        own[seat] = None
        self._unknown[seat] = None
        self.connections += 1
        return seat

    def prove(self, seat: Seat, user: str) -> bool:
        """Count a connection as a user's, who has shown a right token; False if he has too many."""
        if seat.user == user or not seat.taken:
            return True
        held, guest = _of(self._users, user).seats, user != self._owner
        if guest and (len(held) >= self._per_user or self._guests >= self._in_all - max(1, self._in_all // 8)):
            return False
        self._take_out(seat)
        seat.user = user
        held[seat] = None
        self._guests += guest
        return True

    def leave(self, seat: Seat) -> None:
        """Count a connection out; one that was turned out is counted out already."""
        if seat.taken:
            seat.taken = False
            self.connections -= 1
            self._take_out(seat)

    def request(self, address: str, now: float) -> bool:
        """Count a request of nobody known; False if there were too many."""
        return _of(self._addresses, address).requests.take(now)

    def request_of(self, user: str, now: float) -> bool:
        """Count a request of a user's; False if there were too many."""
        return _of(self._users, user).requests.take(now)

    def begin(self, user: str) -> bool:
        """Count a request in that has an engine work; False if this guest has enough of them."""
        client = _of(self._users, user)
        if user != self._owner and client.working >= AT_ONCE:
            return False
        client.working += 1
        return True

    def end(self, user: str) -> None:
        """Count it out."""
        _of(self._users, user).working -= 1

    def wrong(self, address: str, now: float) -> bool:
        """Count a token that was wrong; False if there were too many. A right one is always heard."""
        return _of(self._addresses, address).wrong.take(now)

    def _turn_out(self, seat: Seat) -> None:
        self.leave(seat)
        seat.leave()

    def _take_out(self, seat: Seat) -> None:
        if seat.user is None:
            del self._unknown[seat]
            del _of(self._addresses, seat.address).seats[seat]
        else:
            del _of(self._users, seat.user).seats[seat]
            self._guests -= seat.user != self._owner


def _of(known: OrderedDict[str, _Client], name: str) -> _Client:
    found = known.get(name)
    if found is None:
        found = known[name] = _Client()
        if len(known) > _KNOWN:
            idle = next(
                (other for other, client in known.items() if not client.seats and not client.working and other != name),
                None,
            )
            if idle is not None:
                del known[idle]
    else:
        known.move_to_end(name)
    return found
