"""Keeps sound cards in use: one that goes away while Harry runs is waited for, told once, and used when it is back.

What a loudspeaker had not pulled yet waits in the gate meanwhile, so no sample is lost, and a cut works as always. A
loudspeaker that never worked is another matter: it ends the session, for somebody is there to read why. Whatever a
card raises, and one that hangs while it is opened or stops by itself, counts as gone.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from operator import index
from typing import Any, Literal, Protocol

import structlog
import trio

from actors.protocols import Loudspeaker, MayReturn, Microphone
from actors.supervisor import describe_origin
from channels.event_types import Degraded
from channels.events import EventStream
from channels.gate import Gate
from channels.messages import Frame
from harry.errors import DeviceError

log = structlog.get_logger(__name__)

AGAIN = 2.0
"""Seconds between two attempts: no sound system tells every program when a device has come."""


OPENS_WITHIN = 10.0
"""Seconds after which a card that is still being opened counts as gone."""


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


class SteadySink:
    """A loudspeaker as the gate asks it: a cut is made, whatever the card raises or answers when it is asked.

    A card that does not tell has nothing to take back, and nothing that still sounds.
    """

    def __init__(self, loudspeaker: Loudspeaker) -> None:
        self._loudspeaker = loudspeaker
        self._told = False

    def flush(self) -> int:
        """See `channels.gate.Sink`."""
        return self._asked(self._loudspeaker.flush)

    def pending(self) -> int:
        """See `channels.gate.Sink`."""
        return self._asked(self._loudspeaker.pending)

    def _asked(self, ask: Callable[[], int]) -> int:
        try:
            return max(0, index(ask()))
        except Exception as error:  # noqa: BLE001  the loudspeaker's own task meets the error, and is waited for
            if not self._told:
                self._told = True
                log.warning("a loudspeaker does not tell what it plays", cause=type(error).__name__)
            return 0


class KeptMicrophone:
    """A microphone that is waited for when it has gone, or is not there yet.

    Raises what it raises if it is no sound card.
    """

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

        promise = "Harry listens again when it is back."
        self._card = _Card("microphone", promise, self._events, task_status, awaited=True)
        await _keep(self._microphone, capture, self._card)


async def _keep(device: object, use: _Use, card: _Card) -> None:
    returns = isinstance(device, MayReturn) and device.returns
    while True:
        try:
            with card.opening() as opening:
                await use(task_status=card)
                if not returns:
                    return
            late = "could not be opened in time" if opening.cancelled_caught else "has stopped"
            trouble: Exception = DeviceError(f"The {card.name} {late}.")
        except Exception as error:  # noqa: BLE001  raised again where nobody waits for the card
            trouble = error
        if not returns or not (card.ever or card.awaited):
            raise trouble
        card.lost(trouble)
        await trio.sleep(AGAIN)


class _Card:
    """Takes a device's word that it works, and tells when that changes."""

    def __init__(
        self,
        name: Literal["loudspeaker", "microphone"],
        promise: str,
        events: EventStream,
        task_status: trio.TaskStatus[None],
        *,
        awaited: bool = False,
    ) -> None:
        self.ever = False
        self.awaited = awaited
        """Whether it is waited for before it has ever worked."""
        self.name = name
        self._opening = trio.CancelScope()
        self._promise = promise
        self._gone = False
        self._events = events
        self._task_status = task_status

    @property
    def works(self) -> bool:
        """Whether it plays or records now."""
        return self.ever and not self._gone

    def opening(self) -> trio.CancelScope:
        """Return a scope in which the card is used: it ends if the card is not open in time."""
        self._opening = trio.CancelScope(deadline=trio.current_time() + OPENS_WITHIN)
        return self._opening

    def started(self, value: Any = None) -> None:
        """See `trio.TaskStatus`."""
        self._opening.deadline = math.inf
        if not self.ever:
            self.ever = True
            self._task_status.started()
        if self._gone:
            self._gone = False
            self._events.publish(Degraded(message=f"The {self.name} is back.", over=True))

    def lost(self, error: Exception) -> None:
        """Tell, once, that the device does not work any more."""
        known = _find_device_error(error)
        log.warning("device_lost", device=self.name, cause=known.message if known else describe_origin(error))
        if not self._gone:
            self._gone = True
            message = known.message if known else f"The {self.name} failed ({type(error).__name__})."
            self._events.publish(Degraded(message=f"{message} {self._promise}"))


def _find_device_error(error: BaseException) -> DeviceError | None:
    """Find a card's own words for what happened, also where a nursery has put it into a group."""
    if isinstance(error, BaseExceptionGroup):
        return next(filter(None, map(_find_device_error, error.exceptions)), None)
    return error if isinstance(error, DeviceError) else None
