"""A Model Context Protocol server as a child process, spoken with in lines of JSON, bounded in what it may send.

The SDK's own transport reads a line of any length, again and again from its start; this one takes the same streams.
The child has a process group of its own, which ends with the block: its input is closed, then it is told, then all that
is left of the group is killed.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TypeAlias

import anyio
import trio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp import StdioServerParameters
from mcp.client.stdio import get_default_environment
from mcp.shared.message import SessionMessage
from mcp.types import jsonrpc_message_adapter

from harry.tools.mcp_flow import Flow

Incoming: TypeAlias = MemoryObjectReceiveStream[SessionMessage | Exception]
Outgoing: TypeAlias = MemoryObjectSendStream[SessionMessage]

_CHUNK = 65_536
_LARGE = 16_384
"""Bytes of a line from which on it is read in a thread, so that nobody who talks waits for it."""

_GRACE = 2.0
"""Seconds that the child has to end by itself, and again after it was told to."""


@asynccontextmanager
async def open_stdio(parameters: StdioServerParameters) -> AsyncIterator[tuple[Incoming, Outgoing]]:
    """Start the server, and yield its messages and the way to it. Raises `OSError`, `FloodError` in a group."""
    process = await trio.lowlevel.open_process(
        [parameters.command, *parameters.args],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=sys.stderr if sys.stderr is not None else subprocess.DEVNULL,
        env=get_default_environment() | (parameters.env or {}),
        start_new_session=True,
    )
    taken, incoming = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    outgoing, given = anyio.create_memory_object_stream[SessionMessage](0)
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_read, process, taken)
            nursery.start_soon(_write, process, given)
            yield incoming, outgoing
            nursery.cancel_scope.cancel()
    finally:
        for stream in (taken, incoming, outgoing, given):
            stream.close()
        with trio.CancelScope(shield=True):
            await _end(process)


async def _read(process: trio.Process, out: MemoryObjectSendStream[SessionMessage | Exception]) -> None:
    assert process.stdout is not None  # noqa: S101  it was asked for
    flow, begun = Flow(), bytearray()
    async with out:
        while chunk := bytes(await process.stdout.receive_some(_CHUNK)):
            flow.take(chunk)
            *lines, rest = chunk.split(b"\n")
            for line in lines:
                begun += line
                whole, begun = begun, bytearray()
                if not whole or whole.isspace():
                    continue
                if len(whole) > _LARGE:
                    await out.send(await trio.to_thread.run_sync(_parsed, whole, abandon_on_cancel=True))
                else:
                    await out.send(_parsed(whole))
            begun += rest


def _parsed(line: bytearray) -> SessionMessage | Exception:
    try:
        return SessionMessage(jsonrpc_message_adapter.validate_json(line, by_name=False))
    except (ValueError, RecursionError) as error:
        return error if isinstance(error, ValueError) else ValueError("it is nested too deeply")


async def _write(process: trio.Process, given: MemoryObjectReceiveStream[SessionMessage]) -> None:
    assert process.stdin is not None  # noqa: S101  it was asked for
    async with given:
        async for each in given:
            text = each.message.model_dump_json(by_alias=True, exclude_unset=True)
            await process.stdin.send_all(text.encode() + b"\n")


async def _end(process: trio.Process) -> None:
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            await trio.aclose_forcefully(stream)
    for number in (None, signal.SIGTERM):
        if number is not None:
            _tell(process, number)
        with trio.move_on_after(_GRACE):
            await process.wait()
            break
    _tell(process, signal.SIGKILL)  # also what the child started and left behind
    with trio.move_on_after(_GRACE):
        await process.wait()


def _tell(process: trio.Process, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
