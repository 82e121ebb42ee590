"""Whatever a Realtime client sends, right, half right or absurd: an answer or an `error` event, and no crash."""

from __future__ import annotations

import base64
import copy
import json
import random
from typing import Any

import pytest
import trio
import trio.testing
from trio_websocket import ConnectionClosed, WebSocketConnection, open_websocket_url

from harry.web.server import websocket as door_socket
from harry.web.server.rate_limits import Bucket
from tests.support.loopback_server import Away
from tests.support.realtime_clients import LOUD, QUIET, harry

CALLING = {"type": "function", "name": "lamp", "description": "d", "parameters": {"type": "object", "properties": {}}}
PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJ"
    "RU5ErkJggg=="
)
SOUND = base64.b64encode(LOUD).decode()


def _said(*content: dict[str, Any], role: str = "user") -> dict[str, Any]:
    item = {"id": "item_x", "type": "message", "role": role, "content": list(content)}
    return {"type": "conversation.item.create", "previous_item_id": None, "item": item}


WISHES: list[dict[str, Any]] = [
    {
        "type": "session.update",
        "event_id": "event_1",
        "session": {
            "type": "realtime", "model": "harry", "instructions": "Be brief.", "output_modalities": ["audio"],
            "tools": [CALLING], "tool_choice": "auto", "max_output_tokens": "inf",
            "audio": {
                "input": {
                    "format": {"type": "audio/pcm", "rate": 24000}, "noise_reduction": None,
                    "transcription": {"model": "harry", "language": "en"},
                    "turn_detection": {
                        "type": "server_vad", "threshold": 0.5, "prefix_padding_ms": 300, "silence_duration_ms": 500,
                        "create_response": True, "interrupt_response": True,
                    },
                },
                "output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "harry", "speed": 1.0},
            },
        },
    },
    {"type": "session.update", "session": {"type": "realtime", "audio": {"input": {"turn_detection": None}}}},
    {
        "type": "session.update",
        "session": {"audio": {"input": {"turn_detection": {"type": "semantic_vad", "eagerness": "auto"}}}},
    },
    {"type": "input_audio_buffer.append", "audio": SOUND},
    {"type": "input_audio_buffer.append", "audio": base64.b64encode(QUIET).decode()},
    {"type": "input_audio_buffer.commit"},
    {"type": "input_audio_buffer.clear"},
    {"type": "output_audio_buffer.clear"},
    _said({"type": "input_text", "text": "Hello?"}),
    _said({"type": "input_image", "image_url": PIXEL}),
    _said({"type": "input_audio", "audio": SOUND}),
    _said({"type": "output_text", "text": "Hello."}, role="assistant"),
    _said({"type": "input_text", "text": "Be kind."}, role="system"),
    {
        "type": "conversation.item.create",
        "item": {"type": "function_call_output", "call_id": "call_1", "output": "on"},
    },
    {"type": "conversation.item.retrieve", "item_id": "item_x"},
    {"type": "conversation.item.delete", "item_id": "item_x"},
    {"type": "conversation.item.truncate", "item_id": "item_x", "content_index": 0, "audio_end_ms": 100},
    {"type": "response.create"},
    {"type": "response.create", "response": {"output_modalities": ["text"], "metadata": {"a": "b"}}},
    {"type": "response.cancel", "response_id": "resp_x"},
    {"type": "response.cancel"},
    {"type": "harry.playback.position", "item_id": "item_x", "audio_ms": 20},
    {"type": "harry.mute", "muted": True},
    {"type": "harry.mute", "muted": False},
    {"type": "harry.off_the_record", "off": True},
    {"type": "harry.press"},
]  # fmt: skip

