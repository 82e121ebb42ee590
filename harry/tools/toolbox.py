"""The tools of a session, and their use within one turn: each call is known from its beginning to its end.

A call is written into its turn before it begins, as what it would be if it were cut now: `cancelled`, or `unknown`
where it may have had its effect already. What comes of it replaces that; what comes too late waits for the next prompt.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any

import structlog
import trio

from actors.protocols import Tool, ToolCall, Used
from actors.text.phrases import Phrases, load_phrases
from channels.event_types import ToolEnded, ToolStarted
from channels.events import EventStream
from channels.messages import Outcome, Source, ToolUse
from channels.turn import Turn
from harry.engines.exits import exits_fail
from harry.errors import HarryError
from harry.files.json_text import parse_json
from harry.tools.relevance import choose_tools

MAX_CALLS = 16
"""Calls of one round that are followed; the others are told to be too many."""

MAX_RESULT_CHARACTERS = 16_000
"""Characters of a result that a mind is told."""

MAX_ASKED_CHARACTERS = 300
"""Characters of a call's arguments that are told to the person who is to agree to it."""

MAX_LATE_RESULTS = 8
"""Results that came too late and wait for the next prompt."""

DEADLINE = 20.0
"""Seconds for a call, unless the tool has a deadline of its own."""

LATE: ContextVar[Callable[[str, str], None]] = ContextVar("harry.tools.late")
"""Takes `(name, result)` of a call for which nobody waited; set, for the session that calls, while a handler runs."""

log = structlog.get_logger(__name__)


class ToolError(HarryError):
    """A tool could not do what it was called for; the sentence is told to the mind."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a tool gives: text for the mind, and pictures as `data:` URIs. `last_words`, if any, end the reply."""

    text: str
    pictures: tuple[str, ...] = ()
    last_words: str = ""


Handler = Callable[[Mapping[str, Any]], Awaitable["Answer | str"]]
"""Takes the arguments, a JSON object that nobody has checked against the schema. Raises `ToolError`."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A tool with its handler. `confirm`: it has an effect that needs the user's yes."""

    tool: Tool
    handler: Handler
    deadline: float = DEADLINE
    confirm: bool = False

    def needs_yes(self, named: frozenset[str]) -> bool:
        """Return whether the user has to agree before it is used; `named` as in `SessionTools.confirm`."""
        return self.confirm or self.tool.name in named or ("*" in named and self.tool.effect)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question whether to use a tool, and the turn whose reply puts it."""

    turn: str
    question: str

    def was_heard(self, heard: str) -> bool:
        """Return whether it was heard but for its last words, which say nothing of the tool."""
        told = self.question.rpartition(". ")[0] or self.question
        return _letters(told) in _letters(heard)


@dataclass(slots=True)
class SessionTools:
    """A session's tools. Offers may come and go while it runs; a turn sees those there are when it asks.

    `confirm` names tools that need a yes; "*" stands for all that have an effect.
    """

    events: EventStream
    phrases: Phrases = field(default_factory=lambda: load_phrases("en"))
    confirm: frozenset[str] = frozenset()
    names: tuple[str, ...] = ()
    _offers: dict[str, Offer] = field(default_factory=dict)
    _late: deque[tuple[str, str]] = field(default_factory=lambda: deque(maxlen=MAX_LATE_RESULTS))
    _told: int = 0
    shared: Callable[[], Sequence[Offer]] = tuple
    """Offers that all sessions have."""
    pending: dict[tuple[str, str], Asked] = field(default_factory=dict)
    """Calls that wait for a yes, by name and arguments."""
    _asked_before: frozenset[tuple[tuple[str, str], Asked]] = frozenset()

    def offer(self, offer: Offer) -> None:
        """Add a tool; one of the same name is replaced."""
        self._offers[offer.tool.name] = offer

    def withdraw(self, name: str) -> None:
        """Remove a tool."""
        self._offers.pop(name, None)

    @property
    def offers(self) -> dict[str, Offer]:
        """All tools there are now, by name; the session's own outrank those of all."""
        return {**{offer.tool.name: offer for offer in self.shared()}, **self._offers}

    def add_late_result(self, name: str, result: str) -> None:
        """Add a result that came after its call was over."""
        self._late.append((f"result of {name}, which came after its call was over", result[:MAX_RESULT_CHARACTERS]))

    def list_late_results(self) -> tuple[tuple[str, str], ...]:
        """Return late results as (name, text) for a prompt; they stay until a turn that was told them has ended."""
        self._told = len(self._late)
        return tuple(self._late)

    def end_turn(self, heard: str | None = None) -> None:
        """Drop the late results that the turn was told, and questions asked before it and not answered in it.

        `heard` is what was heard of the turn's reply, if that is known: a question that was not heard is dropped, too.
        """
        for _ in range(min(self._told, len(self._late))):
            self._late.popleft()
        self._told = 0
        # Only the very next words may agree: a yes to something else, later, must not reach an old question.
        self.pending = dict(asked for asked in self.pending.items() if asked not in self._asked_before)
        if heard is not None:
            self.pending = {call: asked for call, asked in self.pending.items() if asked.was_heard(heard)}
        self._asked_before = frozenset(self.pending.items())

    def for_turn(self, turn: Turn) -> TurnTools:
        """Return the tools for one turn."""
        return TurnTools(self, turn)


