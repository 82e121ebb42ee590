"""Writing and reading files that are whole at every moment, many in one go; blocking.

Content goes into a new file next to the old one, is synced and takes the name; then the folder is synced, once for all
files written into it together: after a crash, or on a full disk, the old content stands.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

from harry.errors import StoreError
from harry.files.fsync import sync_folder

Name: TypeAlias = str | os.PathLike[str]

MAX_FILE_BYTES = 256 * 1024 * 1024
"""Bytes of the largest file that is read or written."""

_SLOW = 0.0005
"""Seconds of a sync from which several are asked for at the same time; below, a thread costs more than it gains."""
_AT_ONCE = 8
_DATABASE = "harry.sqlite3"


class _Fresh:
    """A new file next to the one that it replaces; once a step has failed, the further ones are skipped."""

    def __init__(self, name: Name, content: bytes, mode: int | None = None) -> None:
        self.error: Exception | None = None
        self._mode = mode
        self.target = self._beside = Path()
        self._name = name
        self._content = content
        self._descriptor = -1

    def attempt(self, step: Callable[[_Fresh], None]) -> None:
        """Run a step unless an earlier one failed."""
        if self.error is not None:
            return
        try:
            step(self)
        except OSError as error:
            self.fail(error)
        except (StoreError, ValueError) as error:
            self._give_up(error, error.__cause__)

    def fail(self, error: OSError) -> None:
        """Skip the further steps because of a system error."""
        self._give_up(_explained(error, self._name, "written"), error)

    def write(self) -> None:
        if len(self._content) > MAX_FILE_BYTES:
            raise ValueError(f"a file of more than {MAX_FILE_BYTES} bytes is not written")
        self.target = _target(self._name)
        mode = self._mode if self._mode is not None else _mode(self.target)
        self._beside = self.target.with_name(f".{self.target.name[:100]}.{secrets.token_hex(6)}.new")
        self._descriptor = os.open(self._beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        os.fchmod(self._descriptor, mode)
        view = memoryview(self._content)
        while view:
            view = view[os.write(self._descriptor, view) :]

    def sync(self) -> None:
        os.fsync(self._descriptor)

    def take_the_name(self) -> None:
        self._close()
        self._beside.replace(self.target)

    def _close(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def _give_up(self, error: Exception, cause: BaseException | None) -> None:
        error.__cause__ = cause
        self.error = error
        with suppress(OSError):  # what is told is why it could not be written
            self._close()
            self._beside.unlink(missing_ok=True)


def write_all(jobs: Sequence[tuple[Name, bytes]], *, mode: int | None = None) -> list[Exception | None]:
    """Write files, each all or nothing; synced on return. They get `mode`, or keep the one they have.

    Returns None for each, or `StoreError`, or `ValueError` for more than `MAX_FILE_BYTES` bytes: the old content stands
    then, but where only the folder could not be synced the new one does until a crash.
    """
    files = [_Fresh(*job, mode) for job in jobs]
    for file in files:
        file.attempt(_Fresh.write)
    _sync([file for file in files if file.error is None])
    for file in files:
        file.attempt(_Fresh.take_the_name)
    written = [file for file in files if file.error is None]
    for folder in {file.target.parent for file in written}:
        try:
            sync_folder(folder)
        except OSError as error:
            for file in written:
                if file.target.parent == folder:
                    file.fail(error)
    return [file.error for file in files]


def _sync(files: Sequence[_Fresh]) -> None:
    """Sync files; several at a time where that takes long, which a disk does in one movement."""
    if not files:
        return
    began = time.perf_counter()
    files[0].attempt(_Fresh.sync)
    if time.perf_counter() - began < _SLOW or len(files) == 2:
        for file in files[1:]:
            file.attempt(_Fresh.sync)
        return
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        for done in [threads.submit(file.attempt, _Fresh.sync) for file in files[1:]]:
            done.result()


def write_file(name: Name, content: bytes, *, mode: int | None = None) -> None:
    """Write one file as `write_all` does. Raises `StoreError`, `ValueError`."""
    (error,) = write_all([(name, content)], mode=mode)
    if error is not None:
        raise error


def read_all(names: Sequence[Name]) -> list[bytes | StoreError]:
    """Read files; return the content of each, or the `StoreError` that says why not."""
    answers: list[bytes | StoreError] = []
    for name in names:
        try:
            answers.append(read_file(name))
        except StoreError as error:
            answers.append(error)
    return answers


def read_file(name: Name) -> bytes:
    """Read a file. Raises `StoreError`, also if it is not a regular file or is larger than `MAX_FILE_BYTES`."""
    target = _target(name)
    try:
        if not stat.S_ISREG(target.stat().st_mode):
            raise StoreError(f"{os.fspath(name)} is no plain file.")
        with target.open("rb", buffering=0) as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise _explained(error, name, "read") from error
    if len(content) > MAX_FILE_BYTES:
        raise StoreError(f"{os.fspath(name)} is larger than {MAX_FILE_BYTES} bytes.")
    return content


def _target(name: Name) -> Path:
    """Follow links, so that the file gets the content and not the link. Raises `StoreError` for Harry's own store."""
    try:
        target = Path(os.path.realpath(name))
    except ValueError as error:  # a name with a NUL
        raise StoreError(f"{os.fspath(name)!r} is no name of a file.") from error
    if target.name.startswith(_DATABASE):
        # Closing any descriptor of it would let go of all of SQLite's locks.
        raise StoreError(f"{os.fspath(name)} is Harry's own store.", remedy="Name another file.")
    return target


def _mode(target: Path) -> int:
    """Return the mode of the file that is there, or that a new one gets."""
    try:
        return stat.S_IMODE(target.stat().st_mode)
    except FileNotFoundError:
        return 0o666 & ~_umask()


def _explained(error: OSError, name: Name, what: str) -> StoreError:
    path = os.fspath(name)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StoreError(f"The disk is full, so {path} cannot be {what}.", remedy="Free some space on the disk.")
    if error.errno == errno.ENOENT:
        return StoreError(f"{path} cannot be {what}: there is no such file or folder.")
    return StoreError(f"{path} cannot be {what}: {error.strerror}.")


def _umask() -> int:
    for line in Path("/proc/self/status").read_text("ascii", "replace").splitlines():
        if line.startswith("Umask:"):
            return int(line.split()[1], 8)
    return 0o077
