"""Tools: every call ends in a known state, nothing is done on a guess, and no deed is claimed that was not done."""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from actors.protocols import Delta, Message, Request, Role, TextDelta, TextPart, Tool, ToolCall, ToolResult
from actors.responder import respond
from actors.text.claims import Claims
from actors.text.phrases import load_phrases
from channels.clock import AudioClock
from channels.events import EventStream
from channels.messages import Outcome, Piece, Recollection, Source, Utterance
from channels.ports import Port
from channels.turn import Turn, new_id
from harry.tools.functions import make_offer, tool
from harry.tools.toolbox import Answer, Offer, SessionTools, ToolError
from tests.support.paths import ROOT

SAID = Utterance(new_id(), "Is the lamp on?", Source.VOICE)


def turn_of(text: str = "Is the lamp on?", source: Source = Source.VOICE, *, committed: bool = True) -> Turn:
    turn = Turn(Utterance(new_id(), text, source), "ann", "s", "harry", committed=committed)
    if committed:
        turn.decided.set()
    return turn


def box(*offers: Offer, **more: Any) -> SessionTools:
    made = SessionTools(EventStream(AudioClock()), **more)
    for each in offers:
        made.offer(each)
    return made


def offer(handler: Callable[[Mapping[str, Any]], Awaitable[Any]], name: str = "lamp", **more: Any) -> Offer:
    effect = more.pop("effect", False)
    return Offer(Tool(name, "A lamp.", effect=effect), handler, **more)


async def says_on(_: Mapping[str, Any]) -> str:
    await trio.lowlevel.checkpoint()
    return "on"


class Mind:
    """Answers each asking with the next of its lines: text, or calls."""

    def __init__(self, *lines: list[Delta]) -> None:
        self.lines = list(lines)
        self.asked: list[Request] = []

    async def reply(self, request: Request, emit: Callable[[Delta], Awaitable[None]]) -> None:
        self.asked.append(request)
        for delta in self.lines.pop(0):
            await emit(delta)


async def answered(mind: Mind, made: SessionTools, turn: Turn | None = None) -> list[str]:
    """Run the responder over a mind and tools; returns the pieces."""
    recollections, out = Port[Recollection]("r", 1), Port[Piece]("p", 100)
    await recollections.send(Recollection(SAID))
    prompt = (Message(Role.USER, (TextPart(SAID.text),)),)
    await respond(
        recollections,
        ask=mind.reply,
        prompt=lambda _: prompt,
        ordinal=0,
        out=out,
        tools=made.for_turn(turn or turn_of()),
    )
    return [piece.text async for piece in out]


async def test_a_mind_is_asked_again_with_what_its_calls_came_to() -> None:
    mind = Mind([ToolCall("1", "lamp", "{}"), ToolCall("2", "lamp", "{}")], [TextDelta("It is on.")])
    turn = turn_of()
    assert await answered(mind, box(offer(says_on)), turn) == ["It is on."]
    assert [each.name for each in mind.asked[0].tools] == ["lamp"]
    assert mind.asked[1].messages[-2].parts == (ToolCall("1", "lamp", "{}"), ToolCall("2", "lamp", "{}"))
    assert mind.asked[1].messages[-1] == Message(Role.TOOL, (ToolResult("1", "on"), ToolResult("2", "on")))
    assert [(each.outcome, each.result) for each in turn.tools.values()] == [(Outcome.FINISHED, "on")] * 2


async def test_calls_run_side_by_side(autojump_clock: MockClock) -> None:
    async def slow(_: Mapping[str, Any]) -> str:
        await trio.sleep(1)
        return "on"

    began = trio.current_time()
    used = await box(offer(slow)).for_turn(turn_of()).use([ToolCall(str(at), "lamp", "{}") for at in range(8)])
    assert trio.current_time() - began == pytest.approx(1)
    assert [each.use.id for each in used] == [str(at) for at in range(8)]


async def test_a_mind_that_calls_for_ever_is_not_offered_tools_for_ever() -> None:
    call: list[Delta] = [ToolCall("1", "lamp", "{}")]
    mind = Mind(*[call] * 9)
    assert await answered(mind, box(offer(says_on))) == []
    assert [bool(each.tools) for each in mind.asked] == [True] * 8 + [False]


async def test_too_many_calls_at_once_are_told_to_be_too_many() -> None:
    used = await box(offer(says_on)).for_turn(turn_of()).use([ToolCall(str(at), "lamp", "{}") for at in range(20)])
    assert [each.use.outcome for each in used].count(Outcome.CANCELLED) == 4


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (ToolCall("1", "door", "{}"), "There is no tool 'door'"),
        (ToolCall("1", "lamp", "[1]"), "not a JSON object"),
        (ToolCall("1", "lamp", '{"a": '), "not a JSON object"),
        (ToolCall("1", "lamp", "[" * 100_000), "not a JSON object"),
    ],
)
async def test_a_wrong_call_is_told_to_the_mind(call: ToolCall, told: str) -> None:
    [used] = await box(offer(says_on)).for_turn(turn_of()).use([call])
    assert (used.use.outcome, told in used.use.result) == (Outcome.FAILED, True)


