"""The control socket: how `harry status`, `mute`, `stop` and the like reach the Harry who runs on this data folder.

A Unix socket in the data folder that only its owner may open. A request is one line of JSON, `{"do": "mute"}`; the
answer is one line, too: the state, or `{"error": ..., "remedy": ...}`. With `"watch": true` a line follows for each
change until the reader goes; with `"ask": true` the answer may take minutes, and is given up when the reader goes.
Those who watch or ask have bounds of their own, so that they keep no command out.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import structlog
import trio

from harry.errors import HarryError, StoreError, TooManySessions
from harry.files.json_text import parse_json

SOCKET = "control.sock"
"""Its name in the data folder."""

MAX_REQUEST_BYTES = 65_536
WITHIN = 5.0
"""Seconds for a request to come, and for an answer to be taken."""

MAX_CLIENTS = 16
"""Clients that are answered at a time, further ones wait; and those that may watch, and ask: others are refused."""

BACKLOG = 128
"""Clients that may wait to be let in."""

_LONGEST = 100
"""Bytes of a path that every system takes for a socket."""

NO_REQUEST = HarryError("That is no request, or too long a one.")

log = structlog.get_logger(__name__)

Command = Callable[[Mapping[str, Any]], None]
"""Does what a request asks for; raises `HarryError` with what is wrong."""


LongCommand = Callable[[Mapping[str, Any]], Awaitable[dict[str, Any]]]
"""Does what takes its time, and returns what is told besides the state; raises as `Command`."""


class Controls:
    """What may be asked: commands by name, and how Harry is. `changed()` wakes everybody who watches.

    `long_commands` take their time: who asks for one waits, and nobody else does.
    """

    def __init__(
        self,
        status: Callable[[], dict[str, Any]],
        commands: Mapping[str, Command],
        long_commands: Mapping[str, LongCommand] | None = None,
    ) -> None:
        self.status = status
        self.commands = dict(commands)
        self.long_commands = dict(long_commands or {})
        self._watchers: set[trio.MemorySendChannel[None]] = set()
        self._asking = 0

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
            return _told(error)
        return self.status()

    async def respond(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Do what is asked, however long it takes, and say how Harry is then."""
        name = request.get("do")
        command = self.long_commands.get(name) if isinstance(name, str) else None
        if command is None:
            return self.answer(request)
        try:
            told = await command(request)
        except HarryError as error:
            return _told(error)
        self.changed()
        return {**self.status(), **told}

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Count one who waits for a person's answer. Raises `TooManySessions` where too many do."""
        if self._asking >= MAX_CLIENTS:
            raise TooManySessions(f"{MAX_CLIENTS} programs wait for an answer already.", remedy="Try again later.")
        self._asking += 1
        try:
            yield
        finally:
            self._asking -= 1

    @contextmanager
    def watching(self) -> Iterator[trio.MemoryReceiveChannel[None]]:
        """Be told of changes for the length of the block; several that come at once are one.

        Raises `TooManySessions` where too many watch.
        """
        if len(self._watchers) >= MAX_CLIENTS:
            raise TooManySessions(f"{MAX_CLIENTS} programs watch Harry already.", remedy="End one of them first.")
        send, receive = trio.open_memory_channel[None](1)
        self._watchers.add(send)
        try:
            yield receive
        finally:
            self._watchers.discard(send)


def _told(error: HarryError) -> dict[str, Any]:
    return {"error": error.message, "remedy": error.remedy}


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
    try:
        path.unlink(missing_ok=True)
        with reachable(path) as address:
            await listener.bind(address)
        # Nobody can connect before `listen`: until then it does not matter who may. A umask would hold for all threads.
        path.chmod(0o600)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise StoreError(f"{path} cannot be made: {error.strerror}.") from error
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
    async with stream:
        try:
            async with limit:
                request = await _read(stream)
                lasts = request if request is not None and True in (request.get("watch"), request.get("ask")) else None
                if lasts is None:
                    await _write(stream, await controls.respond(request) if request is not None else _told(NO_REQUEST))
            if lasts is not None:
                await (_ask if lasts.get("ask") is True else _watch)(stream, controls, lasts)
        except* (trio.BrokenResourceError, trio.TooSlowError):
            log.debug("a client of the control socket has gone")
        except* Exception:
            # A mistake in what is told here must not take the conversation away.
            log.exception("a client of the control socket could not be answered")


async def _watch(stream: trio.SocketStream, controls: Controls, request: Mapping[str, Any]) -> None:
    """Answer, and tell of every change until the client goes."""
    try:
        with controls.watching() as changes:
            answer = controls.answer(request)
            await _write(stream, answer)
            if "error" in answer:
                return
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_await_end, stream, nursery.cancel_scope)
                while True:
                    await changes.receive()
                    await _write(stream, controls.status())
    except TooManySessions as error:
        await _write(stream, _told(error))


async def _ask(stream: trio.SocketStream, controls: Controls, request: Mapping[str, Any]) -> None:
    """Answer once a person has; who goes is waited for no longer."""
    answer: dict[str, Any] | None = None
    try:
        with controls.asking():
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_await_end, stream, nursery.cancel_scope)
                answer = await controls.respond(request)
                nursery.cancel_scope.cancel()
    except TooManySessions as error:
        answer = _told(error)
    if answer is not None:
        await _write(stream, answer)


async def _await_end(stream: trio.SocketStream, watch: trio.CancelScope) -> None:
    """End a watch once its client has gone; that shows only in what is read."""
    with suppress(trio.BrokenResourceError):
        while await stream.receive_some():
            pass
    watch.cancel()


async def _read(stream: trio.SocketStream) -> dict[str, Any] | None:
    """Read a request; None where what came is none."""
    data = b""
    with trio.fail_after(WITHIN):
        while b"\n" not in data and len(data) <= MAX_REQUEST_BYTES:
            more = await stream.receive_some()
            if not more:
                break
            data += more
    line = data.partition(b"\n")[0]
    try:
        request = parse_json(line) if len(line) <= MAX_REQUEST_BYTES else None
    except ValueError:
        return None
    return request if isinstance(request, dict) else None


async def _write(stream: trio.SocketStream, answer: dict[str, Any]) -> None:
    with trio.fail_after(WITHIN):
        await stream.send_all(json.dumps(answer).encode() + b"\n")


def ask(folder: Path, request: Mapping[str, Any], *, within: float = 2 * WITHIN) -> Iterator[dict[str, Any]]:
    """Ask the Harry who runs on a folder; gives each line that he answers. Blocking, for `within` seconds a line.

    With `"ask": true` it is a person who answers, and takes his time.

    Raises `ConnectionError` where none runs there, `TimeoutError` where he does not answer.
    """
    path = folder / SOCKET
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(within)
        try:
            with reachable(path) as address:
                client.connect(address)
        except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError) as error:
            raise ConnectionRefusedError(f"No Harry runs on {folder}.") from error
        except BlockingIOError as error:  # all places in which a client may wait are taken
            raise TimeoutError(f"The Harry on {folder} lets nobody in.") from error
        # What is too long is answered before all of it was taken.
        with suppress(BrokenPipeError, ConnectionResetError):
            client.sendall(json.dumps(request).encode() + b"\n")
        if request.get("ask") is True:
            client.settimeout(None)
        with client.makefile("rb") as lines, suppress(ConnectionResetError):
            for line in lines:
                if request.get("watch") is True:
                    client.settimeout(None)
                yield json.loads(line)
