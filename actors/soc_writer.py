"""The SOC writer: the one ordered writer of turns and thoughts, which acknowledges nothing before the store's commit.

Everything that waits, up to 64 records, goes into one commit. What the memory has no room for, and whatever waits
while the store fails, goes to the spill, and from there into the store once it works again, in the next life if need
be. At every moment spill and queue, one after the other, are all that was not committed yet, in order; a commit always
takes from the front. A record that is committed twice, because a commit's answer was lost, keeps its first number.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice
from typing import NoReturn, Protocol, TypeAlias

import structlog
import trio

from actors.protocols import Store
from actors.supervisor import describe_origin
from channels.backoff import Backoff
from channels.messages import Thought, TurnRecord
from channels.signals import Signal

Record: TypeAlias = TurnRecord | Thought
Identity: TypeAlias = tuple[str, str]

MAX_BATCH_RECORDS = 64
"""Records in one commit."""

MAX_QUEUED_RECORDS = 1024
"""Records that wait in memory before they are laid on the spill."""

MAX_UNACKNOWLEDGED_RECORDS = 65_536
"""Records that may be unacknowledged at once. More mean a disk that has long been broken; they are refused."""

STUCK_SECONDS = 10.0
"""Seconds after which a store or spill that does not answer counts as failing: what waits takes the other way."""

_FLUSH_SECONDS = 2.0  # seconds for what waits when the session ends
_COMMIT_SECONDS = 1.5  # of these, seconds for commits: the rest is the spill's

log = structlog.get_logger(__name__)


class Spill(Protocol):
    """A first-in, first-out refuge for records. Its failures are of the same class as the store's."""

    durable: bool

    @property
    def waiting(self) -> int:
        """How many records lie here."""
        ...

    async def load(self) -> None:
        """Find what an earlier life left behind."""
        ...

    async def append(self, records: Sequence[Record]) -> None:
        """Take all of these or none; durable on return, if the spill is."""
        ...

    async def oldest(self, limit: int) -> list[Record]:
        """Give the records at the front, at most `limit`, without taking them away."""
        ...

    async def forget(self, count: int) -> None:
        """Take `count` records away from the front: they are committed."""
        ...


class NotKeptError(Exception):
    """The record was not committed in this life of the writer. `spilled`: it lies on disk and will be in the next."""

    def __init__(self, message: str, *, spilled: bool = False) -> None:
        super().__init__(message)
        self.spilled = spilled


class Receipt:
    """What a sender gets for a record. `keep` and `refuse` are the writer's to call."""

    def __init__(self) -> None:
        self._settled = trio.Event()
        self._sequence = 0
        self._error: Exception | None = None

    @property
    def settled(self) -> bool:
        """Whether the record's fate is known."""
        return self._settled.is_set()

    async def wait_committed(self) -> int:
        """Wait for the commit; returns the sequence number.

        Raises `NotKeptError` if the writer ended before, `ValueError` if the record can never be kept.
        """
        await self._settled.wait()
        if self._error is not None:
            raise self._error
        return self._sequence

    def keep(self, sequence: int) -> None:
        """Say that the record is committed."""
        self._sequence = sequence
        self._settled.set()

    def refuse(self, error: Exception) -> None:
        """Say that it is not, and why."""
        self._error = error
        self._settled.set()


def _ignore(*_: object) -> None:
    pass


