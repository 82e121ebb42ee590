"""The room's Harry from elsewhere: how he is, mute, unmute, stop, volume, off the record, and words to say to him.

Only the person whose Harry it is may do so; a change by cookie needs what every change at the door needs. What is said
and answered in the room comes as events, in `/api/events?session=ID` with the id that `/api/room` tells.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import trio
from pydantic import BaseModel

from harry.host.host import Host
from harry.services.announcing import Wish
from harry.services.room import room_of, state_of
from harry.session.session import Session
from harry.web.api import schemas
from harry.web.api.answering import owner_only, read_body, serve
from harry.web.api.openapi import Path
from harry.web.api.say import announce_for, source_of
from harry.web.server.http import Refusal, Request
from harry.web.server.routing import Routes

PATHS = (
    Path("GET", "/api/room", "room", schemas.Room, "How the room's Harry is; `session` is null where there is none."),
    Path("POST", "/api/room/mute", "mute", schemas.Room, "Shut the room's microphone."),
    Path("POST", "/api/room/unmute", "unmute", schemas.Room, "Open the room's microphone."),
    Path("POST", "/api/room/stop", "stop", schemas.Room, "Make the room's Harry fall silent."),
    Path("POST", "/api/room/volume", "volume", schemas.Room, "Set how loud he speaks.", takes=schemas.Volume),
    Path(
        "POST", "/api/room/off-the-record", "record", schemas.Room, "Go off the record or back on it.",
        takes=schemas.OffTheRecord,
    ),
    Path(
        "POST", "/api/room/announce", "announce", schemas.Room,
        "The same as `/api/say`, in fewer words and for the room alone.", takes=schemas.Announcement,
    ),
    Path("POST", "/api/room/say", "say", schemas.Room, "Say something to him in writing.", takes=schemas.Saying),
)  # fmt: skip


def register(routes: Routes, host: Host) -> None:
    """Add the paths."""
    serve(routes, PATHS, _Room(host))


@dataclass(frozen=True, slots=True)
class _Room:
    host: Host

    async def room(self, request: Request) -> BaseModel:
        await trio.lowlevel.checkpoint()
        session = room_of(self.host, request.user)
        return schemas.Room() if session is None else _shape(session)

    async def mute(self, request: Request) -> BaseModel:
        return await self._muted(request, muted=True)

    async def unmute(self, request: Request) -> BaseModel:
        return await self._muted(request, muted=False)

    async def stop(self, request: Request) -> BaseModel:
        session = await self._own(request)
        session.conductor.cut("stop")
        return _shape(session)

    async def volume(self, request: Request) -> BaseModel:
        session = await self._own(request)
        session.volume(read_body(request, schemas.Volume).volume)
        return _shape(session)

    async def record(self, request: Request) -> BaseModel:
        session = await self._own(request)
        session.dialogue.off_the_record(read_body(request, schemas.OffTheRecord).off)
        return _shape(session)

    async def say(self, request: Request) -> BaseModel:
        session = await self._own(request)
        session.dialogue.answer_typed(read_body(request, schemas.Saying).text)
        return _shape(session)

    async def announce(self, request: Request) -> BaseModel:
        session = await self._own(request)
        wanted = read_body(request, schemas.Announcement)
        await announce_for(self.host, Wish(wanted.text, request.user, source_of(request), wanted.urgency))
        return _shape(session)

    async def _muted(self, request: Request, *, muted: bool) -> BaseModel:
        session = await self._own(request)
        if session.speech_input.recorder is None:
            raise Refusal(409, "no_microphone", "There is no microphone in the room.")
        session.speech_input.mute(muted)
        return _shape(session)

    async def _own(self, request: Request) -> Session:
        await trio.lowlevel.checkpoint()
        owner_only(self.host, request)
        session = room_of(self.host, request.user)
        if session is None:
            raise Refusal(404, "no_room", "No Harry runs in a room here.")
        return session


def _shape(session: Session) -> schemas.Room:
    return schemas.Room(**asdict(state_of(session)))
