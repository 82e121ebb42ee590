"""`POST /api/events/NAME`: other programs report what has happened, and Harry says it.

The path needs no token: each request is signed with the secret of its hook instead, as `docs/webhooks.md` tells.
"""

from __future__ import annotations

import trio

from harry.errors import TooMuchToSay
from harry.net.webhook_signature import Repeated, TooMany, Untrusted
from harry.services.webhooks_in import MAX_BODY_BYTES, WebhooksIn
from harry.web.api import schemas
from harry.web.api.openapi import Path
from harry.web.server.http import Refusal, Request, Response, as_json
from harry.web.server.routing import Routes

PATHS = (
    Path(
        "POST", "/api/events/{name}", "webhook", schemas.Taken,
        "Report what has happened, signed with the secret of `[webhooks.in.NAME]`; no token is needed.",
    ),
)  # fmt: skip


def register(routes: Routes, hooks: WebhooksIn) -> None:
    """Add the path."""

    async def take(request: Request) -> Response:
        await trio.lowlevel.checkpoint()
        try:
            await hooks.take(request.matched["name"], request.headers, request.body)
        except Repeated as error:
            raise Refusal(409, "repeated", str(error)) from error
        except Untrusted as error:
            raise Refusal(401, "untrusted", str(error)) from error
        except TooMuchToSay as error:
            raise Refusal(429, "too_much", str(error), headers={"Retry-After": f"{error.after:.0f}"}) from error
        except TooMany as error:
            raise Refusal(429, "too_many", str(error)) from error
        return as_json(schemas.Taken().model_dump(), 202)

    for path in PATHS:
        routes.add(path.method, path.pattern, take, public=True, most_body=MAX_BODY_BYTES, told=path.told)
