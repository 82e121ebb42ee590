"""The API beside the page: what is kept of the user who asks, and how Harry is. Over `harry.services.user_data`.

Each path stands once in `PATHS`, with its parameters and the shape of its answer; the OpenAPI document is made of the
same lines, so it cannot say anything else than what is served.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Any

import trio
from pydantic import BaseModel

from harry.host.budget import limits_told
from harry.host.host import STORE_IS_ILL, Host
from harry.host.startup import better_minds
from harry.mind.absent import DESCRIPTION as NO_MIND
from harry.services import user_data as belongings
from harry.web.api import history, mind, reminders, room, say, schemas, settings, webhooks
from harry.web.api.answering import moment, number, read_body, serve
from harry.web.api.openapi import Parameter, Path, document
from harry.web.server.http import Refusal, Request, Response, as_json
from harry.web.server.routing import Routes
from harry.web.session_metrics import SessionMetrics

FORGET = "forget everything"
"""What has to be typed before everything is deleted."""

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
        found = await belongings.history(self.host, request.user, number(request, "limit", 50, most=1000))
        return schemas.History(
            exchanges=[
                schemas.Exchange(
                    turn=exchange.turn, said=exchange.said, heard=exchange.heard, interrupted=exchange.interrupted
                )
                for exchange in found
            ]
        )

    async def soc(self, request: Request) -> BaseModel:
        day = request.query.get("day", "today")
        found = await belongings.thoughts(self.host, request.user, day)
        return schemas.Soc(
            day=day,
            thoughts=[
                schemas.Thought(sequence=thought["sequence"], at=moment(thought["at"]), text=thought["text"])
                for thought in found
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
            count = number(request, "limit", 20, most=200)
            found = await belongings.search(self.host, request.user, words[:2000], kind, count)
            return schemas.Memories(memories=[_memory(item.item, item.strength) for item in found])
        if request.query.get("order") == "newest":
            before = number(request, "before", 0, most=2**62, least=-(2**62)) or None
            told = {"told": True, "said": False}.get(request.query.get("origin", ""))
            newest = await belongings.newest(self.host, request.user, kind, before, told=told)
            return schemas.Memories(
                memories=[_memory(item) for _, item in newest],
                next=newest[-1][0] if len(newest) == belongings.PAGE else None,
            )
        # What was imported has numbers below zero.
        after = number(request, "after", -(2**62), most=2**62, least=-(2**62))
        listed = await belongings.memories(self.host, request.user, kind, after)
        return schemas.Memories(memories=[_memory(item) for _, item in listed], next=listed[-1][0] if listed else None)

    async def memory(self, request: Request) -> BaseModel:
        found = await belongings.memory(self.host, request.user, request.matched["id"])
        if found is None:
            raise Refusal(404, "no_memory", "There is no such memory.")
        return _memory(found)

    async def forget(self, request: Request) -> BaseModel:
        if await belongings.memory(self.host, request.user, request.matched["id"]) is None:
            raise Refusal(404, "no_memory", "There is no such memory.")
        return schemas.Deleted(deleted=await belongings.forget(self.host, request.user, request.matched["id"]))

    async def forget_everything(self, request: Request) -> BaseModel:
        wanted = read_body(request, schemas.Forgetting)
        if wanted.confirm.strip().lower() != FORGET:
            raise Refusal(400, "not_confirmed", f"Nothing was deleted: `confirm` has to be “{FORGET}”.")
        erasure = await belongings.forget_everything(self.host, request.user)
        return schemas.Forgotten(
            deleted=sum(erasure.rows.values()) + erasure.spilled + erasure.keys,
            backups=[*erasure.backups, *erasure.unseen],
        )

    async def lore(self, _: Request) -> BaseModel:
        return schemas.Lore(
            books=[
                schemas.Book(
                    name=book.name,
                    entries=[
                        schemas.Entry(
                            number=entry.number,
                            keys=list(entry.keys),
                            content=entry.content,
                            enabled=entry.enabled,
                            constant=entry.constant,
                        )
                        for entry in book.entries
                    ],
                )
                for book in await belongings.lore(self.host)
            ]
        )

    async def status(self, request: Request) -> BaseModel:
        await trio.lowlevel.checkpoint()
        pools = self.host.engines.by_role
        return schemas.Status(
            user=request.user,
            up_for=round(time.time() - self.host.started_at, 3),
            engines={role: str(pool.engine.describe()) if pool else None for role, pool in pools.items()},
            sessions=[
                schemas.OpenSession(
                    id=session.identity.session,
                    degraded=sorted(session.supervisor.degraded),
                    running=sorted(session.supervisor.running),
                    turns=session.conductor.committed,
                    muted=session.speech_input.muted,
                    waiting=session.writer.waiting,
                )
                for session in self.host.sessions_of(request.user)
            ],
            free=self.host.free,
            keeps=self.host.store.durable and not self.host.out_of_reach,
            trouble=self._trouble(request.user),
            degraded=sorted(self.host.supervisor.degraded),
            spending=await self._spending(request.user),
            small_mind=bool(better_minds(self.host.mind.engine)),
            without_mind=str(self.host.mind.engine.describe()) == NO_MIND,
            better_minds=better_minds(self.host.mind.engine),
            last_error=self._last_error(request.user),
        )

    def _trouble(self, user: str) -> str:
        # The sentence names folders of this computer: they are nothing to a guest.
        ill = self.host.ill
        return ill if user == self.host.config.user.name or not ill else STORE_IS_ILL

    def _last_error(self, user: str) -> schemas.LastError | None:
        found = self.watch.errors.get(user)
        return schemas.LastError(at=moment(found[0]), message=found[1]) if found else None

    async def _spending(self, user: str) -> schemas.Spending | None:
        budget = self.host.budget
        if budget is None or user != self.host.config.user.name:
            return None
        day, spent = await budget.today()
        return schemas.Spending(
            day=day,
            spent=[schemas.SpentBy(**asdict(engine)) for engine in spent],
            limits=limits_told(self.host.config.budget),
        )


_OWN: tuple[Path, ...] = (
    Path("GET", "/api/me", "me", schemas.Me, "Who is asking."),
    Path("GET", "/api/history", "history", schemas.History, "The recent conversation as it was heard.", (LIMIT,)),
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
            Parameter("order", "`newest`: the newest first, those that still hold; else the oldest first."),
            Parameter("before", "With `order=newest`: only memories before this number.", "integer"),
            Parameter("origin", "With `order=newest`: `told` (to remember) or `said` (merely said)."),
            LIMIT,
        ),
    ),
    Path("GET", "/api/memories/{id}", "memory", schemas.Memory, "One memory."),
    Path("DELETE", "/api/memories/{id}", "forget", schemas.Deleted, "Delete a memory and what was derived from it."),
    Path(
        "POST",
        "/api/forget-everything",
        "forget_everything",
        schemas.Forgotten,
        f"Delete all that is kept of the user, if `confirm` is “{FORGET}”.",
        takes=schemas.Forgetting,
    ),
    Path("GET", "/api/lore", "lore", schemas.Lore, "The persona's lore."),
    Path("GET", "/api/status", "status", schemas.Status, "How Harry is."),
)
PATHS = (
    *_OWN, *history.PATHS, *mind.PATHS, *reminders.PATHS, *room.PATHS, *say.PATHS, *settings.PATHS, *webhooks.PATHS,
)  # fmt: skip
"""All paths of the API that answer with JSON."""


def register(routes: Routes, host: Host, watch: SessionMetrics) -> None:
    """Add the API's paths."""
    api = _Api(host, watch)
    described = document(PATHS)

    async def openapi(_: Request) -> Response:
        await trio.lowlevel.checkpoint()
        return as_json(described)

    serve(routes, _OWN, api)
    history.register(routes, host, watch)
    mind.register(routes, host)
    reminders.register(routes, host)
    room.register(routes, host)
    say.register(routes, host)
    settings.register(routes, host)
    routes.add("GET", "/api/openapi.json", openapi, told="This description.")


def _memory(item: Any, strength: float | None = None) -> schemas.Memory:
    return schemas.Memory(
        id=item.id,
        kind=item.kind,
        text=item.text,
        speaker=item.speaker,
        at=None if item.at is None else moment(item.at),
        heading=item.heading,
        source=item.source,
        strength=strength,
    )
