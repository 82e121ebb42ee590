"""A turn is a trace: its stages and tools are spans under it, with thirty conversations at once and interruptions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import trio
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from actors.protocols import TextDelta, ToolCall
from channels.event_types import (
    Heard,
    RecordChanged,
    SpeakingStarted,
    ToolEnded,
    ToolStarted,
    TurnBegan,
    TurnEnded,
)
from channels.events import Event
from harry.daemon.turn_traces import MAX_OPEN, SessionTraces, TurnTraces
from harry.testing.faults import Faults
from tests.support.faulty_house import FaultyHouse, Lamp, faulty_house
from tests.support.virtual_session import FakeMind

CONVERSATIONS = 30
EPOCH = 946_684_800


class Spans:
    """A tracer, and the spans that it made."""

    def __init__(self) -> None:
        self.made = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self.made))
        self.tracer = provider.get_tracer("test")

    def __iter__(self) -> Iterator[ReadableSpan]:
        return iter(self.made.get_finished_spans())

    def roots(self) -> list[ReadableSpan]:
        return [span for span in self if span.parent is None]

    def under(self, turn: str) -> dict[str, ReadableSpan]:
        """The spans of a turn by their names."""
        return {span.name: span for span in self if (span.attributes or {})["harry.turn"] == turn}


def wall() -> float:
    return EPOCH + trio.current_time()


def seconds(span: ReadableSpan) -> tuple[float, float]:
    """When a span began and ended, in seconds of trio's clock."""
    assert span.start_time is not None
    assert span.end_time is not None
    return span.start_time / 1e9 - EPOCH, span.end_time / 1e9 - EPOCH


def calling(name: str) -> FakeMind:
    """A mind that calls for a tool first, by an id that tells whose mind it is."""

    async def answer(request: Any, emit: Any) -> None:
        if request.tools and len(request.messages) == 1:
            await emit(ToolCall(f"{name}-call", "switch", '{"where": "the pantry"}'))
            return
        for word in ["marmalade", "and", "honey.", "Nothing", "else."]:
            await emit(TextDelta(word + " "))

    return FakeMind(answer)


async def converse(home: FaultyHouse, number: int = 0) -> None:
    """Say something three times; in two of three conversations the second comes into a reply, or into its tool."""
    happening = home.session.events.listen()
    await home.say(0.3)
    into = (TurnEnded, ToolStarted, SpeakingStarted)[number % 3]
    async for event in happening:
        if isinstance(event.what, into):
            break
    happening.close()
    for _ in range(2):
        await home.say(0.5 + number / 100)
        await home.settle(10)


async def test_thirty_conversations_at_once_have_no_span_under_another_turn(autojump_clock):
    spans, homes = Spans(), {}

    async def one(traces: TurnTraces, number: int) -> None:
        name = f"session-{number}"
        await trio.sleep(number / 30)
        lamp = Lamp(takes=3.0 if number % 3 == 1 else 0.05)
        async with faulty_house(Faults(), lamp=lamp, mind=calling(name), wrap=traces.see, name=name) as home:
            homes[name] = home, trio.current_time()
            await converse(home, number)
            home.events += home.told.take_waiting()

    async with trio.open_nursery() as following:
        traces = TurnTraces(spans.tracer, following, wall)
        async with trio.open_nursery() as nursery:
            for number in range(CONVERSATIONS):
                nursery.start_soon(one, traces, number)
        following.cancel_scope.cancel()

    told = {event.turn: (name, event.at + began) for name, (home, began) in homes.items()
            for event in home.events if isinstance(event.what, TurnBegan)}  # fmt: skip
    roots = {span.context.trace_id: span for span in spans.roots()}
    assert len(roots) == len(spans.roots()) == len(told) > 2 * CONVERSATIONS
    for root in roots.values():
        name, _ = told[root.attributes["harry.turn"]]
        assert root.attributes["gen_ai.conversation.id"] == name
    wrong = [
        span.name
        for span in spans
        if span.parent is not None
        and (
            span.parent.span_id != (root := roots[span.context.trace_id]).context.span_id
            or span.attributes["harry.turn"] != root.attributes["harry.turn"]
            or seconds(span)[0] < seconds(root)[0] - 1e-6
            or seconds(span)[1] > seconds(root)[1] + 1e-6
            or not span.attributes.get("gen_ai.tool.call.id", told[root.attributes["harry.turn"]][0]).startswith(
                told[root.attributes["harry.turn"]][0]
            )
        )
    ]
    assert len(wrong) == 0
    called = Counter(event.turn for home, _ in homes.values() for event in home.events
                     if isinstance(event.what, ToolStarted))  # fmt: skip
    assert Counter(span.attributes["harry.turn"] for span in spans if span.name == "execute_tool switch") == called
    reasons = Counter(root.attributes["harry.reason"] for root in roots.values())
    assert len(told) - reasons["finished"] >= CONVERSATIONS / 3, "interruptions are part of it"
    assert any("harry.outcome" not in span.attributes for span in spans if "tool" in span.name), "tools were cut, too"


