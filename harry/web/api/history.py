"""What was said: turns with what happened when, the days there are, and the whole as a Markdown file."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel

from harry.errors import ConfigurationError
from harry.host.host import Host
from harry.memory.store.opening import parse_day
from harry.services import history
from harry.services import user_data as belongings
from harry.web.api import schemas
from harry.web.api.answering import moment, number, serve
from harry.web.api.openapi import Parameter, Path
from harry.web.server.http import Refusal, Request, Response, Send
from harry.web.server.routing import Routes
from harry.web.session_metrics import SessionMetrics

LONGEST_WORDS = 500
"""Characters of what is searched for."""

_DAY = Parameter("day", "Only this day: `today`, `yesterday` or a date.")
_WORDS = Parameter("query", "Only turns in which these words stand, said or heard.")

PATHS = (
    Path(
        "GET",
        "/api/turns",
        "turns",
        schemas.Turns,
        "Turns, with what happened when.",
        (
            Parameter("limit", "How many, at most 1000.", "integer"),
            Parameter("before", "Only turns before this sequence number.", "integer"),
            _DAY,
            _WORDS,
        ),
    ),
    Path(
        "DELETE",
        "/api/days/{day}",
        "forget_day",
        schemas.DayForgotten,
        "Delete what was said on a day, its thoughts and journal, and the memories made of them.",
    ),
    Path("GET", "/api/days", "days", schemas.Days, "The days on which something was said, newest first."),
)


def register(routes: Routes, host: Host, watch: SessionMetrics) -> None:
    """Add the paths, and the file to take away."""
    api = _History(host, watch)
    serve(routes, PATHS, api)
    routes.add("GET", "/api/history.md", api.export, told="The conversation as Markdown: all, a day, or a search.")


@dataclass(frozen=True, slots=True)
class _History:
    host: Host
    watch: SessionMetrics

    async def turns(self, request: Request) -> BaseModel:
        limit = number(request, "limit", 50, most=1000)
        before = number(request, "before", 0, most=2**62, least=-(2**62)) or None
        day, words = _asked(request)
        found = await history.turns(self.host, request.user, limit, before, day=day, words=words)
        told = [
            schemas.Turn(
                sequence=exchange.sequence,
                id=exchange.id,
                session=exchange.session,
                source=exchange.source,
                started_at=moment(exchange.started_at),
                ended_at=moment(exchange.ended_at),
                said=exchange.said,
                heard=exchange.heard,
                interrupted=exchange.interrupted,
                reason=exchange.reason,
                amends=exchange.amends,
                speaker=exchange.speaker,
                answerer=exchange.answerer,
                timeline=dict(self.watch.timeline(request.user, exchange.id)),
            )
            for exchange in found
        ]
        return schemas.Turns(turns=told, next=found[-1].sequence if found and len(found) == limit else None)

    async def days(self, request: Request) -> BaseModel:
        found = await history.days(self.host, request.user)
        return schemas.Days(days=[schemas.Day(day=day, turns=count) for day, count in found])

    async def forget_day(self, request: Request) -> BaseModel:
        gone = await belongings.forget_day(self.host, request.user, request.matched["day"])
        return schemas.DayForgotten(
            turns=gone.turns, thoughts=gone.thoughts, journals=gone.journals, memories=gone.memories, told=gone.told()
        )

    async def export(self, request: Request) -> Response:
        day, words = _asked(request)
        try:
            name = f"harry-{parse_day(day)}.md" if day else "harry.md"
        except ConfigurationError as error:
            raise Refusal(400, "bad_parameter", str(error)) from error

        async def write(send: Send) -> None:
            async for piece in history.markdown(self.host, request.user, day=day, words=words):
                await send(piece.encode("utf-8", "replace"))

        headers = (("Content-Disposition", f'attachment; filename="{name}"'),)
        return Response(kind="text/markdown; charset=utf-8", headers=headers, stream=write)


def _asked(request: Request) -> tuple[str, str]:
    return request.query.get("day", ""), request.query.get("query", "").strip()[:LONGEST_WORDS]
