"""Harry as a Wyoming service: who may come in, and a task for each connection, which ends with it.

Requests of a connection are served one after the other (see `requests`). A client that leaves takes its request with
it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from functools import partial

import trio

from harry_wyoming.codec import WyomingFormatError
from harry_wyoming.connection import Connection
from harry_wyoming.messages import Event
from harry_wyoming.requests import MAX_JSON_BYTES, Companion, Requests

MAX_CONNECTIONS = 32
"""Connections at once; another one is closed as it comes."""

MAX_WAITING = 8
"""Messages of a client that wait while one of its requests is served."""

IDLE_SECONDS = 300.0
"""Seconds in which a client says nothing, after which its connection is closed."""

LINGER_SECONDS = 2.0
"""Seconds in which a client that was told an error closes the connection, before it is closed for him."""


class AllowList:
    """Who may come in: this computer, and the networks that are named. There is no authentication in the protocol."""

    def __init__(self, named: Sequence[str]) -> None:
        self._networks = tuple(ipaddress.ip_network(each, strict=False) for each in named)

    def __contains__(self, peer: object) -> bool:
        try:
            address = ipaddress.ip_address(str(peer).partition("%")[0])
        except ValueError:
            return False
        plain = getattr(address, "ipv4_mapped", None) or address
        return plain.is_loopback or any(plain in network for network in self._networks)


class WyomingServer:
    """Serves one companion. `on_crash` is told what breaks a connection although it should not."""

    def __init__(
        self, companion: Companion, allowed: AllowList, on_crash: Callable[[BaseException], None] = lambda error: None
    ) -> None:
        self._companion = companion
        self._allowed = allowed
        self._on_crash = on_crash
        self._open = 0

    async def serve(self, listeners: Sequence[trio.SocketListener]) -> None:
        """Let in until cancelled."""
        async with trio.open_nursery() as nursery:
            await nursery.start(partial(trio.serve_listeners, self._let_in, list(listeners)))

    async def _let_in(self, stream: trio.SocketStream) -> None:
        try:
            peer = stream.socket.getpeername()[0]
        except OSError:
            return
        if peer not in self._allowed or self._open >= MAX_CONNECTIONS:
            await trio.aclose_forcefully(stream)
            return
        self._open += 1
        try:
            await self._converse(Connection(stream, MAX_JSON_BYTES))
        except* (trio.BrokenResourceError, trio.ClosedResourceError, WyomingFormatError):
            pass  # The client has gone, or speaks another language: nobody is left to be told.
        except* Exception as errors:  # noqa: BLE001  told; one connection that breaks leaves the others alone
            self._on_crash(errors)
        finally:
            self._open -= 1
            await trio.aclose_forcefully(stream)

    async def _converse(self, connection: Connection) -> None:
        client = Requests(self._companion, connection)
        incoming, requests = trio.open_memory_channel[Event](MAX_WAITING)
        async with trio.open_nursery() as nursery:

            async def read() -> None:
                # The end of the connection is noticed while a request is being served, and ends it.
                try:
                    while True:
                        with trio.move_on_after(IDLE_SECONDS) as waiting:
                            event = await connection.receive()
                        if client.busy and waiting.cancelled_caught:
                            continue
                        if waiting.cancelled_caught or event is None:
                            break
                        await incoming.send(event)
                finally:
                    nursery.cancel_scope.cancel()

            nursery.start_soon(read)
            async for request in requests:
                if not await client.take(request):
                    # Closed while something of the client's is unread, the error would never reach him.
                    await connection.send_eof()
                    with trio.move_on_after(LINGER_SECONDS):
                        async for _ in requests:
                            pass
                    break
            nursery.cancel_scope.cancel()