class SocWriter:
    """Writes records in the order in which they were submitted. `run` is the actor and may be run again after a crash.

    `failure` is what store and spill raise when they cannot do their work now, with words for a person; whatever else
    they raise is met in the same way. `on_kept(record, sequence)` is called for every committed record, those of an
    earlier life included; `on_trouble(message)` once when the store begins to fail, `on_recovered()` once when it works
    again. Callbacks run in trio's thread and must neither wait nor raise.
    """

    def __init__(
        self,
        store: Store,
        spill: Spill,
        *,
        failure: type[Exception],
        on_kept: Callable[[Record, int], None] = _ignore,
        on_trouble: Callable[[str], None] = _ignore,
        on_recovered: Callable[[], None] = _ignore,
        capacity: int = MAX_QUEUED_RECORDS,
        limit: int = MAX_UNACKNOWLEDGED_RECORDS,
    ) -> None:
        self._store = store
        self._spill = spill
        self._failure = failure
        self._on_kept = on_kept
        self._on_trouble = on_trouble
        self._on_recovered = on_recovered
        self._capacity = capacity
        self._limit = limit
        self._queue: deque[Record] = deque()
        self._receipts: dict[Identity, Receipt] = {}
        self._changed = Signal()
        self._front = trio.Lock()  # held while records move between queue and spill, or leave
        self._failing = False
        self._ended = False
        self.on_refused: Callable[[Record], None] = _ignore
        """Called for every record that will not be kept in this life, though it was asked for."""

    @property
    def waiting(self) -> int:
        """How many records are not committed yet, in memory and on the spill."""
        return len(self._queue) + self._spill.waiting

    def submit(self, record: Record) -> Receipt:
        """Take a record, without waiting.

        One whose id waits already gets the same receipt. After the writer's end, or beyond its limit, the record is
        not taken, and the receipt says so at once.
        """
        identity = _identity(record)
        if identity in self._receipts:
            return self._receipts[identity]
        receipt = Receipt()
        if self._ended or len(self._receipts) >= self._limit:
            why = "the writer has ended" if self._ended else f"{self._limit} entries wait already"
            receipt.refuse(NotKeptError(f"The entry was not taken: {why}."))
            self.on_refused(record)
            return receipt
        self._receipts[identity] = receipt
        self._queue.append(record)
        self._changed.notify()
        return receipt

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Write until cancelled, and then for at most two seconds what still waits."""
        self._ended = False
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._commit_for_ever)
                nursery.start_soon(self._spill_for_ever)
                task_status.started()
        finally:
            # A crash leaves everything where it is, for the next run.
            if trio.current_effective_deadline() == -math.inf:
                await self._flush()

    async def _commit_for_ever(self) -> NoReturn:
        loaded = False
        backoff = Backoff()
        while True:
            try:
                if not loaded:
                    with trio.fail_after(STUCK_SECONDS):
                        await self._spill.load()
                    loaded = True
                while not self.waiting:
                    await self._changed.wait()
                with trio.fail_after(STUCK_SECONDS):
                    await self._commit()
            except Exception as error:  # noqa: BLE001  whatever it is, what waits must be kept
                self._trouble(error)
                await backoff.sleep()
            else:
                backoff.reset()
                self._recover()

    async def _spill_for_ever(self) -> NoReturn:
        backoff = Backoff()
        while True:
            while not self._queue or not (self._failing or len(self._queue) > self._capacity):
                await self._changed.wait()
            try:
                with trio.fail_after(STUCK_SECONDS):
                    await self._move_to_spill()
                backoff.reset()
            except Exception as error:  # noqa: BLE001  as above
                log.warning("spill fails", reason=self._reason(error), in_memory=len(self._queue))
                self._trouble(error)
                await backoff.sleep()

    async def _move_to_spill(self) -> None:
        async with self._front:
            records = list(self._queue)
            if records:
                await self._spill.append(records)
                for _ in records:
                    self._queue.popleft()

    async def _commit(self) -> None:
        """Commit what stands at the front, acknowledge it, and only then let go of it."""
        async with self._front:
            if self._spill.waiting:
                records = await self._spill.oldest(MAX_BATCH_RECORDS)
            else:
                records = list(islice(self._queue, MAX_BATCH_RECORDS))
        for batch, sequences in await self._write(records):
            for record, sequence in zip(batch, sequences, strict=True):
                self._acknowledge(record, sequence)
        async with self._front:
            # Meanwhile the whole queue may have moved to the spill, whose front then holds these records.
            if self._spill.waiting:
                await self._spill.forget(len(records))
            else:
                for _ in records:
                    self._queue.popleft()

    async def _write(self, records: list[Record]) -> list[tuple[list[Record], list[int]]]:
        try:
            return [(records, await self._store.write(records))]
        except ValueError:
            # One that never can be kept must not hold up the others.
            kept = []
            for record in records:
                try:
                    kept.append(([record], await self._store.write([record])))
                except ValueError as error:
                    log.warning("an entry can never be kept", reason=str(error))
                    self._fail(_identity(record), error)
                    self.on_refused(record)
            return kept

    def _acknowledge(self, record: Record, sequence: int) -> None:
        receipt = self._receipts.pop(_identity(record), None)
        if receipt is not None:
            receipt.keep(sequence)
        self._on_kept(record, sequence)

    def _fail(self, identity: Identity, error: Exception) -> None:
        receipt = self._receipts.pop(identity, None)
        if receipt is not None:
            receipt.refuse(error)

    async def _flush(self) -> None:
        try:
            with trio.move_on_after(_FLUSH_SECONDS, shield=True):
                try:
                    with trio.move_on_after(_COMMIT_SECONDS):
                        while self.waiting:
                            await self._commit()
                except Exception as error:  # noqa: BLE001  as above
                    self._trouble(error)
                finally:
                    await self._spill_the_rest()
        finally:
            self._ended = True
            self._give_up()

    async def _spill_the_rest(self) -> None:
        try:
            await self._move_to_spill()
        except Exception as error:  # noqa: BLE001  as above
            log.warning("entries are lost", entries=len(self._queue), reason=self._reason(error))

    def _give_up(self) -> None:
        lost = {_identity(record) for record in self._queue}
        for identity in list(self._receipts):
            if identity in lost or not self._spill.durable:
                self._fail(identity, NotKeptError("The writer ended before the entry could be kept: it is lost."))
            else:
                self._fail(
                    identity, NotKeptError("The entry waits on disk: it is kept at the next start.", spilled=True)
                )
        self._queue.clear()

    def _trouble(self, error: Exception) -> None:
        if not self._failing:
            self._failing = True
            self._changed.notify()
            reason = self._reason(error)
            log.warning("store fails", reason=reason, waiting=self.waiting)
            self._on_trouble(reason)

    def _reason(self, error: Exception) -> str:
        """Say what is wrong: the store's own words, and of anything else only what kind of error it is."""
        if isinstance(error, self._failure):
            return str(error)
        if isinstance(error, trio.TooSlowError):
            return f"The store did not answer within {STUCK_SECONDS:g} seconds."
        return f"The store failed ({describe_origin(error)})."

    def _recover(self) -> None:
        if self._failing:
            self._failing = False
            log.info("store works again", waiting=self.waiting)
            self._on_recovered()


def _identity(record: Record) -> Identity:
    return ("turn", record.turn) if isinstance(record, TurnRecord) else ("thought", record.id)
