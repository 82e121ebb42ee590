"""A websocket as handlers see it: texts and bytes in, texts and bytes out, with an end that is always told.

trio-websocket speaks the protocol; nothing of it is seen outside of this module and `connection`. One message waits to
be read at most, so a client that sends faster than it is listened to is held back by TCP; one that sends more messages
than anybody could mean is closed. One that does not read is waited for, for `UNREAD` seconds.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

import trio
from trio_websocket import ConnectionClosed, WebSocketConnection
from wsproto.events import Ping
from wsproto.utilities import LocalProtocolError

from harry.errors import HarryError
from harry.web.server.rate_limits import Bucket

UNREAD = 10.0
"""Seconds that a client may leave what was sent to him unread."""

MESSAGES = 1000
"""Messages a second that a client may send, and twice as many in a burst."""

BEAT = 20.0
"""Seconds between two pings: proxies end what is quiet for a minute, some for half of one."""

_CLOSING = 2.0  # seconds for the farewell
_UNREAD_TOLD = f"The client has read nothing for {UNREAD:g} seconds."


class SocketClosed(HarryError):  # noqa: N818  as in `harry.errors`
    """The client is gone, was closed, or does not read."""


class Socket:
    """One websocket, an async iterator over its messages that ends with the connection."""

    def __init__(self, connection: WebSocketConnection) -> None:
        self._connection = connection
        self._sent_to_us = Bucket(MESSAGES, 2 * MESSAGES)
        self._half_sent = False

    @property
    def closed(self) -> bool:
        """Whether the connection is over."""
        return self._connection.closed is not None

    @property
    def farewell(self) -> bool:
        """Whether the connection is over because one side said so, and not because it broke."""
        closed = self._connection.closed
        return closed is not None and closed.code not in (1005, 1006)

    async def send(self, message: str | bytes) -> None:
        """Send a message. Raises `SocketClosed`, also after `UNREAD` seconds in which the client did not read."""
        await self._in_time(partial(self._connection.send_message, message))

    async def keep_alive(self) -> None:
        """Ping now and then, until the connection is over. No answer is waited for: who is gone is noticed anyway."""
        # The library's own `ping` waits for the answer, which stays unread while the client is held back.
        ping = partial(self._connection._send, Ping(payload=b"harry"))  # noqa: SLF001  see above
        with suppress(SocketClosed):
            while True:
                await trio.sleep(BEAT)
                await self._in_time(ping)

    async def _in_time(self, sending: Callable[[], Awaitable[object]]) -> None:
        if self._half_sent:
            raise SocketClosed(_UNREAD_TOLD)
        try:
            with trio.CancelScope(relative_deadline=UNREAD) as waited:
                await sending()
        except (ConnectionClosed, LocalProtocolError, trio.BrokenResourceError, trio.ClosedResourceError):
            raise SocketClosed("The client is gone.") from None
        if waited.cancelled_caught:
            # Half a frame may have gone out: nothing sensible can follow it.
            self._half_sent = True
            raise SocketClosed(_UNREAD_TOLD)

    async def receive(self) -> str | bytes:
        """Wait for the next message. Raises `SocketClosed`."""
        try:
            message = await self._connection.get_message()
        except (ConnectionClosed, trio.BrokenResourceError, trio.ClosedResourceError):
            raise SocketClosed("The client is gone.") from None
        if not self._sent_to_us.take(trio.current_time()):
            await self.close(1008, "too many messages")
            raise SocketClosed("The client sent more messages than are listened to.")
        return message

    def __aiter__(self) -> Socket:
        return self

    async def __anext__(self) -> str | bytes:
        try:
            return await self.receive()
        except SocketClosed:
            raise StopAsyncIteration from None

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Say farewell, with at most 123 bytes of reason; a client that does not answer is left."""
        with trio.move_on_after(_CLOSING, shield=True):
            await self._connection.aclose(code, reason or None)
