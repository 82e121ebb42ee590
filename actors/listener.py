"""The listener finds voices in the microphone's frames, says when one takes the floor, and cuts utterances out.

It waits for nothing but its inbox, in which frames and transcripts arrive; whatever it does is synchronous. So no
stage, thread or store can make Harry deaf.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import numpy as np

from actors.endpointing import ONSET, VOICED, Endpointing, Sign
from actors.floor import Floor, Verdict
from actors.protocols import VoiceActivityStream
from channels.events import EventStream
from channels.messages import EAR_RATE, FRAME_SAMPLES, SAMPLE_BYTES, Frame, Speech, Transcript
from channels.ports import Port
from channels.turn import new_id

PARTIAL_EVERY = 0.8
"""Seconds between early transcripts of a growing utterance."""

PARTIAL_LONGEST = 15.0
"""Seconds of sound beyond which a growing utterance is not decoded early: a decode must stay short."""

_FRAME_SECONDS = FRAME_SAMPLES / EAR_RATE


class Listener:
    """Inbox -> speech for the transcriber, and cuts.

    `hand_over(speech)` takes each stretch of speech without waiting; `cut(reason)` silences Harry at once;
    `has_floor()` says whether Harry is answering or sounding.
    """

    def __init__(
        self,
        *,
        inbox: Port[Frame | Transcript],
        voice_activity: VoiceActivityStream,
        floor: Floor,
        endpointing: Endpointing,
        pre_roll: float,
        events: EventStream,
        hand_over: Callable[[Speech], None],
        cut: Callable[[str], object],
        has_floor: Callable[[], bool],
    ) -> None:
        self._inbox = inbox
        self._voice_activity = voice_activity
        self._floor = floor
        self._endpointing = endpointing
        self._events = events
        self.hand_over = hand_over
        self._cut = cut
        self._has_floor = has_floor
        # What came before the voice was noticed, and the voice it took to notice it.
        self._heard: deque[Frame] = deque(maxlen=round((pre_roll + ONSET) / _FRAME_SECONDS))
        self._growing: list[Frame] = []
        self._utterance = ""
        self._next_partial = 0.0

    @property
    def hearing(self) -> bool:
        """Whether somebody is speaking now."""
        return self._endpointing.speaking

    async def run(self) -> None:
        """Listen until the inbox is closed."""
        async for message in self._inbox:
            if isinstance(message, Frame):
                self._take_in(message)

    def _take_in(self, frame: Frame) -> None:
        start = frame.start / EAR_RATE
        end = start + len(frame.pcm) / SAMPLE_BYTES / EAR_RATE
        window = np.frombuffer(frame.pcm, np.int16).astype(np.float32) / np.float32(32768)
        probability = self._voice_activity.probability(window)
        if self._floor.hear(probability, end - start, harry_has_it=self._has_floor()) is Verdict.CUT:
            self._cut("barge_in")
        (self._growing if self._endpointing.speaking else self._heard).append(frame)
        match self._endpointing.hear(probability, start, end):
            case Sign.STARTED:
                self._begin()
            case Sign.STOPPED:
                self._end()
            case Sign.PAUSED:
                self._offer_partial()
            case Sign.NONE if self._endpointing.speaking and probability >= VOICED and end >= self._next_partial:
                self._next_partial = end + PARTIAL_EVERY
                self._offer_partial()

    def _begin(self) -> None:
        self._utterance = new_id()
        self._growing = list(self._heard)
        self._heard.clear()
        self._next_partial = self._endpointing.began_at + PARTIAL_EVERY
        self._events.publish("speech_started", at=self._endpointing.began_at, utterance=self._utterance)

    def _end(self) -> None:
        self._events.publish("speech_stopped", at=self._endpointing.voice_ended_at, utterance=self._utterance)
        self.hand_over(self._speech(final=True))
        # Words that were handed over must not begin the next utterance once more.
        over = self._endpointing.voice_ended_at * EAR_RATE
        self._heard.extend(frame for frame in self._growing if frame.start >= over)
        self._growing = []

    def _offer_partial(self) -> None:
        if len(self._growing) * _FRAME_SECONDS <= PARTIAL_LONGEST:
            self.hand_over(self._speech(final=False))

    def _speech(self, *, final: bool) -> Speech:
        pcm = b"".join(frame.pcm for frame in self._growing)
        return Speech(self._utterance, pcm, self._growing[0].start, self._endpointing.voice_ended_at, final)
