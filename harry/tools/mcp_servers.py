"""Servers of the Model Context Protocol (modelcontextprotocol.io) by the official SDK: started, asked, and kept going.

A server is a stranger: it may die, flood or lie. Its tools have their names checked and their texts bounded, its
results are data, and it is started again with growing pauses, each server in a task of its own.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, NoReturn

import anyio
import httpx2
import structlog
import trio
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp.types import (
    AudioContent,
    CallToolResult,
    EmbeddedResource,
    ImageContent,
    ResourceLink,
    TextContent,
    TextResourceContents,
    ToolListChangedNotification,
)
from mcp.types import Tool as Described

from actors.protocols import Tool
from channels.signals import Latch
from harry.config.tool_sections import McpServer
from harry.images import PictureError, sanitize
from harry.net import egress
from harry.net.http_client import new_mcp_client
from harry.redaction import masked
from harry.tools.mcp_flow import Flow
from harry.tools.mcp_listing import MAX_LISTED, Mender, map_names, mended
from harry.tools.mcp_stdio import open_stdio
from harry.tools.toolbox import MAX_RESULT_CHARACTERS, Answer, Offer, ToolError

ANSWER_WITHIN = 20.0
"""Seconds in which a server that has started tells its tools again."""

START_WITHIN = 600.0
"""Seconds for a server to start: the first time it may have to be fetched, with all it needs."""

MAX_PAGES = 100
"""Pages of a listing that are asked for."""

MAX_PICTURES = 4
MAX_DESCRIPTION_CHARACTERS = 2_000

_PAUSES = (1.0, 5.0, 30.0, 120.0)  # seconds before a server is started again
_STEADY = 60.0  # seconds after which a start counts as a success
_LOOK = 15.0  # seconds between two looks at whether a silent server still lives

_FAILURES = (
    MCPError, OSError, EOFError, ValueError, RuntimeError, trio.TooSlowError, httpx2.HTTPError,
    trio.ClosedResourceError, trio.BrokenResourceError, anyio.ClosedResourceError,
    anyio.BrokenResourceError, anyio.EndOfStream,
)  # fmt: skip
"""What the SDK and what it stands on may raise when a server fails."""

log = structlog.get_logger(__name__)


class Server:
    """One configured server. `offers` are its tools while it runs, their names preceded by the server's."""

    def __init__(self, name: str, settings: McpServer) -> None:
        self.name = name
        self.offers: tuple[Offer, ...] = ()
        self.trouble = ""
        self.ready = trio.Event()
        self._mender = Mender()
        self._settings = settings
        self._client: Client | None = None
        self._doubted = Latch()

    @property
    def left_out(self) -> Mapping[str, str]:
        """The tools that cannot be offered, each with the reason."""
        return self._mender.left_out

    async def run(self) -> NoReturn:
        """Keep the server running until cancelled."""
        failures = 0
        while True:
            began = trio.current_time()
            try:
                await self._serve()
                self.trouble = "it ended"
            except* Exception as group:  # noqa: BLE001  a stranger's server may fail at anything; what it was is logged
                first: BaseException = group
                while isinstance(first, BaseExceptionGroup):
                    first = first.exceptions[0]
                self.trouble = masked(str(first)) or type(first).__name__
            self._client, self.offers = None, ()
            failures = 0 if trio.current_time() - began > _STEADY else failures + 1
            pause = _PAUSES[min(failures, len(_PAUSES)) - 1] if failures else _PAUSES[0]
            log.warning("an MCP server is gone", server=self.name, cause=self.trouble[:200], again_in=pause)
            self.ready.set()
            await trio.sleep(pause)

    async def _serve(self) -> None:
        limit = START_WITHIN
        with trio.CancelScope(deadline=trio.current_time() + limit) as within:
            async with AsyncExitStack() as held:
                client = await held.enter_async_context(await self._connected(held))
                self._client = client
                await self._list(client)
                limit, within.deadline = ANSWER_WITHIN, math.inf
                self.trouble = ""
                self.ready.set()
                log.info("an MCP server is there", server=self.name, tools=len(self.offers))
                if self.left_out:
                    log.warning(
                        "tools cannot be offered", server=self.name, tools=dict(list(self.left_out.items())[:8])
                    )
                while True:
                    # A server that died is told by nobody but an answer that does not come.
                    with trio.move_on_after(_LOOK):
                        await self._doubted.wait()
                    self._doubted.clear()
                    within.deadline = trio.current_time() + ANSWER_WITHIN
                    await self._list(client)
                    within.deadline = math.inf
        raise trio.TooSlowError(f"it did not answer within {limit:g} seconds")

    async def _list(self, client: Client) -> None:
        """Ask for all pages of what the server offers."""
        described: list[Described] = []
        cursor: str | None = None
        seen: set[str] = set()
        for _ in range(MAX_PAGES):
            page = await client.list_tools(cursor=cursor, cache_mode="refresh")
            described += page.tools
            cursor = page.next_cursor
            if not cursor or cursor in seen or len(described) >= MAX_LISTED:
                break
            seen.add(cursor)
        one_each = {tool.name: tool for tool in described[:MAX_LISTED]}
        names = map_names(self.name, list(one_each))
        self.offers = tuple(self._offer(names[name], tool) for name, tool in one_each.items())

    async def _notified(self, message: object) -> None:
        """Look at once when the server says that its tools are others."""
        inner = getattr(message, "root", message)
        if isinstance(inner, ToolListChangedNotification):
            self._doubted.set()
        await trio.lowlevel.checkpoint()

    async def _connected(self, held: AsyncExitStack) -> Client:
        settings = self._settings
        if settings.url:
            egress.permit(settings.url, f"MCP server {self.name}")
            http = new_mcp_client(
                settings.url, settings.headers, settings.deadline, f"MCP server {self.name}", watch=lambda: Flow().take
            )
            http = await held.enter_async_context(http)
            return self._client_over(streamable_http_client(settings.url, http_client=http))
        parameters = StdioServerParameters(command=settings.command, args=settings.args, env=settings.env or None)
        return self._client_over(open_stdio(parameters))

    def _client_over(self, transport: Any) -> Client:
        # The SDK takes any context manager that yields a pair of streams as a transport.
        opened: Any = mended(transport, self._mender)
        return Client(opened, message_handler=self._notified)

    def _offer(self, name: str, described: Described) -> Offer:
        reads = described.annotations is not None and described.annotations.read_only_hint is True
        effect = self._settings.effect if self._settings.effect is not None else not reads
        schema: Mapping[str, Any] = described.input_schema or {"type": "object", "properties": {}}
        tool = Tool(
            name, (described.description or described.title or "")[:MAX_DESCRIPTION_CHARACTERS], schema, effect=effect
        )
        return Offer(tool, partial(self._call, described.name), self._settings.deadline, self._settings.confirm)

    async def _call(self, name: str, arguments: Mapping[str, Any]) -> Answer:
        client = self._client
        if client is None:
            raise ToolError(f"The server {self.name} is not there now.")
        began = time.monotonic()
        try:
            result = await client.call_tool(name, dict(arguments))
        except _FAILURES as error:
            self._doubted.set()
            raise ToolError(
                f"The server {self.name} failed: {masked(str(error))[:200] or type(error).__name__}"
            ) from error
        finally:
            if self._settings.url:
                egress.note(
                    self._settings.url, f"MCP tool {name}", sent=len(str(arguments)), seconds=time.monotonic() - began
                )
        answer = await trio.to_thread.run_sync(convert_result, result, abandon_on_cancel=True)
        if result.is_error:
            raise ToolError(answer.text or f"The server {self.name} says that it failed.")
        return answer


