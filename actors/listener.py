"""The listener finds voices in the microphone's frames, yields the floor to them, and cuts utterances out.

It waits for nothing but its inbox; whatever it does is synchronous, and what it decides by are pure state machines. So
no stage, thread or store can make Harry deaf.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import trio

from actors.pcm import to_samples
from actors.protocols import VoiceActivityStream
from actors.turn_taking.endpointing import ONSET, VOICED, Endpointing, Sign
from actors.turn_taking.floor import Decision, Floor, HarrySide
from channels.event_types import SpeechStarted, SpeechStopped
from channels.events import EventStream
from channels.messages import EAR_RATE, FRAME_SAMPLES, SAMPLE_BYTES, Frame, Speech, Transcript, Utterance
from channels.ports import Port
from channels.turn import new_id

PARTIAL_EVERY = 0.8
"""Seconds between early transcripts of a growing utterance."""

EARLY = 0.06
"""Seconds of silence after which the voice may have ceased: the words are read before that is certain."""

EARLY_EVERY = 0.3
"""Seconds between two such readings: a short gap is mostly the middle of a word."""

MAX_PARTIAL_SECONDS = 15.0
"""Seconds of sound beyond which a growing utterance is not decoded early: a decode must stay short."""

_FRAME_SECONDS = FRAME_SAMPLES / EAR_RATE


@dataclass(frozen=True, slots=True)
class Cleaned:
    """A frame without Harry's own voice.

    `near`: there is more in it than his echo. `voiced` is the probability from which it holds a voice.
    """

    frame: Frame
    near: bool = True
    voiced: float = VOICED


class Yielding(Protocol):
    """What the listener may do to Harry's side of the conversation, all of it at once and without waiting."""

    def harry(self, *, words: bool) -> HarrySide:
        """Return whether Harry has the floor, and, with `words`, what he is saying."""
        ...

    def duck(self, down: bool) -> None:
        """Soften Harry's voice, or end that."""
        ...

    def pause(self) -> bool:
        """Silence Harry without losing a sample."""
        ...

    def resume(self) -> bool:
        """Let what was paused sound on."""
        ...

    def cut(self, reason: str) -> object:
        """Silence Harry for good."""
        ...

    def withdraw(self) -> None:
        """Take back what was begun on the guess that an utterance was over."""
        ...

    def find_continued(self, began_at: float) -> Utterance | None:
        """Return the utterance that a voice begun then continues: one whose answer was hardly heard. None: nothing."""
        ...


