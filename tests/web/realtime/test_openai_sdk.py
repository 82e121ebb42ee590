"""The official `openai` SDK holds conversations with Harry over `/v1/realtime`; every event is one of the SDK's own."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import trio

from tests.support.paths import ROOT
from tests.support.realtime_clients import LONG, Client, conversing, harry


async def test_somebody_speaks_and_is_answered_in_the_order_of_the_service() -> None:
    async def talk(client: Client) -> None:
        await client.until("session.created")
        await client.say(1.0, then_quiet=1.0)
        await client.until("response.done")

    kept: list[Client] = []

    async def keep(client: Client) -> None:
        kept.append(client)
        await talk(client)

    async with harry(replies=["one two three."]) as door:
        await conversing(door, keep)
    [client] = kept
    order = [each for each in client.kinds() if not each.endswith(".delta")]
    assert order == [
        "session.created",
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        "conversation.item.input_audio_transcription.completed",
        "response.created",
        "response.output_item.added",
        "conversation.item.added",
        "response.content_part.added",
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.content_part.done",
        "response.output_item.done",
        "conversation.item.done",
        "response.done",
    ]
    done = client.events[-1]["response"]
    assert (done["status"], done["output"][0]["content"][0]["transcript"]) == ("completed", "one two three.")
    # Three words of a fifth of a second, each with a twentieth of silence.
    assert len(client.sound()) / 48_000 == 0.75


STORY = " ".join([LONG] * 5)
"""Sounds for 15 seconds: long enough to be interrupted however slowly a machine goes."""


async def _interrupted(client: Client) -> dict[str, Any]:
    """Hear more than 600 ms of a reply, speak until it is interrupted, and return the end of its response."""
    await client.until("session.created")
    await client.say(0.8, then_quiet=0.8)
    while len(client.sound()) < 0.8 * 48_000:
        await client.say(0.0, then_quiet=0.1)
    while "response.done" not in client.kinds():
        await client.say(0.1)
    return await client.until("response.done")


async def _truncated(client: Client, item: str, milliseconds: int) -> str:
    """Tell Harry how much of an item was heard, and return what it holds then."""
    await client.connection.conversation.item.truncate(item_id=item, content_index=0, audio_end_ms=milliseconds)
    await client.until("conversation.item.truncated")
    await client.connection.conversation.item.retrieve(item_id=item)
    found = await client.until("conversation.item.retrieved")
    return str(found["item"]["content"][0]["transcript"])


async def test_an_interruption_ends_the_response_and_its_item_holds_what_was_heard() -> None:
    async def talk(client: Client) -> tuple[Client, dict[str, Any], str, str]:
        done = await _interrupted(client)
        [item] = done["response"]["output"]
        return client, done, item["content"][0]["transcript"], await _truncated(client, item["id"], 600)

    async with harry(replies=[STORY]) as door:
        client, done, heard, truncated = await conversing(door, talk)
        sessions = door.host.sessions  # the conversation is over with its socket
    assert not sessions
    kinds = client.kinds()
    began = kinds.index("input_audio_buffer.speech_started", kinds.index("response.output_audio.delta"))
    ended = client.events.index(done)
    assert began < ended
    assert client.events[began]["item_id"]
    assert "response.output_audio.delta" not in kinds[began:ended]
    assert (done["response"]["status"], done["response"]["status_details"]["reason"]) == ("cancelled", "turn_detected")
    assert STORY.startswith(heard)
    assert heard.startswith("one two three")
    assert truncated == "one two"


async def test_what_was_heard_is_told_also_when_the_next_response_goes_on_already() -> None:
    async def talk(client: Client) -> str:
        done = await _interrupted(client)
        await client.say(0.0, then_quiet=1.5)
        await client.until("response.created")
        await client.until("response.output_audio.delta")
        return await _truncated(client, done["response"]["output"][0]["id"], 600)

    async with harry(replies=[STORY]) as door:
        assert await conversing(door, talk) == "one two"


async def test_words_that_are_typed_are_answered_in_writing() -> None:
    async def talk(client: Client) -> Client:
        await client.until("session.created")
        await client.connection.session.update(session={"type": "realtime", "output_modalities": ["text"]})
        await client.until("session.updated")
        await client.connection.conversation.item.create(
            item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello?"}]}
        )
        await client.connection.response.create()
        await client.until("response.done")
        return client

    async with harry(replies=["Hello yourself."]) as door:
        client = await conversing(door, talk)
    done = client.events[-1]["response"]
    assert done["output"][0]["content"] == [{"type": "output_text", "text": "Hello yourself."}]
    assert not client.sound()


async def test_the_example_for_users_of_the_sdk_converses() -> None:
    script = ROOT / "examples" / "openai_sdk" / "converse.py"
    async with harry(replies=["Good morning to you.", "A lighthouse."]) as door:
        where = {"HARRY": f"http://127.0.0.1:{door.port}/v1", "HARRY_TOKEN": door.token}
        with trio.fail_after(60):
            done = await trio.run_process(
                [sys.executable, str(script)], env=os.environ | where, capture_stdout=True, stderr=subprocess.STDOUT
            )
    said = done.stdout.decode()
    assert said.startswith("Good morning to you.")
    assert said.count(".") == 2
