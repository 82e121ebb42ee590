"""What words mean in a conversation: for whom they are, what they ask of the conversation itself, who answers them.

Spoken and typed words come in here and leave as utterances for the conductor. "Stop", "go on", "off the record" and
"on the record" are done here, the same for both, and so are words that stop what rings; what is left is answered.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from actors.text.phrases import asks
from actors.turn_taking.attention import Attention, Meant
from channels.event_types import RecordChanged, Transcribed
from channels.messages import Source, Speech, Transcript, Utterance
from channels.turn import Turn, new_id
from harry.errors import HarryError
from harry.session.conductor import Conductor
from harry.session.listening import SpeechInput
from harry.welfare.crisis import find_danger


class Dialogue:
    """One conversation's.

    `foresee(user, words)` is told the words so far of an utterance that is still being spoken. `reply_to` answers what
    was meant for Harry, in place of the conductor. `stops_ringing` is offered all that was said, and tells whether the
    words have done their work already. `speculates`: whether he may begin to answer on a guess.
    """

    def __init__(
        self,
        conductor: Conductor,
        attention: Attention,
        speech_input: SpeechInput,
        *,
        foresee: Callable[[str, str], None] | None = None,
        reply_to: Callable[[Utterance], Turn | None] | None = None,
        stops_ringing: Callable[[str], bool] = lambda text: False,
        speculates: bool = True,
    ) -> None:
        self.attention = attention
        self.speech_input = speech_input
        self.speculates = speculates
        self._conductor = conductor
        self._events = conductor.events
        self._foresee = foresee
        self._reply_to = reply_to or conductor.commit
        self._stops_ringing = stops_ringing
        self._voice_ended_at = 0.0
        self._lost = False

    def answer_typed(self, line: str) -> Turn | None:
        """Answer a typed line; see `answer_written`."""
        now = self._events.clock.now()
        return self.answer_written(Utterance(new_id(), line, Source.TYPED, now, now))

    def answer_written(self, said: Utterance) -> Turn | None:
        """Answer what was written, typed or on the page. It cuts whatever Harry is saying, at once.

        None where a stop phrase was all of it, or where Harry is stuck, which is told.
        """
        line = said.text
        if line:
            self._events.publish(
                Transcribed(utterance=said.id, partial=False, text=line, meant=True, ended_at=said.ended_at)
            )
            if self._is_done(line):
                return None
        text = self._to_answer(line)
        if text != line:
            self._conductor.cut("stop")
        return self._conductor.commit(self.heed(replace(said, text=text))) if text or said.pictures else None

    def heed(self, utterance: Utterance) -> Utterance:
        """Do what words that are meant for Harry ask of the conversation; return them with what is to be said."""
        muting = self.attention.phrases.mute_wish(utterance.text, tuple(self.attention.names))
        if muting is not None:
            self.speech_input.mute(muting)
            answer = "I am not listening now." if muting else "I am listening again."
            return replace(utterance, speak=answer if self.speech_input.recorder else "There is no microphone here.")
        wish = self.attention.heed_record_wish(utterance.text)
        if wish is not None:
            self.off_the_record(wish)
            return replace(utterance, speak="Off the record." if wish else "On the record again.")
        return self._going_on(utterance)

    def off_the_record(self, off: bool) -> None:
        """Go off the record, or back on it, and tell everybody who watches."""
        self.attention.off_the_record = off
        self._events.publish(RecordChanged(off=off))

    def take_transcript(self, speech: Speech, transcript: Transcript) -> None:
        """Take the words of a voice, partial or final: tell them, guess at them, answer them once they are final."""
        self._lost = self._lost and not transcript.text
        listener = self.speech_input.listener
        understood = listener is None or listener.understand(speech, transcript)
        asked = asks(self._conductor.last_heard)
        meant = self.attention.judge(transcript.text, speech.began_at, asked=asked) if understood else Meant.NOBODY
        silenced = speech.final and not self.attention.muted and self._is_done(transcript.text)
        self._events.publish(
            Transcribed(
                utterance=speech.utterance,
                partial=not speech.final,
                text=transcript.text,
                meant=silenced or meant is Meant.MEANT,
                ended_at=speech.ended_at,
            )
        )
        text = "" if silenced else self._to_answer(transcript.text)
        if meant is not Meant.MEANT or not text:
            self.speech_input.let_go(speech.utterance)
            return
        utterance = Utterance(transcript.utterance, text, Source.VOICE, speech.began_at, speech.ended_at)
        if speech.final:
            self._heard_out(utterance)
        else:
            self._heard_so_far(speech, transcript.text, utterance)

    def take_loss(self, error: Exception) -> None:
        """Say that something was heard and could not be read: once, until an ear works again."""
        if not self._lost and not self._conductor.busy:
            self._lost = True
            # A stranger's error may hold anything; it is not read aloud.
            why = error.message if isinstance(error, HarryError) else "The log says why."
            self._conductor.say(f"I heard you, but I could not make out the words. {why}")

    def _heard_so_far(self, speech: Speech, text: str, utterance: Utterance) -> None:
        if self._foresee is not None:
            self._foresee(self._conductor.identity.user, utterance.text)
        if not speech.whole:
            return
        if self.speech_input.turn_judge is not None:
            self.speech_input.turn_judge.judge(speech, text)
        if self.speculates and not self._conductor.busy:
            self._conductor.speculate(self._going_on(utterance))

    def _heard_out(self, utterance: Utterance) -> None:
        """Answer a finished utterance that is meant for Harry."""
        turn = self._reply_to(self.heed(utterance))
        listener = self.speech_input.listener
        if turn is not None and turn.amends is not None and listener is not None and utterance.began_at:
            listener.joined(max(0.0, utterance.began_at - self._voice_ended_at))
        self._voice_ended_at = utterance.ended_at

    def _going_on(self, utterance: Utterance) -> Utterance:
        if self.attention.phrases.asks_to_go_on(utterance.text, tuple(self.attention.names)):
            return replace(utterance, speak=self._conductor.unsaid or None)
        return utterance

    def _is_done(self, text: str) -> bool:
        """Return whether the words have stopped what rings, and say nothing that must be answered all the same."""
        return self._stops_ringing(text) and find_danger(text) is None

    def _to_answer(self, text: str) -> str:
        """Return the words without a stop phrase at their start, which has done its work; "" if that was all."""
        stop = self.attention.phrases.find_stop(text, tuple(self.attention.names))
        return text if stop is None else stop.rest
