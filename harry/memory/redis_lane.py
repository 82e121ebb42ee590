"""Commands of many callers on their way together: what comes while others are under way goes with the next batch.

A journey to a server costs much more than what is done there, so callers at once share it. A caller that is cancelled
before its command left takes it back; one that is cancelled after leaves the others alone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NoReturn, TypeAlias

import trio

Command: TypeAlias = tuple[bytes | str | float, ...]

MOST = 64
"""Commands of one batch."""


class _Asked:
    """A command, and a place for its answer."""

    def __init__(self, command: Command) -> None:
        self.command = command
        self.done = trio.Event()
        self.answer: object = None
        self.unwanted = False

    def settle(self, answer: object) -> None:
        self.answer = answer
        self.done.set()


class Lane:
    """`send` takes a batch and gives an answer for each command; an exception among them, or raised, is an answer."""

    def __init__(self, send: Callable[[Sequence[Command]], Awaitable[Sequence[object]]]) -> None:
        self._send = send
        self._waiting: deque[_Asked] = deque()
        self._arrived = trio.Event()

    async def ask(self, command: Command) -> Any:
        """Give the answer to one command, or raise what it was answered with."""
        asked = _Asked(command)
        self._waiting.append(asked)
        self._arrived.set()
        try:
            await asked.done.wait()
        finally:
            asked.unwanted = True
        if isinstance(asked.answer, Exception):
            raise asked.answer
        return asked.answer

    async def run(self) -> NoReturn:
        """Send batches, one after the other, until cancelled."""
        while True:
            await self._arrived.wait()
            self._arrived = trio.Event()
            while self._waiting:
                await self._send_some()

    async def _send_some(self) -> None:
        batch: list[_Asked] = []
        while self._waiting and len(batch) < MOST:
            asked = self._waiting.popleft()
            if not asked.unwanted:
                batch.append(asked)
        if not batch:
            return
        try:
            answers = await self._send([asked.command for asked in batch])
        except Exception as error:  # noqa: BLE001  it is raised where the command was asked
            answers = [error] * len(batch)
        for asked, answer in zip(batch, answers, strict=True):
            asked.settle(answer)
