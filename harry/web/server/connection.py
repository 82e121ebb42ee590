"""One connection at the door: heads are read under a deadline, and each is answered as HTTP or becomes a websocket.

h11 reads the bytes. A websocket's head is written anew from what was read and checked, so trio-websocket sees a head
that is known to be right. Whatever a client sends, the connection ends as an answer or a farewell and harms no other.
"""

from __future__ import annotations

import base64
import binascii
from contextlib import AbstractContextManager
from dataclasses import replace
from email.utils import formatdate
from typing import Protocol

import h11
import structlog
import trio
from trio_websocket import wrap_server_stream

from harry.errors import EngineError, HarryError, StoreError, TooManySessions
from harry.web.server.counters import Counters
from harry.web.server.http import MIB, Refusal, Request, Response, refused
from harry.web.server.rate_limits import Seat
from harry.web.server.routing import Route
from harry.web.server.websocket import UNREAD, Socket, SocketClosed

HEAD = 16 * 1024
"""Bytes of a head."""

HEAD_WITHIN = 10.0
"""Seconds for a head, from when the connection stands: nobody has shown a token before."""

NEXT_WITHIN = 30.0
"""Seconds for the next head on the same connection."""

BODY_WITHIN = 30.0
"""Seconds for a body."""

_READ = 64 * 1024

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; "
    "connect-src 'self'; worker-src 'self'; font-src 'self'; manifest-src 'self'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)

SECURITY = (
    ("Content-Security-Policy", POLICY),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Permissions-Policy", "microphone=(self), camera=(), geolocation=()"),
    ("Cache-Control", "no-store"),
)
"""What every answer says to browsers: nothing of a stranger runs here, and nothing here is shown elsewhere."""

log = structlog.get_logger(__name__)


class _Gone(Exception):  # noqa: N818  the client went, or does not read: there is nobody to answer
    pass


class HttpListener(Protocol):
    """What a connection asks of the listener that accepted it."""

    tally: Counters

    def admit(self, request: Request, seat: Seat, *, upgrade: bool) -> tuple[Route, Request]:
        """Find who answers, and let the client through to him. Raises `Refusal`."""

    def begin(self, request: Request, route: Route) -> None:
        """Count a request in that is to be answered. Raises `Refusal`."""

    def end(self, request: Request, route: Route) -> None:
        """Count it out."""

    def holding(self, request: Request) -> AbstractContextManager[trio.CancelScope]:
        """Cancel the block when the token that let the request in is revoked."""

    def failed(self, what: str, error: BaseException) -> None:
        """Log that something behind the door broke."""


