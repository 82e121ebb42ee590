"""The one door to Redis: nobody else imports redis or trio-asyncio, and no exception of theirs leaves this module.

Timeouts are short and calls are tried again. A cancelled call loses its connection and poisons nothing; a cancelled
write may have happened, so every write is harmless to repeat. Measured costs and traps: docs/stores.md.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import Any, TypeAlias, TypeVar, cast
from urllib.parse import urlsplit

import redis.asyncio
import trio
import trio_asyncio
from redis import exceptions
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff

from channels.batcher import Batcher
from harry.errors import ConfigurationError, StoreError
from harry.net.egress import permit

Command: TypeAlias = tuple[bytes | str | float, ...]
T = TypeVar("T")

ANSWERED_WITHIN = 1.0
"""Seconds a call may take in all, unless its caller says otherwise."""

_RETRIES = 5  # within a third of a second in all, so that a call tells why it failed
_POOL = 16  # connections
_CLOSING = 1.0  # seconds

_LATER = "Harry goes on without it and shares what was said when it is back."


def describe_server(url: str) -> str:
    """Return the host, port and path of a URL, without its secrets."""
    parts = urlsplit(url)
    return f"{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}{parts.path}" or "Redis"


@contextmanager
def _errors(place: str) -> Iterator[None]:
    try:
        yield
    except exceptions.BusyLoadingError as error:
        raise StoreError(f"Redis at {place} is still loading its data.", remedy=_LATER) from error
    except exceptions.AuthenticationError as error:
        raise StoreError(f"Redis at {place} refuses the name or password.", remedy="Correct redis.url.") from error
    except (exceptions.ConnectionError, exceptions.TimeoutError, OSError) as error:
        raise StoreError(f"Redis at {place} cannot be reached.", remedy=_LATER) from error
    except exceptions.RedisError as error:
        raise _refused(str(error), place) from error


def _refused(said: str, place: str) -> StoreError:
    """Translate the server's message, also that of a script it stopped."""
    if "OOM" in said[:120] or "maxmemory" in said:
        return StoreError(f"Redis at {place} has no memory left.", remedy="Raise its maxmemory, or free some.")
    if "READONLY" in said[:120] or "read only" in said:
        return StoreError(f"Redis at {place} takes no writes.", remedy="Name its primary server in redis.url.")
    return StoreError(f"Redis at {place} could not do its work ({said[:200]}).", remedy=_LATER)


class RedisLink:
    """An open way to one server, in one trio run. Made by `open_link`."""

    def __init__(self, client: Any, loop: Any, place: str) -> None:
        self.place = place
        self._loop = loop  # named in each call: a task that was started elsewhere knows no loop
        self._client = client
        self._batcher = Batcher(self._send)

    async def carry(self, until: trio.CancelScope) -> None:
        """Send commands until that scope is cancelled; it is shielded, for the last flush of a stop."""
        with until:
            await self._batcher.run()

    async def _send(self, commands: Sequence[Command]) -> Sequence[object]:
        async def run() -> Sequence[object]:
            if len(commands) == 1:
                return [await self._client.execute_command(*commands[0])]
            pipeline = self._client.pipeline(transaction=False)
            for command in commands:
                pipeline.execute_command(*command)
            answers: Sequence[object] = await pipeline.execute(raise_on_error=False)
            return answers

        with trio.move_on_after(ANSWERED_WITHIN):
            return await _on_asyncio(self._loop, run)
        raise exceptions.TimeoutError

    async def call(self, *command: bytes | str | float, within: float = ANSWERED_WITHIN) -> Any:
        """Send one command, batched with those of other callers, and return its answer. Raises `StoreError`.

        It may be sent twice: only for what is harmless to repeat.
        """
        return await self._bounded(lambda: self._batcher.ask(command), within)

    async def script(
        self, text: str, keys: Sequence[str], arguments: Sequence[str | int], *, within: float = ANSWERED_WITHIN
    ) -> Any:
        """Run a Lua script, which Redis does as one step, and return its answer. Raises `StoreError`."""
        digest = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
        places = (len(keys), *keys, *arguments)

        async def run() -> Any:
            try:
                return await self._client.execute_command("EVALSHA", digest, *places)
            except exceptions.NoScriptError:  # a fresh server
                return await self._client.execute_command("EVAL", text, *places)

        return await self._bounded(lambda: _on_asyncio(self._loop, run), within)

    async def _bounded(self, call: Callable[[], Awaitable[T]], within: float) -> T:
        with _errors(self.place), trio.move_on_after(within):
            return await call()
        raise StoreError(f"Redis at {self.place} did not answer within {within:g} seconds.", remedy=_LATER)


async def _on_asyncio(loop: Any, call: Callable[[], Awaitable[T]]) -> T:
    async def run() -> T:
        return await call()  # begun on the other side only: a call cancelled before must leave nothing behind

    return cast("T", await trio_asyncio.aio_as_trio(run, loop=loop)())


@asynccontextmanager
async def open_link(url: str) -> AsyncIterator[RedisLink]:
    """Open a way to the server that `url` names (redis://, rediss://, unix://); it need not be there yet.

    Raises `ConfigurationError` for what is no such URL, `EgressRefused` where `local_only` keeps Harry here.
    """
    permit(url, "Redis")
    try:
        client = _client(url)
    except (ValueError, TypeError) as error:
        raise ConfigurationError(
            "redis.url is no address of a Redis server.", remedy='Write it as "redis://localhost:6379/0".'
        ) from error
    failure: list[Exception] = []
    async with trio_asyncio.open_loop() as loop:
        try:
            async with trio.open_nursery() as nursery:
                link = RedisLink(client, loop, describe_server(url))
                carrying = trio.CancelScope(shield=True)
                nursery.start_soon(link.carry, carrying)
                try:
                    yield link
                except Exception as error:  # noqa: BLE001  raised again below: the nursery would wrap it into a group
                    failure.append(error)
                finally:
                    carrying.cancel()
        finally:
            # Not before the last call has ended: it would take its closed connection for a lost one, and open another.
            with trio.move_on_after(_CLOSING, shield=True):
                await _on_asyncio(loop, partial(client.aclose, close_connection_pool=True))
    if failure:
        raise failure[0]


def _client(url: str) -> redis.asyncio.Redis:
    client = redis.asyncio.Redis.from_url(
        url,
        protocol=2,
        decode_responses=True,
        encoding_errors="replace",
        socket_timeout=ANSWERED_WITHIN,
        socket_connect_timeout=ANSWERED_WITHIN,
        max_connections=_POOL,
        retry=Retry(ExponentialWithJitterBackoff(base=0.02, cap=0.1), _RETRIES),
    )
    # Answers as the server words them: what the client makes of them changes with its version.
    client.response_callbacks.clear()
    return client
