"""One connection to the store's file and the one thread at a time that uses it.

A connection that met an error is closed and opened again at the next call: once the cause is gone it works again.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import trio

from harry.errors import StoreError
from harry.memory.store.access import Access
from harry.memory.store.connection import connect, errors_of

T = TypeVar("T")

PATIENCE = 5.0
"""Seconds a lock of another process is waited for."""


class ConnectionThread:
    """A connection to the file, opened when it is needed, and the limiter of the one thread that uses it."""

    def __init__(self, path: Path, patience: float, *, writing: bool, access: Access | None = None) -> None:
        self.path = path
        self._access = access or Access()
        self._writing = writing
        self.limiter = trio.CapacityLimiter(1)
        self._patience = patience
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None
        self._closed = False

    def use(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` in this thread. Raises `StoreError`, at once while the file is known to be out of reach."""
        self._access.check()
        return self._use(work)

    def try_open(self) -> None:
        """Open the file, also while it counts as out of reach. Raises `StoreError`."""
        self._use(lambda _: None)

    def _use(self, work: Callable[[sqlite3.Connection], T]) -> T:
        if self._closed:
            raise StoreError(f"{self.path} has been closed.")
        try:
            with errors_of(self.path):
                return work(self._open())
        except StoreError:
            self._drop()
            raise

    def _open(self) -> sqlite3.Connection:
        # A file that was moved away or replaced would go on taking entries that nobody finds again.
        if self._connection is not None and self._file != _identity(self.path):
            self._drop()
        if self._connection is None:
            self._access.prepare()
            self._connection = connect(self.path, patience=self._patience, writing=self._writing)
            self._file = _identity(self.path)
        return self._connection

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def close(self) -> None:
        """Close the connection for good."""
        self._closed = True
        with errors_of(self.path):
            self._drop()


class Interruptible:
    """A read that can be interrupted from trio's thread, and never a moment after it has ended."""

    def __init__(self, work: Callable[[sqlite3.Connection], T]) -> None:
        self._work = work
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._unwanted = False

    def __call__(self, connection: sqlite3.Connection) -> Any:
        """Run the read, unless it was interrupted before."""
        with self._lock:
            if self._unwanted:
                return None
            self._connection = connection
        try:
            return self._work(connection)
        finally:
            with self._lock:
                self._connection = None

    def interrupt(self) -> None:
        """Interrupt the read, or keep it from beginning."""
        with self._lock:
            self._unwanted = True
            if self._connection is not None:
                self._connection.interrupt()


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116 (pathlib's is slower, and this stands before every call)
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
