"""The `wyoming` library's own server and client as programs in processes of their own: they are asyncio's."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import trio

from tests.support.paths import ROOT


@dataclass
class LibraryServer:
    """The library's server in its process; `seen` is what it was sent."""

    port: int
    process: trio.Process
    seen: list[dict[str, Any]] = field(default_factory=list)
    changed: trio.Event = field(default_factory=trio.Event)

    @property
    def uri(self) -> str:
        return f"tcp://127.0.0.1:{self.port}"

    def types(self) -> list[str]:
        return [each["type"] for each in self.seen]

    async def saw(self, kind: str) -> None:
        """Wait until it has seen a message of a type."""
        while kind not in self.types():
            await self.changed.wait()

    async def follow(self, rest: bytes) -> None:
        assert self.process.stdout is not None
        buffer = bytearray(rest)
        while True:
            while (end := buffer.find(b"\n")) >= 0:
                self.seen.append(json.loads(bytes(buffer[:end])))
                del buffer[: end + 1]
                self.changed.set()
                self.changed = trio.Event()
            more = await self.process.stdout.receive_some()
            if not more:
                return
            buffer += more


@asynccontextmanager
async def library_server() -> AsyncIterator[LibraryServer]:
    command = [sys.executable, "-m", "tests.support.wyoming_service"]
    async with trio.open_nursery() as nursery:
        process: trio.Process = await nursery.start(
            partial(trio.run_process, command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT)
        )
        assert process.stdout is not None
        first = b""
        with trio.fail_after(30):
            while b"\n" not in first:
                first += await process.stdout.receive_some()
        line, _, rest = first.partition(b"\n")
        server = LibraryServer(json.loads(line)["port"], process)
        nursery.start_soon(server.follow, rest)
        yield server
        nursery.cancel_scope.cancel()


async def library_asks(port: int) -> list[dict[str, Any]]:
    """Have the library's client ask a server everything; returns what it told."""
    command = [sys.executable, "-m", "tests.support.wyoming_client", str(port)]
    with trio.fail_after(60):
        done = await trio.run_process(command, capture_stdout=True, cwd=ROOT)
    return [json.loads(line) for line in done.stdout.splitlines()]
