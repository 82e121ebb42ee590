"""A server of the Model Context Protocol for the tests, by stdio or HTTP; its tools work, fail, die, flood and hang."""

from __future__ import annotations

import asyncio
import os
import sys

import anyio
import trio
from mcp.server import MCPServer
from mcp.types import ToolAnnotations

server = MCPServer("house")


@server.tool(annotations=ToolAnnotations(read_only_hint=True))
def temperature(room: str) -> str:
    """The temperature of a room."""
    return f"21 degrees in the {room}"


@server.tool()
def lamp(on: bool) -> str:
    """Switch the lamp."""
    return f"the lamp is {'on' if on else 'off'}"


@server.tool()
def fails() -> str:
    """Fail."""
    raise ValueError("no such room")


@server.tool()
def dies() -> str:
    """End the server."""
    os._exit(3)


@server.tool()
def floods() -> str:
    """Say a lot."""
    return "water " * 1_000_000


@server.tool()
async def hangs() -> str:
    """Take for ever."""
    await anyio.sleep_forever()
    return ""


if __name__ == "__main__":
    if len(sys.argv) > 1:
        asyncio.run(server.run_streamable_http_async(host="127.0.0.1", port=int(sys.argv[1])))  # uvicorn is of asyncio
    else:
        trio.run(server.run_stdio_async)