def convert_result(result: CallToolResult) -> Answer:
    """Convert a result, bounded: texts joined, pictures made small, everything else named. Blocking."""
    texts: list[str] = []
    pictures: list[str] = []
    for content in result.content[:64]:
        match content:
            case TextContent():
                texts.append(content.text[:MAX_RESULT_CHARACTERS])
            case ImageContent() if len(pictures) < MAX_PICTURES:
                try:
                    pictures.append(sanitize(f"data:{content.mime_type};base64,{content.data}"))
                except PictureError as error:
                    texts.append(f"[a picture that cannot be shown: {error}]")
            case EmbeddedResource(resource=TextResourceContents() as found):
                texts.append(found.text[:MAX_RESULT_CHARACTERS])
            case ResourceLink():
                texts.append(f"[{content.title or content.name}: {content.uri}]"[:MAX_RESULT_CHARACTERS])
            case AudioContent():
                texts.append("[a sound]")
            case _:
                texts.append("[something that is no text]")
    structured = result.structured_content
    if structured is not None and not any(text.strip() for text in texts):
        texts = [json.dumps(structured, ensure_ascii=False)[:MAX_RESULT_CHARACTERS]]
    if not pictures and not any(text.strip() for text in texts):
        texts = ["[The tool gave nothing back.]"]
    return Answer("\n".join(texts), tuple(pictures))
