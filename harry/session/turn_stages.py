"""The stages of one turn: retriever -> responder -> speaker, in a new nursery, over new channels, on leased engines.

A message of a dead turn has no channel left to travel on. When the stages have returned, all was written to the slot.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from math import inf
from typing import Any

import trio

from actors.protocols import Delta, LanguageModel, Message, Request, TextToSpeech, Toolbox
from actors.text.phrases import Phrases
from actors.text.segmentation import Wording
from channels.events import EventStream
from channels.gate import Slot
from channels.messages import Chunk, Piece, Recollection, Source
from channels.ports import Port
from channels.turn import Turn
from harry.engines.deadline import ProgressDeadline
from harry.engines.lease import EnginePool
from harry.engines.traits import read_traits
from harry.session.actor_registry import ActorSet
from harry.session.reply_tail import pass_on
from harry.session.ring_stage import ring_out
from harry.session.turn_sources import TurnSources
from harry.voice.spoken_voice import SpokenVoice
from harry.welfare.ai_notice import AINotices
from harry.welfare.care import Care, was_needed
from harry.welfare.farewell import PlainFarewell, is_goodbye

Prompt = Callable[[str, LanguageModel, Recollection], tuple[Message, ...]]
"""Builds what a mind is told, for the user whose turn it is."""

PIECES_AHEAD = 2
"""Pieces of the reply that may wait for the voice."""

MAX_HELD_SECONDS = 1.0
"""Seconds for which the mind is held until the first piece has become sound."""

LAST_RESORT = 120.0
"""Seconds between two signs of life after which an engine without a deadline of its own counts as hung."""


@dataclass(frozen=True, slots=True)
class ReplyParts:
    """What the words of a reply come from: `reflex`, which answers without a model, or a model with its prompt.

    `tools` gives the tools of a turn; `phrases` are those of the language spoken. `care` outranks them all.
    `notices` say at the end of a reply that Harry is an AI. `plain_farewells`: nothing that would hold somebody back
    who goes is said.
    """

    llm: EnginePool[LanguageModel]
    prompt: Prompt
    sources: TurnSources
    tools: Callable[[Turn], Toolbox] | None = None
    phrases: Phrases | None = None
    reflex: Callable[[Turn], Awaitable[str | None]] | None = None
    care: Care = field(default_factory=Care)
    notices: AINotices = field(default_factory=lambda: AINotices(0.0))
    plain_farewells: bool = True


@dataclass(frozen=True, slots=True)
class Sounding:
    """How a reply sounds: the voice, at the gate's `rate` in Hz, in a `language`, with how names are said.

    `heard` is a sound at that rate, played when something spoken was taken in.
    """

    tts: EnginePool[TextToSpeech]
    rate: int
    language: str = "en"
    pronunciations: Mapping[str, str] | None = None
    heard: bytes = b""


class Pipeline:
    """Answers turns: the conductor's `answer`. All arguments belong to the session.

    `on_piece(turn, text)` is told each piece as it is handed to the voice.
    """

    def __init__(
        self,
        *,
        events: EventStream,
        parts: ReplyParts,
        sounding: Sounding,
        on_piece: Callable[[Turn, str], None],
        actors: ActorSet,
    ) -> None:
        self._events = events
        self._parts = parts
        self._sounding = sounding
        self._on_piece = on_piece
        self._actors = actors

    def replace_stage(self, role: str, stage: Any) -> None:
        """Have turns that begin from now on use another stage of a role, such as `retriever`."""
        self._actors = replace(self._actors, **{role: stage})

    async def __call__(self, turn: Turn, slot: Slot) -> None:
        """Run the stages of a turn. Raises what they raise, in an ExceptionGroup."""
        if self._sounding.heard and turn.utterance.source is Source.VOICE:
            await slot.write(self._sounding.heard)
        words = await self._known_words(turn)
        if words is None:
            await self._parts.sources.leave_out_deleted()
        ring = turn.utterance.ring
        if ring is not None:
            on_piece = partial(self._piece, turn)
            await ring_out(
                words or "",
                ring,
                voice=self._sounding.tts,
                slot=slot,
                rate=self._sounding.rate,
                on_piece=on_piece,
                spoken=self._spoken,
            )
            return
        async with AsyncExitStack() as leases:
            voice = await leases.enter_async_context(self._sounding.tts.lease())
            mind = None
            if words is None:
                mind = await leases.enter_async_context(self._parts.llm.lease())
            await self._stages(turn, slot, voice, mind, words or "")

    async def _known_words(self, turn: Turn) -> str | None:
        """Return what is said without a model, None where a model has to answer."""
        reflex = self._parts.reflex
        careful = await self._parts.care.answer(turn.utterance.text)
        if careful is not None and reflex is not None:
            # It answers nothing to such words, and lets go of whatever it had asked before.
            await reflex(turn)
        words = careful if careful is not None else turn.utterance.speak
        return await reflex(turn) if words is None and reflex is not None else words

    async def _stages(
        self, turn: Turn, slot: Slot, voice: TextToSpeech, mind: LanguageModel | None, words: str
    ) -> None:
        pieces = Port[Piece]("pieces of the reply", PIECES_AHEAD)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(
                partial(
                    self._actors.speaker,
                    pieces,
                    voice=_Watched(self._spoken(voice)),
                    slot=slot,
                    rate=self._sounding.rate,
                    on_piece=partial(self._piece, turn),
                )
            )
            if mind is None:
                tail = self._parts.notices.after(turn.user, words) if _may_be_told(turn) else ""
                nursery.start_soon(_recite, f"{words} {tail}" if tail else words, pieces)
                return
            turn.mark("memory", self._events.clock.now())
            replied = self._ended_well(turn, pieces, nursery)
            recollections = Port[Recollection]("recollection", 1)
            nursery.start_soon(
                partial(
                    self._actors.retriever,
                    turn.utterance,
                    history=partial(self._parts.sources.history, turn),
                    thoughts=partial(self._parts.sources.read_thoughts, turn),
                    memories=lambda _: self._parts.sources.recall(turn),
                    state=partial(self._parts.sources.describe_state, turn),
                    out=recollections,
                )
            )
            nursery.start_soon(
                partial(
                    self._actors.responder,
                    recollections,
                    ask=partial(self._ask, turn, slot, mind),
                    prompt=partial(self._parts.prompt, turn.user, mind),
                    ordinal=turn.ordinal,
                    out=replied,
                    tools=self._tools(turn, mind),
                    phrases=self._parts.phrases,
                )
            )

    def _ended_well(self, turn: Turn, pieces: Port[Piece], nursery: trio.Nursery) -> Port[Piece]:
        """Return where the mind's reply goes: to the voice, or first to what changes the end of it."""
        goes = self._parts.plain_farewells and is_goodbye(turn.utterance.text)
        # After signs of self-harm a mind urges people to others, and away from being alone: nothing of that is cut.
        farewell = PlainFarewell() if goes and not was_needed(self._parts.sources.history(turn)) else None
        tells = _may_be_told(turn) and self._parts.notices.is_due(turn.user)
        if farewell is None and not tells:
            return pieces
        replied = Port[Piece]("pieces of the mind's reply", 1)
        told = partial(self._parts.notices.after, turn.user) if tells else _nothing
        nursery.start_soon(pass_on, replied, pieces, told, farewell)
        return replied

    def _spoken(self, voice: TextToSpeech) -> TextToSpeech:
        return SpokenVoice(voice, self._sounding.language, self._sounding.pronunciations)

    def _tools(self, turn: Turn, mind: LanguageModel) -> Toolbox | None:
        make = self._parts.tools
        return None if make is None or read_traits(mind).toolless else make(turn)

    async def _ask(
        self, turn: Turn, slot: Slot, mind: LanguageModel, request: Request, emit: Callable[[Delta], Awaitable[None]]
    ) -> None:
        """Ask the mind, noting when, and when its first words came.

        Once the first piece is with the voice, the mind is held until the piece has become sound: an embedded mind
        would else take from the voice the processor that it needs to be heard soon.
        """

        async def noted(delta: Delta) -> None:
            turn.mark("first_words", self._events.clock.now())
            with patience.pause():
                await emit(delta)
                if turn.pieces and not slot.arrived.is_set():
                    # A voice that has nothing to say of the first piece must not hold the mind for ever.
                    with trio.move_on_after(MAX_HELD_SECONDS):
                        await slot.arrived.wait()

        turn.mark("mind", self._events.clock.now())
        with ProgressDeadline(mind.name, between_signs=LAST_RESORT, total=inf) as patience:
            await mind.reply(request, noted)

    def _piece(self, turn: Turn, text: str) -> None:
        turn.mark("voice", self._events.clock.now())
        self._on_piece(turn, text)


def _may_be_told(turn: Turn) -> bool:
    """Return whether it may be told beside the reply that Harry is an AI: a person is answered, and does not go."""
    said = turn.utterance
    return said.source is not Source.PROACTIVE and said.speak is None and not is_goodbye(said.text)


def _nothing(_: str) -> str:
    return ""


class _Watched:
    """A voice with a deadline in addition to its own."""

    def __init__(self, voice: TextToSpeech) -> None:
        self._voice = voice
        self.name = voice.name
        self.rate = voice.rate
        self.describe = voice.describe
        self.aclose = voice.aclose

    async def speak(self, text: str, emit: Callable[[Chunk], Awaitable[None]]) -> None:
        """See `actors.protocols.TextToSpeech`."""

        async def noted(chunk: Chunk) -> None:
            with patience.pause():
                await emit(chunk)

        with ProgressDeadline(self.name, between_signs=LAST_RESORT, total=inf) as patience:
            await self._voice.speak(text, noted)


async def _recite(words: str, out: Port[Piece]) -> None:
    wording = Wording()
    for text in [*wording.feed(words), *wording.end()]:
        await out.send(Piece(text))
    out.close()