class Connection:
    """Serves one client until he goes, is silent for too long, or breaks a rule."""

    def __init__(self, door: HttpListener, stream: trio.abc.Stream, seat: Seat, *, secure: bool) -> None:
        self._door = door
        self._stream = stream
        self._seat = seat
        self._secure = secure
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=HEAD)

    async def run(self) -> None:
        """Answer request after request."""
        patience = HEAD_WITHIN
        try:
            while await self._one(patience):
                self._http.start_next_cycle()
                patience = NEXT_WITHIN
        except (_Gone, trio.BrokenResourceError, trio.ClosedResourceError):
            return

    async def _one(self, patience: float) -> bool:
        """Answer one request; whether another may follow."""
        try:
            head = await self._head(patience)
        except Refusal as refusal:
            await self._answer(refused(refusal), whole=True)
            return False
        if head is None:
            return False
        request = self._request(head)
        try:
            route, request = self._door.admit(request, self._seat, upgrade=_upgrade(request))
            request = replace(request, body=await self._body(request, route.most_body))
            self._door.begin(request, route)
        except Refusal as refusal:
            self._door.tally.refused(refusal.code)
            await self._answer(refused(refusal, request), whole=request.method != "HEAD")
            return self._http.our_state is h11.DONE and self._http.their_state is h11.DONE
        if route.on_socket is not None:
            await self._converse(request, route)
            return False
        try:
            with self._door.holding(request):
                response = await (self._waited_for if route.waits else self._handled)(request, route)
                self._door.tally.answered(route.pattern, response.status)
                await self._answer(response, whole=request.method != "HEAD")
                return self._http.our_state is h11.DONE and self._http.their_state is h11.DONE
            return False  # the token was revoked meanwhile
        finally:
            self._door.end(request, route)

    # Reading.

    async def _head(self, patience: float) -> h11.Request | None:
        with trio.move_on_after(patience):
            event = await self._next()
            return event if isinstance(event, h11.Request) else None
        if self._http.trailing_data[0]:
            raise Refusal(408, "too_slow", "The request took too long.")
        return None  # an idle connection needs no word

    async def _next(self) -> h11.Event | type[h11.PAUSED]:
        """Read on until h11 has made something of it. Raises `Refusal` for what is not HTTP."""
        while True:
            try:
                event = self._http.next_event()
            except h11.RemoteProtocolError as error:
                status = 431 if error.error_status_hint == 431 else 400
                raise Refusal(status, "bad_request", "This is not HTTP as Harry speaks it.") from None
            if event is not h11.NEED_DATA:
                return event  # type: ignore[return-value]  # h11's sentinels are classes of themselves
            if self._http.they_are_waiting_for_100_continue:
                await self._send(self._http.send(h11.InformationalResponse(status_code=100, headers=[])))
            self._http.receive_data(bytes(await self._stream.receive_some(_READ)))

    async def _body(self, request: Request, most: int) -> bytes:
        size = request.headers.get("content-length", "0")
        if not size.isdecimal() or len(size) > 15 or int(size) > most:
            raise Refusal(413, "too_long", f"The body may have {most} bytes.")
        body = bytearray()
        with trio.move_on_after(BODY_WITHIN):
            while True:
                event = await self._next()
                if isinstance(event, h11.Data):
                    body += event.data
                    if len(body) > most:
                        raise Refusal(413, "too_long", f"The body may have {most} bytes.")
                elif isinstance(event, h11.EndOfMessage):
                    return bytes(body)
                else:
                    raise _Gone
        raise Refusal(408, "too_slow", "The body took too long.")

    def _request(self, head: h11.Request) -> Request:
        headers: dict[str, str] = {}
        for raw_name, raw_value in head.headers:
            name, value = raw_name.decode("ascii"), raw_value.decode("latin-1")
            # Two of one kind are one with both values, which then is not the one that is wanted.
            headers[name] = f"{headers[name]}{'; ' if name == 'cookie' else ', '}{value}" if name in headers else value
        method, target = head.method.decode("ascii"), head.target.decode("latin-1")
        return Request(method, target, headers, self._seat.address, self._secure)

    # Answering.

    async def _handled(self, request: Request, route: Route) -> Response:
        if route.handler is None:
            return refused(Refusal(426, "websocket_only", "This path speaks websocket only."))
        try:
            return await route.handler(request)
        except Refusal as refusal:
            self._door.tally.refused(refusal.code)
            return refused(refusal, request)
        except (TooManySessions, StoreError, EngineError) as error:
            return refused(Refusal(503, "not_now", str(error)))
        except HarryError as error:
            return refused(Refusal(400, "cannot", str(error)))
        except Exception as error:  # noqa: BLE001  a mistake behind the door must not take the door away
            self._door.failed(f"the answer to {route.pattern}", error)
            return refused(Refusal(500, "failed", "Something in Harry failed; the log says where."))

    async def _waited_for(self, request: Request, route: Route) -> Response:
        """Have a request handled for as long as the client waits."""
        response: Response | None = None
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._notice_the_end, nursery.cancel_scope)
            response = await self._handled(request, route)
            nursery.cancel_scope.cancel()
        if response is None:
            raise _Gone
        return response

    async def _answer(self, response: Response, *, whole: bool) -> None:
        given = {name.lower() for name, _ in response.headers}
        headers = [
            ("Date", formatdate(usegmt=True)),
            ("Content-Type", response.kind),
            *((name, value) for name, value in SECURITY if name.lower() not in given),
            *response.headers,
        ]
        if response.stream is None:
            headers.append(("Content-Length", str(len(response.body))))
        if self._http.their_state is not h11.DONE:
            headers.append(("Connection", "close"))  # what is left of the request is not read
        try:
            await self._send(self._http.send(h11.Response(status_code=response.status, headers=headers)))
            if whole and response.stream is not None:
                await self._stream_out(response)
            elif whole and response.body:
                await self._send(self._http.send(h11.Data(data=response.body)))
            await self._send(self._http.send(h11.EndOfMessage()))
        except h11.LocalProtocolError as error:
            # A client that broke off in the middle leaves h11 in a state without answers.
            raise _Gone from error

    async def _stream_out(self, response: Response) -> None:
        async def send(piece: bytes) -> None:
            if not piece:
                return
            try:
                await self._send(self._http.send(h11.Data(data=piece)))
            except (_Gone, h11.LocalProtocolError, trio.BrokenResourceError, trio.ClosedResourceError):
                # Whoever makes the pieces, a mind, is ended by a cancellation, and sees no error of a socket's.
                nursery.cancel_scope.cancel()
                await trio.lowlevel.checkpoint()

        assert response.stream is not None  # noqa: S101  asked by the caller
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._notice_the_end, nursery.cancel_scope)
            try:
                await response.stream(send)
            except Exception as error:  # noqa: BLE001  as above; half an answer cannot be taken back
                self._door.failed("a stream", error)
                nursery.cancel_scope.cancel()
            else:
                nursery.cancel_scope.cancel()
                return
        raise _Gone

    async def _notice_the_end(self, scope: trio.CancelScope) -> None:
        """End what is done for a client who goes. What he sends meanwhile is his next request, which has to wait."""
        try:
            data = await self._stream.receive_some(_READ)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            data = b""
        if data:
            self._http.receive_data(bytes(data))
        else:
            scope.cancel()

    async def _send(self, data: bytes | None) -> None:
        if not data:
            return
        with trio.move_on_after(UNREAD):
            await self._stream.send_all(data)
            return
        raise _Gone

    # Conversing.

    async def _converse(self, request: Request, route: Route) -> None:
        key = request.headers.get("sec-websocket-key", "")
        if request.headers.get("sec-websocket-version") != "13" or not _key(key):
            spoken = {"Sec-WebSocket-Version": "13"}
            refusal = Refusal(400, "bad_websocket", "This is not a websocket of version 13.", headers=spoken)
            await self._answer(refused(refusal), whole=True)
            return
        stream = _Replayed(self._stream, _head_of(request, key) + self._http.trailing_data[0])
        try:
            async with trio.open_nursery() as nursery:
                proposal = await wrap_server_stream(
                    nursery, stream, message_queue_size=1, max_message_size=MIB, receive_buffer_size=_READ
                )
                with trio.move_on_after(HEAD_WITHIN) as waited:
                    socket = Socket(await proposal.accept(subprotocol=_chosen(request)))
                if not waited.cancelled_caught:
                    self._door.tally.answered(route.pattern, 101)
                    nursery.start_soon(socket.keep_alive)
                    await self._serve_socket(request, route, socket)
                nursery.cancel_scope.cancel()
        except Exception as error:  # noqa: BLE001  the library's own tasks may break on what a client sends
            self._door.failed(f"the websocket {route.pattern}", error)

    async def _serve_socket(self, request: Request, route: Route, socket: Socket) -> None:
        assert route.on_socket is not None  # noqa: S101  asked by the caller
        code, reason = 1000, ""
        try:
            with self._door.holding(request) as scope:
                await route.on_socket(request, socket)
            if scope.cancelled_caught:
                code, reason = 1008, "the token was revoked"
        except BaseExceptionGroup as group:
            errors, rest = group.split(Exception)
            if errors is not None:
                code, reason = self._farewell(route, errors)
            if rest is not None:
                raise rest from None
        except Exception as error:  # noqa: BLE001  as above
            code, reason = self._farewell(route, error)
        finally:
            await socket.close(code, reason)

    def _farewell(self, route: Route, error: Exception) -> tuple[int, str]:
        while isinstance(error, ExceptionGroup):
            error = error.exceptions[0]
        if isinstance(error, SocketClosed):
            return 1000, ""
        if isinstance(error, TooManySessions):
            return 1013, error.message[:120]
        if isinstance(error, HarryError):
            return 1008 if isinstance(error, Refusal) else 1011, error.message.encode()[:120].decode("utf-8", "ignore")
        self._door.failed(f"the websocket {route.pattern}", error)
        return 1011, "something in Harry failed"


