"""Files of text and JSON that are whole at every moment: a reader finds what was there before or what is there now.

A write goes into a file beside, is synced, takes the name, and then the folder is synced: after a crash, or on a full
disk, the old content stands. Reads and writes happen in threads.
"""

from __future__ import annotations

import errno
import json
import os
import secrets
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias, TypeVarTuple

import trio

from harry.errors import StoreError

Name: TypeAlias = str | os.PathLike[str]
Ts = TypeVarTuple("Ts")

LONGEST = 256 * 1024 * 1024
"""Bytes of the largest file that is read or written."""

_THREADS = 8  # at once, so that a slow disk does not hold every thread of the process
_DATABASE = "harry.sqlite3"


class Files:
    """Reads and writes files, a few at a time."""

    def __init__(self) -> None:
        self._limiter = trio.CapacityLimiter(_THREADS)

    async def save_text(self, path: Name, text: str) -> None:
        """Write a text as UTF-8, its line ends as they are. Raises `StoreError`; then the old content stands.

        Raises `ValueError` for half a character, which no file can hold, and for more than `LONGEST` bytes.
        """
        await self._in_thread(write_whole, path, text.encode())

    async def load_text(self, path: Name) -> str:
        """Read a text, its line ends as they are: UTF-8, with or without a mark, else Windows-1252.

        Raises `StoreError`.
        """
        return _decoded(await self._in_thread(read_whole, path))

    async def save_json(self, path: Name, data: Any) -> None:
        """Write JSON as UTF-8, keys sorted, two spaces deep. Raises `StoreError`; then the old content stands.

        Raises `ValueError` or `TypeError` for what is no JSON: a number that is not finite, an object, a cycle.
        """
        text = json.dumps(data, ensure_ascii=False, sort_keys=True, indent=2, allow_nan=False)
        await self.save_text(path, text)

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

    async def _in_thread(self, work: Callable[[*Ts], Any], *args: *Ts) -> Any:
        return await trio.to_thread.run_sync(work, *args, abandon_on_cancel=True, limiter=self._limiter)


def write_whole(path: Name, content: bytes) -> None:
    """Give a file this content, all or nothing; blocking, synced on return. Raises `StoreError`."""
    if len(content) > LONGEST:
        raise ValueError(f"a file of more than {LONGEST} bytes is not written")
    target = _target(path)
    beside = target.with_name(f".{target.name[:100]}.{secrets.token_hex(6)}.new")
    try:
        mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else 0o666 & ~_umask()
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        try:
            os.fchmod(descriptor, mode)
            view = memoryview(content)
            while view:
                view = view[os.write(descriptor, view) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        beside.replace(target)
        _sync_folder(target.parent)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise _explained(error, path, "written") from error


def read_whole(path: Name) -> bytes:
    """Read a file; blocking. Raises `StoreError`, also for what is no plain file or larger than `LONGEST`."""
    target = _target(path)
    try:
        if not stat.S_ISREG(target.stat().st_mode):
            raise StoreError(f"{os.fspath(path)} is no plain file.")
        with target.open("rb") as file:
            content = file.read(LONGEST + 1)
    except OSError as error:
        raise _explained(error, path, "read") from error
    if len(content) > LONGEST:
        raise StoreError(f"{os.fspath(path)} is larger than {LONGEST} bytes.")
    return content


def _target(path: Name) -> Path:
    """Follow links, so that the file gets the content and not the link. Raises `StoreError` for Harry's own store."""
    try:
        target = Path(os.path.realpath(path))
    except ValueError as error:  # a name with a NUL
        raise StoreError(f"{os.fspath(path)!r} is no name of a file.") from error
    if target.name.startswith(_DATABASE):
        # Closing any descriptor of it would let go of all of SQLite's locks.
        raise StoreError(f"{os.fspath(path)} is Harry's own store.", remedy="Name another file.")
    return target


def _decoded(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def _explained(error: OSError, path: Name, what: str) -> StoreError:
    name = os.fspath(path)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StoreError(f"The disk is full, so {name} cannot be {what}.", remedy="Free some space on the disk.")
    if error.errno == errno.ENOENT:
        return StoreError(f"{name} cannot be {what}: there is no such file or folder.")
    return StoreError(f"{name} cannot be {what}: {error.strerror}.")


def _umask() -> int:
    for line in Path("/proc/self/status").read_text("ascii", "replace").splitlines():
        if line.startswith("Umask:"):
            return int(line.split()[1], 8)
    return 0o077


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
