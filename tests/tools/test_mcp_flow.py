"""An MCP server that sends without end is cut off; one that sends much is not."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest
import trio

from harry.config.tool_sections import McpServer
from harry.tools.mcp_flow import MAX_LINE_BYTES, MAX_LINES, WINDOW, FloodError, Flow
from harry.tools.mcp_servers import Server

PIECE = b"x" * 65_536

HOSTILE = """
import json, sys
def send(message): print(json.dumps(message), flush=True)
for line in sys.stdin:
    asked = json.loads(line)
    if asked.get("method") == "initialize":
        send({"jsonrpc": "2.0", "id": asked["id"], "result": {"protocolVersion": asked["params"]["protocolVersion"],
              "capabilities": {"tools": {}}, "serverInfo": {"name": "f", "version": "1"}}})
    elif asked.get("method") == "tools/list":
        send({"jsonrpc": "2.0", "id": asked["id"], "result": {"tools": []}})
        while True:
            sys.stdout.write(%s)
            sys.stdout.flush()
    elif "id" in asked:
        send({"jsonrpc": "2.0", "id": asked["id"], "error": {"code": -32601, "message": "unknown"}})
"""


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def endless(flow: Flow) -> None:
    for _ in range(MAX_LINE_BYTES // len(PIECE) + 1):
        flow.take(PIECE)


def endless_after_a_line(flow: Flow) -> None:
    flow.take(b"{}\n")
    endless(flow)


def many(flow: Flow) -> None:
    flow.take(b"{}\n" * (MAX_LINES + 1))


def large(flow: Flow) -> None:
    for _ in range(600):  # more than the longest message has, in one while
        flow.take(PIECE + b"\n")


@pytest.mark.parametrize("too_much", [endless, endless_after_a_line, many, large], ids=lambda each: each.__name__)
def test_what_nobody_could_read_is_refused(too_much: Callable[[Flow], None]) -> None:
    with pytest.raises(FloodError):
        too_much(Flow(Clock()))


def test_a_server_may_send_for_ever_if_it_takes_its_time() -> None:
    clock = Clock()
    flow = Flow(clock)
    for _ in range(100):
        flow.take(b"{}\n" * (MAX_LINES // 2))
        clock.now += WINDOW


@pytest.mark.parametrize(
    "what", ['"x" * 65536', '("{" * 100 + chr(10)) * 500', 'json.dumps({"jsonrpc": "2.0", "method": "n"}) + chr(10)'],
    ids=["a line without an end", "lines that are no JSON", "messages"],
)  # fmt: skip
async def test_a_server_that_floods_is_ended_and_harry_goes_on(what: str) -> None:
    server = Server("house", McpServer(command=sys.executable, args=["-c", HOSTILE % what], deadline=10.0))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(server.run)
        with trio.fail_after(60):
            while "sent" not in server.trouble:  # noqa: ASYNC110  (a start tells nobody)
                await trio.sleep(0.02)
        nursery.cancel_scope.cancel()
    assert not server.offers
