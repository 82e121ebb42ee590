"""Keeps sound cards in use: one that goes away while Harry runs is waited for, told once, and used when it is back.

What a loudspeaker had not pulled yet waits in the gate meanwhile, so no sample is lost, and a cut works as always. A
card that never worked is another matter: a loudspeaker then ends the session, for somebody is there to read why.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Literal, Protocol

import structlog
import trio

from actors.protocols import Loudspeaker, MayReturn, Microphone
from channels.event_types import Degraded
from channels.events import EventStream
from channels.gate import Gate
from channels.messages import Frame
from harry.errors import DeviceError

log = structlog.get_logger(__name__)

AGAIN = 2.0
"""Seconds between two attempts: no sound system tells every program when a device has come."""


class _Use(Protocol):
    def __call__(self, *, task_status: trio.TaskStatus[None]) -> Awaitable[None]: ...


async def keep_playing(
    loudspeaker: Loudspeaker,
    gate: Gate,
    events: EventStream,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Play until cancelled. Raises `DeviceError` before it has ever played, and for a sink that is no sound card."""

    def play(*, task_status: trio.TaskStatus[None]) -> Awaitable[None]:
        return loudspeaker.play(gate, task_status=task_status)

    await _keep(loudspeaker, play, _Card("loudspeaker", "Harry goes on when it is back.", events, task_status))


class KeptMicrophone:
    """A microphone that is waited for when it has gone. Raises `DeviceError` as `keep_playing` does."""

    def __init__(self, microphone: Microphone, events: EventStream) -> None:
        self.description = microphone.description
        self.ended = microphone.ended
        self._microphone = microphone
        self._events = events
        self._card: _Card | None = None

    @property
    def works(self) -> bool:
        """Whether sound comes from it now: it was opened, and has not gone away since."""
        return self._card is not None and self._card.works

    async def capture(
        self, hear: Callable[[Frame], None], *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """See `actors.protocols.Microphone`."""

        def capture(*, task_status: trio.TaskStatus[None]) -> Awaitable[None]:
            return self._microphone.capture(hear, task_status=task_status)

        self._card = _Card("microphone", "Harry listens again when it is back.", self._events, task_status)
        await _keep(self._microphone, capture, self._card)


async def _keep(device: object, use: _Use, card: _Card) -> None:
    while True:
        try:
            await use(task_status=card)
        except DeviceError as error:
            if not card.ever or not (isinstance(device, MayReturn) and device.returns):
                raise
            card.lost(error)
        else:
            return
        await trio.sleep(AGAIN)


class _Card:
    """Takes a device's word that it works, and tells when that changes."""

    def __init__(
        self,
        name: Literal["loudspeaker", "microphone"],
        promise: str,
        events: EventStream,
        task_status: trio.TaskStatus[None],
    ) -> None:
        self.ever = False
        self._name = name
        self._promise = promise
        self._gone = False
        self._events = events
        self._task_status = task_status

    @property
    def works(self) -> bool:
        """Whether it plays or records now."""
        return self.ever and not self._gone

    def started(self, value: Any = None) -> None:
        """See `trio.TaskStatus`."""
        if not self.ever:
            self.ever = True
            self._task_status.started()
        if self._gone:
            self._gone = False
            self._events.publish(Degraded(message=f"The {self._name} is back.", over=True))

    def lost(self, error: DeviceError) -> None:
        """Tell, once, that the device does not work any more."""
        log.warning("device_lost", device=self._name, cause=error.message)
        if not self._gone:
            self._gone = True
            self._events.publish(Degraded(message=f"{error.message} {self._promise}"))
