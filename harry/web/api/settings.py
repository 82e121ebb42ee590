"""The configuration as it holds, and the few keys of it that the owner may change from a page."""

from __future__ import annotations

from dataclasses import dataclass, field

import trio
from pydantic import BaseModel

from harry.host.host import Host
from harry.services import settings
from harry.web.api import schemas
from harry.web.api.answering import owner_only, read_body, serve
from harry.web.api.openapi import Path
from harry.web.server.http import Request
from harry.web.server.routing import Routes

PATHS = (
    Path("GET", "/api/settings", "settings", schemas.Settings, "The owner's configuration, secrets masked."),
    Path(
        "POST", "/api/settings", "change", schemas.Changed, "Write a few keys into the owner's configuration file.",
        takes=schemas.Changes,
    ),
)  # fmt: skip


def register(routes: Routes, host: Host) -> None:
    """Add the paths."""
    serve(routes, PATHS, _Settings(host))


@dataclass(frozen=True, slots=True)
class _Settings:
    host: Host
    writing: trio.Lock = field(default_factory=trio.Lock)

    async def settings(self, request: Request) -> BaseModel:
        owner_only(self.host, request)
        return schemas.Settings(
            settings=await trio.to_thread.run_sync(settings.shown, self.host.config),
            file=str(settings.file_of(self.host)),
            changeable=[_shape(setting) for setting in await settings.settings(self.host)],
        )

    async def change(self, request: Request) -> BaseModel:
        owner_only(self.host, request)
        async with self.writing:
            later = await settings.change(self.host, read_body(request, schemas.Changes).changes)
        return schemas.Changed(file=str(settings.file_of(self.host)), after_restart=later)


def _shape(setting: settings.Setting) -> schemas.Setting:
    what = setting.what
    return schemas.Setting(
        key=what.key, title=what.title, kind=what.kind, hint=what.hint, live=what.live,
        value=setting.value, written=setting.written, choices=list(setting.choices),
    )  # fmt: skip
