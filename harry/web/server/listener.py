"""The door itself: it listens, lets so many in, and ends what it let in when a token is revoked or Harry stops."""

from __future__ import annotations

import errno
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import replace
from typing import NoReturn

import structlog
import trio

from actors.supervisor import describe_origin
from harry.errors import ConfigurationError, StoreError
from harry.web.server.auth import Authenticator
from harry.web.server.connection import HEAD_WITHIN, Connection
from harry.web.server.counters import Counters
from harry.web.server.http import Refusal, Request
from harry.web.server.proxies import Proxies
from harry.web.server.rate_limits import Limits, Seat
from harry.web.server.routing import Route, Routes

LOOKED_EVERY = 0.5
"""Seconds between two looks at whether a token of an open connection was revoked, by another process."""

Serves = Callable[[str], Awaitable[bool]]
"""Whether connections to an address of this computer are served."""

log = structlog.get_logger(__name__)


async def listen(host: str, port: int) -> list[trio.SocketListener]:
    """Take the port; 0 takes any free one. Raises `ConfigurationError` if that cannot be."""
    try:
        return await trio.open_tcp_listeners(port, host=host or None)
    except OSError as error:
        causes = error.__cause__.exceptions if isinstance(error.__cause__, BaseExceptionGroup) else ()
        busy = any(getattr(cause, "errno", None) == errno.EADDRINUSE for cause in (error, *causes))
        other = port + 1 if port < 65_535 else port - 1
        free = f"start with --set web.port={other} (or --set web.enabled=false for no page)."
        if busy:
            raise ConfigurationError(
                f"Port {port} is in use, perhaps by another Harry.", remedy=f"Stop that, or {free}"
            ) from error
        raise ConfigurationError(
            f"Harry cannot listen at {host}:{port}: {error.strerror or 'it cannot be taken'}.",
            remedy=f"Correct web.host, or {free}",
        ) from error


def tls(certificate: str, key: str) -> ssl.SSLContext | None:
    """Read a certificate with its chain, and its key; None where there is none. Raises `ConfigurationError`."""
    if not certificate:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(certificate, key or None)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(
            f"The certificate {certificate} cannot be used: {error.strerror or type(error).__name__}.",
            remedy="Check web.certificate and web.certificate_key.",
        ) from error
    return context


