"""Files of text and JSON that are whole at every moment: a reader finds what was there before or what is there now.

Requests made at the same time share one thread and the syncs of their folder: see `harry.files.atomic`.
"""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import trio
from pydantic_core import from_json, to_json

from channels.batcher import Batcher
from harry.errors import StoreError
from harry.files.atomic import Name, read_all, write_all

J = TypeVar("J")
A = TypeVar("A")

_THREADS = 2
"""For reading and for writing each: a file on a disk that hangs holds up those that went with it, and not the next."""


class Files:
    """Reads and writes files. Made by `open_files`."""

    def __init__(self) -> None:
        self._writes: Batcher[tuple[Name, bytes]] = Batcher(partial(_in_thread, write_all))
        self._reads: Batcher[Name] = Batcher(partial(_in_thread, read_all))

    async def save_text(self, path: Name, text: str) -> None:
        """Write a text as UTF-8, its line ends as they are. Raises `StoreError`; then the old content stands.

        Raises `ValueError` for half a character, which no file can hold, and for more than `MAX_FILE_BYTES` bytes.
        """
        await self._writes.ask((Path(path), text.encode()))

    async def load_text(self, path: Name) -> str:
        """Read a text, its line ends as they are: UTF-8, with or without a mark, else Windows-1252.

        Raises `StoreError`.
        """
        return _decoded(await self._reads.ask(Path(path)))

    async def save_json(self, path: Name, data: Any) -> None:
        """Write JSON as UTF-8, keys sorted, two spaces deep. Raises `StoreError`; then the old content stands.

        Raises `ValueError` or `TypeError` for what is no JSON: a number that is not finite, an object, a cycle.
        """
        await self._writes.ask((Path(path), _laid_out(data)))

    async def load_json(self, path: Name) -> Any:
        """Read JSON. Raises `StoreError`, with the line at which it ceases to be JSON."""
        text = await self.load_text(path)
        try:
            return json.loads(text)
        except (ValueError, RecursionError) as error:
            where = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
            raise StoreError(
                f"{os.fspath(path)} holds no JSON{where}.", remedy="Mend the file, or move it away."
            ) from error

    async def run(self) -> None:
        """Serve reads and writes until cancelled; a thread finishes what it has begun."""
        async with trio.open_nursery() as nursery:
            for batcher in (self._writes, self._reads):
                for _ in range(_THREADS):
                    nursery.start_soon(batcher.run)


@asynccontextmanager
async def open_files() -> AsyncIterator[Files]:
    """Yield `Files` that work for the length of the block."""
    files = Files()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(files.run)
        yield files
        nursery.cancel_scope.cancel()


async def _in_thread(work: Callable[[Sequence[J]], Sequence[A]], jobs: Sequence[J]) -> Sequence[A]:
    return await trio.to_thread.run_sync(work, jobs, abandon_on_cancel=True)


def _laid_out(data: Any) -> bytes:
    """Encode JSON over several lines. Python's C encoder cannot indent; its other one is slower than these steps."""
    plain = json.dumps(data, ensure_ascii=False, sort_keys=True, allow_nan=False).encode()
    try:
        return to_json(from_json(plain), indent=2)
    except ValueError:  # deeper than the other can read
        return plain


def _decoded(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")
