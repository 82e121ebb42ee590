"""The one way to put a conversation together: settings, services and devices in, a session out, complete.

`harry run`, `harry ask`, every client at the web server, the benches and the tests go through it, so that every way in
has the same reflexes, tools and memory. An actor is handed its own parts; nothing below the host knows these three.
"""

# ruff: noqa: PLW0108  # the session and the conductor are made after those who call them

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn, Protocol

import structlog
import trio

from actors.listener import Cleaned
from actors.protocols import Delta, LanguageModel, Loudspeaker, Microphone, Request, Store, TextToSpeech
from actors.soc_writer import SocWriter, Spill
from actors.text.phrases import load_phrases
from actors.turn_taking.attention import Attention, Talk
from channels.clock import AudioClock
from channels.events import EventStream
from channels.gate import Gate
from channels.messages import Exchange, Recollection, Source, TurnRecord, Utterance
from channels.turn import Turn, new_id
from harry.audio.ring_sound import chime
from harry.engines.engine_set import Engines
from harry.engines.lease import EnginePool
from harry.engines.traits import read_traits
from harry.errors import EngineError, StoreError
from harry.memory.longterm.forgetting import Forgotten
from harry.session.actor_registry import ActorSet
from harry.session.conductor import Conductor, Identity
from harry.session.device_recovery import SteadySink
from harry.session.dialogue import Dialogue
from harry.session.echo_path import EchoPath, open_echo_path
from harry.session.forgetting import Forgetting, Gone
from harry.session.listening import SpeechInput
from harry.session.recall import SessionMemory
from harry.session.session import Session, SessionParts, TurnTakingSettings
from harry.session.turn_sources import TurnSources
from harry.session.turn_stages import Pipeline, Prompt, ReplyParts, Sounding
from harry.session.wake_word import Spotter
from harry.tools.toolbox import Offer, SessionTools
from harry.welfare.ai_notice import AINotices
from harry.welfare.care import Care

log = structlog.get_logger(__name__)

SILENT_RATE = 24_000
"""Hz of the gate when there is no loudspeaker."""

Reflex = Callable[[Turn], Awaitable[str | None]]
"""Answers a turn's words without a mind, or gives None."""


class State(Protocol):
    """What Harry has in mind."""

    def told(self) -> tuple[tuple[str, str], ...]:
        """Give it as (name, text), for a prompt."""

    def forget(self, told_in: Callable[[str], bool]) -> None:
        """Let go of every text that tells what was forgotten."""

    def renew(self) -> None:
        """Let go of all of it until it was read again."""


class Inner(Protocol):
    """What goes on in Harry besides answering, as a conversation needs it."""

    @property
    def state(self) -> State:
        """What he has in mind."""

    def join(
        self,
        thinker: Callable[..., Any],
        events: EventStream,
        *,
        history: Callable[[], tuple[Exchange, ...]],
        keeps: Callable[[], bool],
        busy: Callable[[], bool],
        write: Callable[[str], None],
    ) -> Any:
        """Make the thinker of a session."""

    async def run(self) -> NoReturn:
        """Think until cancelled."""


JUST_SAID_WITHIN = 0.2
"""Seconds for which an answer waits until the turn before it is kept, so that memory holds it."""


@dataclass(frozen=True, slots=True)
class ConversationSettings:
    """How Harry is in this conversation. `always_meant`: whatever is heard is meant for him.

    `confirm` names tools that need a yes. `cancel_echo`: his own voice is taken out of the microphone; `hears_himself`:
    it may come back through it at all. `chime`: a sound says that somebody was heard. `say`: how words are said.
    `plain_farewells`: nothing that would hold somebody back who goes is said.
    """

    persona: str = "Harry"
    language: str = "en"
    turn_taking: TurnTakingSettings = field(default_factory=TurnTakingSettings)
    always_meant: bool = False
    confirm: frozenset[str] = frozenset()
    cancel_echo: bool = False
    hears_himself: bool = True
    chime: bool = False
    say: Mapping[str, str] = field(default_factory=dict)
    plain_farewells: bool = True


@dataclass(frozen=True, slots=True)
class ConversationServices:
    """What a conversation is served by.

    `memory` makes its memory, given what the prompt holds already; `reflexes` its reflexes, given the session.
    `reply_to` answers what was heard in place of the conductor. `on_committed` is told that something was kept. `gone`
    tells which turns, of those that were kept, hold nothing any more; None where nothing is kept on disk.
    `attended` tells whether somebody can hear or see it; without it, whether there is a loudspeaker. `stops_ringing`
    is offered all that is said, and tells whether the words have stopped what was ringing. `care` answers signs of
    self-harm; `notices` say that Harry is an AI.
    """

    engines: Engines
    mind: EnginePool[LanguageModel]
    voice: EnginePool[TextToSpeech]
    store: Store
    spill: Spill
    prompt: Prompt
    today: Callable[[], str]
    actors: ActorSet = field(default_factory=ActorSet)
    memory: Callable[[Callable[[], Collection[str]]], SessionMemory] | None = None
    inner: Inner | None = None
    tools: Callable[[], Sequence[Offer]] = tuple
    reflexes: Callable[[Session], Reflex] | None = None
    wake: Callable[[], Spotter] | None = None
    reply_to: Callable[[Utterance], Turn | None] | None = None
    on_committed: Callable[[], None] = lambda: None
    gone: Gone | None = None
    attended: Callable[[], bool] | None = None
    stops_ringing: Callable[[Session, str], bool] = lambda session, text: False
    wall: Callable[[], float] = time.time
    care: Care = field(default_factory=Care)
    notices: AINotices = field(default_factory=lambda: AINotices(0.0))


