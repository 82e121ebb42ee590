"""What clients set of a Realtime session: taken field by field, told as it holds, refused where it would break."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from actors.protocols import Delta, Request
from harry.errors import EngineUnavailable
from harry.web.realtime.settings import MOST_TOOLS, Settings, modalities
from tests.support.realtime_clients import Client, conversing, harry

TOOL = {"type": "function", "name": "get_weather", "description": "w", "parameters": {"type": "object"}}
WANTED = {"type": "realtime", "instructions": "You are a pirate.", "tools": [TOOL]}


def audio(way: str, **fields: Any) -> dict[str, Any]:
    return {"audio": {way: fields}}


@pytest.mark.parametrize(
    "more",
    [
        audio("input", noise_reduction={"type": "far_field"}),
        audio("input", transcription={"model": "gpt-4o-transcribe", "language": "en-GB", "prompt": "x"}),
        audio("input", transcription={"model": "whisper-1", "language": None}),
        audio("input", turn_detection={"type": "server_vad", "threshold": 7, "idle_timeout_ms": 5000}),
        audio("input", turn_detection={"type": "semantic_vad", "eagerness": "extreme", "create_response": None}),
        audio("output", speed=1.25, voice={"id": "voice_1"}),
        audio("output", voice="fable", format=None),
        {"max_output_tokens": 4096},
        {"max_output_tokens": "inf", "truncation": {"type": "retention_ratio", "retention_ratio": 0.8}},
        {"tool_choice": "required"},
        {"tool_choice": {"type": "function", "name": "get_weather"}},
        {"reasoning": {"effort": "low"}, "prompt": None, "tracing": "auto", "include": [], "parallel_tool_calls": True},
        {"output_modalities": None, "model": None, "audio": None},
        {"output_modalities": ["text", "audio"], "temperature": 0.8, "unheard_of": [1]},
        {"voice": "alloy", "input_audio_format": "pcm16", "turn_detection": {"type": "server_vad"}},
    ],
)
def test_what_harry_has_no_use_for_loses_nothing_else(more: dict[str, Any]) -> None:
    made, wrongs = Settings().updated({**WANTED, **more})
    assert wrongs == []
    assert (made.instructions, [tool.name for tool in made.offered]) == ("You are a pirate.", ["get_weather"])
    told = made.told()
    assert (told["tool_choice"], told["audio"]["output"]["speed"], told["max_output_tokens"]) == ("auto", 1.0, "inf")
    assert told["output_modalities"] == ["audio"]


@pytest.mark.parametrize(
    ("more", "param"),
    [
        (audio("input", format={"type": "audio/pcmu"}), "session.audio.format"),
        (audio("output", format={"type": "audio/pcm", "rate": 16000}), "session.audio.format"),
        (audio("input", transcription={"language": "de-DE"}), "session.audio.input.transcription.language"),
        (audio("input", turn_detection={"type": "telepathy"}), "session.audio.input.turn_detection.type"),
        ({"output_modalities": ["smell"]}, "session.output_modalities"),
        ({"tools": [TOOL, {"type": "mcp", "server_label": "x"}]}, "session.tools[1].type"),
        ({"tools": [{"type": "function", "name": "two words"}, TOOL]}, "session.tools[0].name"),
        ({"tools": [TOOL, *({**TOOL, "name": f"t{at}"} for at in range(MOST_TOOLS))]}, "session.tools"),
    ],
)
def test_only_what_would_break_is_refused_and_the_rest_is_taken(more: dict[str, Any], param: str) -> None:
    made, wrongs = Settings().updated({**WANTED, **more})
    assert [wrong.param for wrong in wrongs] == [param]
    assert made.instructions == "You are a pirate."
    assert "get_weather" in [tool.name for tool in made.offered]


def test_instructions_that_are_none_leave_those_there_were() -> None:
    made, _ = Settings().updated(WANTED)
    again, wrongs = made.updated({"type": "realtime", "instructions": {"text": "x"}, "tools": "all"})
    assert [wrong.param for wrong in wrongs] == ["session.instructions", "session.tools"]
    assert again == made


@pytest.mark.parametrize(
    ("given", "taken"), [(["audio"], ("audio",)), (["text"], ("text",)), (["audio", "text"], ("audio",)), (None, None)]
)
def test_modalities_are_read_as_clients_write_them(given: Any, taken: Any) -> None:
    assert modalities(given, "x") == taken


async def test_an_update_with_one_bad_field_is_told_and_holds_otherwise() -> None:
    async def talk(client: Client) -> tuple[dict[str, Any], dict[str, Any]]:
        await client.until("session.created")
        wanted: Any = {**WANTED, **audio("input", format={"type": "audio/pcmu"})}
        await client.connection.session.update(session=wanted)
        refused = await client.until("error")
        return refused, await client.until("session.updated")

    async with harry() as door:
        refused, updated = await conversing(door, talk)
    assert refused["error"]["param"] == "session.audio.format"
    assert updated["session"]["instructions"] == "You are a pirate."
    assert updated["session"]["audio"]["input"]["format"] == {"type": "audio/pcm", "rate": 24000}


class Failing:
    """A mind that has no key."""

    name = "failing"

    def describe(self) -> str:
        return "fails"

    async def reply(self, request: Request, emit: Callable[[Delta], Awaitable[None]]) -> None:
        raise EngineUnavailable("host does not accept the key.")

    async def aclose(self) -> None:
        pass


@pytest.mark.parametrize(
    "more", [{}, {"max_output_tokens": 100, "tool_choice": "required"}, {"tools": [TOOL], "metadata": {"n": 1}}]
)
async def test_a_mind_that_failed_is_told_as_failed(more: dict[str, Any]) -> None:
    async def talk(client: Client) -> dict[str, Any]:
        await client.until("session.created")
        await client.connection.conversation.item.create(
            item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello?"}]}
        )
        response: Any = more
        await client.connection.response.create(response=response)
        return await client.until("response.done")

    async with harry(mind=Failing()) as door:
        done = await conversing(door, talk)
    assert done["response"]["status"] == "failed"
    assert "key" in done["response"]["status_details"]["error"]["message"]


def test_a_tool_may_be_described_as_to_chat_completions() -> None:
    described = {"name": "get_weather", "description": "w", "parameters": {"type": "object"}}
    made, wrongs = Settings().updated({"tools": [{"type": "function", "function": described}]})
    assert wrongs == []
    assert made.tools == Settings().updated({"tools": [TOOL]})[0].tools
