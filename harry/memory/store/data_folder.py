"""The data folder: private to its owner, and held by one `harry run` at a time.

The lock is the kernel's, on an open file, so it ends with its process however that ends. Other commands write beside
the holder and do not take it.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harry.errors import FolderInUse, StoreError
from harry.memory.store.connection import WRITABLE

LOCK_FILE = "harry.lock"


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
    file = path / LOCK_FILE
    try:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreError(f"{file} cannot be written: {error.strerror}.", remedy=WRITABLE) from error
    try:
        _take(descriptor, path)
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    except BlockingIOError:
        holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
        raise FolderInUse(
            f"Another Harry ({f'process {holder}' if holder else 'just starting'}) uses {path}.",
            remedy="End that one first, or set HARRY_HOME to another folder.",
        ) from None
    except OSError as error:
        raise StoreError(f"The folder {path} cannot be locked: {error.strerror}.", remedy=WRITABLE) from error
