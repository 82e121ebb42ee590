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
from harry.daemon.reloading import Reloading
from harry.errors import DeviceError, HarryError
from harry.host.host import Host
from harry.services.announcing import Wish, announce
from harry.services.overview import overview
from harry.services.room import state_of
from harry.session.announcements import ANSWERED_WITHIN
from harry.session.session import Session

SOURCE = "the command line"
"""As what its announcements are counted."""

ERRORS = 20
"""Troubles that `status` tells, the newest last."""


class RoomControls:
    """Makes the controls of a room.

    `stop()` ends Harry in order; `reloading` reads the configuration again; `phone` lets one in, None where there is no
    door.
    """

    def __init__(
        self,
        host: Host,
        room: Session,
        stop: Callable[[], None],
        *,
        reloading: Reloading | None = None,
        phone: PhoneDoor | None = None,
    ) -> None:
        self._host = host
        self._room = room
        self._stop = stop
        self._reloading = reloading
        self._phone = phone
        self._errors: deque[str] = deque(maxlen=ERRORS)
        lasting = {"swap": self._swap, "say": self._say, "reload": self._reload, "phone": self._let_phone_in}
        self.controls = Controls(self.status, self._commands(), lasting)

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

    async def _say(self, request: Mapping[str, Any]) -> dict[str, Any]:
        wanted = {name: request.get(name) for name in ("text", "urgency", "user", "key")}
        numbers = {name: request.get(name) for name in ("answer_within", "expires_in")}
        if not all(isinstance(each, str | None) for each in wanted.values()):
            raise HarryError("What is said, and to whom, are words.")
        if not all(isinstance(each, int | float | None) for each in numbers.values()):
            raise HarryError("Times are numbers of seconds.")
        announced = await announce(
            self._host,
            Wish(
                wanted["text"] or "",
                self._room.identity.user if wanted["user"] is None else wanted["user"],
                SOURCE,
                wanted["urgency"] or "normal",
                ask=request.get("ask") is True,
                answer_within=ANSWERED_WITHIN if numbers["answer_within"] is None else numbers["answer_within"],
                expires_in=numbers["expires_in"],
                key=wanted["key"] or "",
            ),
        )
        return {"announced": asdict(announced)}

    async def _swap(self, request: Mapping[str, Any]) -> dict[str, Any]:
        role, name, table = request.get("role"), request.get("name"), request.get("table")
        if not isinstance(role, str) or not isinstance(name, str) or not isinstance(table, dict | None):
            raise HarryError("A swap needs a role and a name.")
        return {"swapped": await self._host.swaps.swap(role, name, table)}

    async def _reload(self, _: Mapping[str, Any]) -> dict[str, Any]:
        if self._reloading is None:
            raise HarryError("This Harry was started without a configuration that could be read again.")
        return {"reloaded": (await self._reloading.reload()).as_dict()}

    async def _let_phone_in(self, request: Mapping[str, Any]) -> dict[str, Any]:
        user = request.get("user")
        if not isinstance(user, str):
            raise HarryError("A phone is somebody's.")
        if self._phone is None:
            raise HarryError("Harry has no web server.", remedy="Set web.enabled = true, and start him again.")
        return {"phone": asdict(await self._phone.way_in(user))}

    def _hush(self) -> None:
        self._room.conductor.cut("stop")