ABSURD: list[Any] = [
    None, True, False, 0, -1, 1.5, 1e308, 10**400, -(10**30), "", "x", "\ud800", "\0", "é" * 300, "9" * 5000, [], {},
    [[]], [None], {"type": {}}, {"": ""}, [{"type": "function"}], ["audio", "text"], "audio", "server_vad", "item_x",
]  # fmt: skip


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) in a message."""
    found: list[tuple[Any, Any]] = []
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else []
    for key in keys:
        found += [(value, key), *_places(value[key])]
    return found


def _mutated(dice: random.Random) -> str | bytes:
    message = copy.deepcopy(dice.choice(WISHES))
    for _ in range(dice.choice([0, 0, 1, 1, 1, 2, 4])):
        places = _places(message)
        if not places:
            break
        holder, key = dice.choice(places)
        change = dice.randrange(4)
        if change == 0:
            del holder[key]
        elif change == 1 and isinstance(holder, dict):
            holder[dice.choice(["type", "item", "session", "audio", "x", "response", "id"])] = dice.choice(ABSURD)
        else:
            holder[key] = copy.deepcopy(dice.choice(ABSURD))
    text = json.dumps(message)
    how = dice.random()
    if how < 0.85:
        return text
    data = bytearray(text.encode())
    for _ in range(dice.randint(1, 4)):
        at = dice.randrange(len(data) + 1)
        data[at : at + dice.randint(0, 3)] = dice.choice(
            [b"", b"{", b"[" * 2000, b"NaN", b"\\ud800", b'"', b"\xff", b"1e9"]
        )
    return bytes(data) if how > 0.95 else data.decode("utf-8", "replace")


async def _client(door: Away, messages: list[str | bytes], kinds: dict[str, int]) -> None:
    """Send them all, and read what comes; then the conversation must still answer."""
    headers = [(b"Authorization", f"Bearer {door.token}".encode())]
    url = f"ws://127.0.0.1:{door.port}/v1/realtime?model=harry&harry=1"
    async with open_websocket_url(url, extra_headers=headers) as line, trio.open_nursery() as nursery:
        answered = trio.Event()
        nursery.start_soon(_read, line, kinds, answered)
        for each in messages:
            await line.send_message(each)
        last = {"type": "conversation.item.retrieve", "event_id": "the last", "item_id": "nothing"}
        await line.send_message(json.dumps(last))
        with trio.fail_after(60):
            await answered.wait()
        nursery.cancel_scope.cancel()


async def _read(line: WebSocketConnection, kinds: dict[str, int], answered: trio.Event) -> None:
    try:
        while True:
            event = json.loads(await line.get_message())
            kinds[event["type"]] = kinds.get(event["type"], 0) + 1
            if event["type"] == "error" and event["error"]["event_id"] == "the last":
                answered.set()
    except ConnectionClosed as closed:
        pytest.fail(f"the conversation was ended: {closed.reason}")


async def fuzz(monkeypatch: pytest.MonkeyPatch, count: int, *, each: int = 500) -> None:
    monkeypatch.setattr(door_socket, "Bucket", lambda rate, burst: Bucket(1e9, 1e9))
    dice = random.Random(10)
    kinds: dict[str, int] = {}
    async with harry(replies=["one two three."]) as door:
        await trio.testing.wait_all_tasks_blocked(0.05)
        tasks = trio.lowlevel.current_statistics().tasks_living
        for _ in range(0, count, 4 * each):
            async with trio.open_nursery() as nursery:
                for _ in range(4):
                    nursery.start_soon(_client, door, [_mutated(dice) for _ in range(each)], kinds)
        with trio.fail_after(20):
            while door.host.sessions:  # noqa: ASYNC110  (the last to leave tells nobody)
                await trio.sleep(0.01)
        await trio.testing.wait_all_tasks_blocked(0.05)
        assert door.front.door.tally.failures == 0
        assert trio.lowlevel.current_statistics().tasks_living <= tasks
    # Something of it was understood, and something was not.
    assert kinds["error"] > count / 10
    assert kinds["session.updated"] > count / 200
    assert kinds["response.done"]
    assert kinds["conversation.item.added"] > count / 200


async def test_two_thousand_mutated_messages_are_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    await fuzz(monkeypatch, 2_000)


@pytest.mark.acceptance
async def test_a_hundred_thousand_mutated_messages_are_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    await fuzz(monkeypatch, 100_000)
