"""One conversation: a microphone or none, a loudspeaker or none, the actors between them, and the conductor.

Session actors live here, each under the supervisor; turn stages live in the conductor. Voice, typed lines and Harry's
own words enter by one path: an utterance to the conductor. What words mean is decided in `dialogue`; how a session is
put together is known to the host's builder alone.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import trio

from actors.protocols import Loudspeaker, Microphone
from actors.soc_writer import Record, SocWriter
from actors.supervisor import Supervisor
from channels.event_types import Degraded, ErrorOccurred, Ready, SpeakingStarted, ThoughtKept, VolumeChanged
from channels.events import EventSubscription as Listening
from channels.gate import Slot
from channels.messages import Thought, TurnRecord, Utterance
from channels.turn import Turn, new_id
from harry.session.conductor import Conductor
from harry.session.device_recovery import keep_playing
from harry.session.dialogue import Dialogue
from harry.session.echo_path import EchoPath
from harry.session.forgetting import Forgetting
from harry.tools.toolbox import SessionTools


@dataclass(frozen=True, slots=True)
class TurnTakingSettings:
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


@dataclass(frozen=True, slots=True)
class SessionParts:
    """What a session is made of, put together by the host's builder.

    `actors` are run under the supervisor, by name, in addition to those that hear. `on_committed` is told that
    something was kept, and never waits; `replace_stage` takes another stage for the turns to come; `warm` lets an
    embedded mind read the beginning of its prompt. `attended` tells whether somebody can hear or see what Harry says
    here.
    """

    conductor: Conductor
    dialogue: Dialogue
    writer: SocWriter
    forgetting: Forgetting
    tools: SessionTools
    wall: Callable[[], float]
    microphone: Microphone | None = None
    loudspeaker: Loudspeaker | None = None
    echo: EchoPath | None = None
    replace_stage: Callable[[str, Any], None] = lambda role, stage: None
    actors: Mapping[str, Callable[[], Awaitable[Any]]] = field(default_factory=dict)
    on_committed: Callable[[], None] = lambda: None
    warm: Callable[[], Awaitable[None]] = trio.lowlevel.checkpoint
    attended: Callable[[], bool] = lambda: False


class Session:
    """Runs one conversation; made by `harry.host.conversation.build_conversation`."""

    def __init__(self, persona: str, parts: SessionParts) -> None:
        self.persona = persona
        self.conductor = parts.conductor
        self.dialogue = parts.dialogue
        self.writer = parts.writer
        self.tools = parts.tools
        self.microphone = parts.microphone
        self.echo = parts.echo
        self.identity = parts.conductor.identity
        self.events = parts.conductor.events
        self.clock = self.events.clock
        self.gate = parts.conductor.gate
        self.attention = parts.dialogue.attention
        self.speech_input = parts.dialogue.speech_input
        self.supervisor = Supervisor(self._crashed, self._degraded)
        self.warm = parts.warm
        self.attended = parts.attended
        self.answer_typed = parts.dialogue.answer_typed
        """Answer a typed line; see `Dialogue.answer_typed`."""
        self.forget = parts.forgetting.forget
        """Take out of the conversation what was forgotten; see `Forgetting.forget`."""
        self._parts = parts
        self._troubles: set[str] = set()

    # The life of a session.

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Converse until cancelled. The clock starts here; started once everything runs."""
        loudspeaker = self._parts.loudspeaker
        async with trio.open_nursery() as writing:
            # The writer is the last to go: it takes in what the end of everything else brings.
            await writing.start(self.writer.run)
            try:
                async with trio.open_nursery() as nursery:
                    await nursery.start(self.conductor.run)
                    self.clock.start()
                    if loudspeaker is not None:
                        await nursery.start(keep_playing, loudspeaker, self.gate, self.events)
                    for name, run in (*self._parts.actors.items(), *self.speech_input.iter_actors()):
                        nursery.start_soon(self.supervisor.keep, name, run)
                    self.attention.start(self.clock.now())
                    self.speech_input.heed_button()
                    self.events.publish(Ready())
                    task_status.started()
            finally:
                writing.cancel_scope.cancel()

    def replace_stage(self, role: str, stage: Any) -> None:
        """Have turns that begin from now on use another stage of a role; a guess is made again."""
        self._parts.replace_stage(role, stage)
        self.conductor.withdraw()

    def answer(self, utterance: Utterance) -> Turn | None:
        """Answer an utterance that came by any way."""
        return self.conductor.commit(utterance)

    @property
    def loudspeaker(self) -> Loudspeaker | None:
        """What Harry is heard from here."""
        return self._parts.loudspeaker

    @property
    def has_loudspeaker(self) -> bool:
        """Whether what Harry says here can sound."""
        return self._parts.loudspeaker is not None

    def volume(self, volume: float) -> None:
        """Speak louder or softer (1: as the voice is), and tell everybody who watches."""
        self.gate.volume = volume
        self.events.publish(VolumeChanged(volume=volume))

    def think(self, text: str) -> None:
        """Write an entry into the stream of consciousness."""
        if not self.attention.is_recording or self._parts.forgetting.shines_through(text):
            return
        who = self.identity
        self.writer.submit(
            Thought(new_id(), who.user, who.session, who.namespace, self.persona, self._parts.wall(), text)
        )

    @property
    def pending(self) -> bool:
        """Whether something said is still to be understood, answered or kept."""
        return self.speech_input.busy or self.conductor.turns_running > 0

    @property
    def may_speak_up(self) -> bool:
        """Whether Harry may begin to speak unasked: nobody speaks, or is about to, and nothing is being answered."""
        return self.conductor.runs and not self.pending and not self.speech_input.stirs and not self.attention.pressed

    async def wait_quiet(self, seconds: float) -> None:
        """Wait until nothing that was said is pending and nothing has happened for `seconds`; the end ends it too."""
        happenings = self.events.listen()
        try:
            while True:
                while self.pending:
                    await self._settled(happenings)
                happenings.take_waiting()
                with trio.move_on_after(seconds):
                    await happenings.__anext__()
                    continue
                if not self.pending:
                    return
        except StopAsyncIteration:
            return  # no more happens in a session that is over
        finally:
            happenings.close()

    async def _settled(self, happenings: Listening) -> None:
        """Wait for the next sign that something pending may be over."""
        if self.conductor.turns_running:
            await self.conductor.wait_idle()
        else:
            await happenings.__anext__()

    # What the actors tell.

    def keep(self, record: TurnRecord) -> None:
        """Have a turn written down, unless it is off the record: then it is over at once."""
        if self.attention.is_recording:
            self.writer.submit(self._parts.forgetting.without_it(record))
        else:
            self.conductor.acknowledge(record)

    def note_turn_change(self, began: bool) -> None:
        """Note that Harry begins to answer, or has ended."""
        now = self.clock.now()
        if began:
            self.attention.begin_turn(now)
        else:
            self.attention.end_turn(now)
            self.speech_input.let_go(self.conductor.last_utterance)
            self.tools.end_turn(self.conductor.last_heard)

    def note_sound(self, slot: Slot) -> None:
        """Note that the first sample of a turn sounds."""
        slot.turn.mark("sound", self.clock.now())
        self.events.publish(SpeakingStarted(turn=slot.turn.id))

    def note_commit(self, record: Record, sequence: int) -> None:
        """Tell that a record is on disk."""
        self._parts.on_committed()
        if isinstance(record, TurnRecord):
            self._parts.forgetting.was_kept(record.turn)
            self.conductor.acknowledge(record)
        else:
            self.events.publish(ThoughtKept(sequence=sequence))

    def note_refusal(self, record: Record) -> None:
        """Let go of a turn that can never be kept, so that nobody waits for it."""
        if isinstance(record, TurnRecord):
            self.conductor.give_up(record)

    def tell_trouble(self, message: str) -> None:
        """Tell that something cannot be kept or shared now; once, whoever met it."""
        if message not in self._troubles:
            self._troubles.add(message)
            self.events.publish(Degraded(message=message))

    def tell_recovery(self) -> None:
        """Tell that what `tell_trouble` told is over."""
        self._troubles.clear()
        self.events.publish(Degraded(message="What Harry keeps is written again.", over=True))

    def _crashed(self, name: str, error: Exception) -> None:
        self.events.publish(ErrorOccurred(message=f"The {name} failed and was started again: {error}"))

    def _degraded(self, name: str, error: Exception) -> None:
        self.events.publish(Degraded(message=f"The {name} keeps failing; I try it again once a minute. {error}"))
        self.conductor.say(f"My {name} keeps failing. The log says why.")
