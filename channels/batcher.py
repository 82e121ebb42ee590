"""Jobs of many callers on their way together: what comes while others are under way goes with the next batch.

A journey, to a server or into a thread, costs much more than what is done there, so callers at once share it. A caller
that is cancelled before its job left takes it back; one that is cancelled after leaves the others alone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, NoReturn, TypeVar

import trio

from channels.signals import Signal

J = TypeVar("J")

MAX_BATCH_JOBS = 64
"""Jobs of one batch."""


class _PendingJob(Generic[J]):
    """A job, and a place for its answer."""

    def __init__(self, job: J) -> None:
        self.job = job
        self.done = trio.Event()
        self.answer: object = None
        self.unwanted = False

    def settle(self, answer: object) -> None:
        self.answer = answer
        self.done.set()


class Batcher(Generic[J]):
    """`send` takes a batch and gives an answer for each job; an exception among them, or raised, is an answer."""

    def __init__(self, send: Callable[[Sequence[J]], Awaitable[Sequence[object]]]) -> None:
        self._send = send
        self._waiting: deque[_PendingJob[J]] = deque()
        self._arrived = Signal()

    async def ask(self, job: J) -> Any:
        """Give the answer to one job, or raise what it was answered with."""
        asked = _PendingJob(job)
        self._waiting.append(asked)
        self._arrived.notify()
        try:
            await asked.done.wait()
        finally:
            asked.unwanted = True
        if isinstance(asked.answer, Exception):
            raise asked.answer
        return asked.answer

    async def run(self) -> NoReturn:
        """Send batches, one after the other, until cancelled. More than one task may do so."""
        while True:
            while not self._waiting:
                await self._arrived.wait()
            await self._send_some()

    async def _send_some(self) -> None:
        batch: list[_PendingJob[J]] = []
        while self._waiting and len(batch) < MAX_BATCH_JOBS:
            asked = self._waiting.popleft()
            if not asked.unwanted:
                batch.append(asked)
        if not batch:
            return
        try:
            answers = await self._send([asked.job for asked in batch])
        except Exception as error:  # noqa: BLE001  it is raised where the job was asked
            answers = [error] * len(batch)
        for asked, answer in zip(batch, answers, strict=True):
            asked.settle(answer)
