"""Writes a session's events to a file as JSON Lines, for programs; `docs/events.md` says what each means.

The listener is lossless, so the records that end a turn are never missing; writing happens in a thread, in batches.
"""

from __future__ import annotations

import json
import os
import stat
from contextlib import suppress
from pathlib import Path

import structlog
import trio

from channels.event_types import Degraded, Transcribed
from channels.events import Event, EventSubscription
from harry.errors import ConfigurationError

log = structlog.get_logger(__name__)

MAX_FILE_BYTES = 50_000_000
"""Bytes at which a new event file is begun: some sixty thousand turns."""

MAX_FULL_FILES = 3
"""How many full files are kept beside the one that is written, as `PATH.1` (the newest) and so on."""


LAST_WORDS = 1.0
"""Seconds for which a reader that has stopped reading is waited for at the end."""


class EventFile:
    """The file of events, its owner's alone; a new one is begun where it is full. Pipes and devices never are."""

    def __init__(self, path: Path, *, most: int = MAX_FILE_BYTES) -> None:
        """Open the file and empty it. Raises `OSError`."""
        self._path = path
        self._most = most
        self._open()

    def _open(self) -> None:
        # Not blocking: a named pipe would wait here, deaf to every signal, until somebody reads it.
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NONBLOCK
        self._descriptor = os.open(self._path, flags, 0o600)
        self._size = 0
        self._plain = stat.S_ISREG(os.fstat(self._descriptor).st_mode)
        if self._plain:
            os.fchmod(self._descriptor, 0o600)

    async def write(self, lines: str) -> None:
        """Write lines, waiting for whoever reads a pipe; into a file they come whole. Raises `OSError`."""
        # An ear or a mind may utter half a surrogate pair, which is no UTF-8.
        content = lines.encode("utf-8", "replace")
        if self._plain:
            # Not abandoned on cancellation: a line is whole or not there.
            await trio.to_thread.run_sync(self._write_whole, content)
            return
        await trio.lowlevel.checkpoint()
        rest = memoryview(content)
        while rest:
            try:
                rest = rest[os.write(self._descriptor, rest) :]
            except BlockingIOError:
                await trio.lowlevel.wait_writable(self._descriptor)

    def _write_whole(self, content: bytes) -> None:
        """Write in a thread, into a new file if this one would be too full."""
        if self._size and self._size + len(content) > self._most:
            self._begin_another()
        self._size += len(content)
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]

    def _begin_another(self) -> None:
        for number in range(MAX_FULL_FILES - 1, 0, -1):
            if self._numbered(number).exists():
                self._numbered(number).replace(self._numbered(number + 1))
        self._path.replace(self._numbered(1))
        self.close()
        self._open()

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")

    def close(self) -> None:
        """Let go of the file; a second call changes nothing."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


def open_event_file(path: Path) -> EventFile:
    """Open the file for writing from its start. Raises `ConfigurationError` where that cannot be done."""
    try:
        return EventFile(path)
    except OSError as error:
        raise ConfigurationError(
            f"The event file {path} cannot be written: {error.strerror}.", remedy="Name a file in a folder that exists."
        ) from error


async def write_events(listener: EventSubscription, file: EventFile) -> None:
    """Write events until the listener is closed, and close the file. A disk that fails ends the writing, told once.

    Once the listener is closed, a reader that has stopped reading is waited for `LAST_WORDS` seconds.
    """
    async with trio.open_nursery() as nursery:

        async def give_up() -> None:
            await listener.wait_closed()
            await trio.sleep(LAST_WORDS)
            nursery.cancel_scope.cancel()

        nursery.start_soon(give_up)
        try:
            await _write(listener, file)
        finally:
            with suppress(OSError):  # a disk that failed was told
                file.close()
        nursery.cancel_scope.cancel()


async def _write(listener: EventSubscription, file: EventFile) -> None:
    missed = 0
    async for event in listener:
        events = [event, *listener.take_waiting()]
        if listener.missed > missed:
            missed = listener.missed
            events.append(Event(event.at, Degraded(message=f"{missed} events were lost: disk too slow.")))
        lines = "".join(json.dumps(_flat(event), ensure_ascii=False) + "\n" for event in events)
        try:
            await file.write(lines)
        except OSError as error:
            log.error("event file cannot be written", cause=str(error))  # noqa: TRY400  the sentence says it all
            listener.close()
            return


def _flat(event: Event) -> dict[str, object]:
    """Lay out an event as it is written: words that were not meant for Harry are kept in no file."""
    match event.what:
        case Transcribed(meant=False):
            return {**event.to_dict(), "text": ""}
        case _:
            return event.to_dict()
