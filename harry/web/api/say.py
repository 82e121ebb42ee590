"""Programs that have Harry say something, or ask. A token of the scope `announce` is good for this and nothing else."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from pydantic import BaseModel

from harry.errors import TooMuchToSay
from harry.host.access_tokens import ANNOUNCE
from harry.host.host import Host
from harry.services.announcing import Announced, Wish, announce
from harry.web.api import schemas
from harry.web.api.answering import owner_only, read_body, serve
from harry.web.api.openapi import Path
from harry.web.server.http import Refusal, Request
from harry.web.server.routing import Routes

PATHS = (
    Path(
        "POST", "/api/say", "say_aloud", schemas.Announced,
        "Have him say something in a gap, in his own voice, or ask it and answer with the answer.",
        takes=schemas.Say, scope=ANNOUNCE, waits=True,
    ),
)  # fmt: skip


def register(routes: Routes, host: Host) -> None:
    """Add the path."""
    serve(routes, PATHS, _Say(host))


def source_of(request: Request) -> str:
    """Return as what the announcements of whoever asks are counted."""
    return f"token {request.token}" if request.token else f"user {request.user}"


async def announce_for(host: Host, wish: Wish) -> Announced:
    """Have something said for whoever asks. Raises `Refusal` where it was too much."""
    try:
        return await announce(host, wish)
    except TooMuchToSay as error:
        raise Refusal(429, "too_much", str(error), headers={"Retry-After": f"{error.after:.0f}"}) from error


@dataclass(frozen=True, slots=True)
class _Say:
    host: Host

    async def say_aloud(self, request: Request) -> BaseModel:
        wanted = read_body(request, schemas.Say)
        if wanted.user is not None and wanted.user != request.user:
            owner_only(self.host, request)
        announced = await announce_for(
            self.host,
            Wish(
                wanted.text, wanted.user or request.user, source_of(request), wanted.urgency, ask=wanted.ask,
                answer_within=wanted.answer_within, expires_in=wanted.expires_in, key=wanted.key,
            ),
        )  # fmt: skip
        return schemas.Announced(**asdict(announced))
