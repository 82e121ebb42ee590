"""Where records wait that the store cannot take now: a file of JSON lines beside it, or, without one, the memory.

Only the holder of the data folder may use the file. A line counts once it is on disk with its line end; what a crash
left half-written was never promised and is cut off. A line that cannot be read is laid aside, not thrown away.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import TypeVar, TypeVarTuple

import structlog
import trio

from harry.errors import StoreError
from harry.files.fsync import sync_folder
from harry.memory.store.access import nothing
from harry.memory.store.connection import errors_of
from harry.memory.store.records import Record, parse_record, serialize_record

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

log = structlog.get_logger(__name__)


class MemorySpill:
    """The spill of a store that is not durable either, and of tests under a virtual clock."""

    durable = False

    def __init__(self) -> None:
        self._records: list[Record] = []

    @property
    def waiting(self) -> int:
        """How many records lie here."""
        return len(self._records)

    async def load(self) -> None:
        """Do nothing: nothing was left behind."""
        await trio.lowlevel.checkpoint()

    async def append(self, records: Sequence[Record]) -> None:
        """Add these records."""
        await trio.lowlevel.checkpoint()
        self._records.extend(records)

    async def oldest(self, limit: int) -> list[Record]:
        """Return the records at the front, at most `limit`."""
        await trio.lowlevel.checkpoint()
        return self._records[:limit]

    async def forget(self, count: int) -> None:
        """Remove `count` records from the front."""
        await trio.lowlevel.checkpoint()
        del self._records[:count]


class FileSpill:
    """An append-only file, synced before `append` returns and removed when it is empty. One call at a time.

    `prepare` runs before each use, blocking: it makes and holds the folder, or raises `StoreError`.
    """

    durable = True

    def __init__(self, path: Path, prepare: Callable[[], None] = nothing) -> None:
        self.path = path
        self._prepare = prepare
        self._limiter = trio.CapacityLimiter(1)
        self._loaded = False
        self._waiting = 0
        self._front = 0  # bytes before the oldest record that waits
        self._end = 0  # bytes that are good

    @property
    def waiting(self) -> int:
        """How many records lie here; 0 before the file was looked at."""
        return self._waiting

    async def load(self) -> None:
        """Read what an earlier process left behind. Raises `StoreError`."""
        await self._in_thread(_done)

    async def append(self, records: Sequence[Record]) -> None:
        """Write these behind the others, all or none, and sync them. Raises `StoreError`."""
        await self._in_thread(self._append, b"".join(map(serialize_record, records)), len(records))

    async def oldest(self, limit: int) -> list[Record]:
        """Read the records at the front, at most `limit`. Raises `StoreError`."""
        return await self._in_thread(self._oldest, limit)

    async def forget(self, count: int) -> None:
        """Remove `count` records from the front. The file goes with the last one.

        Until then a crash brings them back: they are committed again, which changes nothing. Raises `StoreError`.
        """
        await self._in_thread(self._forget, count)

    async def _in_thread(self, work: Callable[[*Ts], T], *args: *Ts) -> T:
        def guarded() -> T:
            try:
                with errors_of(self.path):
                    self._prepare()
                    self._load()
                    return work(*args)
            except ValueError as error:
                raise StoreError(f"{self.path} was changed by something else.", remedy="Move it away.") from error

        return await trio.to_thread.run_sync(guarded, abandon_on_cancel=True, limiter=self._limiter)

    def _load(self) -> None:
        if self._loaded:
            return
        content = self.path.read_bytes() if self.path.exists() else b""
        complete = content[: content.rfind(b"\n") + 1]
        lines = complete.splitlines(keepends=True)
        unreadable = [line for line in lines if not _readable(line)]
        if unreadable:
            aside = self.path.with_suffix(".unreadable")
            log.error("unreadable entries laid aside", entries=len(unreadable), file=str(aside))
            _write_synced(aside, b"".join(unreadable), os.O_APPEND)
            lines = [line for line in lines if _readable(line)]
            fresh = self.path.with_suffix(".new")
            _write_synced(fresh, b"".join(lines), os.O_TRUNC)
            fresh.replace(self.path)
            sync_folder(self.path.parent)
        self._waiting = len(lines)
        self._end = sum(map(len, lines))
        self._loaded = True

    def _append(self, lines: bytes, count: int) -> None:
        # Where nothing in it was promised yet, perhaps not even its name is on disk.
        new = self._end == 0 or not self.path.exists()
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.ftruncate(descriptor, self._end)  # what a failed attempt or a crash left behind
            _write_all(descriptor, lines, self._end)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if new:
            sync_folder(self.path.parent)
        self._end += len(lines)
        self._waiting += count

    def _oldest(self, limit: int) -> list[Record]:
        if not self.path.exists():
            log.error("entries were taken away with their file", entries=self._waiting, file=str(self.path))
            self._waiting = self._front = self._end = 0
            return []
        with self.path.open("rb") as file:
            file.seek(self._front)
            return [parse_record(line) for line in islice(file, min(limit, self._waiting))]

    def _forget(self, count: int) -> None:
        if count >= self._waiting:
            self._waiting = self._front = self._end = 0
            self.path.unlink(missing_ok=True)
            return
        with self.path.open("rb") as file:
            file.seek(self._front)
            for _ in range(count):
                file.readline()
            self._front = file.tell()
        self._waiting -= count


def _done() -> None:
    pass


def _readable(line: bytes) -> bool:
    try:
        parse_record(line)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return False
    return True


def _write_synced(path: Path, content: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | mode, 0o600)
    try:
        _write_all(descriptor, content, None)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    sync_folder(path.parent)


def _write_all(descriptor: int, content: bytes, at: int | None) -> None:
    if at is not None:
        os.lseek(descriptor, at, os.SEEK_SET)
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]
