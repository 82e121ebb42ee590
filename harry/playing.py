"""Keeps a loudspeaker playing: one that goes away while Harry runs is waited for, told once, and used when it is back.

What it had not pulled yet waits in the gate meanwhile, so no sample is lost, and a cut works as always. One that
cannot be opened at the start ends the session, as before: then somebody is there to read why.
"""

from __future__ import annotations

from typing import Any

import structlog
import trio

from actors.protocols import Loudspeaker
from channels.events import EventStream
from channels.gate import Gate
from harry.errors import DeviceError

log = structlog.get_logger(__name__)

AGAIN = 2.0
"""Seconds between two attempts: no sound system tells every program when a device has come."""


async def keep_playing(
    loudspeaker: Loudspeaker,
    gate: Gate,
    events: EventStream,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Play until cancelled. Raises `DeviceError` before it has ever played, and for a sink that is no sound card."""
    playing = _Playing(events, task_status)
    while True:
        try:
            await loudspeaker.play(gate, task_status=playing)
        except DeviceError as error:
            if not playing.ever or not getattr(loudspeaker, "returns", False):
                raise
            playing.lost(error)
        else:
            return
        await trio.sleep(AGAIN)


class _Playing:
    """Takes the loudspeaker's word that it plays, and tells when that changes."""

    def __init__(self, events: EventStream, task_status: trio.TaskStatus[None]) -> None:
        self.ever = False
        self._gone = False
        self._events = events
        self._task_status = task_status

    def started(self, value: Any = None) -> None:
        """See `trio.TaskStatus`."""
        if not self.ever:
            self.ever = True
            self._task_status.started()
        if self._gone:
            self._gone = False
            self._events.publish("degraded", message="The loudspeaker is back.", over=True)

    def lost(self, error: DeviceError) -> None:
        """It plays no more."""
        log.warning("loudspeaker_lost", cause=error.message)
        if not self._gone:
            self._gone = True
            self._events.publish("degraded", message=f"{error.message} Harry goes on when it is back.")
