"""A connection over which messages go: opened by an address, or taken as it came.

There is no message that takes a request back: whoever wants no more closes the connection.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Protocol
from urllib.parse import urlsplit

import trio

from harry.plugin import EngineBusy, EngineError, EngineUnavailable, is_loopback, note, permit
from harry_wyoming.codec import MAX_DATA_BYTES, EventReader, WyomingFormatError, pack
from harry_wyoming.messages import Event

_READ_BYTES = 1 << 16

_INLINE_BYTES = 16 << 10
"""Bytes of JSON that are read in less than a millisecond; more goes to a thread."""


class Message(Protocol):
    """What can be sent: every class of the package `wyoming` that is a message."""

    def event(self) -> Event:
        """Return it in the form for the wire."""
        ...


class Connection:
    """One connection. `sent` and `received` count bytes; `max_data`: see `EventReader`."""

    def __init__(self, stream: trio.abc.Stream, max_data: int = MAX_DATA_BYTES) -> None:
        self._stream = stream
        self._reader = EventReader(max_data)
        self.sent = 0
        self.received = 0

    async def send(self, *messages: Message) -> None:
        """Send messages. Raises `trio.BrokenResourceError` where nobody is there any more."""
        packed = b"".join(pack(message.event()) for message in messages)
        self.sent += len(packed)
        await self._stream.send_all(packed)

    async def receive(self) -> Event | None:
        """Return the next message, None where the other side has ended. Raises `WyomingFormatError`."""
        # Thousands of messages may come at once: each lets the others go on.
        await trio.lowlevel.checkpoint()
        while (event := await self._read()) is None:
            more = await self._stream.receive_some(_READ_BYTES)
            self.received += len(more)
            if not more:
                if self._reader.is_within:
                    raise WyomingFormatError("half a message")
                return None
            self._reader.feed(bytes(more))
        return event

    async def _read(self) -> Event | None:
        if self._reader.next_size > _INLINE_BYTES:
            return await trio.to_thread.run_sync(self._reader.next)
        return self._reader.next()

    async def send_eof(self) -> None:
        """Say that nothing more is sent."""
        if isinstance(self._stream, trio.abc.HalfCloseableStream):
            await self._stream.send_eof()

    async def aclose(self) -> None:
        """Close the connection at once."""
        await trio.aclose_forcefully(self._stream)


@asynccontextmanager
async def connect(uri: str, purpose: str) -> AsyncIterator[Connection]:
    """Open a connection for the length of the block; however the block ends, it is closed at once.

    Raises `EngineUnavailable` where there is no server, or it is elsewhere and `local_only` is set.
    """
    permit(uri, purpose)
    began = trio.current_time()
    with translate_errors(uri):
        connection = Connection(await _open(uri))
        try:
            yield connection
        finally:
            await connection.aclose()
            seconds = trio.current_time() - began
            note(uri, purpose, sent=connection.sent, received=connection.received, seconds=seconds)


async def _open(uri: str) -> trio.abc.Stream:
    parts = urlsplit(uri)
    try:
        if parts.scheme == "unix":
            return await trio.open_unix_socket(parts.path)
        return await trio.open_tcp_stream(parts.hostname or "", parts.port or 0)
    except OSError as error:
        raise EngineUnavailable(
            f"{uri} cannot be reached.",
            remedy="Start the server." if is_loopback(uri) else "Check the network and the address.",
        ) from error


@contextmanager
def translate_errors(uri: str) -> Iterator[None]:
    """Raise what goes wrong on a connection as `EngineError`."""
    try:
        yield
    except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
        raise EngineBusy(f"The connection to {uri} broke off.", remedy="Ask again.") from error
    except WyomingFormatError as error:
        raise EngineError(
            f"{uri} does not speak Wyoming: it sent {error}.", remedy="Check the address and its port."
        ) from error
