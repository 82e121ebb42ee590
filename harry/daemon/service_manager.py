"""Tells systemd how Harry is: ready, what he waits for, that his loop turns, that he stops (sd_notify(3)).

The address of the manager leaves the environment as soon as it is read, so that no child process speaks in his name.
Without a manager every call does nothing.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import AsyncIterator, Callable, MutableMapping
from contextlib import asynccontextmanager

import structlog
import trio

from harry.errors import HarryError

log = structlog.get_logger(__name__)

EXTENDS = 30.0
"""Seconds of patience that are asked for while models are loaded; asked again every third of it."""


class ServiceManager:
    """The service manager that started this process, if one did."""

    def __init__(self, address: str = "", watchdog: float = 0.0) -> None:
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self.watchdog = watchdog
        """Seconds within which the loop has to give a sign of life; 0: nobody watches."""

    @classmethod
    def take(cls, environ: MutableMapping[str, str] = os.environ) -> ServiceManager:
        """Read the manager's address, and take it out of the environment."""
        address = environ.pop("NOTIFY_SOCKET", "")
        microseconds, process = environ.pop("WATCHDOG_USEC", ""), environ.pop("WATCHDOG_PID", "")
        meant = not process or process == str(os.getpid())
        watchdog = int(microseconds) / 1e6 if meant and microseconds.isdecimal() else 0.0
        return cls(address if address.startswith(("/", "@")) else "", watchdog)

    def tell(self, *lines: str) -> None:
        """Send lines such as `READY=1`, without waiting; a manager that has gone is journalled."""
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as manager:
                manager.setblocking(False)
                manager.sendto("\n".join(lines).encode(), self._address)
        except OSError as error:
            log.debug("the service manager cannot be told", cause=str(error))

    def status(self, sentence: str) -> None:
        """Say in a sentence what goes on; `systemctl status` shows it."""
        self.tell("STATUS=" + " ".join(sentence.split()))

    @asynccontextmanager
    async def reloading(self, sentence: str, status: Callable[[], str]) -> AsyncIterator[None]:
        """Tell for the length of the block that settings are read again; after it, that he is ready, and `status`."""
        self.tell("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")
        failure = None
        try:
            async with self.patient(sentence):
                try:
                    yield
                except HarryError as error:
                    failure = error  # raised outside of the nursery, which would wrap it
        finally:
            self.tell("READY=1")
            self.status(status())
        if failure is not None:
            raise failure

    @asynccontextmanager
    async def patient(self, sentence: str) -> AsyncIterator[None]:
        """Ask for patience for the length of the block, and say why."""
        self.status(sentence)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._ask_for_patience)
            yield
            nursery.cancel_scope.cancel()

    async def _ask_for_patience(self) -> None:
        while self._address:
            self.tell(f"EXTEND_TIMEOUT_USEC={round(EXTENDS * 1e6)}")
            await trio.sleep(EXTENDS / 3)

    async def keep_alive(self) -> None:
        """Give a sign of life every third of the watchdog's time, until cancelled: as long as the loop turns."""
        while self.watchdog:
            self.tell("WATCHDOG=1")
            await trio.sleep(self.watchdog / 3)
