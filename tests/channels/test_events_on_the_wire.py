"""Events on the wire: a whole scripted conversation gives, line by line, the JSON that programs read today."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import trio
from trio.testing import MockClock

from actors.protocols import Delta, Request, TextDelta, Tool, ToolCall
from channels.events import Event
from channels.messages import Source, Utterance
from channels.turn import new_id
from harry.errors import EngineTimeout
from harry.session.session import TurnTakingSettings
from harry.tools.toolbox import Offer
from tests.support.virtual_session import FakeEar, FakeMind, House, house

GOLDEN = Path(__file__).parent / "data" / "events.jsonl"
"""Written by `python -m tests.channels.test_events_on_the_wire`, before the events had types."""


async def answer(request: Request, emit: Callable[[Delta], Awaitable[None]]) -> None:
    """Call for a tool, fail or speak, as the newest words ask for it."""
    newest = repr(request.messages[-1].parts[-1])
    if "lamp?" in newest:
        await emit(ToolCall("call_0", "lamp", "{}"))
    elif "fail" in newest:
        raise EngineTimeout("The mind did not answer within 10 seconds.")
    else:
        await emit(TextDelta("One two three four five six. Seven eight nine ten."))


async def lamp(_: Mapping[str, Any]) -> str:
    await trio.lowlevel.checkpoint()
    return "on"


async def spoken(home: House) -> None:
    """Say something that is answered, interrupt the answer, and be silent until he rests."""
    await home.voice(1.5)
    await home.silence(2.0)
    await home.voice(1.5)
    await home.silence(40.0)


async def amended(home: House) -> None:
    """Say something, and go on before a clause of the answer was heard."""
    now = home.session.clock.now()
    home.session.answer(Utterance(new_id(), "I would like", Source.VOICE, now - 1.0, now))
    await trio.sleep(0.3)
    home.session.conductor.cut("barge_in")
    home.session.answer(Utterance(new_id(), "some tea.", Source.VOICE, now + 0.2, now + 0.3))
    await trio.sleep(6.0)


async def typed(home: House) -> None:
    """Type what is superseded, what uses a tool and what fails; then everything that goes wrong or is written."""
    session = home.session
    session.tools.offer(Offer(Tool("lamp", "A lamp."), lamp))
    session.answer_typed("Tell me something.")
    await trio.sleep(1.0)
    session.answer_typed("Is that the lamp?")
    await trio.sleep(6.0)
    session.answer_typed("Stop.")
    session.answer_typed("Please fail.")
    await trio.sleep(6.0)
    await amended(home)
    session.think("The lamp is on.")
    await trio.sleep(0.1)
    session.speech_input.mute(True)
    session.speech_input.mute(False)
    session.tell_trouble("The disk is full.")
    session.tell_recovery()
    session._crashed("thinker", ValueError("no"))
    session.events.publish("door", address="http://127.0.0.1:8765")
    session.events.publish("woken")
    session.events.publish("tea", turn="of a plug-in", at=1.0, cups=2)
    await trio.sleep(3.0)


async def conversations() -> list[Event]:
    """Everything that two sessions told, one after another."""
    told: list[Event] = []
    ear = FakeEar("What is", "What is there?", "What is there?", "What is there?", "Wait, not that.")
    turn_taking = TurnTakingSettings(rest_after=20.0)
    async with house(ear=ear, mind=FakeMind(answer), turn_taking=turn_taking) as home:
        await spoken(home)
        told += home.happened()
    async with house(mind=FakeMind(answer)) as home:
        await typed(home)
        told += home.happened()
    return told


def lines(told: list[Event]) -> list[str]:
    """Write events as they are written to a file, with ids that repeat from run to run, and every time as 0.0."""
    names: dict[str, str] = {}

    def plain(value: Any) -> Any:
        if isinstance(value, str) and len(value) == 26 and value.isalnum():
            return names.setdefault(value, f"id {len(names)}")
        if isinstance(value, float):
            return 0.0
        return {key: plain(each) for key, each in value.items()} if isinstance(value, Mapping) else value

    return [json.dumps({key: plain(each) for key, each in event.to_dict().items()}) for event in told]


async def test_what_is_written_of_a_conversation_is_what_it_always_was(autojump_clock: MockClock) -> None:
    assert lines(await conversations()) == GOLDEN.read_text("utf-8").splitlines()


def test_the_conversation_tells_every_event_there_is() -> None:
    told = {json.loads(line)["event"] for line in GOLDEN.read_text("utf-8").splitlines()}
    assert len(told) == 20  # with one of a plug-in's own


if __name__ == "__main__":
    GOLDEN.write_text("\n".join(lines(trio.run(conversations, clock=MockClock(autojump_threshold=0)))) + "\n", "utf-8")
