"""A reading end that outlives its reader: what a crashed actor had in hand is handed to the one that replaces it.

A letter is held until it was handled; if the reader fails it is delivered once more, and then laid among the dead.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

import trio

from channels.signals import Signal

T = TypeVar("T")

_DELIVERIES = 2
_DEAD_LETTERS_KEPT = 16


class Mailbox(Generic[T]):
    """A bounded queue that belongs to the session, not to the actor that reads it."""

    def __init__(self, name: str, capacity: int) -> None:
        self.name = name
        self.capacity = capacity
        self.dead: deque[T] = deque(maxlen=_DEAD_LETTERS_KEPT)
        self._waiting: deque[tuple[T, int]] = deque()
        self._arrived = Signal()

    def __len__(self) -> int:
        return len(self._waiting)

    def post(self, letter: T) -> bool:
        """Put a letter in without waiting. False if the box is full: the letter was not taken."""
        if len(self._waiting) >= self.capacity:
            return False
        self._waiting.append((letter, 1))
        self._arrived.notify()
        return True

    @asynccontextmanager
    async def next(self) -> AsyncIterator[T]:
        """Wait for a letter and hold it for the length of the block. Always a checkpoint, before a letter is taken.

        Leaving the block by an error or a cancellation puts it back in front, unless it was delivered twice already.
        """
        await trio.lowlevel.checkpoint()
        while not self._waiting:
            await self._arrived.wait()
        letter, delivery = self._waiting.popleft()
        try:
            yield letter
        except BaseException as error:
            if isinstance(error, Exception) and delivery >= _DELIVERIES:
                self.dead.append(letter)
            else:
                again = delivery + 1 if isinstance(error, Exception) else delivery
                self._waiting.appendleft((letter, again))
            raise
