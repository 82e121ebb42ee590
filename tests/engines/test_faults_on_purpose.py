"""What `harry.testing.faults` promises to those who test with it: the n-th call goes wrong, and no other."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
import trio
import trio.testing
from trio.testing import MockClock

from harry.errors import EngineError
from harry.testing.faults import Fault, Faults, Kind, Nonsense


class Counter:
    """Anything with methods: one that is awaited, one that calls back, one that is plain."""

    name = "counter"

    async def count(self, to: int, tell: Callable[[int], Awaitable[None]]) -> int:
        for number in range(1, to + 1):
            await tell(number)
        return to

    def half(self, number: int) -> int:
        return number // 2


async def told(faults: Faults, to: int = 3) -> tuple[object, list[object]]:
    heard: list[object] = []

    async def tell(number: int) -> None:
        heard.append(number)

    return await faults.around(Counter(), "counter").count(to, tell), heard


async def test_without_a_fault_all_is_as_it_was_and_every_place_is_counted() -> None:
    faults = Faults()
    assert await told(faults) == (3, [1, 2, 3])
    assert faults.around(Counter(), "counter").half(5) == 2
    assert faults.around(Counter(), "counter").name == "counter"
    assert faults.calls == {"counter.count": 1, "counter.count.tell": 3, "counter.half": 1}
    assert faults.waits == {"counter.count", "counter.count.tell"}


@pytest.mark.parametrize(("always", "fails"), [(False, [2]), (True, [2, 3, 4])])
def test_the_nth_call_fails_once_or_from_then_on(always: bool, fails: list[int]) -> None:
    counter = Faults(Fault("counter.half", Kind.FAILS, 2, always)).around(Counter(), "counter")
    failed = []
    for number in range(1, 5):
        try:
            counter.half(number)
        except EngineError:
            failed.append(number)
    assert failed == fails


async def test_nonsense_is_given_back_or_told(autojump_clock: MockClock) -> None:
    given, heard = await told(Faults(Fault("counter.count", Kind.WRONG)))
    assert isinstance(given, Nonsense)
    assert heard == []
    given, heard = await told(Faults(Fault("counter.count.tell", Kind.WRONG, 2)))
    assert given == 3
    assert [isinstance(each, Nonsense) for each in heard] == [False, True, False]


async def test_what_is_slow_takes_longer_and_what_hangs_can_be_cancelled(autojump_clock: MockClock) -> None:
    began = trio.current_time()
    assert await told(Faults(Fault("counter.count.tell", Kind.SLOW, seconds=5))) == (3, [1, 2, 3])
    assert trio.current_time() - began == 5
    with trio.move_on_after(100) as patience:
        await told(Faults(Fault("counter.count.tell", Kind.HANGS, 3)))
    assert patience.cancelled_caught


async def test_a_socket_breaks_in_the_middle() -> None:
    here, there = trio.testing.memory_stream_pair()
    broken = Fault("socket.receive_some", Kind.FAILS, 2, error=lambda: trio.BrokenResourceError("reset"))
    socket = Faults(broken).around(here, "socket")
    await there.send_all(b"HTTP/1.1 200 OK\r\n")
    assert await socket.receive_some(4) == b"HTTP"
    with pytest.raises(trio.BrokenResourceError):
        await socket.receive_some(4)
