"""The data folder: private to its owner, and held by one `harry run` at a time.

A folder that cannot be held at the start, because its disk is not there or cannot be written, is held as soon as that
is possible.

The lock is the kernel's, on an open file, so it ends with its process however that ends. Other commands write beside
the holder and do not take it. Who lets the folder go in order empties the file: a signature that is found in it is that
of a Harry who crashed, was killed, or lost his computer's power.
"""

from __future__ import annotations

import errno
import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import structlog

from harry.errors import FolderInUse, StoreError
from harry.memory.store.connection import WRITABLE

LOCK_FILE = "harry.lock"

_IN_USE = b"in use\n"
"""Stands below the process number as long as the folder is held."""

log = structlog.get_logger(__name__)


def prepare_folder(path: Path) -> None:
    """Create the folder, with its parents, for its owner alone (0700). Raises `StoreError`."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.stat().st_mode & 0o077:
            path.chmod(0o700)
    except (FileExistsError, NotADirectoryError) as error:
        file = next(parent for parent in (path, *path.parents) if parent.exists())
        raise StoreError(
            f"{path} cannot be Harry's folder: {file} is a file.",
            remedy="Move that file away, or set HARRY_HOME to another folder.",
        ) from error
    except OSError as error:
        raise StoreError(f"The folder {path} cannot be made private: {error.strerror}.", remedy=WRITABLE) from error


@contextmanager
def lock_folder(path: Path) -> Iterator[None]:
    """Hold the folder for the length of the block.

    Raises `FolderInUse`, with the process that holds it, or `StoreError` where nothing can be locked.
    """
    hold = FolderHold(path)
    hold.take()
    try:
        yield
    finally:
        hold.release()


class FolderHold:
    """The hold on a folder, from any thread; taken again where the folder was replaced by another meanwhile."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path / LOCK_FILE
        self._descriptor = -1
        self._lock = threading.Lock()
        self.left_behind = False
        """Whether the holder before this one did not end in order."""

    def take(self) -> None:
        """Hold the folder if it is not held already. Raises `FolderInUse`, `StoreError`."""
        with self._lock:
            if self._holds():
                return
            try:
                descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            except OSError as error:
                raise StoreError(f"{self._file} cannot be written: {error.strerror}.", remedy=WRITABLE) from error
            try:
                left_behind = _take(descriptor, self._path)
            except BaseException:
                os.close(descriptor)
                raise
            self._let_go()
            self._descriptor, self.left_behind = descriptor, left_behind
            if left_behind:
                log.warning("the last run did not end in order", folder=str(self._path))

    def prepare(self) -> None:
        """Make the folder and hold it. Raises `StoreError`, also where another Harry holds it by now."""
        if self._descriptor < 0:  # a folder that was taken away while Harry used it is not made again, empty
            prepare_folder(self._path)
        try:
            self.take()
        except FolderInUse as error:
            raise StoreError(error.message, remedy=error.remedy) from error

    def release(self) -> None:
        """Let the folder go, in order."""
        with self._lock:
            if self._descriptor >= 0:
                with suppress(OSError):  # a disk that fails at the very end: the next start says so
                    os.ftruncate(self._descriptor, 0)
            self._let_go()

    def _holds(self) -> bool:
        if self._descriptor < 0:
            return False
        try:
            return os.path.samestat(os.fstat(self._descriptor), self._file.stat())
        except OSError:
            return False

    def _let_go(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _take(descriptor: int, path: Path) -> bool:
    """Lock and sign the file; return whether somebody's signature was in it. Raises `FolderInUse`, `StoreError`."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        left_behind = os.pread(descriptor, 64, 0).endswith(_IN_USE)
        _sign(descriptor)
    except BlockingIOError:
        holder = os.pread(descriptor, 64, 0).decode("ascii", "replace").partition("\n")[0]
        raise FolderInUse(
            f"Another Harry ({f'process {holder}' if holder else 'just starting'}) uses {path}.",
            remedy="End that one first, or set HARRY_HOME to another folder.",
        ) from None
    except OSError as error:
        raise StoreError(f"The folder {path} cannot be locked: {error.strerror}.", remedy=WRITABLE) from error
    return left_behind


def _sign(descriptor: int) -> None:
    """Write down who holds the folder; a full disk has no room for it, and the hold is one all the same."""
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode() + _IN_USE, 0)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
