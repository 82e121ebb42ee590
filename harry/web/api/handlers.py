"""The API beside the page: what is kept of the user who asks, and how Harry is. Over `harry.services.user_data`.

Each path stands once in `PATHS`, with its parameters and the shape of its answer; the OpenAPI document is made of the
same lines, so it cannot say anything else than what is served.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import trio
from pydantic import BaseModel

from harry.errors import ConfigurationError
from harry.host.budget import limits_told
from harry.host.host import Host
from harry.reflexes.reminders import Reminding
from harry.services import user_data as belongings
from harry.web.api import schemas
from harry.web.api.openapi import Parameter, Path, document
from harry.web.server.http import Refusal, Request, Response, as_json
from harry.web.server.routing import Routes
from harry.web.session_metrics import SessionMetrics

_NO_REMINDER = Refusal(404, "no_reminder", "There is no such timer, alarm or reminder.")

LIMIT = Parameter("limit", "How many, at most 1000.", "integer")


@dataclass(frozen=True, slots=True)
class _Api:
    """The handlers. Each answers `request.user`, and him alone."""

    host: Host
    watch: SessionMetrics

    async def me(self, request: Request) -> BaseModel:
        await trio.lowlevel.checkpoint()
        return schemas.Me(user=request.user)

    async def history(self, request: Request) -> BaseModel:
        found = await belongings.history(self.host, request.user, _number(request, "limit", 50, most=1000))
        return schemas.History(
            exchanges=[
                schemas.Exchange(turn=each.turn, said=each.said, heard=each.heard, interrupted=each.interrupted)
                for each in found
            ]
        )

    async def turns(self, request: Request) -> BaseModel:
        limit = _number(request, "limit", 50, most=1000)
        before = _number(request, "before", 0, most=2**62) or None
        found = await belongings.turns(self.host, request.user, limit, before)
        told = [
            schemas.Turn(
                sequence=each.sequence,
                id=each.id,
                session=each.session,
                source=each.source,
                started_at=_moment(each.started_at),
                ended_at=_moment(each.ended_at),
                said=each.said,
                heard=each.heard,
                interrupted=each.interrupted,
                reason=each.reason,
                amends=each.amends,
                timeline=dict(self.watch.timeline(request.user, each.id)),
            )
            for each in found
        ]
        return schemas.Turns(turns=told, next=found[-1].sequence if len(found) == limit else None)

    async def soc(self, request: Request) -> BaseModel:
        day = request.query.get("day", "today")
        found = await belongings.thoughts(self.host, request.user, day)
        return schemas.Soc(
            day=day,
            thoughts=[
                schemas.Thought(sequence=each["sequence"], at=_moment(each["at"]), text=each["text"]) for each in found
            ],
            days=await belongings.days(self.host, request.user),
        )

    async def journal(self, request: Request) -> BaseModel:
        found = await belongings.journal(self.host, request.user, request.query.get("day"))
        if found is None:
            return schemas.Journal(day=request.query.get("day"), text=None)
        return schemas.Journal(
            day=found.day,
            text=found.text,
            sentiment=found.sentiment,
            tags=list(found.tags),
            long_term_goal=found.long_term_goal,
        )

    async def memories(self, request: Request) -> BaseModel:
        kind: Any = request.query.get("kind") or None
        if kind is not None and kind not in belongings.KINDS:
            raise Refusal(400, "bad_parameter", f"`kind` is one of {', '.join(belongings.KINDS)}.")
        words = request.query.get("query", "").strip()
        if words:
            count = _number(request, "limit", 20, most=200)
            found = await belongings.search(self.host, request.user, words[:2000], kind, count)
            return schemas.Memories(memories=[_memory(each.item, each.strength) for each in found])
        listed = await belongings.memories(self.host, request.user, kind, _number(request, "after", 0, most=2**62))
        return schemas.Memories(memories=[_memory(each) for _, each in listed], next=listed[-1][0] if listed else None)

    async def memory(self, request: Request) -> BaseModel:
        found = await belongings.memory(self.host, request.user, request.matched["id"])
        if found is None:
            raise Refusal(404, "no_memory", "There is no such memory.")
        return _memory(found)

    async def forget(self, request: Request) -> BaseModel:
        if await belongings.memory(self.host, request.user, request.matched["id"]) is None:
            raise Refusal(404, "no_memory", "There is no such memory.")
        return schemas.Deleted(deleted=await belongings.forget(self.host, request.user, request.matched["id"]))

    async def reminders(self, request: Request) -> BaseModel:
        return await self._reminders(request.user)

    async def cancel_reminder(self, request: Request) -> BaseModel:
        reminding, user = self._reminding, request.user
        gone = await reminding.cancel(user, [request.matched["id"]]) if reminding is not None else 0
        if not gone:
            raise _NO_REMINDER
        return schemas.Deleted(deleted=gone)

    async def change_reminder(self, request: Request) -> BaseModel:
        reminding, user, identity = self._reminding, request.user, request.matched["id"]
        held = [each for each in await reminding.of(user) if each.id == identity] if reminding is not None else []
        if reminding is None:
            raise _NO_REMINDER
        action = request.matched["action"]
        if action == "snooze":
            again = await reminding.snooze(user, _number(request, "seconds", 0, most=86_400) or None, [identity])
            if not again:
                raise _NO_REMINDER
        elif not held:
            raise _NO_REMINDER
        elif action == "stop":
            await reminding.stop(user, [identity])
        elif action in ("pause", "resume") and held[0].kind == "timer" and reminding.clocks.left(held[0]) > 0:
            if held[0].paused != (action == "pause"):
                await (reminding.pause if action == "pause" else reminding.resume)(held[0])
        else:
            raise Refusal(
                400, "bad_parameter", "A timer that runs can be paused and resumed, what rings stop or snooze."
            )
        return await self._reminders(user)

    @property
    def _reminding(self) -> Reminding | None:
        return self.host.reminding

    async def _reminders(self, user: str) -> schemas.ReminderList:
        reminding = self._reminding
        if reminding is None:
            return schemas.ReminderList(reminders=[])
        return schemas.ReminderList(
            reminders=[
                schemas.Reminder.model_validate(
                    {**reminding.told(each), "ringing": each.rang_at is not None and reminding.clocks.left(each) <= 0}
                )
                for each in await reminding.of(user)
            ]
        )

    async def lore(self, _: Request) -> BaseModel:
        return schemas.Lore(
            books=[
                schemas.Book(
                    name=book.name,
                    entries=[
                        schemas.Entry(
                            number=each.number,
                            keys=list(each.keys),
                            content=each.content,
                            enabled=each.enabled,
                            constant=each.constant,
                        )
                        for each in book.entries
                    ],
                )
                for book in await belongings.lore(self.host)
            ]
        )

    async def status(self, request: Request) -> BaseModel:
        await trio.lowlevel.checkpoint()
        return schemas.Status(
            user=request.user,
            up_for=round(time.time() - self.host.started_at, 3),
            engines={
                role: str(shelf.engine.describe()) if shelf else None
                for role, shelf in self.host.engines.by_role.items()
            },
            sessions=[
                schemas.OpenSession(
                    id=each.identity.session,
                    degraded=sorted(each.supervisor.degraded),
                    running=sorted(each.supervisor.running),
                    turns=each.conductor.committed,
                    muted=each.speech_input.muted,
                    waiting=each.writer.waiting,
                )
                for each in self.host.sessions_of(request.user)
            ],
            free=self.host.free,
            keeps=self.host.store.durable,
            degraded=sorted(self.host.supervisor.degraded),
            spending=await self._spending(request.user),
        )

    async def _spending(self, user: str) -> schemas.Spending | None:
        budget = self.host.budget
        if budget is None or user != self.host.config.user.name:
            return None
        day, spent = await budget.today()
        return schemas.Spending(
            day=day,
            spent=[schemas.SpentBy(**asdict(each)) for each in spent],
            limits=limits_told(self.host.config.budget),
        )

    async def settings(self, request: Request) -> BaseModel:
        await trio.lowlevel.checkpoint()
        return schemas.Settings(settings=self.host.config_of(request.user).model_dump(mode="json"))


PATHS: tuple[Path, ...] = (
    Path("GET", "/api/me", "me", schemas.Me, "Who is asking."),
    Path("GET", "/api/history", "history", schemas.History, "The recent conversation as it was heard.", (LIMIT,)),
    Path(
        "GET",
        "/api/turns",
        "turns",
        schemas.Turns,
        "Turns, with what happened when.",
        (LIMIT, Parameter("before", "Only turns before this sequence number.", "integer")),
    ),
    Path(
        "GET",
        "/api/soc",
        "soc",
        schemas.Soc,
        "The stream of consciousness of a day.",
        (Parameter("day", "`today`, `yesterday` or a date."),),
    ),
    Path(
        "GET",
        "/api/journal",
        "journal",
        schemas.Journal,
        "The journal of a day, or the newest.",
        (Parameter("day", "`today`, `yesterday` or a date."),),
    ),
    Path(
        "GET",
        "/api/memories",
        "memories",
        schemas.Memories,
        "Memories, searched or in order.",
        (
            Parameter("query", "Words to search for."),
            Parameter("kind", f"One of {', '.join(belongings.KINDS)}."),
            Parameter("after", "Only memories after this number.", "integer"),
            LIMIT,
        ),
    ),
    Path("GET", "/api/memories/{id}", "memory", schemas.Memory, "One memory."),
    Path("DELETE", "/api/memories/{id}", "forget", schemas.Deleted, "Delete a memory and what was derived from it."),
    Path("GET", "/api/reminders", "reminders", schemas.ReminderList, "Timers, alarms and reminders, the next first."),
    Path(
        "DELETE", "/api/reminders/{id}", "cancel_reminder", schemas.Deleted, "Take one back; what rings falls silent."
    ),
    Path(
        "POST",
        "/api/reminders/{id}/{action}",
        "change_reminder",
        schemas.ReminderList,
        "`stop` or `snooze` what rings, `pause` or `resume` a timer; answers all that are left.",
        (Parameter("seconds", "For how long to snooze; left out, `reminders.snooze`.", "integer"),),
    ),
    Path("GET", "/api/lore", "lore", schemas.Lore, "The persona's lore."),
    Path("GET", "/api/status", "status", schemas.Status, "How Harry is."),
    Path("GET", "/api/settings", "settings", schemas.Settings, "The configuration, its secrets masked."),
)


def register(routes: Routes, host: Host, watch: SessionMetrics) -> None:
    """Add the API's paths."""
    api = _Api(host, watch)
    described = document(PATHS)

    async def openapi(_: Request) -> Response:
        await trio.lowlevel.checkpoint()
        return as_json(described)

    for path in PATHS:
        routes.add(path.method, path.pattern, _answering(getattr(api, path.name)), told=path.told)
    routes.add("GET", "/api/openapi.json", openapi, told="This description.")


def _answering(handler: Callable[[Request], Awaitable[BaseModel]]) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        try:
            found = await handler(request)
        except ConfigurationError as error:
            raise Refusal(400, "bad_parameter", str(error)) from error
        # A text may hold halves of surrogate pairs, which JSON in UTF-8 cannot.
        return as_json(found.model_dump(mode="json"))

    return answer


def _number(request: Request, name: str, otherwise: int, *, most: int) -> int:
    given = request.query.get(name, "")
    if not given:
        return otherwise
    if not (given.isascii() and given.isdecimal()) or len(given) > 19 or int(given) > most:
        raise Refusal(400, "bad_parameter", f"`{name}` is a whole number from 0 to {most}.")
    return int(given)


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, tz=UTC).astimezone()


def _memory(item: Any, strength: float | None = None) -> schemas.Memory:
    return schemas.Memory(
        id=item.id,
        kind=item.kind,
        text=item.text,
        speaker=item.speaker,
        at=None if item.at is None else _moment(item.at),
        heading=item.heading,
        source=item.source,
        strength=strength,
    )
