"""Is the utterance over: a pure state machine over voice probabilities, one window at a time, and over the words.

Silence is counted from the last voice; how much of it ends the utterance depends on how finished the words sound.

1. Speech starts at `ONSET` seconds of voice (probability >= `VOICED`) in one run; it began at the run's first window.
2. While speaking, a window below `SILENT` is silence. One from it up to `VOICED` goes on with a voice, and neither ends
   nor feeds a pause that has been noticed.
3. `PROBE` seconds of silence: PAUSED. The words so far are to be read, and guesses may be made. A voice after it takes
   that back: RESUMED.
4. The silence needed lies between `BRIEF` (finished) and `LONG` (more is to come) times `endpoint_silence`, by the
   likelihood that the speaker has finished: from his words (`turn_completion`), how they were spoken,
   as the ear tells it, and the turn model, as far as they are known of this pause.
5. While the words of this pause are not known, `patience` is needed, `endpoint_silence` if nobody reads words.
6. A speaker who pauses longer within an utterance is waited for longer, and the other way round: a moving average of
   the pauses after which they went on, within `PACES`.
7. So much silence: STOPPED. The utterance ended where the silence began.
8. From `longest` less `LAST_STRETCH` on, any pause of `PROBE` ends it; at `longest` it is ended as it is.
9. Within a dictation (`dictation`) the most is needed, however whole the last piece sounds, and the words of an
   utterance that was cut off by mistake count as those before. Once such a pause was waited for, the next ones may be
   as long, and so may they after a pause that was taken for the end. All of this holds without `by_words`, too.
10. `release` (a press that closes the microphone, or a client that commits what was said) ends it at once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum

from actors.text.phrases import Phrases, load_phrases
from actors.turn_taking.dictation import is_dictating
from actors.turn_taking.turn_completion import LISTING, UNREAD, estimate_finished

VOICED = 0.5
SILENT = 0.35
ONSET = 0.064
PROBE = 0.16
BRIEF, LONG = 0.625, 3.0
"""Silence needed after what sounds finished and what does not, as multiples of `endpoint_silence`."""
FINISHED, UNFINISHED = 0.85, 0.35
"""Likelihoods from which, and up to which, the silence needed is the least and the most."""
DICTATION = 1.2
"""Seconds of silence that are waited for within a dictation, at least."""
PATIENT, MOST_PATIENT = 1.15, 1.9
"""How much longer than a pause of his the speaker is waited for, and the most seconds of it."""
LAST_STRETCH = 15.0
PACES = (0.8, 1.6)
"""How far a speaker's pauses may shorten and stretch the silence needed."""
USUAL_PAUSE = 0.45
"""Seconds that people pause within an utterance on average."""

_LEARNING = 0.2
"""Weight of the newest pause in the moving average."""
_FRESH = 0.1
"""Seconds of voice that words may lack and still be those of this pause."""
_OF_THE_MODEL = 0.7
"""Weight of the turn model relative to the words, in log-odds."""
_TINY = 1e-6


class Sign(StrEnum):
    """What a window, or a word, changed."""

    NONE = "none"
    STARTED = "started"
    PAUSED = "paused"
    RESUMED = "resumed"
    STOPPED = "stopped"


