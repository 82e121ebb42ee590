"""What an MCP server lists, taken tool by tool: names of any form mapped one to one, bad tools left out alone.

The SDK checks a listing as a whole, so one bad tool would lose all of them. Listings are mended on their way to it,
down to the fields that are used here.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import trio

MAX_LISTED = 2_000
"""Tools of one server that are taken."""

MAX_NAME_CHARACTERS = 64
"""Characters of a name that minds are told; the protocol of most servers of minds allows no more."""

MAX_SCHEMA_CHARACTERS = 16_000
"""Characters of a tool's parameters as JSON; a mind reads, and somebody pays for, all of them with each prompt."""

_HASH = 6


class Mender:
    """Mends the listings of one server; `left_out` says of each tool that was not taken why."""

    def __init__(self) -> None:
        self.left_out: dict[str, str] = {}

    def mend(self, listing: dict[str, Any]) -> None:
        """Replace the tools of a listing by those that can be used, each with the fields that count. May block."""
        tools = listing.get("tools")
        if isinstance(tools, list):
            left_out = dict(self.left_out)  # whoever looks meanwhile, in another thread, sees one that does not change
            found = [_mended(given, left_out) for given in tools[:MAX_LISTED]]
            listing["tools"] = [tool for tool in found if tool is not None]
            self.left_out = left_out


def _mended(given: Any, left_out: dict[str, str]) -> dict[str, Any] | None:
    name = given.get("name") if isinstance(given, dict) else None
    if not isinstance(name, str) or not name.strip():
        _leave_out(left_out, "a tool without a name", "it has no name")
        return None
    schema = given.get("inputSchema")
    if schema is None:
        schema = {}
    if not isinstance(schema, dict) or schema.get("type", "object") != "object":
        _leave_out(left_out, name, "its inputSchema is no schema of an object")
        return None
    try:
        too_large = len(json.dumps(schema)) > MAX_SCHEMA_CHARACTERS
    except (ValueError, RecursionError):
        too_large = True
    if too_large:
        _leave_out(left_out, name, f"its inputSchema has more than {MAX_SCHEMA_CHARACTERS} characters")
        return None
    properties = schema.get("properties")
    tool = {
        "name": name,
        "inputSchema": {
            **schema, "type": "object", "properties": properties if isinstance(properties, dict) else {},
        },
    }  # fmt: skip
    for key in ("title", "description"):
        if isinstance(given.get(key), str):
            tool[key] = given[key]
    hints = given.get("annotations")
    if isinstance(hints, dict) and isinstance(hints.get("readOnlyHint"), bool):
        tool["annotations"] = {"readOnlyHint": hints["readOnlyHint"]}
    left_out.pop(name, None)
    return tool


def _leave_out(left_out: dict[str, str], name: str, why: str) -> None:
    if len(left_out) < MAX_LISTED:
        left_out[name[:80]] = why


class _MendedStream:
    """A transport's stream of messages, whose listings are mended as they are read."""

    def __init__(self, stream: Any, mender: Mender) -> None:
        self._stream = stream
        self._mender = mender

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    async def __aenter__(self) -> _MendedStream:
        await self._stream.__aenter__()
        return self

    async def __aexit__(self, *error: Any) -> Any:
        return await self._stream.__aexit__(*error)

    def __aiter__(self) -> _MendedStream:
        return self

    async def __anext__(self) -> Any:
        return await self._mended(await self._stream.__anext__())

    async def receive(self) -> Any:
        return await self._mended(await self._stream.receive())

    async def _mended(self, item: Any) -> Any:
        result = getattr(getattr(item, "message", None), "result", None)
        if isinstance(result, dict) and isinstance(result.get("tools"), list):
            # A schema can be as large as a message: who talks does not wait while it is measured.
            await trio.to_thread.run_sync(self._mender.mend, result, abandon_on_cancel=True)
        elif isinstance(result, dict) and "structuredContent" in result and not isinstance(result.get("content"), list):
            result["content"] = []
        return item


@asynccontextmanager
async def mended(transport: AbstractAsyncContextManager[Any], mender: Mender) -> AsyncIterator[Any]:
    """Open a transport of the SDK, whose listings `mender` mends."""
    async with transport as (reading, writing):
        yield _MendedStream(reading, mender), writing


def map_names(server: str, names: Sequence[str]) -> dict[str, str]:
    """Return, for each name that a server uses, the one that a mind is told: no two alike, and always the same.

    What a mind may not be told is replaced; where that, or the length, makes two alike, a part of a hash tells them
    apart.
    """
    clean = {name: re.sub(r"[^A-Za-z0-9_-]", "_", f"{server}_{name}") for name in names}
    exact = {name for name in names if clean[name] == f"{server}_{name}" and len(clean[name]) <= MAX_NAME_CHARACTERS}
    taken: dict[str, str] = {name: clean[name] for name in names if name in exact}
    for name in names:
        if name not in exact:
            taken[name] = _apart(name, clean, taken.values())
    return taken


def _apart(name: str, clean: dict[str, str], taken: Collection[str]) -> str:
    wanted = clean[name]
    alone = sum(other == wanted for other in clean.values()) == 1
    if alone and len(wanted) <= MAX_NAME_CHARACTERS and wanted not in taken:
        return wanted
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:_HASH]
    return f"{wanted[: MAX_NAME_CHARACTERS - _HASH - 1]}_{digest}"