async def test_the_stages_of_a_turn_are_its_spans_at_their_times(autojump_clock):
    spans = Spans()
    async with trio.open_nursery() as following:
        traces = TurnTraces(spans.tracer, following, wall)
        async with faulty_house(Faults(), lamp=Lamp(takes=0.2), mind=calling("x"), wrap=traces.see) as home:
            zero = trio.current_time() - home.session.clock.now()
            await home.say(0.3)
            await home.settle(10)
            [ended] = home.happened(TurnEnded)
            events = list(home.events)
        following.cancel_scope.cancel()
    stages, at = spans.under(ended.turn), ended.timeline
    assert set(stages) == {"turn", "hearing", "memory", "mind", "voice", "heard", "execute_tool switch"}
    [heard] = [event.at for event in events if isinstance(event.what, Heard)]
    [began, done] = [event.at for event in events if isinstance(event.what, ToolStarted | ToolEnded)]
    expected = {
        "turn": (at["speech_ended"], None),
        "hearing": (at["speech_ended"], at["committed"]),
        "memory": (at["memory"], at["mind"]),
        "mind": (at["mind"], at["first_words"]),
        "voice": (at["voice"], at["sound"]),
        "heard": (at["sound"], heard),
        "execute_tool switch": (began, done),
    }
    for name, (start, end) in expected.items():
        assert seconds(stages[name])[0] == pytest.approx(zero + start, abs=1e-5), name
        assert end is None or seconds(stages[name])[1] == pytest.approx(zero + end, abs=1e-5), name
    assert stages["turn"].attributes["harry.reason"] == "finished"
    assert stages["execute_tool switch"].attributes["harry.outcome"] == "finished"


async def test_no_span_holds_a_word_that_was_said_or_anybodys_name(autojump_clock):
    spans = Spans()
    async with trio.open_nursery() as following:
        traces = TurnTraces(spans.tracer, following, wall)
        async with faulty_house(Faults(), mind=calling("x"), wrap=traces.see) as home:
            await converse(home)
        following.cancel_scope.cancel()
    text = "".join(span.to_json() for span in spans)
    assert "execute_tool switch" in text
    for word in ("lamp", "marmalade", "honey", "pantry", '"you"'):
        assert word not in text


def traced(spans: Spans, clock: float = 100.0) -> SessionTraces:
    return SessionTraces(spans.tracer, "session", lambda: clock, lambda: EPOCH + clock)


def ended(turn: str, reason: str = "finished") -> TurnEnded:
    return TurnEnded(turn=turn, reason=reason, timeline={"committed": 1.0})


def test_a_turn_off_the_record_has_no_trace():
    spans = Spans()
    traces = traced(spans)
    for number, off in enumerate((True, False)):
        traces.take(Event(1.0, RecordChanged(off=off)))
        traces.take(Event(1.0, TurnBegan(turn=f"turn-{number}", utterance="u")))
        traces.take(Event(2.0, ToolStarted(turn=f"turn-{number}", call="a", name="switch")))
        traces.take(Event(3.0, ended(f"turn-{number}")))
    assert {span.attributes["harry.turn"] for span in spans} == {"turn-1"}


def test_a_turn_whose_end_nobody_told_is_told_when_its_session_is_over():
    spans = Spans()
    traces = traced(spans)
    traces.take(Event(1.0, TurnBegan(turn="a", utterance="u")))
    traces.take(Event(2.0, ToolStarted(turn="a", call="a", name="switch")))
    assert not list(spans)
    traces.close()
    [root] = spans.roots()
    assert root.attributes["harry.reason"] == "unknown"
    assert root.status.status_code is StatusCode.ERROR
    assert seconds(spans.under("a")["execute_tool switch"]) == (2.0, 100.0)


def test_what_comes_after_the_end_of_a_turn_or_before_its_beginning_makes_no_trace():
    spans = Spans()
    traces = traced(spans)
    traces.take(Event(1.0, ToolStarted(turn="a", call="a", name="switch")))
    traces.take(Event(1.0, TurnBegan(turn="a", utterance="u")))
    traces.take(Event(2.0, ended("a")))
    traces.take(Event(3.0, ToolEnded(turn="a", call="a", name="switch", outcome="finished")))
    traces.take(Event(3.0, ended("a")))
    traces.close()
    assert [span.name for span in spans] == ["turn"]


def test_turns_that_never_end_do_not_pile_up():
    spans = Spans()
    traces = traced(spans)
    for number in range(MAX_OPEN + 10):
        traces.take(Event(1.0, TurnBegan(turn=str(number), utterance="u")))
    assert [root.attributes["harry.turn"] for root in spans.roots()] == [str(number) for number in range(10)]


def test_a_turn_that_failed_is_an_error_and_an_interruption_is_none():
    spans = Spans()
    traces = traced(spans)
    for reason in ("failed", "barge_in"):
        traces.take(Event(1.0, TurnBegan(turn=reason, utterance="u")))
        traces.take(Event(2.0, ended(reason, reason)))
    failed, cut = spans.roots()
    assert failed.status.status_code is StatusCode.ERROR
    assert cut.status.status_code is StatusCode.UNSET