@dataclass(slots=True)
class Endpointing:
    """Times are in seconds on the session's clock; windows may have any length, and come in order.

    `by_words` false: `endpoint_silence` ends every utterance, whatever was said.
    """

    endpoint_silence: float = 0.4
    longest: float = 90.0
    patience: float | None = None
    by_words: bool = True
    phrases: Phrases = field(default_factory=load_phrases)
    speaking: bool = False
    began_at: float = 0.0
    voice_ended_at: float = 0.0
    pause_usual: float = USUAL_PAUSE
    _run: float = 0.0
    _paused: bool = False
    _text: str | None = None
    _ear: float | None = None
    _model: float | None = None
    _dictating: bool = False
    _waited: float = 0.0  # the longest pause within a dictation, or taken for the end, of this utterance

    # What is heard.

    def hear(self, probability: float, start: float, end: float) -> Sign:
        """Take in one window that lasted from `start` to `end`."""
        if not self.speaking:
            return self._before(probability, start, end)
        if probability >= VOICED or (probability >= SILENT and not self._paused):
            return self._go_on(start, end)
        return self._silent(end)

    def words(
        self, text: str, until: float, now: float, ear: float | None = None, *, before: str = "", misjudged: float = 0.0
    ) -> Sign:
        """Take in the words of the voice up to `until` (`Speech.ended_at`), read at `now`. Older words are dropped.

        `ear` is its likelihood, 0..1, that no more will come, by how they were spoken (`Recognition.finished`).
        `before` are the words that these continue, if a pause of `misjudged` seconds was taken for the end.
        """
        if not self.speaking or until < self.voice_ended_at - _FRESH:
            return Sign.NONE
        self._text, self._ear = text, ear
        self._dictating = is_dictating(f"{before} {text}", self.phrases)
        self._waited = max(self._waited, misjudged)
        return self._silent(now)

    def weigh_turn_model(self, likelihood: float, until: float, now: float) -> Sign:
        """Take in a turn model's likelihood, 0..1, that the speaker whose voice ceased at `until` has finished."""
        if not self.speaking or until < self.voice_ended_at - _FRESH:
            return Sign.NONE
        self._model = likelihood
        return self._silent(now)

    def release(self) -> Sign:
        """End the utterance now: what was said is all."""
        return self._stop() if self.speaking else Sign.NONE

    def learn_pause(self, silence: float) -> None:
        """Learn that what was taken for the end was a pause of `silence` seconds."""
        self._learn(silence)

    # What follows.

    @property
    def stirs(self) -> bool:
        """Whether the newest window held a voice that is too short to be speech yet."""
        return not self.speaking and self._run > 0.0

    @property
    def likelihood(self) -> float:
        """How likely it is, 0..1, that the speaker has finished, by all that is known of this pause."""
        weighed = to_log_odds(UNREAD if self._text is None else estimate_finished(self._text, self.phrases))
        if self._ear is not None:
            weighed += to_log_odds(self._ear)
        if self._model is not None:
            weighed += _OF_THE_MODEL * to_log_odds(self._model)
        likelihood = 1.0 / (1.0 + math.exp(-weighed))
        return min(likelihood, LISTING) if self._dictating else likelihood

    @property
    def needed(self) -> float:
        """Seconds of silence that end the utterance, by what is known now."""
        least = max(PROBE, DICTATION if self._dictating else 0.0, min(MOST_PATIENT, PATIENT * self._waited))
        return max(least, self._needed_by_words() if self.by_words else self.endpoint_silence)

    def _needed_by_words(self) -> float:
        if self._text is None and self._model is None:
            return self.endpoint_silence if self.patience is None else max(self.patience, self.endpoint_silence)
        share = min(1.0, max(0.0, (FINISHED - self.likelihood) / (FINISHED - UNFINISHED)))
        slowest, quickest = max(PACES), min(PACES)
        pace = min(slowest, max(quickest, self.pause_usual / USUAL_PAUSE))
        return self.endpoint_silence * (BRIEF + share * (LONG - BRIEF)) * pace

    def _before(self, probability: float, start: float, end: float) -> Sign:
        if probability < VOICED:
            self._run = 0.0
            return Sign.NONE
        if self._run == 0.0:
            self.began_at = start
        self._run += end - start
        if self._run < ONSET - _TINY:
            return Sign.NONE
        self.speaking, self._run = True, 0.0
        self.voice_ended_at = end
        self._dictating, self._waited = False, 0.0
        self._forget()
        return Sign.STARTED

    def _go_on(self, start: float, end: float) -> Sign:
        went_on = self._paused
        if went_on:
            pause = start - self.voice_ended_at
            self._learn(pause)
            if self._dictating:
                self._waited = max(self._waited, pause)
        self.voice_ended_at = end
        self._forget()
        if end - self.began_at >= self.longest:
            return self._stop()
        return Sign.RESUMED if went_on else Sign.NONE

    def _silent(self, now: float) -> Sign:
        silence = now - self.voice_ended_at
        if self._paused and silence >= self.needed - _TINY:
            return self._stop()
        if silence < PROBE - _TINY or self._paused:
            return Sign.NONE
        if silence >= self.needed - _TINY or now - self.began_at >= self.longest - LAST_STRETCH:
            return self._stop()
        self._paused = True
        return Sign.PAUSED

    def _stop(self) -> Sign:
        self.speaking, self._run = False, 0.0
        return Sign.STOPPED

    def _forget(self) -> None:
        self._paused, self._text, self._ear, self._model = False, None, None, None

    def _learn(self, pause: float) -> None:
        bounded = min(max(pause, PROBE), 2.0)
        self.pause_usual += _LEARNING * (bounded - self.pause_usual)


def to_log_odds(likelihood: float) -> float:
    """Return the logarithm of the odds, bounded: nothing is taken for certain."""
    bounded = min(0.995, max(0.005, likelihood))
    return math.log(bounded / (1.0 - bounded))