class _Replayed(trio.abc.Stream):
    """A stream of which the beginning was read already."""

    def __init__(self, stream: trio.abc.Stream, read: bytes) -> None:
        self._stream = stream
        self._read = read

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        if self._read:
            await trio.lowlevel.checkpoint()
            data, self._read = self._read, b""
            return data
        return bytes(await self._stream.receive_some(max_bytes))

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        await self._stream.aclose()


def _upgrade(request: Request) -> bool:
    wanted = {token.strip().lower() for token in request.headers.get("connection", "").split(",")}
    return "upgrade" in wanted and request.headers.get("upgrade", "").lower() == "websocket" and request.method == "GET"


def _key(key: str) -> bool:
    try:
        return len(base64.b64decode(key, validate=True)) == 16
    except (binascii.Error, ValueError):
        return False


def _chosen(request: Request) -> str | None:
    """Return the subprotocol to speak: a browser that proposed some wants one of them, and never hears the token."""
    proposed = [
        protocol
        for protocol in request.socket_protocols
        if protocol.isascii() and protocol.isprintable() and " " not in protocol
    ]
    return "realtime" if "realtime" in proposed else next(iter(proposed), None)


def _head_of(request: Request, key: str) -> bytes:
    lines = [
        f"GET {request.path.encode('latin-1', 'replace').decode('ascii', 'replace')} HTTP/1.1",
        "Host: harry",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {key}",
    ]
    chosen = _chosen(request)
    if chosen is not None:
        lines.append(f"Sec-WebSocket-Protocol: {chosen}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii", "replace")
