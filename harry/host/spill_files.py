"""Where each session's records wait while the store cannot take them: a file of its own for each, taken and given back.

A session writes its file alone, so that no two writers ever cut into one another. What still lies in a file when its
session ends, or lay there when Harry started, is brought into the store by `run`, and the file is not given to anybody
before that. There are never more files than sessions at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import structlog
import trio

from actors.protocols import Store
from actors.soc_writer import MAX_BATCH_RECORDS, Record, Spill
from harry.errors import StoreError
from harry.memory.store.access import nothing
from harry.memory.store.spill import FileSpill, MemorySpill

FIRST = "unwritten.jsonl"
"""The first session's file in the data folder; the others are `unwritten-1.jsonl` and so on."""

_SHORTEST, _LONGEST = 0.1, 5.0  # seconds between two attempts while the store fails

log = structlog.get_logger(__name__)


class SpillPool:
    """The spills of at most `most` sessions at once. `folder` is None where nothing outlives the process.

    `prepare` makes and holds the folder, blocking, before anything is read or written there.
    """

    def __init__(self, store: Store, folder: Path | None, most: int, *, prepare: Callable[[], None] = nothing) -> None:
        self._store = store
        self._folder = folder
        self._prepare = prepare
        self.most = most
        self._free = list(range(most))
        self._left: list[tuple[int, Spill]] = []
        self._more = trio.Event()
        self.look()

    @property
    def free(self) -> int:
        """How many more sessions there may be now."""
        return len(self._free)

    @contextmanager
    def acquire(self) -> Iterator[Spill]:
        """Hold a spill for as long as a session writes. Raises `IndexError` if none is free."""
        number = self._free.pop(0)
        spill = MemorySpill() if self._folder is None else self._open(_file(self._folder, number))
        try:
            yield spill
        finally:
            if spill.waiting and spill.durable:
                self._leave(number, spill)
            else:
                self._give_back(number)

    async def run(self) -> NoReturn:
        """Bring into the store what sessions left behind, until cancelled."""
        while True:
            while self._left:
                number, spill = self._left[0]
                await self._settle(spill)
                self._left.pop(0)
                self._give_back(number)
            self._more = trio.Event()
            await self._more.wait()

    def look(self) -> None:
        """Lay what an earlier life left aside for `run`; the first file is the first session's to bring in.

        Called again once a folder is there that was not at the start.
        """
        if self._folder is None:
            return
        known = {number for number, _ in self._left}
        for path in sorted(self._folder.glob("unwritten-*.jsonl")):
            name = path.stem.removeprefix("unwritten-")
            if not name.isdecimal():
                continue
            number = int(name)
            if number in self._free:
                self._free.remove(number)
            elif number < self.most or number in known:
                continue  # a session's of this life, or laid aside already
            self._leave(number, self._open(path))

    def _open(self, path: Path) -> FileSpill:
        return FileSpill(path, self._prepare)

    def _leave(self, number: int, spill: Spill) -> None:
        self._left.append((number, spill))
        self._more.set()

    def _give_back(self, number: int) -> None:
        self._free.append(number)
        self._free.sort()

    async def _settle(self, spill: Spill) -> None:
        pause = _SHORTEST
        while True:
            try:
                await spill.load()
                while spill.waiting and (records := await spill.oldest(MAX_BATCH_RECORDS)):
                    await self._write(records)
                    await spill.forget(len(records))
            except StoreError as error:
                log.warning("entries of an ended session wait", entries=spill.waiting, cause=str(error))
                await trio.sleep(pause)
                pause = min(pause * 2, _LONGEST)
            else:
                return

    async def _write(self, records: list[Record]) -> None:
        try:
            await self._store.write(records)
        except ValueError:
            # One that never can be kept must not hold up the others.
            for record in records:
                try:
                    await self._store.write([record])
                except ValueError as error:
                    log.warning("an entry can never be kept", reason=str(error))


def _file(folder: Path, number: int) -> Path:
    return folder / (f"unwritten-{number}.jsonl" if number else FIRST)
