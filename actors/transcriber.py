"""The transcriber turns speech into words.

Finished utterances come through a mailbox that survives its crash; growing ones are decoded early, newest only, and an
early decode that already held all the voice serves as the final one. An ear that fails is asked once more, and then the
utterance has no words: Harry goes on listening, so that the next one is heard as soon as the ear works again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass

import numpy as np
import structlog
import trio

from actors.pcm import to_samples
from actors.protocols import ExpectedWords, HearsAgain, OtherReading, Recognition, Samples, SpeechToText
from actors.supervisor import describe_origin
from channels.event_types import ErrorOccurred
from channels.events import EventStream
from channels.mailbox import Mailbox
from channels.messages import EAR_RATE, SAMPLE_BYTES, Speech, Transcript
from channels.ports import Port, WhenFull

log = structlog.get_logger(__name__)

FINALS_WAITING = 16
"""Finished utterances that may wait for their words."""

LAST_RESORT, LAST_RESORT_A_SECOND = 15.0, 2.0
"""Seconds, and those for each second of speech, after which an ear without a deadline of its own counts as hung."""

THINK_WITHIN = 0.7
"""Seconds that a second thought may take: somebody waits for what comes of the words."""

_AGAIN = 15.0
"""Seconds of sound up to which the newest utterance is held, to be heard again; what is longer is no command."""

_TAIL = 0.3
"""Seconds of silence left after the voice, or made up: with less, an ear reads other words into a single one."""


@dataclass(frozen=True, slots=True)
class SecondThought:
    """Where to look for other words in a sound, and which of the readings found are to be taken."""

    expected: ExpectedWords
    choose: Callable[[Recognition, Sequence[OtherReading]], Recognition]


class Transcriber:
    """Speech -> transcripts.

    `ear()` leases the engine of the moment. `on_transcript(speech, transcript)` is told each of them; a final one with
    words is what the conductor answers. `on_lost(error)`, if it is set, is told of an utterance that the ear failed at.
    `second_thought(speech, heard)`, if it is set, says where to look for other words than were heard.
    """

    def __init__(
        self,
        *,
        ear: Callable[[], AbstractAsyncContextManager[SpeechToText]],
        events: EventStream,
        on_transcript: Callable[[Speech, Transcript], None],
    ) -> None:
        self._ear = ear
        self._events = events
        self._on_transcript = on_transcript
        self.finals: Mailbox[Speech] = Mailbox("finished utterances", FINALS_WAITING)
        self._partials: Port[Speech] = Port("growing utterances", 1, WhenFull.LATEST)
        self._told: tuple[Speech, str] | None = None
        self._early: tuple[tuple[str, float], Recognition] | None = None
        self._decoding: tuple[tuple[str, float], trio.CancelScope] | None = None
        self._decoded = trio.Event()
        self._in_hand = 0
        self.on_lost: Callable[[Exception], None] | None = None
        self.second_thought: Callable[[Speech, Recognition], SecondThought | None] = lambda speech, heard: None
        self._thought: tuple[tuple[str, float], Recognition] | None = None

    @property
    def pending(self) -> int:
        """Finished utterances that have no words yet."""
        return len(self.finals) + self._in_hand

    def take(self, speech: Speech) -> None:
        """Accept speech without waiting. A finished utterance beyond `FINALS_WAITING` is told as lost."""
        if not speech.final:
            self._partials.offer(speech)
            return
        # A growing utterance that still waits is this one or an older: it would be heard after its own end.
        with suppress(trio.WouldBlock):
            self._partials.receive_nowait()
        if not self.finals.post(speech):
            self._events.publish(ErrorOccurred(message="Harry cannot keep up: an utterance was lost."))

    def let_go(self, utterance: str) -> None:
        """Keep the sound of an utterance no longer: it was not meant for Harry, or is answered."""
        if self._told is not None and self._told[0].utterance == utterance:
            self._told = None

    async def hear_again(self, utterance: str, text: str, expected: ExpectedWords) -> Sequence[OtherReading]:
        """Look for other words in the newest utterance, if that is it, and if `text` is all that was heard in it."""
        if self._told is None or (self._told[0].utterance, self._told[1]) != (utterance, text):
            return ()
        speech = self._told[0]
        async with self._ear() as ear:
            return await ear.hear_again(trim(speech), expected) if isinstance(ear, HearsAgain) else ()

    async def run(self) -> None:
        """Transcribe until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._finish)
            nursery.start_soon(self._anticipate)

    async def _finish(self) -> None:
        while True:
            async with self.finals.next() as speech:
                self._in_hand = 1
                try:
                    heard = await self._heard_out(speech)
                finally:
                    self._in_hand = 0
            # The letter is done with before it is told: whatever the listeners do, there is one final transcript.
            self._tell(speech, await self._think_again(speech, heard))

    async def _heard_out(self, speech: Speech) -> Recognition:
        """Return the words of a finished utterance; none where the ear, asked twice, has failed at it."""
        for again in (True, False):
            try:
                return await self._words(speech)
            except Exception as error:  # an ear may come from anybody
                cause = describe_origin(error)
                log.error("the ear failed", cause=cause)  # noqa: TRY400  the trace is for --debug
                log.debug("how it failed", exc_info=error)
                then = "It is asked again." if again else "What was said is lost."
                self._events.publish(ErrorOccurred(message=f"The ear failed: {error} {then}"))
                if not again and self.on_lost is not None:
                    self.on_lost(error)
        return Recognition("")

    async def _words(self, speech: Speech) -> Recognition:
        """Return the words of a finished utterance, of an early decode of the same voice or of one made now."""
        voice = (speech.utterance, speech.ended_at)
        if self._decoding is not None:
            of, scope = self._decoding
            if of != voice:
                scope.cancel()
            await self._decoded.wait()
        if self._early is not None and self._early[0] == voice:
            return self._early[1]
        return await self._decode(speech)

    async def _decode(self, speech: Speech) -> Recognition:
        samples = trim(speech)
        seconds = LAST_RESORT + LAST_RESORT_A_SECOND * len(samples) / EAR_RATE
        async with self._ear() as ear:
            with trio.move_on_after(seconds):
                return Recognition.of(await ear.transcribe(samples))
        raise TimeoutError(f"It did not answer within {seconds:.0f} seconds.")

    async def _anticipate(self) -> None:
        async for speech in self._partials:
            heard = await self._guess(speech)
            if heard is not None:
                self._tell(speech, await self._think_again(speech, heard))

    async def _think_again(self, speech: Speech, heard: Recognition) -> Recognition:
        """Return the words to be told of a voice: those heard, or others if a second thought finds better ones."""
        voice = (speech.utterance, speech.ended_at)
        if self._thought is not None and self._thought[0] == voice:
            return self._thought[1]
        thought = self.second_thought(speech, heard)
        if thought is None:
            return heard
        try:
            with trio.move_on_after(THINK_WITHIN):
                async with self._ear() as ear:
                    if isinstance(ear, HearsAgain):
                        heard = thought.choose(heard, await ear.hear_again(trim(speech), thought.expected))
        except Exception as error:  # noqa: BLE001  a second thought is a favour: what was heard is there
            log.warning("the ear could not listen again", cause=describe_origin(error))
        self._thought = (voice, heard)
        return heard

    async def _guess(self, speech: Speech) -> Recognition | None:
        """Decode a growing utterance; None if that was given up or failed. The same voice is not decoded twice."""
        voice = (speech.utterance, speech.ended_at)
        if self._early is not None and self._early[0] == voice:
            return self._early[1]
        self._decoded = trio.Event()
        with trio.CancelScope() as scope:
            self._decoding = (voice, scope)
            try:
                heard = await self._decode(speech)
            except Exception as error:  # noqa: BLE001  an early decode is a guess: the final one will tell
                log.warning("early decode failed", cause=type(error).__name__)
            else:
                self._early = (voice, heard)
                return heard
            finally:
                self._decoding = None
                self._decoded.set()
        return None

    def _tell(self, speech: Speech, heard: Recognition) -> None:
        self._told = (speech, heard.text) if len(speech.pcm) <= _AGAIN * EAR_RATE * SAMPLE_BYTES else None
        words = Transcript(speech.utterance, heard.text, speech.final, heard.confidence, heard.finished)
        self._on_transcript(speech, words)


def trim(speech: Speech) -> Samples:
    """Turn speech into samples, shape (n,), with `_TAIL` seconds of silence behind it, so that the ear hears an end.

    What has not been heard of that silence yet is made up, and so it is where a voice goes on: without it the ear takes
    a sentence for unfinished, and the first quarter second of an "mhm" for words.
    """
    last = round((speech.ended_at + _TAIL) * EAR_RATE) - speech.start
    pcm = memoryview(speech.pcm)[: max(0, last) * SAMPLE_BYTES]
    samples = to_samples(pcm)
    return np.pad(samples, (0, max(0, last - len(samples))))
