"""The `openai-agents` SDK converses with Harry as with the service: a runner, an agent, its tools, an interruption."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import trio
from agents import function_tool, set_tracing_disabled
from agents.realtime import RealtimeAgent, RealtimePlaybackTracker, RealtimeRunner, RealtimeSession

from tests.support.loopback_server import Away
from tests.support.realtime_clients import LOUD, QUIET, harry
from tests.web.realtime.test_tools import Asking

T = TypeVar("T")

STORY = " ".join(f"word{number}" for number in range(40)) + "."

set_tracing_disabled(True)


@function_tool
def weather(place: str) -> str:
    """Tells the weather of a place."""
    return f"rainy in {place}"


class Talker:
    """Speaks to a session, and notes what comes."""

    def __init__(self, session: RealtimeSession, tracker: RealtimePlaybackTracker) -> None:
        self.session = session
        self.tracker = tracker
        self.events: list[Any] = []
        self._more = asyncio.Event()
        self._seen = 0

    async def read(self) -> None:
        async for event in self.session:
            self.events.append(event)
            if event.type == "audio":
                self.tracker.on_play_bytes(event.item_id, event.content_index, event.audio.data)
            self._more.set()

    async def until(self, kind: str) -> Any:
        while True:
            while self._seen < len(self.events):
                event = self.events[self._seen]
                self._seen += 1
                if event.type == kind:
                    return event
            self._more.clear()
            await self._more.wait()

    async def say(self, seconds: float, then_quiet: float = 0.0) -> None:
        at = time.monotonic()
        for frame in [LOUD] * round(seconds * 50) + [QUIET] * round(then_quiet * 50):
            await self.session.send_audio(frame)
            at += 0.02
            await asyncio.sleep(max(0.0, at - time.monotonic()))

    async def until_sent(self, kind: str) -> None:
        """Until the server has sent an event of a type that was not waited for yet."""
        while True:
            event = await self.until("raw_model_event")
            if event.data.type == "raw_server_event" and event.data.data.get("type") == kind:
                return

    def heard_seconds(self) -> float:
        """Seconds of sound that came, all in all."""
        return sum(len(each.audio.data) for each in self.events if each.type == "audio") / 48_000

    def kinds(self) -> list[str]:
        return [each.type for each in self.events]

    def raw(self, kind: str) -> list[dict[str, Any]]:
        """What the server sent, of one type."""
        sent = [each.data for each in self.events if each.type == "raw_model_event"]
        return [each.data for each in sent if each.type == "raw_server_event" and each.data.get("type") == kind]


async def _conversing(door: Away, talk: Callable[[Talker], Awaitable[T]], agent: RealtimeAgent[Any]) -> T:
    async def hold() -> T:
        runner = RealtimeRunner(agent)
        tracker = RealtimePlaybackTracker()
        url = f"ws://127.0.0.1:{door.port}/v1/realtime?model=harry"
        session = await runner.run(model_config={"url": url, "api_key": door.token, "playback_tracker": tracker})
        async with session:
            talker = Talker(session, tracker)
            reading = asyncio.create_task(talker.read())
            try:
                return await asyncio.wait_for(talk(talker), 30)
            finally:
                reading.cancel()

    return await trio.to_thread.run_sync(asyncio.run, hold())


async def test_a_runner_is_answered_interrupts_and_its_history_holds_what_was_heard() -> None:
    async def talk(talker: Talker) -> Talker:
        await talker.say(0.8, then_quiet=0.8)
        while talker.heard_seconds() < 1.0:
            await talker.say(0.0, then_quiet=0.1)
        while "audio_interrupted" not in talker.kinds():
            await talker.say(0.1)
        await talker.until("audio_interrupted")
        await talker.until_sent("conversation.item.truncated")
        await talker.until_sent("conversation.item.retrieved")
        return talker

    async with harry(replies=[STORY]) as door:
        talker = await _conversing(door, talk, RealtimeAgent(name="Companion", instructions="Be brief."))
    errors = [each for each in talker.events if each.type == "error"]
    assert not errors
    # Where the machine is slow his sentence has a gap, and what was begun at that ends without a word.
    done = next(each["response"] for each in talker.raw("response.done") if each["response"]["output"])
    assert done["status"] == "cancelled"
    heard = done["output"][0]["content"][0]["transcript"]
    assert heard
    assert heard != STORY
    assert STORY.startswith(heard)
    # The SDK asked for no more than it had played, and what it reads back is what was heard of that. On a slow machine
    # it may have played less than a word.
    retrieved = [each["item"] for each in talker.raw("conversation.item.retrieved")]
    [item] = done["output"]
    kept = [each["content"][0]["transcript"] for each in retrieved if each["id"] == item["id"]]
    assert kept
    assert all(heard.startswith(words) for words in kept)


async def test_a_tool_of_the_agents_is_called_and_its_result_is_spoken() -> None:
    async def talk(talker: Talker) -> Talker:
        await talker.say(0.8, then_quiet=0.8)
        await talker.until("tool_end")
        await talker.until_sent("response.output_audio_transcript.done")
        return talker

    async with harry(mind=Asking()) as door:
        agent = RealtimeAgent(name="Companion", tools=[weather])
        talker = await _conversing(door, talk, agent)
    [end] = [each for each in talker.events if each.type == "tool_end"]
    assert end.output == "rainy in Oslo"
    spoken = talker.raw("response.output_audio_transcript.done")[-1]["transcript"]
    assert spoken.strip() == "It is rainy in Oslo today."


async def test_a_message_that_is_typed_is_answered() -> None:
    async def talk(talker: Talker) -> Talker:
        await talker.session.send_message("Hello?")
        await talker.until_sent("response.output_audio_transcript.done")
        return talker

    async with harry(replies=["Hello yourself."]) as door:
        talker = await _conversing(door, talk, RealtimeAgent(name="Companion"))
    assert talker.raw("response.output_audio_transcript.done")[0]["transcript"] == "Hello yourself."
    assert [each for each in talker.kinds() if each == "error"] == []
