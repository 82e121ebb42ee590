"""What may be asked of the Harry of the room at his control socket, and what each command does."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from channels.event_types import Degraded, ErrorOccurred
from channels.events import EventSubscription
from harry.daemon.control_socket import Command, Controls
from harry.daemon.phone_door import PhoneDoor
from harry.errors import DeviceError, HarryError
from harry.host.host import Host
from harry.services.overview import overview
from harry.services.room import state_of
from harry.session.announcements import Announcements
from harry.session.session import Session

ERRORS = 20
"""Troubles that `status` tells, the newest last."""


class RoomControls:
    """Makes the controls of a room. `stop()` ends Harry in order; `phone` lets one in, None where there is no door."""

    def __init__(
        self,
        host: Host,
        room: Session,
        announcements: Announcements,
        stop: Callable[[], None],
        *,
        phone: PhoneDoor | None = None,
    ) -> None:
        self._host = host
        self._room = room
        self._announcements = announcements
        self._stop = stop
        self._phone = phone
        self._errors: deque[str] = deque(maxlen=ERRORS)
        self.controls = Controls(self.status, self._commands(), {"swap": self._swap, "phone": self._let_phone_in})

    def status(self) -> dict[str, Any]:
        """Return how Harry is."""
        return overview(self._host, self._room, list(self._errors))

    async def follow(self, happenings: EventSubscription) -> None:
        """Note what goes wrong in the room, and wake those who watch, until cancelled."""
        async for event in happenings:
            match event.what:
                case ErrorOccurred(message=message) | Degraded(message=message, over=False):
                    self._errors.append(message)
                case _:
                    pass
            self.controls.changed()

    def _commands(self) -> dict[str, Command]:
        hearing = self._room.speech_input
        return {
            "stop": lambda _: self._stop(),
            "hush": lambda _: self._hush(),
            "say": self._say,
            "mute": lambda _: self._with_microphone(lambda: hearing.mute(True)),
            "unmute": lambda _: self._with_microphone(lambda: hearing.mute(False)),
            "rest": lambda _: self._with_microphone(hearing.rest),
            "wake": lambda _: self._with_microphone(self._wake),
            "press": lambda _: self._with_microphone(lambda: hearing.hold(True)),
            "release": lambda _: self._with_microphone(lambda: hearing.hold(False)),
        }

    def _with_microphone(self, act: Callable[[], None]) -> None:
        if self._room.speech_input.recorder is None:
            raise DeviceError(
                "Harry has no microphone here.", remedy="Connect one and start him again, or choose one: harry setup."
            )
        act()

    def _wake(self) -> None:
        if state_of(self._room).muted:
            raise HarryError("The microphone is shut.", remedy="harry unmute")
        self._room.speech_input.wake()

    def _say(self, request: Mapping[str, Any]) -> None:
        text, urgency = request.get("text"), request.get("urgency", "normal")
        self._announcements.put(text if isinstance(text, str) else "", str(urgency))

    async def _swap(self, request: Mapping[str, Any]) -> dict[str, Any]:
        role, name, table = request.get("role"), request.get("name"), request.get("table")
        if not isinstance(role, str) or not isinstance(name, str) or not isinstance(table, dict | None):
            raise HarryError("A swap needs a role and a name.")
        return {"swapped": await self._host.swaps.swap(role, name, table)}

    async def _let_phone_in(self, request: Mapping[str, Any]) -> dict[str, Any]:
        user = request.get("user")
        if not isinstance(user, str):
            raise HarryError("A phone is somebody's.")
        if self._phone is None:
            raise HarryError("Harry has no web server.", remedy="Set web.enabled = true, and start him again.")
        return {"phone": asdict(await self._phone.way_in(user))}

    def _hush(self) -> None:
        self._room.conductor.cut("stop")