@dataclass(frozen=True, slots=True)
class ConversationDevices:
    """What is heard with and spoken through; `clock` is the one that both go by."""

    clock: AudioClock
    microphone: Microphone | None = None
    loudspeaker: Loudspeaker | None = None


def build_conversation(
    identity: Identity,
    settings: ConversationSettings,
    services: ConversationServices,
    devices: ConversationDevices,
    *,
    history: Sequence[Exchange] = (),
) -> Session:
    """Put a conversation together; `history` is what was said before, oldest first. Nothing runs yet."""
    return _Builder(settings, services, devices).build(identity, history)


class _Builder:
    """Holds the parts while they are made: what they tell the session is a call that finds it once it is there."""

    session: Session
    conductor: Conductor
    pipeline: Pipeline
    forgetting: Forgetting
    memory: SessionMemory | None = None
    echo: EchoPath | None = None
    reflex: Reflex | None = None

    def __init__(
        self, settings: ConversationSettings, services: ConversationServices, devices: ConversationDevices
    ) -> None:
        self.settings = settings
        self.services = services
        self.devices = devices
        self.events = EventStream(devices.clock)
        self.attention = _attention(settings)
        self.tools = SessionTools(
            self.events, self.attention.phrases, settings.confirm, (settings.persona,), shared=services.tools
        )
        loudspeaker = devices.loudspeaker
        rate = loudspeaker.rate if loudspeaker else SILENT_RATE
        self.gate = Gate(rate, on_sound=lambda slot: self.session.note_sound(slot))
        if loudspeaker is not None:
            self.gate.attach(SteadySink(loudspeaker))
            if settings.cancel_echo:
                self.echo = open_echo_path(self.gate, loudspeaker, self.events)

    def build(self, identity: Identity, history: Sequence[Exchange]) -> Session:
        """Make the parts and the session of them."""
        services = self.services
        self.forgetting = Forgetting(
            history=lambda: self.conductor.history,
            let_go=lambda turns: self.conductor.forget(turns),
            on_gone=self._let_go_of,
            gone=services.gone,
            kept=[exchange.turn for exchange in history],
            wall=services.wall,
        )
        self.pipeline = self._pipeline()
        self.conductor = Conductor(
            gate=self.gate,
            events=self.events,
            identity=identity,
            answer=self.pipeline,
            keep=self._keep,
            on_turn=lambda began: self.session.note_turn_change(began),
            wall=services.wall,
            history=tuple(history),
        )
        if self.echo is not None:
            self.conductor.hears_himself = self.echo.is_audible
        elif not self.settings.hears_himself:
            self.conductor.hears_himself = lambda: False
        self.session = Session(self.settings.persona, self._parts())
        if services.reflexes is not None:
            self.reflex = services.reflexes(self.session)
        return self.session

    def _parts(self) -> SessionParts:
        return SessionParts(
            conductor=self.conductor,
            dialogue=self._dialogue(),
            writer=self._writer(),
            forgetting=self.forgetting,
            tools=self.tools,
            wall=self.services.wall,
            microphone=self.devices.microphone,
            loudspeaker=self.devices.loudspeaker,
            echo=self.echo,
            replace_stage=self.pipeline.replace_stage,
            actors=self._actors(),
            on_committed=self._committed,
            warm=self._warm,
            attended=self.services.attended or self._audible,
        )

    def _pipeline(self) -> Pipeline:
        services, turn_taking = self.services, self.settings.turn_taking
        limits = turn_taking.history_turns, turn_taking.history_tokens
        if services.memory is not None:
            self.memory = services.memory(
                lambda: {exchange.turn for exchange in self.conductor.select_recent(None, *limits)}
            )
            self.memory.history = lambda: self.conductor.history
        sources = TurnSources(
            services.store,
            self.settings.persona,
            history=lambda turn: self.conductor.select_recent(turn.amends, *limits),
            memory=self.memory,
            state=self._state,
            today=services.today,
            limit=turn_taking.thoughts,
            leave_out_deleted=self.forgetting.leave_out_deleted,
        )
        return Pipeline(
            events=self.events,
            parts=ReplyParts(
                llm=services.mind,
                prompt=services.prompt,
                sources=sources,
                tools=self.tools.for_turn,
                phrases=self.attention.phrases,
                reflex=self._reflex,
                care=services.care,
                notices=services.notices,
                plain_farewells=self.settings.plain_farewells,
            ),
            sounding=Sounding(
                tts=services.voice,
                rate=self.gate.rate,
                language=self.settings.language,
                pronunciations=self.settings.say,
                heard=chime(self.gate.rate) if self.settings.chime else b"",
            ),
            on_piece=lambda turn, text: self.conductor.add_piece(turn, text),
            actors=services.actors,
        )

    def _dialogue(self) -> Dialogue:
        turn_taking = self.settings.turn_taking
        speech_input = SpeechInput(self.attention, self.events, self.devices.clock)
        dialogue = Dialogue(
            self.conductor,
            self.attention,
            speech_input,
            foresee=self.memory.foresee if self.memory is not None else None,
            reply_to=self.services.reply_to,
            stops_ringing=lambda text: self.services.stops_ringing(self.session, text),
            speculates=turn_taking.speculate,
        )
        if self.devices.microphone is not None:
            speech_input.open(
                self.devices.microphone,
                self.services.engines,
                actors=self.services.actors,
                names=(self.settings.persona,),
                endpoint_silence=turn_taking.endpoint_silence,
                barge_in_voice=turn_taking.barge_in_voice,
                pre_roll=turn_taking.pre_roll,
                yielding=self.conductor,
                clean=self.echo.clean if self.echo is not None else Cleaned,
                wake=self.services.wake,
                on_transcript=dialogue.take_transcript,
                on_lost=dialogue.take_loss,
            )
        return dialogue

    def _writer(self) -> SocWriter:
        writer: SocWriter = self.services.actors.soc_writer(
            self.services.store,
            self.services.spill,
            failure=StoreError,
            on_kept=lambda record, sequence: self.session.note_commit(record, sequence),
            on_trouble=lambda message: self.session.tell_trouble(message),
            on_recovered=lambda: self.session.tell_recovery(),
        )
        if isinstance(writer, SocWriter):  # one of a plug-in may know of no refusal
            writer.on_refused = lambda record: self.session.note_refusal(record)
        return writer

    def _actors(self) -> dict[str, Callable[[], Awaitable[Any]]]:
        actors: dict[str, Callable[[], Awaitable[Any]]] = {}
        if self.memory is not None:
            actors["memory"] = self.memory.run
        if self.services.inner is not None:
            actors["inner life"] = self.services.inner.run
            thinker = self.services.inner.join(
                self.services.actors.thinker,
                self.events,
                history=lambda: self.conductor.history,
                keeps=lambda: self.attention.is_recording,
                busy=lambda: self.session.pending,
                write=lambda text: self.session.think(text),
            )
            actors["thinker"] = thinker.run
        return actors

    def _state(self) -> tuple[tuple[str, str], ...]:
        held = self.services.inner.state.told() if self.services.inner is not None else ()
        return (*held, *self.tools.list_late_results())

    async def _reflex(self, turn: Turn) -> str | None:
        if self.reflex is None:
            return None
        with trio.move_on_after(JUST_SAID_WITHIN):
            # What was said a moment ago may be what is asked about.
            await self.conductor.acknowledged()
        return await self.reflex(turn)

    def _keep(self, record: TurnRecord) -> None:
        if record.source is not Source.PROACTIVE:
            self.services.notices.note(record.user, record.started_at, record.heard)
        self.session.keep(record)

    def _let_go_of(self, forgotten: Forgotten | None) -> None:
        """Have nothing at hand any more of what was forgotten or deleted."""
        if self.memory is not None:
            self.memory.forget()
        if self.services.inner is None:
            return
        if forgotten is not None:
            self.services.inner.state.forget(forgotten.told_of)
        else:
            self.services.inner.state.renew()

    def _audible(self) -> bool:
        return self.devices.loudspeaker is not None

    def _committed(self) -> None:
        if self.memory is not None:
            self.memory.notice()
        self.services.on_committed()

    async def _warm(self) -> None:
        """Let an embedded mind read the beginning of its prompt before the first question. Costs nothing elsewhere."""
        async with self.services.mind.lease() as mind:
            if not read_traits(mind).embedded:
                return
            user = self.conductor.identity.user
            nothing = Recollection(Utterance(new_id(), "", Source.PROACTIVE), self.conductor.history)
            prompt = self.services.prompt(user, mind, nothing)
            try:
                await mind.reply(Request(prompt, purpose="ritual", max_tokens=1), _forget)
            except EngineError as error:
                log.warning("the mind could not be warmed", cause=str(error))


def _attention(settings: ConversationSettings) -> Attention:
    turn_taking = settings.turn_taking
    return Attention(
        (settings.persona,),
        (),
        turn_taking.attention_window,
        turn_taking.rest_after or None,
        Talk(turn_taking.talk),
        settings.always_meant,
        load_phrases(settings.language),
    )


async def _forget(_: Delta) -> None:
    await trio.lowlevel.checkpoint()
