"""The pipe to an MCP server: what comes through it holds up nobody, and what the server started ends with it."""

from __future__ import annotations

import json
import os
import threading
import tracemalloc
from collections.abc import Iterable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import anyio
import trio
from mcp import StdioServerParameters
from mcp.shared.message import SessionMessage

from harry.tools import mcp_listing, mcp_stdio
from harry.tools.mcp_listing import Mender, mended


class Pipe:
    """A process of which only the output is there."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self.stdout = self
        self._pieces: Iterator[bytes] = iter(pieces)

    async def receive_some(self, _most: int) -> bytes:
        return next(self._pieces, b"")


async def read(pieces: Iterable[bytes]) -> list[SessionMessage | Exception]:
    taken, incoming = anyio.create_memory_object_stream[SessionMessage | Exception](10)
    await mcp_stdio._read(cast("trio.Process", Pipe(pieces)), taken)
    async with incoming:
        return [each async for each in incoming]


def message(size: int) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "method": "n", "params": {"text": "x" * size}}).encode() + b"\n"


async def test_a_large_message_is_read_in_a_thread_and_messages_keep_their_order(monkeypatch) -> None:
    threads = []
    parsed = mcp_stdio._parsed

    def noted(line: bytearray) -> SessionMessage | Exception:
        threads.append(threading.current_thread() is threading.main_thread())
        return parsed(line)

    monkeypatch.setattr(mcp_stdio, "_parsed", noted)
    whole = message(10) + message(200_000) + b" " * 20_000 + b"\n\n" + message(20)
    found = await read(whole[at : at + 65_536] for at in range(0, len(whole), 65_536))
    sizes = [len(cast("Any", each).message.params["text"]) for each in found]
    assert sizes == [10, 200_000, 20]
    assert threads == [True, False, True]


async def test_a_message_that_drips_costs_no_more_than_its_bytes() -> None:
    def drips() -> Iterator[bytes]:
        for number in range(20_000):
            yield b"%02d" % (number % 100)

    tracemalloc.start()
    try:
        await read(drips())
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 400_000


async def test_the_schemas_of_a_listing_are_measured_in_a_thread(monkeypatch) -> None:
    threads = []

    class Noted:
        @staticmethod
        def dumps(value: object) -> str:
            threads.append(threading.current_thread() is threading.main_thread())
            return json.dumps(value)

    monkeypatch.setattr(mcp_listing, "json", Noted)
    large = {"name": "large", "inputSchema": {"description": "x" * 20_000}}
    listing = {"jsonrpc": "2.0", "id": 1, "result": {"tools": [large, {"name": "small"}]}}
    taken, incoming = anyio.create_memory_object_stream[Any](1)

    @asynccontextmanager
    async def transport():
        yield incoming, None

    mender = Mender()
    async with taken, incoming, mended(transport(), mender) as (reading, _):
        await taken.send(mcp_stdio._parsed(bytearray(json.dumps(listing).encode())))
        got = await reading.receive()
    assert [tool["name"] for tool in got.message.result["tools"]] == ["small"]
    assert list(mender.left_out) == ["large"]
    assert threads == [False, False]


async def test_what_a_server_started_and_left_behind_ends_with_it(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reading = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    ready = json.dumps({"jsonrpc": "2.0", "method": "ready"})
    # Only the sleeper keeps the other end: it is closed when he is gone.
    script = f"exec 3>'{fifo}'; sleep 47 & exec 3>&-; echo '{ready}'; cat >/dev/null"
    try:
        async with mcp_stdio.open_stdio(StdioServerParameters(command="sh", args=["-c", script])) as (incoming, _):
            await incoming.receive()
        with trio.fail_after(10):
            await trio.lowlevel.wait_readable(reading)
        assert os.read(reading, 1) == b""
    finally:
        os.close(reading)
