"""`/v1/realtime`: conversations by OpenAI's Realtime protocol (GA names), each with a session of Harry's behind it.

What a client asks is in `client_events`, what it is told in `server_events` and `responses`, what both use in `state`;
`audio_device` makes a sound card of it, and `conversation` holds them together. docs/web.md
says what is honoured and what is refused.
"""

from __future__ import annotations

from harry.host.host import Host
from harry.web.realtime.conversation import Conversation
from harry.web.server.http import Refusal, Request
from harry.web.server.routing import Routes
from harry.web.server.websocket import Socket


def register(routes: Routes, host: Host) -> None:
    """Add the path."""
    held: dict[str, Conversation] = {}

    async def converse(request: Request, socket: Socket) -> None:
        word = request.query.get("resume")
        if word is not None:
            known = held.get(word)
            if known is None or not known.open or known.user != request.user:
                raise Refusal(404, "not_found", "There is no such conversation to resume.")
            await known.adopt(socket)
            return
        conversation = Conversation(host, request)
        held[conversation.word] = conversation
        try:
            await conversation.run(socket)
        finally:
            del held[conversation.word]

    routes.socket("/v1/realtime", converse, told="A conversation by OpenAI's Realtime protocol.")
