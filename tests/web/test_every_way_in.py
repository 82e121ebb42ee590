"""The same everyday wishes by every way in: microphone, typed line, `harry ask`, chat door, Realtime, page, room.

One host without a language model, at a time that stands still; behind each way is a person of his own, who wishes for
the same in the same order. What the ear hears is given to the session as words.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import trio

from channels.clock import AudioClock
from channels.event_types import Reply, TurnEnded
from channels.events import EventSubscription
from channels.messages import Speech, Transcript
from channels.turn import new_id
from harry.bench.scripted_day import SetClock
from harry.config.loading import Config
from harry.config.sections import User, Web
from harry.daemon.web_server import opened
from harry.engines.engine_set import Engines
from harry.engines.lease import EnginePool
from harry.host.conversation import ConversationDevices
from harry.host.hosting import hosting
from harry.host.storage import Storage
from harry.memory.store.database import Database
from harry.mind.absent import Absent
from harry.reflexes.clocks import Clocks
from harry.services.ask import write_reply
from harry.session.session import Session
from harry.testing.microphone import HandFedMicrophone
from harry.web.server.listener import listen
from harry.welfare.care import OTHER, OWN
from tests.support.loopback_server import Away
from tests.support.realtime_clients import Client, conversing

COUNT = 60
LEFT_OUT = {
    "dice", "coin", "random_number",  # by chance
    "volume", "mute_stop_listening",  # where something sounds or listens
    "repeat", "forget", "never_mind", "timer_cancel",  # of the conversation that goes on
}  # fmt: skip
WAYS = ("microphone", "typed", "ask", "chat", "realtime", "page", "room")


def wishes() -> list[tuple[list[str], str]]:
    """Take two wishes of each kind, with what has to be said before them."""
    cases = json.loads((files("harry.bench") / "data" / "wishes_open.json").read_text("utf-8"))
    kinds = dict.fromkeys(case["kind"] for case in cases if case["kind"] not in LEFT_OUT)
    chosen = [[case for case in cases if case["kind"] == kind][:2] for kind in kinds]
    return [(case.get("before", []), case["text"]) for both in chosen for case in both][:COUNT]


Say = Callable[[str], Awaitable[str]]


async def by_session(session: Session, say: Callable[[str], object]) -> Say:
    """Answer by a session that goes on; `say` puts words into it."""
    told = session.events.listen(4096, lossless=True)

    async def ask(text: str) -> str:
        say(text)
        return await reply_of(told)

    return ask


async def reply_of(events: EventSubscription) -> str:
    words: list[str] = []
    with trio.fail_after(30):
        async for event in events:
            match event.what:
                case Reply(text=text):
                    words.append(text)
                case TurnEnded():
                    return "".join(words)
    raise AssertionError("the session ended")


def hear(session: Session, text: str) -> None:
    """Take in what an ear made of an utterance."""
    now = session.events.clock.now()
    speech = Speech(new_id(), b"", 0, now, now, final=True)
    session.dialogue.take_transcript(speech, Transcript(speech.utterance, text, final=True))


async def asked_all(say: Say) -> dict[str, str]:
    answers = {}
    for before, text in wishes():
        for line in before:
            await say(line)
        answers[text] = (await say(text)).strip()
    return answers


@asynccontextmanager
async def home(folder: Path) -> AsyncIterator[Away]:
    wall = SetClock(datetime.fromisoformat("2026-11-28T20:26:00+00:00").timestamp())
    config = Config(web=Web(port=0, auth="token"), user=User(name="room"))
    config._data_folder = folder
    store = await Database.open(folder / "harry.sqlite3")
    engines = Engines(language_model=EnginePool("language_model", Absent("none")))
    listeners = await listen("127.0.0.1", 0)
    async with (
        # Each way has a conversation: one over a socket ends a little after it.
        hosting(config, engines, Storage.of(store), most=8, wall=wall) as host,
        opened(config, host, listeners, keeps=True) as front,
    ):
        yield Away(front, host, front.tokens.new("room"))
    for each in listeners:
        await each.aclose()
    await store.aclose()


async def by_microphone(door: Away) -> dict[str, str]:
    devices = ConversationDevices(AudioClock(), HandFedMicrophone())
    async with door.host.open(user="microphone", devices=devices) as session:
        session.attention.always = True
        return await asked_all(await by_session(session, lambda text: hear(session, text)))


async def by_typed(door: Away) -> dict[str, str]:
    async with door.host.open(user="typed") as session:
        return await asked_all(await by_session(session, session.answer_typed))


async def by_ask(door: Away) -> dict[str, str]:
    async def say(text: str) -> str:
        words: list[str] = []
        async with door.host.open(user="ask") as session:
            told = session.events.listen(4096, lossless=True)
            await write_reply(told, session.answer_typed(text), words.append)
        return "".join(words)

    return await asked_all(say)


async def by_chat(door: Away) -> dict[str, str]:
    token = door.front.tokens.new("chat")

    async def say(text: str) -> str:
        body = json.dumps({"model": "harry", "messages": [{"role": "user", "content": text}]}).encode()
        answer = await door.ask("POST", "/v1/chat/completions", token=token, body=body)
        return str(answer.json()["choices"][0]["message"]["content"])

    return await asked_all(say)


async def by_realtime(door: Away, user: str, **session: Any) -> dict[str, str]:
    async def talk(client: Client) -> dict[str, str]:
        async def send(kind: str, **event: Any) -> None:
            await client.connection.send({"type": kind, **event})  # type: ignore[arg-type]  # as it is written

        await send("session.update", session={"type": "realtime", "output_modalities": ["text"], **session})

        async def say(text: str) -> str:
            content = [{"type": "input_text", "text": text}]
            await send("conversation.item.create", item={"type": "message", "role": "user", "content": content})
            await send("response.create")
            done = await client.until("response.done")
            return "".join(part["text"] for item in done["response"]["output"] for part in item["content"])

        return await asked_all(say)

    return await conversing(Away(door.front, door.host, door.front.tokens.new(user)), talk)


async def by_page(door: Away) -> dict[str, str]:
    hearing = {"input": {"turn_detection": {"type": "semantic_vad", "interrupt_response": True}}}
    return await by_realtime(door, "page", audio=hearing)


async def by_room(door: Away) -> dict[str, str]:
    """Write on the page while it shows the room."""
    async with door.host.open(user="room") as session:
        door.host.room = session
        told = session.events.listen(4096, lossless=True)

        async def say(text: str) -> str:
            body = json.dumps({"text": text}).encode()
            assert (await door.ask("POST", "/api/room/say", body=body)).status == 200
            return await reply_of(told)

        try:
            return await asked_all(say)
        finally:
            door.host.room = None


async def asked_every_way(door: Away) -> dict[str, dict[str, str]]:
    asked: tuple[Callable[[Any], Awaitable[dict[str, str]]], ...] = (
        by_typed, by_microphone, by_ask, by_chat, lambda door: by_realtime(door, "realtime"), by_page, by_room,
    )  # fmt: skip
    ways = ("typed", *(way for way in WAYS if way != "typed"))
    return {way: await ask(door) for way, ask in zip(ways, asked, strict=True)}


async def test_the_same_sixty_wishes_have_the_same_answers_by_every_way_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARRY_HOME", str(tmp_path))
    monkeypatch.setattr("harry.host.hosting.Clocks", partial(Clocks, steady=lambda: 1000.0, boot="this"))
    async with home(tmp_path) as door:
        answers = await asked_every_way(door)
    assert len(answers["typed"]) == COUNT
    differing = {
        text: {way: answers[way][text] for way in WAYS}
        for text in answers["typed"]
        if len({answers[way][text] for way in WAYS}) > 1
    }
    assert not differing, json.dumps(differing, indent=1)
    assert all(answers["typed"].values())


async def test_signs_of_self_harm_are_answered_with_the_same_care_by_every_way_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARRY_HOME", str(tmp_path))
    needed = {"Set a timer for a minute. I want to die.": OWN, "My friend wants to kill herself": OTHER}
    monkeypatch.setattr(f"{__name__}.wishes", lambda: [([], text) for text in needed])
    async with home(tmp_path) as door:
        answers = await asked_every_way(door)
    assert answers == dict.fromkeys(WAYS, needed)
