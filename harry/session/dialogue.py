"""What words mean in a conversation: for whom they are, what they ask of the conversation itself, who answers them.

Spoken and typed words come in here and leave as utterances for the conductor. "Stop", "go on", "off the record" and
"on the record" are done here, the same for both, and so are words that stop what rings or answer what was asked for
somebody else; what is left is answered.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from actors.text.phrases import asks, split_words
from actors.turn_taking.attention import Attention, Meant, Talk
from actors.turn_taking.bystanders import measure_level
from actors.turn_taking.stop_sounds import SURE
from channels.event_types import RecordChanged, Transcribed
from channels.messages import Source, Speech, Transcript, Utterance
from channels.turn import Turn, new_id
from harry.errors import HarryError
from harry.session.conductor import Conductor
from harry.session.listening import SpeechInput
from harry.session.questions import Question
from harry.welfare.crisis import find_danger

MORE_OF_A_STOP = 1.5
"""Seconds after a stop phrase in which a "please", or another one, belongs to it."""


class Dialogue:
    """One conversation's.

    `foresee(user, words)` is told the words so far of an utterance that is still being spoken. `reply_to` answers what
    was meant for Harry, in place of the conductor. `stops_ringing` is offered all that was said, and tells whether the
    words have done their work already. `speculates`: whether he may begin to answer on a guess. `question` is what he
    has asked for somebody else, while that may be answered.
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
        self.question: Question | None = None
        self._conductor = conductor
        self._events = conductor.events
        self._foresee = foresee
        self._reply_to = reply_to or conductor.commit
        self._stops_ringing = stops_ringing
        self._voice_ended_at = 0.0
        self._lost = False
        self._stopped_at = float("-inf")

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
        answered = self._as_answer(utterance)
        if answered is not None:
            return answered
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
        meant = self._judge(speech, transcript) if understood else Meant.NOBODY
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
        text = "" if silenced else self._to_answer(transcript.text, transcript.confidence)
        if transcript.text and not text:
            self._stopped_at = speech.ended_at
        elif speech.began_at - self._stopped_at <= MORE_OF_A_STOP and self._only_stops(text):
            text = ""
        if meant is not Meant.MEANT or not text:
            self.speech_input.let_go(speech.utterance)
            return
        utterance = Utterance(transcript.utterance, text, Source.VOICE, speech.began_at, speech.ended_at)
        if speech.final:
            self._heard_out(utterance)
        else:
            self._heard_so_far(speech, transcript.text, utterance)

    def _judge(self, speech: Speech, transcript: Transcript) -> Meant:
        """Tell for whom these words are, and remember whose voice it was once they are final.

        What follows a question that waits for its answer is meant for Harry.
        """
        waits = self.question is not None and self.question.was_heard
        asked = waits or asks(self._conductor.last_heard)
        # Who goes on after a pause was there before: however little the ear makes of the rest, somebody said it.
        goes_on = self._conductor.find_continued(speech.began_at) is not None
        level = measure_level(speech)
        meant = self.attention.judge(
            transcript.text,
            speech.began_at,
            asked=asked,
            confidence=1.0 if goes_on else transcript.confidence,
            level=level,
        )
        if waits and meant is Meant.NOT_MEANT and self.attention.talk is Talk.OPEN:
            meant = Meant.MEANT
        if speech.final and meant is not Meant.NOBODY:
            self.attention.take(transcript.text, speech.began_at, asked=asked, level=level)
        return meant

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
        if self.speculates and not self._conductor.busy and self.question is None:
            self._conductor.speculate(self._going_on(utterance))

    def _heard_out(self, utterance: Utterance) -> None:
        """Answer a finished utterance that is meant for Harry."""
        answered = self._as_answer(utterance)
        turn = self._conductor.commit(answered) if answered else self._reply_to(self.heed(utterance))
        listener = self.speech_input.listener
        if turn is not None and turn.amends is not None and listener is not None and utterance.began_at:
            listener.joined(max(0.0, utterance.began_at - self._voice_ended_at))
        self._voice_ended_at = utterance.ended_at

    def _as_answer(self, said: Utterance) -> Utterance | None:
        """Hand words on that answer what was asked, and return them with what is said to that; None if they do not."""
        question, phrases, names = self.question, self.attention.phrases, tuple(self.attention.names)
        text = said.text
        if question is None or not question.was_heard or not any(map(str.isalnum, text)) or phrases.is_hesitation(text):
            return None
        if phrases.mute_wish(text, names) is not None or phrases.asks_off_the_record(text, names) is not None:
            return None
        if find_danger(text) is not None:
            return None  # whatever was asked, that has to be answered
        if question.answer is not None and not self._conductor.continues(said):
            return None
        if question.answer is None and phrases.asks_again(text, names):
            question.say_again()
            return replace(said, speak=question.text)
        question.take(text)
        return replace(said, speak=phrases.passed_on)

    def _going_on(self, utterance: Utterance) -> Utterance:
        if self.attention.phrases.asks_to_go_on(utterance.text, tuple(self.attention.names)):
            return replace(utterance, speak=self._conductor.unsaid or None)
        return utterance

    def _is_done(self, text: str) -> bool:
        """Return whether the words have stopped what rings, and say nothing that must be answered all the same."""
        return self._stops_ringing(text) and find_danger(text) is None

    def _only_stops(self, text: str) -> bool:
        return self.attention.phrases.only_stops(text, tuple(self.attention.names))

    def _to_answer(self, text: str, confidence: float = 1.0) -> str:
        """Return the words without a stop phrase at their start, which has done its work; "" if that was all.

        One word behind it is the end of "stop now" or "stop, Harry" if the ear is not sure of it and it asks nothing.
        """
        phrases = self.attention.phrases
        stop = phrases.find_stop(text, tuple(self.attention.names))
        if stop is None or (self.question is not None and self.question.waits):
            return text
        unclear = confidence < SURE and len(split_words(stop.rest)) == 1 and not phrases.is_directed(stop.rest)
        return "" if unclear else stop.rest