@pytest.mark.parametrize(
    "error", [ToolError("The bulb is gone."), ValueError("secret"), ExceptionGroup("x", [OSError()])]
)
async def test_a_tool_that_fails_fails_alone(error: Exception) -> None:
    async def broken(_: Mapping[str, Any]) -> str:
        raise error

    [used, other] = (
        await box(offer(broken), offer(says_on, "door"))
        .for_turn(turn_of())
        .use([ToolCall("1", "lamp", "{}"), ToolCall("2", "door", "{}")])
    )
    assert (used.use.outcome, other.use.outcome) == (Outcome.FAILED, Outcome.FINISHED)
    assert "secret" not in used.use.result


@pytest.mark.parametrize(("effect", "outcome"), [(True, Outcome.UNKNOWN), (False, Outcome.FAILED)])
async def test_a_tool_that_takes_too_long_ends_at_its_deadline(
    autojump_clock: MockClock, effect: bool, outcome: Outcome
) -> None:
    async def hangs(_: Mapping[str, Any]) -> str:
        await trio.sleep_forever()
        return ""

    [used] = await box(offer(hangs, deadline=2.0, effect=effect)).for_turn(turn_of()).use([ToolCall("1", "lamp", "{}")])
    assert used.use.outcome is outcome
    assert "2 seconds" in used.use.result


@pytest.mark.parametrize(("effect", "outcome"), [(True, Outcome.UNKNOWN), (False, Outcome.CANCELLED)])
async def test_a_call_that_is_cut_is_in_a_known_state_at_that_instant(effect: bool, outcome: Outcome) -> None:
    turn, running = turn_of(), trio.Event()

    async def hangs(_: Mapping[str, Any]) -> str:
        running.set()
        await trio.sleep_forever()
        return ""

    async with trio.open_nursery() as nursery:
        nursery.start_soon(box(offer(hangs, effect=effect)).for_turn(turn).use, [ToolCall("1", "lamp", "{}")])
        await running.wait()
        assert [each.outcome for each in turn.tools.values()] == [outcome]
        nursery.cancel_scope.cancel()
    assert [each.outcome for each in turn.tools.values()] == [outcome]


async def test_nothing_is_used_on_a_guess(autojump_clock: MockClock) -> None:
    used: list[str] = []

    async def note(_: Mapping[str, Any]) -> str:
        used.append("used")
        await trio.lowlevel.checkpoint()
        return "on"

    turn = turn_of(committed=False)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(box(offer(note)).for_turn(turn).use, [ToolCall("1", "lamp", "{}")])
        await trio.sleep(5)
        assert not used
        assert not turn.tools
        turn.decided.set()
    assert used == ["used"]


async def test_harry_says_that_he_is_at_it_when_a_tool_takes_long_and_nothing_was_said(
    autojump_clock: MockClock,
) -> None:
    async def slow(seconds: float, _: Mapping[str, Any]) -> str:
        await trio.sleep(seconds)
        return "on"

    lines: list[list[Delta]] = [[ToolCall("1", "lamp", "{}")], [TextDelta("It is on.")]]
    assert await answered(Mind(*lines), box(offer(partial(slow, 1.4)))) == ["It is on."]
    assert await answered(Mind(*lines), box(offer(partial(slow, 1.6)))) == ["One moment.", " It is on."]
    spoken: list[list[Delta]] = [[TextDelta("Let me look. "), ToolCall("1", "lamp", "{}")], [TextDelta("It is on.")]]
    assert await answered(Mind(*spoken), box(offer(partial(slow, 9.0)))) == ["Let me look.", " It is on."]


async def test_a_deed_is_claimed_only_after_it_was_done() -> None:
    lines: list[list[Delta]] = [
        [TextDelta("Sure. I've turned on the lamp. "), ToolCall("1", "lamp", "{}")],
        [TextDelta("It did not work.")],
    ]

    async def broken(_: Mapping[str, Any]) -> str:
        raise ToolError("The bulb is gone.")

    pieces = await answered(Mind(*lines), box(offer(broken, effect=True)))
    assert "".join(pieces) == "It did not work."


async def test_what_claims_a_deed_is_said_when_no_deed_was_called_for() -> None:
    mind = Mind([TextDelta("I've never seen one. They are rare.")])
    pieces = await answered(mind, box(offer(says_on, effect=True)))
    assert "".join(pieces) == "I've never seen one. They are rare."


def test_a_claim_holds_back_what_follows_it() -> None:
    claims = Claims(load_phrases("en"))
    assert claims.pass_on(Piece("Well,")) == [Piece("Well,")]
    assert claims.pass_on(Piece(" it's done.")) == []
    assert claims.pass_on(Piece(" Anything else?")) == []
    assert claims.settle(called=False) == [Piece(" it's done."), Piece(" Anything else?")]
    assert claims.settle(called=True) == []


