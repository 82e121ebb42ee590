"""Writes a session's events to a file as JSON Lines, for programs; `docs/events.md` says what each means.

The listener is lossless, so the records that end a turn are never missing; writing happens in a thread, in batches.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import IO

import structlog
import trio

from channels.event_types import Degraded, Transcribed
from channels.events import Event, EventSubscription
from harry.errors import ConfigurationError

log = structlog.get_logger(__name__)


def open_event_file(path: Path) -> IO[str]:
    """Open the file for writing from its start. Raises `ConfigurationError` where that cannot be done."""
    try:
        # Not blocking, for a named pipe would wait here, deaf to every signal, until somebody reads it.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NONBLOCK, 0o666)
        os.set_blocking(descriptor, True)
        # An ear or a mind may utter half a surrogate pair, which is no UTF-8.
        return os.fdopen(descriptor, "w", encoding="utf-8", errors="replace")
    except OSError as error:
        raise ConfigurationError(
            f"The event file {path} cannot be written: {error.strerror}.", remedy="Name a file in a folder that exists."
        ) from error


async def write_events(listener: EventSubscription, file: IO[str]) -> None:
    """Write events until the listener is closed, and close the file. A disk that fails ends the writing, told once."""
    missed = 0
    try:
        async for event in listener:
            events = [event, *listener.take_waiting()]
            if listener.missed > missed:
                missed = listener.missed
                events.append(Event(event.at, Degraded(message=f"{missed} events were lost: disk too slow.")))
            lines = "".join(json.dumps(_flat(event), ensure_ascii=False) + "\n" for event in events)
            try:
                # Not abandoned on cancellation: a line is whole or not there.
                await trio.to_thread.run_sync(_write, file, lines)
            except OSError as error:
                log.error("event file cannot be written", cause=str(error))  # noqa: TRY400  the sentence says it all
                listener.close()
                return
    finally:
        # Closing writes what a failed disk would not take, and fails once more; that was told.
        with suppress(OSError):
            file.close()


def _flat(event: Event) -> dict[str, object]:
    """Lay out an event as it is written: words that were not meant for Harry are kept in no file."""
    match event.what:
        case Transcribed(meant=False):
            return {**event.to_dict(), "text": ""}
        case _:
            return event.to_dict()


def _write(file: IO[str], lines: str) -> None:
    file.write(lines)
    file.flush()
