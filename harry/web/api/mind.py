"""A real mind for whoever has none: what is offered, fetching it while its progress is told, and "no".

A download lives as long as the request that began it. One that ends early is gone on with by the next.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import trio
from pydantic import BaseModel

from channels.signals import Latch
from harry.engines.traits import read_traits
from harry.errors import HarryError
from harry.host import startup
from harry.host.host import Host
from harry.services import model_offer
from harry.web.api import schemas
from harry.web.api.answering import owner_only, serve
from harry.web.api.openapi import Path
from harry.web.server.http import Refusal, Request, Response, Send
from harry.web.server.routing import Routes

PATHS = (
    Path("GET", "/api/mind", "mind", schemas.MindOffer, "Which language model is offered to the owner, if any."),
    Path("POST", "/api/mind/decline", "decline", schemas.MindOffer, "Want none, and not be asked again."),
)


def register(routes: Routes, host: Host) -> None:
    """Add the paths, and the one that fetches and tells."""
    mind = _Mind(host)
    serve(routes, PATHS, mind)
    routes.add("POST", "/api/mind/fetch", mind.fetch, told="Fetch the language model on offer; events tell how far.")


@dataclass(slots=True)
class _Mind:
    host: Host
    fetching: trio.Lock = field(default_factory=trio.Lock)

    async def mind(self, request: Request) -> BaseModel:
        owner_only(self.host, request)
        return await self._offer()

    async def decline(self, request: Request) -> BaseModel:
        owner_only(self.host, request)
        await trio.to_thread.run_sync(model_offer.decline, self.host.config)
        return await self._offer()

    async def fetch(self, request: Request) -> Response:
        """Answer with events: `progress` with the bytes that are there, then `done` or `failed`."""
        owner_only(self.host, request)
        offer = await self._offer()
        if offer.model is None:
            raise Refusal(409, "not_offered", offer.reason or "There is nothing to fetch.")
        if self.fetching.locked():
            raise Refusal(409, "under_way", f"{offer.model.name} is being fetched already.")
        name, size = offer.model.name, offer.model.size

        async def tell(send: Send) -> None:
            async with self.fetching:
                await _fetch(self.host, name, size, send)

        return Response(kind="text/event-stream", stream=tell)

    async def _offer(self) -> schemas.MindOffer:
        config = self.host.config
        if not read_traits(self.host.mind.engine).small:
            return schemas.MindOffer(reason="There is a language model already.")
        minds = (await startup.chains(config))[-1]
        found = model_offer.to_offer(config, minds, again=True)
        if found is None:
            return schemas.MindOffer(reason=model_offer.refusal(config, minds))
        name, model = found
        return schemas.MindOffer(
            model=schemas.OfferedMind(
                name=name, about=model.about, size=model.size, memory=model.memory * 1_000_000, licence=model.licence
            ),
            declined=model_offer.was_declined(config),
            under_way=self.fetching.locked(),
        )


async def _fetch(host: Host, name: str, size: int, send: Send) -> None:
    """Fetch, telling each new percent; what goes wrong is told as the last event."""
    arrived, moved, over = [0, size], Latch(), trio.Event()

    def progress(done: int, total: int) -> None:
        arrived[:] = done, total
        moved.set()

    async def tell() -> None:
        told = -1
        while not over.is_set():
            await moved.wait()
            moved.clear()
            done, total = arrived
            if (percent := 100 * done // max(total, 1)) > told:
                told = percent
                await send(_line("progress", {"done": done, "total": total}))

    await send(_line("progress", {"done": 0, "total": size}))
    last = _line("done", {"name": name})
    async with trio.open_nursery() as nursery:
        nursery.start_soon(tell)
        try:
            await model_offer.fetch(host.config, name, progress)
        except HarryError as error:
            last = _line("failed", {"message": f"{error.message} {error.remedy}".strip()})
        finally:
            over.set()  # not cancelled: half an event would be sent
            moved.set()
    await send(last)


def _line(name: str, content: object) -> bytes:
    return f"event: {name}\ndata: {json.dumps(content)}\n\n".encode("ascii")
