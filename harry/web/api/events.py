"""`/api/events`: what happens in the user's own conversation, as server-sent events (html.spec.whatwg.org).

Each event is one as `docs/events.md` tells, its name in `event`, the whole as JSON in `data`. A client that reads too
slowly misses some, and is told how many in an event `missed`.
"""

from __future__ import annotations

import json

import trio

from channels.events import EventStream
from harry.host.host import Host
from harry.web.server.http import Refusal, Request, Response, Send
from harry.web.server.routing import Routes

BEAT = 15.0
"""Seconds of quiet after which a comment is sent, so that proxies and dead clients are noticed."""


def register(routes: Routes, host: Host) -> None:
    """Add the path."""

    async def events(request: Request) -> Response:
        await trio.lowlevel.checkpoint()
        own = host.sessions_of(request.user)
        wanted = request.query.get("session")
        found = [open_session for open_session in own if wanted in (None, open_session.identity.session)]
        if not found:
            raise Refusal(404, "no_session", "You have no such conversation now.")
        session = found[-1]
        return Response(kind="text/event-stream", stream=_Telling(session.events).tell)

    routes.add("GET", "/api/events", events, told="What happens in one's own conversation.")


class _Telling:
    def __init__(self, events: EventStream) -> None:
        self._events = events

    async def tell(self, send: Send) -> None:
        told, missed = self._events.listen(), 0
        try:
            await send(b": here\n\n")
            while True:
                with trio.move_on_after(BEAT) as waited:
                    try:
                        event = await told.__anext__()
                    except StopAsyncIteration:
                        return
                if waited.cancelled_caught:
                    await send(b": still here\n\n")
                    continue
                if told.missed > missed:
                    await send(_line("missed", {"event": "missed", "count": told.missed - missed}))
                    missed = told.missed
                await send(_line(event.event, event.to_dict()))
        finally:
            told.close()


def _line(name: str, content: object) -> bytes:
    return f"event: {name}\ndata: {json.dumps(content)}\n\n".encode("ascii")
