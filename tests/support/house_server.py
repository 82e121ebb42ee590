"""A program: a server of the Model Context Protocol as Home Assistant's is, by the official library: PORT TOKEN.

It is at `/api/mcp`, answers each request by itself with JSON, wants a token, and has tools with Home Assistant's names.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import uvicorn
from mcp.server import MCPServer
from mcp.types import ToolAnnotations

PORT, TOKEN = int(sys.argv[1]), sys.argv[2]

server = MCPServer("home-assistant")


@server.tool(annotations=ToolAnnotations(read_only_hint=True))
def GetLiveContext() -> str:  # noqa: N802  Home Assistant's name
    """Provides real-time information about the current state of devices."""
    return "kitchen: light on; living room: 21 degrees"


@server.tool()
def HassTurnOn(name: str, area: str = "") -> str:  # noqa: N802  as above
    """Turns on a device."""
    return f"Turned on {name} {area}".strip()


class Guarded:
    """Lets in who has the token."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        allowed = dict(scope.get("headers", ())).get(b"authorization") == f"Bearer {TOKEN}".encode()
        if scope["type"] == "http" and not allowed:
            await send({"type": "http.response.start", "status": 401, "headers": []})
            await send({"type": "http.response.body", "body": b"401: Unauthorized"})
            return
        await self._app(scope, receive, send)


if __name__ == "__main__":
    app = server.streamable_http_app(streamable_http_path="/api/mcp", json_response=True, stateless_http=True)
    asyncio.run(uvicorn.Server(uvicorn.Config(Guarded(app), port=PORT, log_level="error")).serve())
