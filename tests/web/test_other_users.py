"""Another user at every path, with every event and every message of the protocol: refused, or shown his own things.

The tables below name all there are; one that is added later fails here until it is said which it is.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trio
from trio_websocket import ConnectionClosed, WebSocketConnection

from channels.event_types import BY_NAME
from channels.messages import Source, Thought, TurnRecord
from channels.turn import new_id
from harry.memory.store.database import Database
from harry.memory.store.items import Item
from harry.memory.store.reminders import Reminder
from harry.session.session import Session
from harry.web.api import handlers as api
from harry.web.realtime.client_events import ClientEvents
from tests.channels.sample_events import sample
from tests.support.loopback_server import Away, away, open_socket

OTTER = "the otter is hidden"

OWN, REFUSED, NOBODYS = "his own things", "refused", "nobody's in particular"

ROUTES = {
    **dict.fromkeys(
        [
            "GET /api/me", "GET /api/history", "GET /api/history.md", "GET /api/turns", "GET /api/days", "GET /api/soc",
            "DELETE /api/days/{day}",
            "GET /api/journal", "GET /api/memories", "GET /api/memories/{id}", "DELETE /api/memories/{id}",
            "POST /api/forget-everything", "GET /api/reminders", "DELETE /api/reminders/{id}",
            "POST /api/reminders/{id}/{action}", "GET /api/status", "GET /api/events", "GET /api/room",
            "POST /api/say",
            "POST /v1/chat/completions", "GET /v1/realtime",
        ],
        OWN,
    ),
    **dict.fromkeys(
        [
            "GET /api/settings", "POST /api/settings", "POST /api/room/mute", "POST /api/room/unmute",
            "POST /api/room/stop", "POST /api/room/volume", "POST /api/room/off-the-record", "POST /api/room/say",
            "POST /api/room/announce", "GET /api/mind", "POST /api/mind/decline", "POST /api/mind/fetch",
        ],
        REFUSED,
    ),
    **dict.fromkeys(
        [
            "POST /api/events/{name}",
            "GET /healthz", "GET /enter", "GET /readyz", "GET /metrics", "GET /api/lore", "GET /api/openapi.json",
            "GET /v1/models", "GET /v1/models/{id}", "POST /v1/audio/speech", "POST /v1/audio/transcriptions", "GET /",
            "GET /page/",
        ],
        NOBODYS,
    ),
}  # fmt: skip

BODIES: dict[str, Any] = {
    "POST /api/settings": {"changes": {"persona.name": "Otto"}},
    "POST /api/room/volume": {"volume": 0.0},
    "POST /api/room/off-the-record": {"off": True},
    "POST /api/room/say": {"text": "Forget everything."},
    "POST /api/room/announce": {"text": "Dinner."},
    "POST /api/say": {"text": "Where is the otter?", "user": "owner"},
    "POST /api/forget-everything": {"confirm": "forget everything"},
    "POST /v1/chat/completions": {"model": "harry", "messages": [{"role": "user", "content": "Where is the otter?"}]},
}


@dataclass
class House:
    """The owner's conversation, which has happened to be in the room, and what must stay as it is."""

    door: Away
    session: Session
    store: Database
    ids: dict[str, list[str]]

    async def mine(self) -> dict[str, Any]:
        """What the owner finds of his own."""
        owners = self.door.front.tokens.new("owner")

        async def get(path: str) -> Any:
            return (await self.door.ask("GET", path, token=owners)).json()

        return {
            "turns": (await get("/api/turns"))["turns"],
            "memories": (await get("/api/memories"))["memories"],
            "reminders": [each["id"] for each in (await get("/api/reminders"))["reminders"]],
            "thoughts": len((await get("/api/soc"))["thoughts"]),
            "room": await get("/api/room"),
        }


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with _house(tmp_path) as made:
        yield made


@asynccontextmanager
async def _house(tmp_path: Path) -> AsyncIterator[House]:
    store = await Database.open(tmp_path / "harry.sqlite3")
    await store.write(
        [
            TurnRecord(
                turn="owners-turn", user="owner", session="s", namespace="harry", source=Source.TYPED,
                started_at=1000.0, ended_at=1001.0, said=OTTER, spoken=OTTER, heard=OTTER, interrupted=False,
                reason="finished",
            ),
            Thought(new_id(), "owner", "s", "harry", "Harry", 1000.0, OTTER),
        ]
    )  # fmt: skip
    async with away(tmp_path, store=store) as door:
        assert door.host.memory is not None
        assert door.host.reminding is not None
        await door.host.memory.memory.upsert([Item("owners-memory", OTTER, "owner", speaker="owner", at=1000.0)])
        kept: Reminder = await door.host.reminding.set("owner", "timer", seconds=3000, name=OTTER, session="s")
        async with door.host.open(user="owner") as session:
            door.host.room = session
            yield House(
                door, session, store,
                {"memories": ["owners-memory", "owners-turn"], "reminders": [kept.id], "models": ["harry"]},
            )  # fmt: skip
            door.host.room = None
    await store.aclose()


def _pattern(method: str, pattern: str) -> str:
    return "GET /page/" if pattern.startswith("/page/") else f"{method} {pattern}"


