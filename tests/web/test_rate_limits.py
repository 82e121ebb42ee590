"""Nobody's floods are on another's account: what one address or one user may hold, and who goes when it is too much."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from harry.errors import StoreError
from harry.web.server.auth import Authenticator
from harry.web.server.http import Request
from harry.web.server.listener import HttpListener
from harry.web.server.proxies import Proxies
from harry.web.server.rate_limits import Limits, Seat
from harry.web.server.routing import Routes


class Room:
    """Limits with the names of who was turned out, in order."""

    def __init__(self, per_address: int = 3, per_user: int = 2, in_all: int = 16) -> None:
        self.out: list[str] = []
        self.limits = Limits(per_address, per_user, in_all, owner="owner", proxies=Proxies(["10.0.0.1"]))

    def enter(self, name: str, address: str = "127.0.0.1") -> Seat | None:
        return self.limits.enter(address, lambda: self.out.append(name))

    def prove(self, name: str, user: str, address: str = "127.0.0.1") -> bool:
        seat = self.enter(name, address)
        return seat is not None and self.limits.prove(seat, user)


def test_of_those_without_a_token_the_oldest_makes_room() -> None:
    room = Room()
    for name in "abcde":
        assert room.enter(name) is not None
    assert room.out == ["a", "b"]
    assert room.limits.connections == 3


def test_who_has_shown_a_token_is_not_turned_out_for_those_who_have_not() -> None:
    room = Room(in_all=8)
    assert room.prove("owner's", "owner")
    for number in range(100):
        assert room.enter(f"half-{number}", f"203.0.113.{number}") is not None
    assert room.limits.connections == 8
    assert "owner's" not in room.out
    # And the owner comes in, however many wait without one.
    assert room.prove("owner's second", "owner")
    assert room.enter("half") is not None
    assert not {"owner's", "owner's second"} & set(room.out)


def test_a_guest_s_connections_are_bounded_whatever_addresses_they_come_from() -> None:
    room = Room()
    assert [room.prove(str(number), "ben", f"203.0.113.{number}") for number in range(4)] == [True, True, False, False]
    assert all(room.prove(str(number), "owner") for number in range(5))


def test_guests_together_leave_an_eighth_to_the_owner() -> None:
    room = Room(per_user=8, in_all=16)
    let_in = sum(room.prove(f"{user}-{number}", user) for user in "abcde" for number in range(8))
    assert let_in == 14
    assert room.prove("x", "owner")


def test_a_proxy_s_own_address_is_not_one_client_s() -> None:
    room = Room()
    for number in range(6):
        assert room.enter(str(number), "10.0.0.1") is not None
    assert room.out == []


def test_whoever_leaves_is_counted_out_once_and_one_that_changes_hands_is_counted_once() -> None:
    room = Room()
    seat = room.enter("a")
    assert seat is not None
    assert room.limits.prove(seat, "ben")
    assert room.limits.prove(seat, "owner")  # a proxy's connection, on which others ask, too
    assert room.limits.connections == 1
    assert [room.prove(name, "ben") for name in "bcd"] == [True, True, False]
    room.limits.leave(seat)
    room.limits.leave(seat)
    assert room.limits.connections == 3  # b, c, and d without a token


def test_a_guest_s_flood_of_requests_is_on_his_own_account() -> None:
    limits = Room().limits
    told = [limits.request_of("ben", 1.0) for _ in range(1000)]
    assert 200 <= told.count(True) <= 500
    assert limits.request_of("owner", 1.0)
    assert limits.request("127.0.0.1", 1.0)
    assert limits.request_of("ben", 3.0)


def test_a_guest_has_an_engine_work_on_so_much_at_once() -> None:
    limits = Room().limits
    assert [limits.begin("ben") for _ in range(6)] == [True] * 4 + [False] * 2
    assert all(limits.begin(user) for user in ("ann", *["owner"] * 20))
    limits.end("ben")
    assert limits.begin("ben")
    assert not limits.begin("ben")


async def test_connections_are_ended_when_nobody_knows_any_more_who_may_come_in(autojump_clock: MockClock) -> None:
    class Unreadable:
        trouble = False

        def holds(self, identity: str) -> bool:
            if self.trouble:
                raise StoreError("tokens.json cannot be read.")
            return identity == "good"

    tokens = Unreadable()
    guard = Authenticator(tokens, hosts=["localhost"], owner="owner", port=1)  # type: ignore[arg-type]
    door = HttpListener(Routes(), guard, Limits(9, 9, 9, owner="owner"))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(door._revoke)
        with door.holding(Request("GET", "/", {}, "", token="good")) as held:
            await trio.sleep(5)
            assert not held.cancel_called
            tokens.trouble = True
            await trio.sleep(5)
        assert held.cancelled_caught
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("token", ["gone", "of a page that expired"])
async def test_a_connection_of_a_token_that_holds_no_more_is_ended(token: str, autojump_clock: MockClock) -> None:
    class Holds:
        def holds(self, identity: str) -> bool:
            return False

    guard = Authenticator(Holds(), hosts=["localhost"], owner="owner", port=1)  # type: ignore[arg-type]
    door = HttpListener(Routes(), guard, Limits(9, 9, 9, owner="owner"))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(door._revoke)
        with door.holding(Request("GET", "/", {}, "", token=token)) as held:
            await trio.sleep(5)
        assert held.cancelled_caught
        nursery.cancel_scope.cancel()
