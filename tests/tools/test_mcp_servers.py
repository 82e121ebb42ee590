"""Servers of the Model Context Protocol, real ones by the official SDK: used, and harmless when they misbehave."""

from __future__ import annotations

import base64
import io
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, cast

import anyio
import pytest
import trio
from mcp.types import CallToolResult, ImageContent
from PIL import Image

from actors.protocols import Tool, ToolCall
from channels.clock import AudioClock
from channels.events import EventStream
from channels.messages import Outcome, Source, ToolUse, Utterance
from channels.turn import Turn, new_id
from harry.config.loading import Config
from harry.config.tool_sections import McpServer
from harry.host.shared_tools import Toolkit, toolkit
from harry.images import from_uri
from harry.net import egress
from harry.services.prompt_inspection import show_tools
from harry.tools.mcp_servers import Server, convert_result
from harry.tools.toolbox import Offer, SessionTools
from tests.support.paths import SUPPORT

SERVER = str(SUPPORT / "mcp_server.py")


@asynccontextmanager
async def running(**more: object) -> AsyncIterator[Server]:
    settings = {"command": sys.executable, "args": [SERVER], "deadline": 10.0, **more}
    server = Server("house", McpServer.model_validate(settings))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(server.run)
        with trio.fail_after(30):
            await server.ready.wait()
        yield server
        nursery.cancel_scope.cancel()


async def used(server: Server, name: str, arguments: str = "{}") -> ToolUse:
    box = SessionTools(EventStream(AudioClock()), shared=lambda: server.offers)
    turn = Turn(Utterance(new_id(), "hello", Source.TYPED), "ann", "s", "harry")
    turn.decided.set()
    [found] = await box.for_turn(turn).use([ToolCall("1", f"house_{name}", arguments)])
    return found.use


async def test_a_server_s_tools_are_offered_and_used() -> None:
    async with running() as server:
        effects = {each.tool.name: each.tool.effect for each in server.offers}
        assert (effects["house_temperature"], effects["house_lamp"]) == (False, True)
        assert (await used(server, "temperature", '{"room": "kitchen"}')).result == "21 degrees in the kitchen"
        assert (await used(server, "fails")).outcome is Outcome.FAILED
        assert (await used(server, "temperature", '{"room": 1, "x": []}')).outcome is Outcome.FAILED
        assert len((await used(server, "floods")).result) < 17_000


async def test_a_server_that_dies_ends_no_more_than_its_call_and_is_started_again() -> None:
    async with running(deadline=5.0) as server:
        assert (await used(server, "dies")).outcome in (Outcome.FAILED, Outcome.UNKNOWN)
        with trio.fail_after(60):  # a start has its own pauses, and tells nobody
            while not server.offers or (await used(server, "lamp", '{"on": true}')).outcome is not Outcome.FINISHED:  # noqa: ASYNC110
                await trio.sleep(0.2)


async def test_a_call_that_hangs_ends_at_its_deadline_and_the_server_serves_on() -> None:
    async with running(deadline=1.0) as server:
        assert (await used(server, "hangs")).outcome is Outcome.UNKNOWN
        assert (await used(server, "lamp", '{"on": true}')).result == "the lamp is on"


async def test_a_server_is_asked_over_http() -> None:
    listener = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listener[0].socket.getsockname()[1]
    await listener[0].aclose()
    process = await trio.lowlevel.open_process([sys.executable, SERVER, str(port)])
    try:
        with trio.fail_after(30):
            await _listening(port)
        async with running(command="", args=[], url=f"http://127.0.0.1:{port}/mcp") as server:
            assert (await used(server, "lamp", '{"on": false}')).result == "the lamp is off"
    finally:
        process.terminate()
        with trio.move_on_after(10, shield=True):
            await process.wait()


async def _listening(port: int) -> None:
    while True:
        try:
            await (await trio.open_tcp_stream("127.0.0.1", port)).aclose()
        except OSError:
            await trio.sleep(0.1)
        else:
            return


