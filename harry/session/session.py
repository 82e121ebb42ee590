"""One conversation: a microphone or none, a loudspeaker or none, the actors between them, and the conductor.

Session actors live here, each under the supervisor; turn stages live in the conductor. Voice, typed lines and Harry's
own words enter by one path: an utterance to the conductor.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

import structlog
import trio

from actors.listener import Cleaned
from actors.protocols import Delta, LanguageModel, Loudspeaker, Message, Microphone, Request, Store, TextToSpeech
from actors.soc_writer import Record, SocWriter, Spill
from actors.supervisor import Supervisor
from actors.text.phrases import asks, phrases_of
from actors.turn_taking.attention import Attention, Meant, Talk
from channels.clock import AudioClock
from channels.events import EventStream
from channels.events import Listener as Listening
from channels.gate import Gate, Slot
from channels.messages import (
    Exchange,
    Recollection,
    Source,
    Speech,
    Thought,
    Transcript,
    TurnRecord,
    Utterance,
)
from channels.turn import Turn, new_id
from harry.engines.lease import Shelf
from harry.errors import EngineError, StoreError
from harry.host.background import AfterKeeping
from harry.host.engine_loading import Engines
from harry.host.shared_memory import LongTerm
from harry.inner_life.service import InnerLife
from harry.session.actor_registry import Cast
from harry.session.conductor import Conductor, Identity
from harry.session.device_recovery import keep_playing
from harry.session.echo_path import echo_path_of
from harry.session.listening import Ears
from harry.session.turn_stages import Pipeline
from harry.session.wake_word import Spotter
from harry.tools.toolbox import Box

log = structlog.get_logger(__name__)

SILENT_RATE = 24_000
"""Hz of the gate when there is no loudspeaker."""


@dataclass(frozen=True, slots=True)
class Manners:
    """How turns are taken, in seconds, and how much of the past is recalled."""

    endpoint_silence: float = 0.4
    barge_in_voice: float = 0.25
    pre_roll: float = 0.8
    history_turns: int = 20
    history_tokens: int = 8000
    thoughts: int = 20
    speculate: bool = True
    attention_window: float = 30.0
    talk: str = "open"
    rest_after: float = 600.0


class Session:
    """Wire one conversation. `voice` is the voice of this session: a silent one where there is no loudspeaker.

    `attended()` says whether somebody can hear or see what Harry says here. `heed(text)` is offered all that is said,
    and says whether these words have done their work already: they stopped what was ringing.
    """

    def __init__(
        self,
        *,
        identity: Identity,
        persona: str,
        language: str = "en",
        clock: AudioClock,
        engines: Engines,
        mind: Shelf[LanguageModel],
        voice: Shelf[TextToSpeech],
        store: Store,
        microphone: Microphone | None,
        loudspeaker: Loudspeaker | None,
        prompt: Callable[[LanguageModel, Recollection], tuple[Message, ...]],
        manners: Manners,
        history: Sequence[Exchange] = (),
        spill: Spill,
        today: Callable[[], str],
        cast: Cast | None = None,
        cancel_echo: bool = False,
        wake: Callable[[], Spotter] | None = None,
        long_term: LongTerm | None = None,
        inner: InnerLife | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._cast = cast or Cast()
        self.identity = identity
        self.persona = persona
        self.clock = clock
        self.events = EventStream(clock)
        self.manners = manners
        self.gate = Gate(loudspeaker.rate if loudspeaker else SILENT_RATE, on_sound=self._sounded)
        if loudspeaker is not None:
            self.gate.attach(loudspeaker)
        self.microphone = microphone
        self.attended: Callable[[], bool] = lambda: loudspeaker is not None
        self.heed: Callable[[str], bool] = lambda text: False
        self._loudspeaker = loudspeaker
        self._long_term = long_term
        self.after_keeping: AfterKeeping | None = None
        self._store = store
        self._mind = mind
        self._prompt = prompt
        self._today = today
        self._wall = wall
        rest_after, talk = manners.rest_after or None, Talk(manners.talk)
        self.attention = Attention((persona,), (), manners.attention_window, rest_after, talk)
        self._voice_ended_at = 0.0
        self.reply_to: Callable[[Utterance], Turn | None] = self.answer
        self._phrases = phrases_of(language)
        self.tools = Box(self.events, self._phrases, names=(persona,))
        self.reflex: Callable[[Turn], Awaitable[str | None]] | None = None
        self.writer: SocWriter = self._cast.soc_writer(
            store, spill, failure=StoreError, on_kept=self._kept, on_trouble=self.trouble, on_recovered=self.recovered
        )
        self.conductor = Conductor(
            gate=self.gate,
            events=self.events,
            identity=identity,
            answer=Pipeline(
                events=self.events,
                rate=self.gate.rate,
                mind=mind,
                voice=voice,
                prompt=prompt,
                history=self._recent,
                on_piece=self._piece,
                thoughts=self._thoughts,
                memories=self._remembered if long_term else None,
                state=lambda: (*(inner.state.told() if inner else ()), *self.tools.late_results()),
                tools=self.tools.of,
                phrases=self._phrases,
                reflex=self._reflexes,
                cast=self._cast,
            ),
            keep=self._keep,
            on_turn=self._turn,
            wall=wall,
            history=tuple(history),
        )
        self.echo = echo_path_of(self.gate, loudspeaker, self.events) if cancel_echo and loudspeaker else None
        if self.echo is not None:
            self.conductor.hears_himself = self.echo.audible
        limits = manners.history_turns, manners.history_tokens
        if long_term is not None:
            long_term.present = lambda: {each.turn for each in self.conductor.recent(None, *limits)}
        self._inner = inner
        self._thinker = inner and inner.join(
            self._cast.thinker, self.events,
            history=lambda: self.conductor.history, keeps=lambda: self.attention.keeps,
            busy=lambda: self.pending, write=self.think,
        )  # fmt: skip
        self.supervisor = Supervisor(self._crashed, self._degraded)
        self.ears = Ears(self.attention, self.events, clock)
        if microphone is not None:
            self.ears.open(
                microphone,
                engines,
                cast=self._cast,
                names=(persona,),
                endpoint_silence=manners.endpoint_silence,
                barge_in_voice=manners.barge_in_voice,
                pre_roll=manners.pre_roll,
                yielding=self.conductor,
                clean=self.echo.clean if self.echo else Cleaned,
                wake=wake,
                on_transcript=self._transcribed,
            )

    # The life of a session.

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Converse until cancelled. The clock starts here; started once everything runs."""
        async with trio.open_nursery() as writing:
            # The writer is the last to go: it takes in what the end of everything else brings.
            await writing.start(self.writer.run)
            try:
                async with trio.open_nursery() as nursery:
                    await nursery.start(self.conductor.run)
                    self.clock.start()
                    if self._loudspeaker is not None:
                        await nursery.start(keep_playing, self._loudspeaker, self.gate, self.events)
                    for name, actor in (
                        ("memory", self._long_term),
                        ("inner life", self._inner),
                        ("thinker", self._thinker),
                    ):
                        if actor is not None:
                            nursery.start_soon(self.supervisor.keep, name, actor.run)
                    for name, run in self.ears.actors():
                        nursery.start_soon(self.supervisor.keep, name, run)
                    self.attention.ready(self.clock.now())
                    self.ears.heed_button()
                    self.events.publish("ready")
                    task_status.started()
            finally:
                writing.cancel_scope.cancel()

    async def warm(self) -> None:
        """Let an embedded mind read the beginning of its prompt before the first question. Costs nothing elsewhere."""
        async with self._mind.lease() as mind:
            if not getattr(mind, "embedded", False):
                return
            nothing = Recollection(Utterance(new_id(), "", Source.PROACTIVE), self.conductor.history)
            request = Request(self._prompt(mind, nothing), purpose="ritual", max_tokens=1)
            try:
                await mind.reply(request, _forget)
            except EngineError as error:
                log.warning("the mind could not be warmed", cause=str(error))

    def typed(self, line: str) -> Turn | None:
        """Answer a typed line. It cuts whatever Harry is saying, at once; None where a stop phrase was all of it."""
        now = self.clock.now()
        said = Utterance(new_id(), line, Source.TYPED, now, now)
        self.events.publish("transcript", utterance=said.id, partial=False, text=line, meant=True, ended_at=now)
        if self.heed(line):
            return None
        text = self._to_answer(line)
        if text != line:
            self.conductor.cut("stop")
        return self.answer(self.heeded(replace(said, text=text))) if text else None

    def heeded(self, utterance: Utterance) -> Utterance:
        """Words that are meant for Harry, after what they wish is done: off the record and back, "go on"."""
        wish = self.attention.record_wish(utterance.text)
        if wish is not None:
            return replace(utterance, speak="Off the record." if wish else "On the record again.")
        return self._going_on(utterance)

    def _going_on(self, utterance: Utterance) -> Utterance:
        if self._phrases.go_on(utterance.text, (self.persona,)):
            return replace(utterance, speak=self.conductor.unsaid or None)
        return utterance

    def answer(self, utterance: Utterance) -> Turn | None:
        """Answer an utterance that came by any way."""
        return self.conductor.commit(utterance)

    def think(self, text: str) -> None:
        """Write an entry into the stream of consciousness."""
        if not self.attention.keeps:
            return
        who = self.identity
        self.writer.submit(Thought(new_id(), who.user, who.session, who.namespace, self.persona, self._wall(), text))

    @property
    def pending(self) -> bool:
        """Whether something said is still to be understood, answered or kept."""
        return self.ears.busy or self.conductor.turns_running > 0

    async def quiet(self, seconds: float) -> None:
        """Wait until nothing that was said is pending and nothing has happened for `seconds`."""
        happenings = self.events.listen()
        while True:
            while self.pending:
                await self._settled(happenings)
            happenings.take_waiting()
            with trio.move_on_after(seconds):
                await happenings.__anext__()
                continue
            if not self.pending:
                happenings.close()
                return

    async def _settled(self, happenings: Listening) -> None:
        """Wait for the next sign that something pending may be over."""
        if self.conductor.turns_running:
            await self.conductor.idle()
        else:
            await happenings.__anext__()

    # What the actors tell.

    def _keep(self, record: TurnRecord) -> None:
        """Have a turn written down, unless it is off the record: then it is over at once."""
        if self.attention.keeps:
            self.writer.submit(record)
        else:
            self.conductor.kept(record)

    def _turn(self, began: bool) -> None:
        now = self.clock.now()
        if began:
            self.attention.turn_began(now)
        else:
            self.attention.turn_ended(now)
            self.tools.turn_ended()

    async def _reflexes(self, turn: Turn) -> str | None:
        """What a reflex answers to the turn's words, if one does."""
        return await self.reflex(turn) if self.reflex is not None else None

    def _piece(self, turn: Turn, text: str) -> None:
        self.conductor.piece(turn, text)

    def _recent(self, turn: Turn) -> tuple[Exchange, ...]:
        return self.conductor.recent(turn.amends, self.manners.history_turns, self.manners.history_tokens)

    async def _remembered(self, words: str) -> Sequence[str]:
        """What long-term memory holds on these words; nothing for a guest, whose past it is not."""
        return await self._long_term.remember(words) if self._long_term and self.attention.recalls else ()

    async def _thoughts(self) -> list[str]:
        limit, user = self.manners.thoughts, self.identity.user
        if not limit:
            return []
        try:
            entries = await self._store.thoughts(self.persona, self._today(), limit=limit, user=user)
        except StoreError as error:
            # A memory that fails is told by the writer, and is no reason to be silent.
            log.warning("nothing is remembered", cause=str(error))
            return []
        return [str(entry["text"]) for entry in entries]

    def _transcribed(self, speech: Speech, transcript: Transcript) -> None:
        listener, judge = self.ears.listener, self.ears.turn_judge
        wanted = listener is None or listener.understand(speech, transcript)
        asked = asks(self.conductor.last_heard)
        meant = self.attention.judge(transcript.text, speech.began_at, asked=asked) if wanted else Meant.NOBODY
        heeded = speech.final and not self.attention.muted and self.heed(transcript.text)
        self.events.publish(
            "transcript",
            utterance=speech.utterance,
            partial=not speech.final,
            text=transcript.text,
            meant=heeded or meant is Meant.MEANT,
            ended_at=speech.ended_at,
        )
        text = "" if heeded else self._to_answer(transcript.text)
        if meant is not Meant.MEANT or not text:
            return
        if self._long_term is not None and not speech.final:
            self._long_term.recall.foresee(text)
        if judge is not None and speech.whole and not speech.final:
            judge.judge(speech, transcript.text)
        utterance = Utterance(transcript.utterance, text, Source.VOICE, speech.began_at, speech.ended_at)
        if speech.final:
            self._heard_out(utterance)
        elif speech.whole and self.manners.speculate and not self.conductor.busy:
            self.conductor.speculate(self._going_on(utterance))

    def _heard_out(self, utterance: Utterance) -> None:
        """Answer a finished utterance that is meant for Harry."""
        turn = self.reply_to(self.heeded(utterance))
        listener = self.ears.listener
        if turn is not None and turn.amends is not None and listener is not None and utterance.began_at:
            listener.joined(max(0.0, utterance.began_at - self._voice_ended_at))
        self._voice_ended_at = utterance.ended_at

    def _to_answer(self, text: str) -> str:
        """The words without a stop phrase at their start, which has done its work; "" if that was all."""
        stop = self._phrases.stop(text, (self.persona,))
        return text if stop is None else stop.rest

    def _sounded(self, slot: Slot) -> None:
        slot.turn.mark("sound", self.clock.now())
        self.events.publish("speaking_started", turn=slot.turn.id)

    def _kept(self, record: Record, sequence: int) -> None:
        if self._long_term is not None:
            self._long_term.notice()
        if self.after_keeping is not None:
            self.after_keeping.notice()
        if isinstance(record, TurnRecord):
            self.conductor.kept(record)
        else:
            self.events.publish("soc", sequence=sequence)

    def trouble(self, message: str) -> None:
        """Tell that something cannot be kept or shared now."""
        self.events.publish("degraded", message=message)

    def recovered(self) -> None:
        """What was told by `trouble` is over."""
        self.events.publish("degraded", message="What Harry keeps is written again.", over=True)

    def _crashed(self, name: str, error: Exception) -> None:
        self.events.publish("error", message=f"The {name} failed and was started again: {error}")

    def _degraded(self, name: str, error: Exception) -> None:
        self.events.publish("degraded", message=f"The {name} keeps failing; I try it again once a minute. {error}")
        self.conductor.say(f"My {name} keeps failing. The log says why.")


async def _forget(delta: Delta) -> None:
    await trio.lowlevel.checkpoint()
