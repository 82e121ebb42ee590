"""The control socket: how `harry status`, `mute`, `stop` and the like reach the Harry who runs on this data folder.

A Unix socket in the data folder that only its owner may open. A request is one line of JSON, `{"do": "mute"}`; the
answer is one line, too: the state, or `{"error": ..., "remedy": ...}`. With `"watch": true` a line follows for each
change until the reader goes.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import structlog
import trio

from harry.errors import HarryError, StoreError
from harry.files.json_text import parse_json

SOCKET = "control.sock"
"""Its name in the data folder."""

MAX_REQUEST_BYTES = 65_536
WITHIN = 5.0
"""Seconds for a request to come, and for an answer to be taken."""

MAX_CLIENTS = 16
"""Clients at a time; further ones wait."""

BACKLOG = 128
"""Clients that may wait to be let in."""

_LONGEST = 100
"""Bytes of a path that every system takes for a socket."""

log = structlog.get_logger(__name__)

Command = Callable[[Mapping[str, Any]], None]
"""Does what a request asks for; raises `HarryError` with what is wrong."""


class Controls:
    """What may be asked: commands by name, and how Harry is. `changed()` wakes everybody who watches."""

    def __init__(self, status: Callable[[], dict[str, Any]], commands: Mapping[str, Command]) -> None:
        self.status = status
        self.commands = dict(commands)
        self._watchers: set[trio.MemorySendChannel[None]] = set()

    def changed(self) -> None:
        """Tell everybody who watches that the state is another one. Never waits."""
        for watcher in self._watchers:
            with suppress(trio.WouldBlock):
                watcher.send_nowait(None)

    def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Do what is asked, and say how Harry is then."""
        name = request.get("do", "status")
        command = self.commands.get(name) if isinstance(name, str) else None
        if command is None and name != "status":
            return {"error": f"Harry knows no {name!r}.", "remedy": "The Harry who runs may be of another version."}
        try:
            if command is not None:
                command(request)
        except HarryError as error:
            return {"error": error.message, "remedy": error.remedy}
        return self.status()

    @contextmanager
    def watching(self) -> Iterator[trio.MemoryReceiveChannel[None]]:
        """Be told of changes for the length of the block; several that come at once are one."""
        send, receive = trio.open_memory_channel[None](1)
        self._watchers.add(send)
        try:
            yield receive
        finally:
            self._watchers.discard(send)


@asynccontextmanager
async def controlled(folder: Path, controls: Controls) -> AsyncIterator[None]:
    """Take requests for the length of the block. The folder is held: a socket that lies there is a dead Harry's.

    Raises `StoreError` where no socket can be made.
    """
    listener = await _bound(folder)
    try:
        async with trio.open_nursery() as nursery:
            serve = partial(_serve, controls=controls, limit=trio.CapacityLimiter(MAX_CLIENTS))
            # trio's own loop waits where there are no descriptors left for a further client.
            nursery.start_soon(trio.serve_listeners, serve, [trio.SocketListener(listener)])
            yield
            nursery.cancel_scope.cancel()
    finally:
        listener.close()
        with suppress(OSError):
            (folder / SOCKET).unlink()


async def _bound(folder: Path) -> trio.socket.SocketType:
    path = folder / SOCKET
    listener = trio.socket.socket(trio.socket.AF_UNIX, trio.socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        path.unlink(missing_ok=True)
        with reachable(path) as address:
            await listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise StoreError(f"{path} cannot be made: {error.strerror}.") from error
    finally:
        os.umask(before)
    return listener


@contextmanager
def reachable(path: Path) -> Iterator[str]:
    """Give an address for a socket whose path may be longer than systems take."""
    if len(os.fsencode(path)) <= _LONGEST:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


async def _serve(stream: trio.SocketStream, controls: Controls, limit: trio.CapacityLimiter) -> None:
    async with limit, stream:
        try:
            await _converse(stream, controls)
        except (trio.BrokenResourceError, trio.TooSlowError) as error:
            log.debug("a client of the control socket has gone", cause=type(error).__name__)
        except Exception:
            # A mistake in what is told here must not take the conversation away.
            log.exception("a client of the control socket could not be answered")


async def _converse(stream: trio.SocketStream, controls: Controls) -> None:
    request = await _read(stream)
    if request is None:
        return
    with controls.watching() as changes:
        answer = controls.answer(request)
        await _write(stream, answer)
        while request.get("watch") is True and "error" not in answer:
            await changes.receive()
            answer = controls.status()
            await _write(stream, answer)


async def _read(stream: trio.SocketStream) -> dict[str, Any] | None:
    data = b""
    with trio.fail_after(WITHIN):
        while b"\n" not in data and len(data) <= MAX_REQUEST_BYTES:
            more = await stream.receive_some()
            if not more:
                break
            data += more
    try:
        request = parse_json(data.partition(b"\n")[0][:MAX_REQUEST_BYTES])
    except ValueError:
        return None
    return request if isinstance(request, dict) else None


async def _write(stream: trio.SocketStream, answer: dict[str, Any]) -> None:
    with trio.fail_after(WITHIN):
        await stream.send_all(json.dumps(answer).encode() + b"\n")


def ask(folder: Path, request: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Ask the Harry who runs on a folder; gives each line that he answers. Blocking.

    Raises `ConnectionError` where none runs there.
    """
    path = folder / SOCKET
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        try:
            with reachable(path) as address:
                client.connect(address)
        except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError) as error:
            raise ConnectionRefusedError(f"No Harry runs on {folder}.") from error
        client.sendall(json.dumps(request).encode() + b"\n")
        with client.makefile("rb") as lines:
            for line in lines:
                yield json.loads(line)
