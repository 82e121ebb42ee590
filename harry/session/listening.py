"""What a session hears with: the recorder, the listener and the transcriber, and what stands between them.

The echo path and the wake phrase see each frame before the listener does; rest keeps speech from the transcriber; the
turn model judges what was transcribed; and a button, or the mute, shuts the microphone. All is absent without one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence

from actors.listener import Cleaned, Listener, Yielding
from actors.protocols import ExpectedWords, Microphone, OtherReading
from actors.recorder import Recorder
from actors.transcriber import Transcriber
from actors.turn_taking.attention import Attention, Talk
from actors.turn_taking.endpointing import Endpointing
from actors.turn_taking.floor import Floor
from channels.clock import AudioClock
from channels.event_types import Degraded, Muted
from channels.events import EventStream
from channels.messages import EAR_RATE, FRAME_SAMPLES, Frame, Speech, Transcript
from channels.ports import Port, WhenFull
from harry.engines.engine_set import Engines
from harry.hearing.steady_detection import SteadyDetection
from harry.session.actor_registry import ActorSet
from harry.session.device_recovery import KeptMicrophone
from harry.session.rest import Resting
from harry.session.stop_spotter import StopSpotter
from harry.session.turn_detection import TurnJudge
from harry.session.voice_activity import FollowingStream
from harry.session.wake_word import Spotter, WakeWordDetector

PATIENCE = 0.7
"""Seconds of silence that end an utterance whose words are not known: the ear may be slow."""

SILENCE = -90.0
"""Decibels below full scale where there is no microphone."""

_SECOND_OF_FRAMES = EAR_RATE // FRAME_SAMPLES


class SpeechInput:
    """One session's, deaf until `open`. `attention` says what the button and the mute let through."""

    def __init__(self, attention: Attention, events: EventStream, clock: AudioClock) -> None:
        self._attention = attention
        self._events = events
        self._clock = clock
        self.recorder: Recorder | None = None
        self.listener: Listener | None = None
        self.transcriber: Transcriber | None = None
        self.turn_judge: TurnJudge | None = None
        self._resting: Resting | None = None
        self._microphone: KeptMicrophone | None = None
        self._wake: WakeWordDetector | None = None
        self._voice_activity: FollowingStream | None = None
        self._rules: tuple[Endpointing, Floor] | None = None

    def open(
        self,
        microphone: Microphone,
        engines: Engines,
        *,
        actors: ActorSet,
        names: tuple[str, ...],
        endpoint_silence: float,
        barge_in_voice: float,
        pre_roll: float,
        yielding: Yielding,
        clean: Callable[[Frame], Cleaned],
        wake: Callable[[], Spotter] | None,
        on_transcript: Callable[[Speech, Transcript], None],
        on_lost: Callable[[Exception], None],
    ) -> None:
        """Hear with a microphone, if there are engines to hear with. Lengths are in seconds."""
        if engines.voice_activity is None or engines.speech_to_text is None:
            return
        inbox = Port[Frame]("microphone frames", _SECOND_OF_FRAMES, WhenFull.DROP_OLDEST)
        self._wake = WakeWordDetector(wake, self._attention, self._events) if wake else None
        self._microphone = KeptMicrophone(microphone, self._events)
        self.recorder = actors.recorder(self._microphone, inbox)
        self.transcriber = transcriber = actors.transcriber(
            ear=engines.speech_to_text.lease, events=self._events, on_transcript=on_transcript
        )
        if isinstance(transcriber, Transcriber):  # one of a plug-in tells in its own way
            transcriber.on_lost = on_lost
            transcriber.second_thought = StopSpotter(lambda: self.listener, self._attention.phrases, names)
        self._voice_activity = FollowingStream(engines.voice_activity, lambda: listener.hearing)
        self._resting = Resting(self._attention, self._events, transcriber.take, voice_wakes=self._wake is None)
        self._rules = Endpointing(endpoint_silence, patience=PATIENCE), Floor(barge_in_voice, names=names)
        self.listener = listener = actors.listener(
            inbox=inbox,
            voice_activity=SteadyDetection(self._voice_activity, self._tell_degraded),
            floor=self._rules[1],
            endpointing=self._rules[0],
            pre_roll=pre_roll,
            events=self._events,
            hand_over=self._resting.take,
            yielding=yielding,
            clean=self._wake.wrap(clean) if self._wake else clean,
        )
        if engines.turn_detector is not None:
            self.turn_judge = TurnJudge(engines.turn_detector, listener.judged)

    def iter_actors(self) -> Iterator[tuple[str, Callable[[], Awaitable[None]]]]:
        """List what is to be run, by its name; the recorder last, so that nothing is heard before all hear."""
        for name, actor in (
            ("turn model", self.turn_judge),
            ("wake phrase", self._wake),
            ("rest", self._resting),
            ("voice activity", self._voice_activity),
            ("transcriber", self.transcriber),
            ("listener", self.listener),
            ("recorder", self.recorder),
        ):
            if actor is not None:
                yield name, actor.run

    @property
    def busy(self) -> bool:
        """Whether somebody is speaking, or something said is still to be understood."""
        hearing = self.listener is not None and self.listener.hearing
        return hearing or (self.transcriber is not None and self.transcriber.pending > 0)

    @property
    def stirs(self) -> bool:
        """Whether a voice may just have begun; never by a plug-in's listener, which does not tell."""
        return isinstance(self.listener, Listener) and self.listener.endpointing.stirs

    async def hear_again(self, utterance: str, text: str, expected: ExpectedWords) -> Sequence[OtherReading]:
        """Look for other words in what was said last; none where the ear, or a plug-in's transcriber, cannot."""
        again = getattr(self.transcriber, "hear_again", None)
        found: Sequence[OtherReading] = await again(utterance, text, expected) if again is not None else ()
        return found

    def let_go(self, utterance: str) -> None:
        """Hold the sound of an utterance no longer."""
        let_go = getattr(self.transcriber, "let_go", None)
        if let_go is not None:
            let_go(utterance)

    @property
    def level(self) -> float:
        """Loudness of the microphone in decibels below full scale."""
        return self.recorder.level if self.recorder else SILENCE

    @property
    def muted(self) -> bool:
        """Whether the microphone is shut."""
        return self._attention.muted

    def mute(self, muted: bool) -> None:
        """Shut or open the microphone."""
        if self.recorder is not None:
            self._attention.muted = muted
            self.heed_button()
            self._events.publish(Muted(muted=muted))

    @property
    def works(self) -> bool:
        """Whether sound comes from the microphone now, muted or not."""
        return self._microphone is not None and self._microphone.works

    def rest(self) -> None:
        """Rest now, as after a long silence."""
        self._attention.rest()
        self._look()

    def wake(self) -> None:
        """Wake up, and take what is said next as meant for Harry."""
        self._attention.wake(self._clock.now())
        self._look()

    def hold_to(self, attention_window: float, rest_after: float) -> None:
        """Hold to other lengths of attention, in seconds; 0 seconds of rest: he never rests."""
        self._attention.hold_to(attention_window, rest_after or None, self._clock.now())
        if self._resting is not None:
            self._resting.look_again()

    def take_turns(self, endpoint_silence: float, barge_in_voice: float) -> None:
        """End utterances after another silence, and interruptions' voices too, from the next sound on; in seconds."""
        if self._rules is not None:
            endpointing, floor = self._rules
            endpointing.endpoint_silence, floor.barge_in_voice = endpoint_silence, barge_in_voice

    def _tell_degraded(self, message: str, over: bool) -> None:
        self._events.publish(Degraded(message=message, over=over))

    def _look(self) -> None:
        if self._resting is not None:
            self._resting.look()

    def press(self) -> None:
        """Take a press of the push-to-talk button: it opens the microphone, or closes it and ends the utterance."""
        if self._attention.press(self._clock.now()) and self.listener is not None:
            self.listener.release()
        self.heed_button()

    def hold(self, down: bool) -> None:
        """Hold the push-to-talk button down, or let it go; a microphone that is always open is woken by it."""
        if self._attention.talk is Talk.OPEN:
            if down:
                self.wake()
        elif down is not self._attention.pressed:
            self.press()

    def heed_button(self) -> None:
        """Shut or open the microphone as the button and the mute have it."""
        if self.recorder is not None:
            self.recorder.muted = not self._attention.hears(self._clock.now())