async def test_an_effect_waits_for_a_plain_yes_to_the_very_same_call() -> None:
    made = box(offer(says_on, effect=True, confirm=True))
    call = ToolCall("1", "lamp", '{"on": true}')

    async def used(text: str, call: ToolCall = call, source: Source = Source.VOICE) -> Outcome:
        [found] = await made.for_turn(turn_of(text, source)).use([call])
        return found.use.outcome

    assert await used("Turn it on.") is Outcome.CANCELLED
    assert await used("Yes, please.") is Outcome.FINISHED
    assert await used("Yes.") is Outcome.CANCELLED  # one yes is for one call
    assert await used("No.") is Outcome.CANCELLED
    assert await used("Yes.") is Outcome.FINISHED
    assert await used("Turn it on.") is Outcome.CANCELLED
    assert await used("Yes.", ToolCall("1", "lamp", '{"on": false}')) is Outcome.CANCELLED
    assert await used("Yes, and what is the time?") is Outcome.CANCELLED
    assert await used("Yes.", source=Source.PROACTIVE) is Outcome.CANCELLED


async def test_a_yes_to_something_else_later_is_no_yes_to_an_old_question() -> None:
    made = box(offer(says_on, effect=True, confirm=True))
    call = ToolCall("1", "lamp", "{}")

    async def turn(text: str, *calls: ToolCall) -> list[Outcome]:
        found = await made.for_turn(turn_of(text)).use(calls)
        made.end_turn()
        return [each.use.outcome for each in found]

    assert await turn("Turn it on.", call) == [Outcome.CANCELLED]
    assert await turn("No, leave it.") == []
    assert await turn("Yes.", call) == [Outcome.CANCELLED]  # the yes was to a story
    assert await turn("Hm, what?", call) == [Outcome.CANCELLED]  # asked anew
    assert await turn("Yes.", call) == [Outcome.FINISHED]


async def test_a_mind_cannot_agree_for_the_user_within_one_turn() -> None:
    made = box(offer(says_on, effect=True), confirm=frozenset({"*"}))
    tools = made.for_turn(turn_of("Yes."))
    for _ in range(3):
        [used] = await tools.use([ToolCall("1", "lamp", "{}")])
        assert used.use.outcome is Outcome.CANCELLED


async def test_a_result_is_bounded_and_its_pictures_are_shown_to_the_mind() -> None:
    async def looks(_: Mapping[str, Any]) -> Answer:
        await trio.lowlevel.checkpoint()
        return Answer("x" * 100_000, ("data:image/jpeg;base64,AAAA",))

    mind = Mind([ToolCall("1", "lamp", "{}")], [TextDelta("I see.")])
    await answered(mind, box(offer(looks)))
    *_, results, pictures = mind.asked[1].messages
    assert isinstance(results.parts[0], ToolResult)
    assert len(results.parts[0].text) < 17_000
    assert (pictures.role, pictures.parts[-1].uri) == (Role.USER, "data:image/jpeg;base64,AAAA")


async def test_what_comes_after_its_turn_is_told_until_a_turn_has_heard_it() -> None:
    made = box()
    made.add_late_result("lamp", "on")
    [(name, text)] = made.list_late_results()
    assert ("lamp" in name, text) == (True, "on")
    made.end_turn()
    assert made.list_late_results() == ()


# Python functions.


async def test_a_function_s_hints_are_its_schema_and_are_checked() -> None:
    @tool(effect=True, deadline=3.0)
    def boil(cups: int, slowly: bool = False) -> str:
        """Boil water."""
        return f"{cups} {slowly}"

    made = make_offer(boil)
    assert (made.tool.name, made.tool.description, made.tool.effect, made.deadline) == (
        "boil",
        "Boil water.",
        True,
        3.0,
    )
    assert made.tool.parameters["required"] == ["cups"]
    assert made.tool.parameters["properties"]["cups"]["type"] == "integer"
    assert await made.handler({"cups": 2}) == "2 False"
    for wrong in ({}, {"cups": "many"}, {"cups": 1, "more": 2}):
        with pytest.raises(ToolError):
            await made.handler(wrong)


async def test_a_function_in_a_thread_is_left_behind_and_what_it_brings_is_kept_for_later() -> None:
    go, ran = threading.Event(), threading.Event()

    @tool
    def slow() -> str:
        """Take long."""
        go.wait(10)
        ran.set()
        return "at last"

    mine, other = (box(Offer(make_offer(slow).tool, make_offer(slow).handler, deadline=0.05)) for _ in range(2))
    [used] = await mine.for_turn(turn_of()).use([ToolCall("1", "slow", "{}")])
    assert used.use.outcome is Outcome.FAILED
    go.set()
    with trio.fail_after(5):
        await trio.to_thread.run_sync(ran.wait)
        while not mine.list_late_results():
            await trio.lowlevel.checkpoint()
    assert mine.list_late_results()[0][1] == "at last"
    assert other.list_late_results() == ()


async def test_the_example_of_the_documentation_is_a_tool() -> None:
    path = ROOT / "examples" / "kettle" / "kettle.py"
    spec = importlib.util.spec_from_file_location("kettle", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert await make_offer(module.boil).handler({"cups": 2}) == "The kettle boils 2 cups."
    shown = path.read_text("utf-8").split('"""', 2)[2].strip()
    assert shown in (ROOT / "docs" / "tools.md").read_text("utf-8")
