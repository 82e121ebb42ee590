"""Bounded channels that say what they do when they are full, and count it.

`block` makes the sender wait, `drop_oldest` throws the oldest waiting item away, `latest` keeps only the newest. The
last two never make a sender wait, so they may stand between parts that must not wait for one another.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Generic, TypeVar

import trio

T = TypeVar("T")


class WhenFull(StrEnum):
    """What a full port does with the next item."""

    BLOCK = "block"
    DROP_OLDEST = "drop_oldest"
    LATEST = "latest"


class Port(Generic[T]):
    """A bounded channel with a policy and meters: `sent`, `dropped` and `waiting` count items."""

    def __init__(self, name: str, capacity: int, when_full: WhenFull = WhenFull.BLOCK) -> None:
        if capacity < 1:
            raise ValueError(f"port {name!r} needs room for at least one item, not {capacity}")
        self.name = name
        self.when_full = when_full
        self.sent = 0
        self.dropped = 0
        size = 1 if when_full is WhenFull.LATEST else capacity
        self._send, self._receive = trio.open_memory_channel[T](size)

    @property
    def waiting(self) -> int:
        """How many items wait to be received."""
        return self._receive.statistics().current_buffer_used

    async def send(self, item: T) -> None:
        """Hand an item over. Always a checkpoint; waits only where the policy is `block`.

        Raises `trio.BrokenResourceError` once the port is closed.
        """
        if self.when_full is WhenFull.BLOCK:
            try:
                await self._send.send(item)
            except trio.ClosedResourceError:
                raise trio.BrokenResourceError(f"port {self.name!r} is closed") from None
            self.sent += 1
        else:
            await trio.lowlevel.checkpoint()
            self.offer(item)

    def offer(self, item: T) -> bool:
        """Hand an item over at once, without waiting. False if it (`block`) was refused; an older one may be dropped.

        Raises `trio.BrokenResourceError` once the port is closed.
        """
        try:
            self._send.send_nowait(item)
        except trio.WouldBlock:
            self.dropped += 1
            if self.when_full is WhenFull.BLOCK:
                return False
            self._receive.receive_nowait()
            self._send.send_nowait(item)
        except trio.ClosedResourceError:
            raise trio.BrokenResourceError(f"port {self.name!r} is closed") from None
        self.sent += 1
        return True

    async def receive(self) -> T:
        """Take the oldest item, waiting for one. Raises `trio.EndOfChannel` when closed and empty."""
        return await self._receive.receive()

    def receive_nowait(self) -> T:
        """Take the oldest item. Raises `trio.WouldBlock` when there is none."""
        return self._receive.receive_nowait()

    def __aiter__(self) -> Port[T]:
        return self

    async def __anext__(self) -> T:
        try:
            return await self._receive.receive()
        except trio.EndOfChannel:
            raise StopAsyncIteration from None

    def close(self) -> None:
        """End sending. What waits can still be received."""
        self._send.close()
