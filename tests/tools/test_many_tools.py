"""What MCP servers list: names of any form one to one, bad tools left out alone, and of very many those that matter."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from mcp.types import CallToolResult, TextContent

from actors.protocols import Tool
from harry.config.tool_sections import McpServer
from harry.tools.mcp_listing import MAX_NAME_CHARACTERS, Mender, map_names
from harry.tools.mcp_servers import Server, convert_result
from harry.tools.relevance import MAX_OFFERED, choose_tools

SERVER = """
import json, sys, time
pages = json.loads(sys.argv[1]); time.sleep(float(sys.argv[2]))
def out(**message): print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)
for line in sys.stdin:
    message = json.loads(line)
    method, number = message.get("method"), message.get("id")
    if method == "initialize":
        out(id=number, result={"protocolVersion": message["params"]["protocolVersion"],
            "capabilities": {"tools": {"listChanged": True}}, "serverInfo": {"name": "f", "version": "1"}})
    elif method == "tools/list":
        at = int((message.get("params") or {}).get("cursor") or 0)
        more = {"nextCursor": str(at + 1)} if at + 1 < len(pages) else {}
        out(id=number, result={"tools": pages[at], **more})
    elif method == "tools/call":
        if message["params"]["name"] == "grow":
            pages[0].append({"name": "grown", "inputSchema": {"type": "object"}})
            out(method="notifications/tools/list_changed")
        out(id=number, result={"structuredContent": {"called": message["params"]["name"]}})
    elif number is not None:
        out(id=number, error={"code": -32601, "message": "Method not found"})
"""


def tool(name: Any, **more: Any) -> dict[str, Any]:
    return {"name": name, "description": "d", "inputSchema": {"type": "object", "properties": {}}, **more}


@asynccontextmanager
async def running(folder: Path, *pages: list[Any], slow: float = 0.0) -> AsyncIterator[Server]:
    (folder / "server.py").write_text(SERVER)
    arguments = [str(folder / "server.py"), json.dumps(pages), str(slow)]
    server = Server("house", McpServer(command=sys.executable, args=arguments))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(server.run)
        with trio.fail_after(30):
            await server.ready.wait()
        yield server
        nursery.cancel_scope.cancel()


async def test_all_pages_are_offered_and_each_tool_is_called_by_its_own_name(tmp_path: Path) -> None:
    names = ["a/b", "a_b", "a.b", "say hello", "\u00e4pfel", "x" * 70 + "_read", "x" * 70 + "_delete"]
    async with running(tmp_path, [tool(name) for name in names[:3]], [tool(name) for name in names[3:]]) as server:
        told = [offer.tool.name for offer in server.offers]
        assert len(set(told)) == len(names)
        assert all(len(name) <= MAX_NAME_CHARACTERS and name.replace("-", "_").isidentifier() for name in told)
        called = [json.loads((await offer.handler({})).text)["called"] for offer in server.offers]
        assert called == names


async def test_one_bad_tool_is_left_out_alone_and_told(tmp_path: Path) -> None:
    bad = [
        {"description": "no name"}, tool(7), tool("no_object", inputSchema={"type": "string"}), "text",
        tool("huge", inputSchema={"type": "object", "description": "x" * 20_000}),
    ]  # fmt: skip
    odd = [
        {"name": "no_schema"}, tool("odd_output", outputSchema={"type": "string"}), tool("odd_hints", annotations="x"),
        tool("odd_icons", icons=[7]), tool("odd_words", description=["x"], title=3),
    ]  # fmt: skip
    async with running(tmp_path, [*bad, *odd]) as server:
        assert [offer.tool.name for offer in server.offers] == [f"house_{each['name']}" for each in odd]
        assert {"no_object", "huge", "a tool without a name"} == set(server.left_out)


async def test_tools_that_come_later_are_offered_when_the_server_says_so(tmp_path: Path) -> None:
    async with running(tmp_path, [tool("grow")]) as server:
        await server.offers[0].handler({})
        with trio.fail_after(10):  # far below the look every fifteen seconds
            while len(server.offers) < 2:  # noqa: ASYNC110  the server's own event is what is tested
                await trio.sleep(0.01)


async def test_a_server_that_starts_slowly_is_left_to_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harry.tools.mcp_servers.ANSWER_WITHIN", 0.2)
    async with running(tmp_path, [tool("late")], slow=1.0) as server:
        assert [offer.tool.name for offer in server.offers] == ["house_late"]


@given(st.lists(st.text(min_size=1, max_size=90), unique=True, max_size=12))
def test_names_are_mapped_one_to_one_whatever_their_order(names: list[str]) -> None:
    mapped = map_names("house", names)
    assert len(set(mapped.values())) == len(names)
    assert all(0 < len(name) <= MAX_NAME_CHARACTERS for name in mapped.values())
    assert map_names("house", names[::-1]) == mapped


FIELDS = st.sampled_from(["name", "inputSchema", "type", "title", "annotations", "properties"])
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner),
)


@given(ANYTHING)
def test_no_listing_breaks_the_mender(listed: Any) -> None:
    listing = {"tools": [listed]}
    Mender().mend(listing)
    assert all(isinstance(each["name"], str) for each in listing["tools"])


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("What is the weather in Oslo?", "get_weather"),
        ("Could you dim the lights, please?", "setLightLevel"),
        ("Play something by Bach.", "media"),
    ],
)
def test_of_very_many_tools_those_are_offered_that_the_words_are_about(words: str, wanted: str) -> None:
    many = [Tool(f"tool_{number}", "Does a thing.") for number in range(200)]
    many += [Tool("get_weather", "Tell it for a place."), Tool("setLightLevel", "Dim."), Tool("media", "Play music.")]
    chosen = choose_tools(many, words)
    assert len(chosen) == MAX_OFFERED
    assert wanted in [each.name for each in chosen]
    assert choose_tools(many[:MAX_OFFERED], words) == many[:MAX_OFFERED]


@pytest.mark.parametrize(
    ("content", "structured", "told"),
    [
        ([], {"temperature": 21}, '{"temperature": 21}'),
        ([TextContent(type="text", text=" ")], {"items": []}, '{"items": []}'),
        ([TextContent(type="text", text="It is 21.")], {"temperature": 21}, "It is 21."),
        ([], None, "[The tool gave nothing back.]"),
    ],
)
def test_a_result_without_text_is_told_by_its_structure(content: Any, structured: Any, told: str) -> None:
    assert convert_result(CallToolResult(content=content, structured_content=structured)).text == told
