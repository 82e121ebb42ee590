"""Tools of the client's, by the official `openai` SDK: the call ends the response, the output goes on with the turn."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from actors.protocols import Delta, Request, Role, TextDelta, ToolCall, ToolResult
from tests.support.realtime_clients import Client, conversing, harry

WEATHER = {
    "type": "function",
    "name": "weather",
    "description": "Tells the weather of a place.",
    "parameters": {"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]},
}


class Asking:
    """A mind that asks for the weather once, and then says what it was told."""

    name = "asking"

    def __init__(self, *, first: str = "") -> None:
        self._first = first
        self.offered: list[tuple[str, ...]] = []
        self.prompts: list[str] = []

    def describe(self) -> str:
        return "asks for the weather"

    async def reply(self, request: Request, emit: Callable[[Delta], Awaitable[None]]) -> None:
        self.offered.append(tuple(tool.name for tool in request.tools))
        self.prompts.append(repr(request.messages))
        last = request.messages[-1]
        if last.role is Role.TOOL:
            [told] = [part for part in last.parts if isinstance(part, ToolResult)]
            await emit(TextDelta(f"It is {told.text} today."))
        else:
            if self._first:
                await emit(TextDelta(self._first))
            await emit(ToolCall("1", "weather", '{"place": "Oslo"}'))

    async def aclose(self) -> None:
        pass


async def _offering(client: Client, **session: Any) -> None:
    await client.until("session.created")
    asked: Any = {"type": "realtime", "tools": [WEATHER], **session}
    await client.connection.session.update(session=asked)
    await client.until("session.updated")


async def _asking(client: Client) -> dict[str, Any]:
    """Speak, and answer the call; the second response."""
    await client.say(0.8, then_quiet=0.8)
    call = await client.until("response.function_call_arguments.done")
    first = await client.until("response.done")
    assert first["response"]["output"][-1]["type"] == "function_call"
    assert first["response"]["output"][-1]["status"] == "completed"
    await client.connection.conversation.item.create(
        item={"type": "function_call_output", "call_id": call["call_id"], "output": "rainy"}
    )
    await client.connection.response.create()
    return await client.until("response.done")


async def test_a_call_ends_the_response_and_its_output_goes_on_in_another() -> None:
    async def talk(client: Client) -> tuple[Client, dict[str, Any]]:
        await _offering(client)
        return client, await _asking(client)

    mind = Asking(first="Let me look. ")
    async with harry(mind=mind) as door:
        client, second = await conversing(door, talk)
    [first] = [each["response"] for each in client.events if each["type"] == "response.done"][:1]
    kinds = [each["type"] for each in first["output"]]
    assert kinds == ["message", "function_call"]
    assert json.loads(first["output"][-1]["arguments"]) == {"place": "Oslo"}
    assert first["output"][0]["content"][0]["transcript"] == "Let me look."
    assert second["response"]["id"] != first["id"]
    assert second["response"]["output"][0]["content"][0]["transcript"].strip() == "It is rainy today."
    assert all("weather" in offered for offered in mind.offered)


async def test_tools_can_be_taken_back() -> None:
    async def talk(client: Client) -> None:
        await _offering(client)
        await client.connection.session.update(session={"type": "realtime", "tools": []})
        await client.until("session.updated")
        await client.connection.conversation.item.create(
            item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Tell me of the sea."}]}
        )
        await client.connection.response.create()
        await client.until("response.done")

    mind = Asking()
    async with harry(mind=mind) as door:
        await conversing(door, talk)
    assert "weather" not in mind.offered[0]


async def test_an_output_that_comes_after_its_turn_was_cut_is_told_with_the_next_prompt() -> None:
    async def talk(client: Client) -> None:
        await _offering(client)
        await client.say(0.8, then_quiet=0.8)
        call = await client.until("response.function_call_arguments.done")
        await client.until("response.done")
        await client.say(0.8)  # the turn that waits for the client is over
        await client.until("input_audio_buffer.speech_started")
        await client.connection.conversation.item.create(
            item={"type": "function_call_output", "call_id": call["call_id"], "output": "rainy"}
        )
        await client.say(0.0, then_quiet=0.8)
        await client.until("response.function_call_arguments.done")

    mind = Asking()
    async with harry(mind=mind) as door:
        await conversing(door, talk)
    assert len(mind.prompts) == 2
    assert "rainy" not in mind.prompts[0]
    assert "rainy" in mind.prompts[1]