class TurnTools:
    """See `actors.protocols.Toolbox`."""

    def __init__(self, box: SessionTools, turn: Turn) -> None:
        self._box = box
        self._turn = turn
        self._offers = box.offers

    @property
    def offered(self) -> tuple[Tool, ...]:
        """What the mind is told of: of very many, those that have to do with what was said. It may call any."""
        return tuple(choose_tools([offer.tool for offer in self._offers.values()], self._turn.utterance.text))

    async def use(self, calls: Sequence[ToolCall]) -> list[Used]:
        """Run the calls concurrently; see `actors.protocols.Toolbox`."""
        # A guess may be taken back, and a tool cannot be: nothing is used before it is sure that Harry answers.
        await self._turn.decided.wait()
        calls = [replace(call, id=self._own_id(call, at)) for at, call in enumerate(calls)]
        done: dict[str, Used] = {}

        async def one(call: ToolCall) -> None:
            done[call.id] = await self._one(call)

        async with trio.open_nursery() as nursery:
            for call in calls[:MAX_CALLS]:
                nursery.start_soon(one, call)
        for call in calls[MAX_CALLS:]:
            done[call.id] = self._noted(call, Outcome.CANCELLED, "There were too many calls at once.")
        return [done[call.id] for call in calls]

    def _own_id(self, call: ToolCall, at: int) -> str:
        # Some minds number the calls of each round alike; a turn's record holds all rounds.
        return call.id if call.id not in self._turn.tools else f"{call.id}_{len(self._turn.tools) + at}"

    async def _one(self, call: ToolCall) -> Used:
        offer = self._offers.get(call.name)
        if offer is None:
            known = ", ".join(sorted(self._offers)) or "none"
            return self._noted(call, Outcome.FAILED, f"There is no tool {call.name[:80]!r}. There are: {known}.")
        try:
            arguments = _arguments(call.arguments)
        except ValueError:
            return self._noted(call, Outcome.FAILED, "The arguments are not a JSON object.")
        if offer.needs_yes(self._box.confirm) and not self._agreed(call):
            question = self._box.phrases.ask_to_confirm(call.name.replace("_", " "), _aloud(arguments))
            self._box.pending[call.name, call.arguments] = Asked(self._turn.id, question)
            noted = self._noted(
                call, Outcome.CANCELLED,
                "Not done: the user was asked first. If the next words are a yes, call again with the same arguments.",
            )  # fmt: skip
            return replace(noted, question=question)
        return await self._do(call, offer, arguments)

    async def _do(self, call: ToolCall, offer: Offer, arguments: Mapping[str, Any]) -> Used:
        # A turn that was cut a moment ago is on record already: what begins now would not stand in it.
        await trio.lowlevel.checkpoint_if_cancelled()
        cut = Outcome.UNKNOWN if offer.tool.effect else Outcome.CANCELLED
        self._note(call, cut, "It was cut short by an interruption.")
        self._box.events.publish(ToolStarted(turn=self._turn.id, call=call.id, name=call.name))
        with trio.CancelScope(deadline=trio.current_time() + offer.deadline) as waiting:
            LATE.set(self._box.add_late_result)
            try:
                with exits_fail(f"The tool {call.name}"):
                    answer = await offer.handler(arguments)
            except ToolError as error:
                return self._noted(call, Outcome.FAILED, str(error))
            except HarryError as error:
                log.warning("a tool failed", tool=call.name, cause=str(error))
                return self._noted(call, Outcome.FAILED, str(error))
            except Exception as error:
                log.warning("a tool failed", tool=call.name, cause=type(error).__name__)
                log.debug("how it failed", tool=call.name, exc_info=error)
                return self._noted(call, Outcome.FAILED, f"The tool failed ({type(error).__name__}).")
        if waiting.cancelled_caught:
            sentence = f"It did not end within {offer.deadline:g} seconds."
            return self._noted(call, Outcome.UNKNOWN if offer.tool.effect else Outcome.FAILED, sentence)
        given = answer if isinstance(answer, Answer) else Answer(str(answer))
        noted = self._noted(call, Outcome.FINISHED, given.text)
        return replace(noted, pictures=given.pictures, question=given.last_words)

    def _agreed(self, call: ToolCall) -> bool:
        """Return whether the user has just said yes to this very call, aloud at the microphone or typed."""
        asked = self._box.pending.pop((call.name, call.arguments), None)
        said = self._turn.utterance
        heard = said.source is not Source.PROACTIVE and self._box.phrases.agrees(said.text, self._box.names) is True
        return asked is not None and asked.turn != self._turn.id and heard

    def _note(self, call: ToolCall, outcome: Outcome, result: str) -> ToolUse:
        shown = (
            result if len(result) <= MAX_RESULT_CHARACTERS else f"{result[:MAX_RESULT_CHARACTERS]} [cut: it was longer]"
        )
        use = ToolUse(call.id, call.name[:200], call.arguments[:MAX_RESULT_CHARACTERS], outcome, shown, call.extra)
        self._turn.tools[call.id] = use
        return use

    def _tell_late(self, call: ToolCall, result: str) -> None:
        """Let the next prompt tell what came of a call, if the turn was cut meanwhile: its record is written."""
        if self._turn.cut_by:
            self._box.add_late_result(call.name, result)

    def _noted(self, call: ToolCall, outcome: Outcome, result: str) -> Used:
        use = self._note(call, outcome, result)
        self._tell_late(call, use.result)
        self._box.events.publish(ToolEnded(turn=self._turn.id, call=call.id, name=call.name, outcome=outcome.value))
        prefix = "" if outcome is Outcome.FINISHED else f"[{outcome.value}] "
        return Used(replace(use, result=prefix + use.result))


def _aloud(arguments: Mapping[str, Any]) -> str:
    """Word a call's arguments for the person who is to agree; of long ones the beginning, and that there is more."""
    told = ", ".join(
        f"{name} {value if isinstance(value, str) else json.dumps(value)}" for name, value in arguments.items()
    )
    told = " ".join("".join(letter if letter.isprintable() else " " for letter in told).split())
    if len(told) <= MAX_ASKED_CHARACTERS:
        return told
    return f"{told[:MAX_ASKED_CHARACTERS]} and {len(told) - MAX_ASKED_CHARACTERS} more characters"


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text.casefold()))


def _arguments(text: str) -> Mapping[str, Any]:
    """Read a call's arguments. Raises `ValueError` for what is no JSON object."""
    read = parse_json(text or "{}")
    if not isinstance(read, dict):
        raise ValueError("no object")  # noqa: TRY004  the caller asks for one kind of error
    return read