async def test_every_path_refuses_another_user_or_gives_him_his_own(house: House) -> None:
    door, before = house.door, await house.mine()
    assert OTTER in json.dumps(before)
    routes = door.front.door.routes.all
    assert {_pattern(route.method, route.pattern) for route in routes} == ROUTES.keys()
    for route in routes:
        if route.on_socket is not None:
            continue  # see below
        asked = _pattern(route.method, route.pattern)
        kind = route.pattern.split("/")[2] if "{id}" in route.pattern else ""
        for identity in house.ids.get(kind, [""]):
            for action in ("stop", "snooze", "pause", "resume") if "{action}" in route.pattern else ("",):
                path = (
                    route.pattern.replace("{id}", identity).replace("{action}", action).replace("{day}", "1970-01-01")
                )
                for query in ("", f"?session={house.session.identity.session}&user=owner&query=otter"):
                    body = json.dumps(BODIES[asked]).encode() if asked in BODIES else b""
                    with trio.move_on_after(10) as waited:
                        answer = await door.ask(route.method, path + query, body=body)
                        assert OTTER not in answer.body.decode("utf-8", "replace"), asked
                        assert house.session.identity.session not in answer.body.decode("utf-8", "replace"), asked
                        if ROUTES[asked] is REFUSED:
                            assert answer.status == 403, asked
                        if kind in ("memories", "reminders"):
                            assert answer.status == 404, asked
                    assert not waited.cancelled_caught, asked
    assert await house.mine() == before


def test_every_path_that_answers_with_json_stands_in_the_table() -> None:
    assert {f"{path.method} {path.pattern}" for path in api.PATHS} <= ROUTES.keys()


async def _told(socket: WebSocketConnection, last: str) -> list[dict[str, Any]]:
    seen: list[dict[str, Any]] = []
    with trio.fail_after(20):
        while not seen or last not in json.dumps(seen[-1]):
            seen.append(json.loads(await socket.get_message()))
    return seen


async def test_no_event_of_one_user_s_conversation_reaches_another(house: House) -> None:
    async with open_socket(house.door, "/v1/realtime?model=harry&harry=1") as anns:
        await _told(anns, "session.created")
        for name in BY_NAME:
            values = {"text": OTTER} if "text" in BY_NAME[name].__dataclass_fields__ else {}
            house.session.events.publish(sample(name, **values))
        await anns.send_message(json.dumps({"type": "nothing.such", "event_id": "the-last"}))
        seen = json.dumps(await _told(anns, "the-last"))
        assert OTTER not in seen
        assert "harry.elsewhere" not in seen
        assert house.session.identity.session not in seen


MESSAGES: dict[str, dict[str, Any]] = {
    "session.update": {"session": {"type": "realtime", "instructions": "Tell me of the otter."}},
    "input_audio_buffer.append": {"audio": "AAAA"},
    "input_audio_buffer.commit": {},
    "input_audio_buffer.clear": {},
    "output_audio_buffer.clear": {},
    "conversation.item.create": {
        "item": {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Where is the otter?"}]}
    },
    "conversation.item.retrieve": {"item_id": "owners-turn"},
    "conversation.item.delete": {"item_id": "owners-turn"},
    "conversation.item.truncate": {"item_id": "owners-turn", "content_index": 0, "audio_end_ms": 0},
    "response.create": {},
    "response.cancel": {"response_id": "owners-turn"},
    "harry.playback.position": {"item_id": "owners-turn", "audio_ms": 0},
    "harry.mute": {"muted": True},
    "harry.off_the_record": {"off": True},
    "harry.press": {},
}
"""Each message of the protocol, as one who is after the owner's things would send it."""


async def test_no_message_of_one_user_touches_another_s_conversation(house: House) -> None:
    before = await house.mine()
    async with open_socket(house.door, "/v1/realtime?model=harry&harry=1") as anns:
        await _told(anns, "session.created")
        known = re.findall(r'^ +"([a-z_.]+)": self\._', inspect.getsource(ClientEvents), re.MULTILINE)
        assert MESSAGES.keys() == set(known)
        for kind, message in MESSAGES.items():
            await anns.send_message(json.dumps({"type": kind, **message}))
        await anns.send_message(json.dumps({"type": "nothing.such", "event_id": "the-last"}))
        seen = json.dumps(await _told(anns, "the-last"))
        assert OTTER not in seen
    assert await house.mine() == before
    assert not house.session.speech_input.muted
    assert house.session.attention.is_recording


@pytest.mark.parametrize("line", ["/mute", "stop", "off the record", "forget everything", "what do you remember?",
                                  "cancel all timers", "what timers do I have?", "how many reminders are set?",
                                  "what did I say last?", "turn it all the way down"])  # fmt: skip
async def test_no_words_of_one_user_reach_another_s_things(house: House, line: str) -> None:
    before = await house.mine()
    async with house.door.host.open(user="ann") as session:
        turn = session.dialogue.answer_typed(line)
        if turn is not None:
            await turn.over.wait()
        await session.conductor.wait_quiet()
        told = json.dumps([[exchange.said, exchange.heard] for exchange in session.conductor.history])
        assert OTTER not in told
    assert await house.mine() == before


async def test_no_conversation_of_one_user_s_is_taken_up_by_another(house: House) -> None:
    owners = house.door.front.tokens.new("owner")
    async with open_socket(house.door, "/v1/realtime?model=harry", token=owners) as mine:
        created = (await _told(mine, "session.created"))[-1]
        word = created["session"]["harry"]["resume"]
        async with open_socket(house.door, f"/v1/realtime?model=harry&resume={word}") as anns:
            with pytest.raises(ConnectionClosed) as ended:
                await anns.get_message()
            assert ended.value.reason.code == 1008
