"""A turn as a trace of OpenTelemetry: once a turn has ended, what its session's events told of it becomes spans.

Each span is given its parent and its times by hand, by the turn's id: where thirty conversations run in one process,
nothing depends on which task happens to run. Spans hold ids, names of tools, reasons and times; no word that anybody
said or wrote, and nobody's name. A turn off the record has no trace.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog
import trio
from opentelemetry.context import Context
from opentelemetry.trace import Span, Status, StatusCode, Tracer, set_span_in_context

from channels.event_types import (
    ErrorOccurred,
    Heard,
    Interrupted,
    RecordChanged,
    ToolEnded,
    ToolStarted,
    TurnBegan,
    TurnEnded,
)
from channels.events import Event, EventSubscription
from harry.session.session import Session

log = structlog.get_logger(__name__)

STAGES = (
    ("hearing", "speech_ended", "committed"),
    ("memory", "memory", "mind"),
    ("mind", "mind", "first_words"),
    ("voice", "voice", "sound"),
)
"""The spans of a turn, each from one moment of its timeline to another."""

MAX_OPEN = 64
"""Turns of a session that may wait for their end: the oldest is then told as one without an end."""

MAX_TOOLS = 64
"""Calls of tools that a trace shows."""

MAX_NAME = 200
"""Characters of a name or id that a mind's server made up."""


@dataclass(slots=True)
class _Call:
    name: str
    began: float
    ended: float | None = None
    outcome: str = ""


@dataclass(slots=True)
class _Turn:
    """What is known of a turn that has not ended; `zero` is when its session's clock stood at 0, since the epoch."""

    id: str
    utterance: str
    began: float
    zero: float
    calls: dict[str, _Call] = field(default_factory=dict)
    heard: float | None = None
    interrupted: tuple[float, Interrupted] | None = None
    failed: bool = False


class SessionTraces:
    """The traces of one session. `wall` is seconds since the epoch, `now` seconds on the session's clock."""

    def __init__(
        self, tracer: Tracer, session: str, now: Callable[[], float], wall: Callable[[], float] = time.time
    ) -> None:
        self._tracer = tracer
        self._session = session
        self._now = now
        self._wall = wall
        self._open: OrderedDict[str, _Turn] = OrderedDict()
        self._on_record = True

    def take(self, event: Event) -> None:
        """Take in what happened. Turns that began before are none of ours."""
        if isinstance(event.what, RecordChanged):
            self._on_record = not event.what.off
        elif isinstance(event.what, TurnBegan):
            self._begin(event.at, event.what)
        elif (turn := self._open.get(event.turn or "")) is not None:
            self._note(turn, event)

    def close(self) -> None:
        """Tell the turns that have not ended: nothing more will come."""
        for turn in self._open.values():
            self._end(turn, self._now(), "", {})
        self._open.clear()

    def _begin(self, at: float, began: TurnBegan) -> None:
        if not self._on_record:
            return
        self._open[began.turn] = _Turn(began.turn, began.utterance, at, self._wall() - self._now())
        if len(self._open) > MAX_OPEN:
            _, oldest = self._open.popitem(last=False)
            self._end(oldest, at, "", {})

    def _note(self, turn: _Turn, event: Event) -> None:
        match event.what:
            case ToolStarted(call=call, name=name) if len(turn.calls) < MAX_TOOLS:
                turn.calls[call] = _Call(name[:MAX_NAME], event.at)
            case ToolEnded(call=call, outcome=outcome) if call in turn.calls:
                turn.calls[call].ended, turn.calls[call].outcome = event.at, outcome
            case Interrupted():
                turn.interrupted = event.at, event.what
            case Heard():
                turn.heard = event.at
            case ErrorOccurred():
                turn.failed = True
            case TurnEnded(reason=reason, timeline=timeline):
                del self._open[turn.id]
                self._end(turn, event.at, reason, dict(timeline))

    def _end(self, turn: _Turn, at: float, reason: str, timeline: dict[str, float]) -> None:
        """Make the spans of a turn. `reason` is empty where it is not known how it ended."""
        whole = self._span("turn", turn, min([turn.began, *timeline.values()]), None)
        whole.set_attributes(
            {
                "harry.utterance": turn.utterance,
                "harry.reason": reason or "unknown",
                "gen_ai.conversation.id": self._session,
            }
        )
        if turn.failed or reason in ("", "failed"):
            whole.set_status(Status(StatusCode.ERROR))
        if turn.interrupted is not None:
            when, cut = turn.interrupted
            told: dict[str, str | int] = {"harry.reason": cut.reason, "harry.stale_samples": cut.stale_samples}
            whole.add_event("interrupted", told, _nanoseconds(turn, when))
        for name, begin, end in STAGES:
            if begin in timeline and end in timeline:
                self._span(name, turn, timeline[begin], whole).end(_nanoseconds(turn, timeline[end]))
        if turn.heard is not None:
            began = timeline.get("sound", turn.heard)
            self._span("heard", turn, began, whole).end(_nanoseconds(turn, turn.heard))
        for identity, call in turn.calls.items():
            span = self._span(f"execute_tool {call.name}", turn, call.began, whole)
            span.set_attributes({"gen_ai.tool.name": call.name, "gen_ai.tool.call.id": identity[:MAX_NAME]})
            if call.outcome:
                span.set_attribute("harry.outcome", call.outcome)
            if call.outcome == "failed":
                span.set_status(Status(StatusCode.ERROR))
            span.end(_nanoseconds(turn, at if call.ended is None else call.ended))
        whole.end(_nanoseconds(turn, at))

    def _span(self, name: str, turn: _Turn, began: float, parent: Span | None) -> Span:
        # A context of its own, also at the root: a parent that some library left lying about is none of ours.
        within = Context() if parent is None else set_span_in_context(parent, Context())
        attributes = {"harry.turn": turn.id}
        return self._tracer.start_span(name, within, attributes=attributes, start_time=_nanoseconds(turn, began))


def _nanoseconds(turn: _Turn, at: float) -> int:
    """Return a moment of the session's clock in nanoseconds since the epoch."""
    return round((turn.zero + at) * 1e9)


class TurnTraces:
    """Follows sessions in `nursery`, off the voice path: a reader of events that is slow misses some, counted."""

    def __init__(self, tracer: Tracer, nursery: trio.Nursery, wall: Callable[[], float] = time.time) -> None:
        self._tracer = tracer
        self._nursery = nursery
        self._wall = wall

    def see(self, session: Session) -> None:
        """Follow a session from its beginning until its events end."""
        traces = SessionTraces(self._tracer, session.identity.session, session.events.clock.now, self._wall)
        self._nursery.start_soon(_follow, session.events.listen(), traces)


async def _follow(events: EventSubscription, traces: SessionTraces) -> None:
    try:
        async for event in events:
            traces.take(event)
    finally:
        for event in events.take_waiting():
            traces.take(event)
        traces.close()
        events.close()
        if events.missed:
            log.warning("traces lack what could not be followed", events=events.missed)
