"""`/v1/models`: what stands as `model` in requests. There is Harry; what he thinks with is his own."""

from __future__ import annotations

from typing import Any

import trio

from harry.host.host import Host
from harry.web.server.http import Refusal, Request, Response, as_json
from harry.web.server.routing import Routes

NAME = "harry"


def register(routes: Routes, host: Host) -> None:
    """Add the paths."""
    one: dict[str, Any] = {"id": NAME, "object": "model", "created": int(host.started_at), "owned_by": "you"}

    async def listed(_: Request) -> Response:
        await trio.lowlevel.checkpoint()
        return as_json({"object": "list", "data": [one]})

    async def named(request: Request) -> Response:
        await trio.lowlevel.checkpoint()
        if request.matched["id"] != NAME:
            raise Refusal(404, "model_not_found", "There is one model here, and it is called `harry`.")
        return as_json(one)

    routes.add("GET", "/v1/models", listed, told="What may stand as `model`.")
    routes.add("GET", "/v1/models/{id}", named, told="One of them.")
