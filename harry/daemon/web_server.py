"""Puts the door together: by the configuration, with the rooms behind it, for as long as `harry run` runs.

Here stand the few paths that are the door's own: `/healthz`, which says that the process lives and needs no token, and
`/enter`, where the one-time address that `harry run` prints lets a browser in, as Jupyter does.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial

import trio

from harry.config.loading import Config
from harry.config.sections import Web
from harry.daemon.phone_door import PhoneDoor
from harry.host.access_tokens import CODE_LIVES, PAGE_LIVES, Tokens
from harry.host.host import Host
from harry.services.webhooks_in import WebhooksIn
from harry.web import page, realtime
from harry.web.api import events as event_stream
from harry.web.api import handlers as api
from harry.web.api import metrics, webhooks
from harry.web.openai import chat, models, speech, transcriptions
from harry.web.server.auth import Authenticator
from harry.web.server.http import Refusal, Request, Response
from harry.web.server.listener import HttpListener, Serves, listen, tls
from harry.web.server.proxies import Proxies
from harry.web.server.rate_limits import Limits
from harry.web.server.routing import Routes
from harry.web.session_metrics import SessionMetrics

_EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104  a person asked for it


@dataclass(slots=True)
class WebServer:
    """An open door: where it is, and the address without a code."""

    door: HttpListener
    host: str
    port: int
    address: str
    tokens: Tokens
    owner: str
    needs_code: bool
    phone: PhoneDoor

    def hold_to(self, web: Web) -> None:
        """Let in by other settings from now on."""
        self.door.guard.be_known_as(_names(web))
        self.door.limits.hold_to(web.connections_per_address, web.connections_per_user, web.connections)

    async def way_in(self) -> str:
        """Give an address that opens the page: it is good once, for ten minutes."""
        if not self.needs_code:
            return f"{self.address}/"
        code = await trio.to_thread.run_sync(partial(self.tokens.lend, self.owner, kind="code", lives=CODE_LIVES))
        return f"{self.address}/enter?code={code}"


async def take_port(config: Config, held: AsyncExitStack) -> list[trio.SocketListener]:
    """Take the port for as long as `held` is. Raises `ConfigurationError` if it is taken already."""
    tls(config.web.certificate, config.web.certificate_key)  # a mistake is told before anything is loaded
    listeners = await listen(config.web.host, config.web.port)
    for listener in listeners:
        held.push_async_callback(listener.aclose)
    return listeners


@asynccontextmanager
async def opened(
    config: Config, host: Host, listeners: list[trio.SocketListener], *, keeps: bool = True
) -> AsyncIterator[WebServer]:
    """Let in at `listeners` for the length of the block. `keeps`: tokens are in the data folder; else they are ours."""
    web = config.web
    secure = tls(web.certificate, web.certificate_key)
    port = int(listeners[0].socket.getsockname()[1])
    tokens = Tokens(config.data_folder if keeps else None)
    guard = Authenticator(
        tokens,
        hosts=_names(web),
        owner=config.user.name,
        port=port,
        auth=web.auth,
    )
    proxies = Proxies(web.proxies)
    limits = Limits(
        web.connections_per_address, web.connections_per_user, web.connections,
        owner=config.user.name, proxies=proxies,
    )  # fmt: skip
    watch = SessionMetrics()
    host.watchers.append(watch.see)

    routes = Routes()
    door = HttpListener(routes, guard, limits, proxies=proxies, secure=secure)
    _rooms(routes, host, door, watch)
    rooms = tuple(routes.all)
    _own_paths(routes, guard, "page")
    hooks = WebhooksIn(host)
    webhooks.register(routes, hooks)

    def another(guard: Authenticator, secure: ssl.SSLContext, serves: Serves) -> HttpListener:
        made = HttpListener(Routes(rooms), guard, limits, proxies=proxies, secure=secure, serves=serves)
        _own_paths(made.routes, guard, "phone")
        return made

    async with trio.open_nursery() as nursery, door.serve(listeners):
        await nursery.start(watch.run)
        nursery.start_soon(hooks.run)
        phone = PhoneDoor(config, tokens, another, nursery)
        if web.phone_port:
            await phone.open()
        address, needs_code = address_of(config, port), web.auth == "token"
        yield WebServer(door, web.host, port, address, tokens, config.user.name, needs_code, phone)
        nursery.cancel_scope.cancel()


def _names(web: Web) -> list[str]:
    return ["localhost", "127.0.0.1", "[::1]", _name(web.host), *web.allowed_hosts]


def address_of(config: Config, port: int) -> str:
    """Return the address at which a browser on this computer finds the door."""
    name = "127.0.0.1" if config.web.host in _EVERYWHERE else _name(config.web.host)
    return f"{'https' if config.web.certificate else 'http'}://{name}:{port}"


def _name(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _rooms(routes: Routes, host: Host, door: HttpListener, watch: SessionMetrics) -> None:
    """Name the rooms behind the door: each adds its paths."""
    api.register(routes, host, watch)
    event_stream.register(routes, host)
    metrics.register(routes, host, watch, door.tally, door.limits)
    realtime.register(routes, host)
    page.register(routes)
    for room in (models, chat, speech, transcriptions):
        room.register(routes, host)


def _own_paths(routes: Routes, guard: Authenticator, kind: str) -> None:
    """Add `/healthz` and `/enter`; a browser that comes in is given a token of this kind."""

    async def healthz(request: Request) -> Response:
        await trio.lowlevel.checkpoint()
        return Response(body=b"ok\n", kind="text/plain")

    async def enter(request: Request) -> Response:
        user = await trio.to_thread.run_sync(guard.tokens.spend, request.query.get("code", ""))
        if user is None:
            raise Refusal(
                403, "spent", "This address was used already, or is too old. `harry token page` prints another."
            )
        token = await trio.to_thread.run_sync(partial(guard.tokens.lend, user, kind=kind, lives=PAGE_LIVES))
        return Response(303, headers=(("Location", "./"), *guard.cookies(token, secure=request.secure)))

    routes.add("GET", "/healthz", healthz, public=True, told="Whether the process lives.")
    routes.add("GET", "/enter", enter, public=True, told="Let a browser in by a code that is good once.")