class HttpListener:
    """Made once the port is known. `routes` may still be added to until `serve` runs.

    `serves` is asked of each connection, before anything else, by the address of this computer that it came to.
    """

    def __init__(
        self,
        routes: Routes,
        guard: Authenticator,
        limits: Limits,
        *,
        proxies: Proxies | None = None,
        secure: ssl.SSLContext | None = None,
        serves: Serves | None = None,
    ) -> None:
        self.routes = routes
        self.guard = guard
        self.limits = limits
        self.tally = Counters()
        self._proxies = proxies or Proxies(())
        self._secure = secure
        self._serves = serves
        self._held: dict[trio.CancelScope, str] = {}

    @asynccontextmanager
    async def serve(self, listeners: list[trio.SocketListener]) -> AsyncIterator[None]:
        """Let in for the length of the block."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.serve_listeners, self._client, listeners)
            nursery.start_soon(self._revoke)
            yield
            nursery.cancel_scope.cancel()

    def show(self, secure: ssl.SSLContext) -> None:
        """Show new connections another certificate. Only for a door that has one: http stays http."""
        if self._secure is not None:
            self._secure = secure

    def admit(self, request: Request, seat: Seat, *, upgrade: bool) -> tuple[Route, Request]:
        """Find who answers, and let the client through to him. Raises `Refusal`."""
        now = trio.current_time()
        request = self._proxies.seen(request)
        try:
            self.guard.know(request)
        except Refusal:
            self._count_stranger(request, now)
            raise
        missing, found = None, None
        try:
            found = self.routes.find(request.method, request.path, upgrade=upgrade)
        except Refusal as refusal:
            missing = refusal
        if found is None or not found[0].public:
            request = self._known(request, seat, now, upgrade=upgrade)
        else:
            self._count_stranger(request, now)
        if request.scope and (found is None or (found[0].scope != request.scope and not found[0].public)):
            raise Refusal(403, "scope", f"This token is good for {request.scope} alone.")
        if found is None:
            # What there is and what not is told only to those who may come in.
            raise missing or Refusal(404, "not_found", "There is nothing here.")
        route, matched = found
        return route, replace(request, matched=matched)

    def _known(self, request: Request, seat: Seat, now: float, *, upgrade: bool) -> Request:
        """Give the request with its user, who pays for it: nobody else's flood is on his account. Raises `Refusal`."""
        try:
            request = self.guard.admit(request, upgrade=upgrade)
        except StoreError as error:
            self._count_stranger(request, now)
            raise Refusal(503, "not_now", str(error)) from error
        except Refusal as refusal:
            self._count_stranger(request, now)
            if refusal.status == 401 and not self.limits.wrong(request.peer, now):
                raise Refusal(429, "too_many", "Too many tokens were wrong.", headers={"Retry-After": "2"}) from None
            raise
        if not self.limits.request_of(request.user, now):
            raise _too_many()
        if not self.limits.prove(seat, request.user):
            raise Refusal(
                429, "too_many", "You have as many connections as you may.",
                headers={"Retry-After": "10", "Connection": "close"},
            )  # fmt: skip
        return request

    def _count_stranger(self, request: Request, now: float) -> None:
        if not self.limits.request(request.peer, now):
            raise _too_many()

    def begin(self, request: Request, route: Route) -> None:
        """Count a request in that is to be answered. Raises `Refusal`."""
        if route.costly and not self.limits.begin(request.user):
            raise Refusal(429, "too_many", "You ask for too much at once.", headers={"Retry-After": "5"})

    def end(self, request: Request, route: Route) -> None:
        """Count it out."""
        if route.costly:
            self.limits.end(request.user)

    @contextmanager
    def holding(self, request: Request) -> Iterator[trio.CancelScope]:
        """Cancel the block when the token that let the request in is revoked."""
        with trio.CancelScope() as scope:
            if request.token:
                self._held[scope] = request.token
            try:
                yield scope
            finally:
                self._held.pop(scope, None)

    def failed(self, what: str, error: BaseException) -> None:
        """Log that something behind the door broke."""
        self.tally.failures += 1
        log.error("the door met a mistake", what=what, cause=describe_origin(error))
        log.debug("how it came about", exc_info=error)

    async def _revoke(self) -> NoReturn:
        while True:
            # Another process changes the file, and a look at it costs some microseconds.
            await trio.sleep(LOOKED_EVERY)
            for scope, token in list(self._held.items()):
                try:
                    held = self.guard.tokens.holds(token)
                except StoreError:
                    held = False  # nobody knows who may come in
                if not held:
                    scope.cancel()

    async def _client(self, stream: trio.SocketStream) -> None:
        try:
            peer = str(stream.socket.getpeername()[0])
        except OSError:
            peer = ""  # gone already
        with trio.CancelScope() as scope:
            seat = self.limits.enter(peer, scope.cancel)
            if seat is None:
                self.tally.turned_away += 1
                await trio.aclose_forcefully(stream)
                return
            try:
                async with aclosing(stream):
                    await self._speak(stream, seat)
            except Exception as error:  # noqa: BLE001  one client's trouble is no other's
                self.failed("a connection", error)
            finally:
                self.limits.leave(seat)
        self.tally.turned_away += scope.cancelled_caught

    async def _speak(self, stream: trio.SocketStream, seat: Seat) -> None:
        if self._secure is None:
            await Connection(self, stream, seat, secure=False).run()
            return
        try:
            with trio.move_on_after(HEAD_WITHIN) as waited:
                # First of all, for what it is asked may change the certificate.
                if self._serves is not None and not await self._serves(str(stream.socket.getsockname()[0])):
                    return
                within = trio.SSLStream(stream, self._secure, server_side=True, https_compatible=True)
                await within.do_handshake()
            if not waited.cancelled_caught:
                await Connection(self, within, seat, secure=True).run()
        except (trio.BrokenResourceError, ssl.SSLError) as error:
            log.debug("no TLS", cause=type(error).__name__)


def _too_many() -> Refusal:
    return Refusal(429, "too_many", "These are too many requests.", headers={"Retry-After": "1"})
