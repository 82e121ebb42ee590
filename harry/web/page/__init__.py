"""The page at `/`: a few plain files of this package, sent as they are, to whoever may come in.

There is no build step. Each file is read once and has a tag made of its bytes, so a browser that asks again is sent it
only when it changed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib.resources import files

import trio

from harry.web.server.http import Request, Response
from harry.web.server.routing import Routes

KINDS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file: its bytes, its media type, and the tag that changes when it does."""

    body: bytes
    kind: str
    tag: str


def assets() -> dict[str, Asset]:
    """Read every file of the page, by name."""
    found = {}
    for file in files(__name__).joinpath("files").iterdir():
        ending = f".{file.name.rpartition('.')[2]}"
        if ending in KINDS:
            body = file.read_bytes()
            found[file.name] = Asset(body, KINDS[ending], f'"{hashlib.sha256(body).hexdigest()[:32]}"')
    return found


def register(routes: Routes) -> None:
    """Add `/` and the files that it loads."""
    known = assets()
    routes.add("GET", "/", _sending(known["index.html"]), told="The page.")
    for name, asset in known.items():
        if name != "index.html":
            routes.add("GET", f"/page/{name}", _sending(asset), told="A file of the page.")


def _sending(asset: Asset) -> Callable[[Request], Awaitable[Response]]:
    headers = (("ETag", asset.tag), ("Cache-Control", "private, no-cache"))

    async def send(request: Request) -> Response:
        await trio.lowlevel.checkpoint()
        if asset.tag in (tag.strip() for tag in request.headers.get("if-none-match", "").split(",")):
            return Response(304, kind=asset.kind, headers=headers)
        return Response(body=asset.body, kind=asset.kind, headers=headers)

    return send