class Listener:
    """Inbox -> speech for the transcriber, and decisions about the floor.

    All of its arguments are handed by name to listeners of plug-ins too, so none of them can go.
    `hand_over(speech)` takes each stretch of speech without waiting. `clean(frame)` takes Harry's own voice out of a
    frame, where there is somebody who can. What is changed of `endpointing` holds from the next window on.
    """

    def __init__(
        self,
        *,
        inbox: Port[Frame],
        voice_activity: VoiceActivityStream,
        floor: Floor,
        endpointing: Endpointing,
        pre_roll: float,
        events: EventStream,
        hand_over: Callable[[Speech], None],
        yielding: Yielding,
        clean: Callable[[Frame], Cleaned] = Cleaned,
    ) -> None:
        self._inbox = inbox
        self._voice_activity = voice_activity
        self._floor = floor
        self.endpointing = endpointing
        self._events = events
        self.hand_over = hand_over
        self._yielding = yielding
        self._clean = clean
        # What came before the voice was noticed, and the voice it took to notice it.
        self._heard: deque[Frame] = deque(maxlen=round((pre_roll + ONSET) / _FRAME_SECONDS))
        self._growing: list[Frame] = []
        self._utterance = ""
        self._next_partial = 0.0
        self._next_early = 0.0
        self._heard_until = 0.0

    @property
    def hearing(self) -> bool:
        """Whether somebody is speaking now."""
        return self.endpointing.speaking

    async def run(self) -> None:
        """Listen until the inbox is closed."""
        while True:
            try:
                frame = await self._next()
            except trio.EndOfChannel:
                return
            if frame is not None:
                self._take_in(frame)
            else:
                self._act(self._floor.tick(self._events.clock.now(), self._yielding.harry(words=False)))

    def understand(self, speech: Speech, transcript: Transcript) -> bool:
        """Take in words, early or final ones; whether they are to be answered (an "mhm" over Harry's voice is not)."""
        now = max(self._heard_until, self._events.clock.now())
        harry = self._yielding.harry(words=True)
        self._act(self._floor.words(transcript.text, speech.ended_at, now, harry, transcript.confidence))
        if speech.utterance == self._utterance and not speech.final:
            self._judge(speech, transcript, now)
        return not self._floor.excused

    def _judge(self, speech: Speech, transcript: Transcript, now: float) -> None:
        """Judge whether the utterance is over by its words so far, and by those that it goes on with."""
        before = self._yielding.find_continued(speech.began_at)
        sign = self.endpointing.words(
            transcript.text,
            speech.ended_at,
            now,
            transcript.finished,
            before=before.text if before else "",
            misjudged=max(0.0, speech.began_at - before.ended_at) if before else 0.0,
        )
        self._follow(sign, 0.0, now)

    def may_be_command(self, speech: Speech) -> bool:
        """Return whether it may be a mere stop phrase, by its length and because Harry was speaking."""
        return speech.whole and self._floor.is_command(speech.began_at, speech.ended_at)

    def judged(self, likelihood: float, until: float) -> None:
        """Take in a turn model's likelihood that the speaker whose voice ceased at `until` has finished."""
        now = max(self._heard_until, self._events.clock.now())
        self._follow(self.endpointing.weigh_turn_model(likelihood, until, now), 0.0, now)

    def release(self) -> None:
        """End the utterance now: what was said is all."""
        self._follow(self.endpointing.release(), 0.0, self._events.clock.now())

    def reach_back(self, seconds: float) -> None:
        """Let utterances from now on hold so much of what came before their voice was noticed."""
        self._heard = deque(self._heard, maxlen=max(1, round((seconds + ONSET) / _FRAME_SECONDS)))

    def joined(self, silence: float) -> None:
        """Learn that what was taken for the end was a pause of `silence` seconds."""
        self.endpointing.learn_pause(silence)

    async def _next(self) -> Frame | None:
        """Wait for the next frame; None once a pause must be decided, even if the microphone has gone meanwhile."""
        deadline = self._floor.deadline
        if deadline is None:
            # Most frames: a scope for each would cost more than hearing it.
            return await self._inbox.receive()
        with trio.CancelScope(deadline=self._events.clock.to_trio_time(deadline)):
            return await self._inbox.receive()
        return None

    def _take_in(self, frame: Frame) -> None:
        start = frame.start / EAR_RATE
        end = start + len(frame.pcm) / SAMPLE_BYTES / EAR_RATE
        self._heard_until = end
        cleaned = self._clean(frame)
        probability = _as_usual(self._voice_activity.probability(to_samples(cleaned.frame.pcm)), cleaned)
        self._act(self._floor.window(probability, start, end, self._yielding.harry(words=False), near=cleaned.near))
        (self._growing if self.endpointing.speaking else self._heard).append(cleaned.frame)
        self._follow(self.endpointing.hear(probability, start, end), probability, end)

    def _follow(self, sign: Sign, probability: float, end: float) -> None:
        """Cut utterances out of what is heard."""
        match sign:
            case Sign.STARTED:
                self._begin()
            case Sign.STOPPED:
                self._end()
            case Sign.PAUSED:
                self._offer_partial(is_complete=True)
            case Sign.RESUMED:
                self._yielding.withdraw()
            case Sign.NONE if self.endpointing.speaking:
                self._anticipate(probability, end)

    def _anticipate(self, probability: float, end: float) -> None:
        """Have what was said so far read now and then, and whenever the voice may just have ceased."""
        if probability >= VOICED:
            if end >= self._next_partial:
                self._next_partial = end + PARTIAL_EVERY
                self._offer_partial(is_complete=False)
            return
        ceased = self.endpointing.voice_ended_at
        if end - ceased >= EARLY and ceased >= self._next_early:
            self._next_early = ceased + EARLY_EVERY
            self._next_partial = end + PARTIAL_EVERY
            self._offer_partial(is_complete=True)

    def _act(self, decisions: tuple[Decision, ...]) -> None:
        for decision in decisions:
            match decision:
                case Decision.DUCK | Decision.UNDUCK:
                    self._yielding.duck(decision is Decision.DUCK)
                case Decision.PAUSE:
                    self._yielding.pause()
                case Decision.RESUME:
                    self._yielding.resume()
                case Decision.CUT:
                    self._yielding.cut("barge_in")
                case Decision.STOP:
                    self._yielding.cut("stop")
                case Decision.LISTEN:
                    self._offer_partial(is_complete=False)

    def _begin(self) -> None:
        self._utterance = new_id()
        self._growing = list(self._heard)
        self._heard.clear()
        self._next_partial = self.endpointing.began_at + PARTIAL_EVERY
        self._events.publish(SpeechStarted(utterance=self._utterance), at=self.endpointing.began_at)

    def _end(self) -> None:
        self._events.publish(SpeechStopped(utterance=self._utterance), at=self.endpointing.voice_ended_at)
        self.hand_over(self._speech(final=True))
        # Words that were handed over must not begin the next utterance once more.
        handed_over = self.endpointing.voice_ended_at * EAR_RATE
        self._heard.extend(frame for frame in self._growing if frame.start >= handed_over)
        self._growing = []

    def _offer_partial(self, *, is_complete: bool) -> None:
        if self._growing and len(self._growing) * _FRAME_SECONDS <= MAX_PARTIAL_SECONDS:
            self.hand_over(self._speech(final=False, is_complete=is_complete))

    def _speech(self, *, final: bool, is_complete: bool = True) -> Speech:
        pcm = b"".join(frame.pcm for frame in self._growing)
        sign = self.endpointing
        return Speech(
            self._utterance, pcm, self._growing[0].start, sign.began_at, sign.voice_ended_at, final, is_complete
        )


def _as_usual(probability: float, cleaned: Cleaned) -> float:
    """Map a probability so that `VOICED` is the mark of a voice; 0 where only Harry's echo is heard."""
    if not cleaned.near:
        return 0.0
    if probability < cleaned.voiced:
        return min(probability, VOICED - 0.01)
    return VOICED + (probability - cleaned.voiced) * (1 - VOICED) / (1 - cleaned.voiced)