async def test_a_command_that_is_not_there_and_an_address_elsewhere_are_told() -> None:
    async with running(command="/no/such/thing", args=[]) as server:
        assert not server.offers
        assert server.trouble
    egress.configure(local_only=True)
    try:
        async with running(command="", args=[], url="https://example.org/mcp") as server:
            assert "local_only" in server.trouble
    finally:
        egress.configure(local_only=False)


@pytest.mark.parametrize("more", [{}, {"command": "x", "url": "http://y"}])
def test_a_server_is_a_command_or_an_address(more: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="either"):
        McpServer.model_validate(more)


async def test_the_toolkit_holds_configured_servers_and_leaves_out_what_is_not_wanted() -> None:
    config = Config.model_validate(
        {"mcp": {"house": {"command": sys.executable, "args": [SERVER]}}, "tools": {"without": ["house_dies"]}}
    )
    async with toolkit(config) as kit:
        with trio.fail_after(30):
            await kit.servers[0].ready.wait()
        names = {each.tool.name for each in kit.offers(owner=True)}
    assert "house_lamp" in names
    assert "house_dies" not in names


async def test_a_person_who_looks_sees_a_server_s_tools_and_why_one_offers_none() -> None:
    config = Config.model_validate(
        {"mcp": {"house": {"command": sys.executable, "args": [SERVER]}, "gone": {"command": "/no/such/thing"}}}
    )
    shown = await show_tools(config)
    assert [each.why for each in shown if each.text.startswith("house_lamp: ")] == ["has an effect"]
    assert [each.why for each in shown if "[mcp.gone]" in each.text] == ["cannot be offered now"]


def test_a_picture_of_a_server_is_made_small_and_what_is_none_is_told() -> None:
    large = io.BytesIO()
    Image.new("RGB", (3000, 100)).save(large, "PNG")
    drawn = ImageContent(type="image", data=base64.b64encode(large.getvalue()).decode(), mime_type="image/png")
    false = ImageContent(type="image", data=base64.b64encode(b"words").decode(), mime_type="image/png")
    answer = convert_result(CallToolResult(content=[*[drawn] * 6, false]))
    assert len(answer.pictures) == 4
    with Image.open(io.BytesIO(from_uri(answer.pictures[0]))) as seen:
        assert (seen.format, seen.width) == ("JPEG", 1568)
    alone = convert_result(CallToolResult(content=[false]))
    assert (alone.pictures, "cannot be shown" in alone.text) == ((), True)


@pytest.mark.parametrize("failure", [anyio.ClosedResourceError(), KeyError("x"), ExceptionGroup("x", [TypeError()])])
async def test_a_server_may_fail_at_anything_and_nobody_else_does(
    monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    async def fails(_: Server) -> None:
        await trio.lowlevel.checkpoint()
        raise failure

    monkeypatch.setattr(Server, "_serve", fails)
    async with running() as server:
        assert server.trouble
        assert server.offers == ()


class _Named:
    def __init__(self, name: str, *tools: str) -> None:
        self.name = name
        self.offers = tuple(_offer(tool) for tool in tools)


def _offer(name: str) -> Offer:
    async def nothing(_: Mapping[str, Any]) -> str:
        return ""

    return Offer(Tool(name, ""), nothing)


@pytest.mark.parametrize(
    ("shared", "offered"),
    [
        ([], []),
        (["house"], ["house_lamp"]),
        (["house_lamp"], ["house_lamp"]),
        (["get_image"], ["get_image"]),
        (["*", "", "files"], []),
        (["house", "files_read"], ["house_lamp", "files_read"]),
    ],
)
def test_others_are_offered_only_the_tools_that_are_shared_by_name(shared: list[str], offered: list[str]) -> None:
    servers = cast("list[Server]", [_Named("house", "house_lamp", "house_out"), _Named("fil", "files_read")])
    kit = Toolkit([_offer("get_image"), _offer("plugged")], servers, frozenset({"house_out"}), frozenset(shared))
    assert [each.tool.name for each in kit.offers(owner=False)] == offered
    assert len(kit.offers(owner=True)) == 4
