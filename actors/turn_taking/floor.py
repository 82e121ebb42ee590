"""Who has the floor: a pure state machine that decides what Harry does when a voice is heard while it is his turn.

A voice is a run of voiced windows with no silence of `GAP` seconds in it. "Harry has the floor" from the commit of a
turn to its end, so also while he thinks: pausing then holds his first sound back.

1. CLEAR. A near window >= `SIGN` ducks Harry: DUCKED. A near window is one that the echo estimate does not explain; any
   other counts as silence.
2. DUCKED. Two windows in a row confirm a voice (both >= `VOICED`, or `STRONG` after `SIGN`): PAUSED. `GAP` seconds
   without a sign unduck. A duck never outlasts `MAX_DUCK_SECONDS`; then no new one until the sign has ended.
3. PAUSED. Harry is silent and loses nothing. The voice is decided upon within `decide_within` seconds of the pause.
4. A stop phrase stops him, whatever the length of the voice. So does a short one that only sounds like one
   (`stop_sounds`), once the voice has ceased, unless he asked something; its utterance is dropped.
5. A partial with a word that is neither backchannel, hesitation nor echo cuts, once there are `barge_in_voice` seconds
   of voice. After Harry asked a question, any word does.
6. A partial made of backchannels resumes after `RELENT` seconds of silence: the ear takes many a first word ("Wait")
   for one. One of Harry's own words resumes at once. Either way the voice is EXCUSED.
7. A voice with less than `barge_in_voice`, or of which a partial found no words, resumes after `RELENT`, too.
8. At the end of `decide_within`: still voiced cuts, unless the newest partial says backchannel or echo (EXCUSED); a
   voice that is silent by then resumes.
9. EXCUSED. No duck and no pause until that voice has ended. Words cut and stop as in rules 4 and 5, and so do
   `decide_within` seconds of voice about which no partial says anything.
10. Words that come after the resume still stop or cut for as long as no other voice began.
11. LISTEN asks for a partial: once there are `barge_in_voice` seconds of voice, every `LISTEN_EVERY` after, and at each
    `BREATH`. An ear that never answers is rule 8.
12. When Harry loses the floor by other hands, what was undecided is forgotten and what was ducked is unducked. A voice
    that has cut does nothing more; the words of one that was never heard over Harry do nothing at all.
13. While he is PAUSED and the voice goes on, words that nobody says in the time (`WORDS_A_SECOND`) are not
    believed: an ear that is given a fraction of a second of "mhm" hears "and may, and may, and" in it.
14. Words that the ear is not sure of (`SURE`) neither cut nor are an echo. While the voice goes on they say nothing;
    once it has ended it was a MURMUR, which is as good as a backchannel. A stop phrase needs no certainty, being the
    safe mistake, and after a question of Harry's nothing does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from actors.text.phrases import Phrases, load_phrases, split_words
from actors.turn_taking.echo_words import find_unexplained
from actors.turn_taking.ghosts import SURE
from actors.turn_taking.stop_sounds import MAX_SECONDS, sounds_like_stop

SIGN = 0.25
"""Probability from which a window is a sign of a voice."""
VOICED = 0.5
"""Probability from which two windows in a row confirm it."""
STRONG = 0.7
"""Probability that confirms after a mere sign."""
FADING = 0.35
"""Probability down to which a confirmed voice goes on: the soft end of a word is still a word."""
GAP = 0.2
"""Seconds of silence that end a voice. Less is a stop between two sounds."""
BREATH = 0.06
"""Seconds of silence after which what was said so far is worth reading."""
RELENT = 0.3
"""Seconds of silence after which a voice of some length lets him go on: more than the gap after a first word."""
MAX_DUCK_SECONDS = 1.0
"""Seconds a mere sign keeps Harry ducked."""
LISTEN_EVERY = 0.15
"""Seconds of voice between two requests for a partial."""
STILL = 0.1
"""Seconds of silence up to which a voice is going on when its time is up."""
LATE = 0.1
"""Seconds a window may take to arrive before the microphone counts as gone."""
FRESH = 0.3
"""Seconds by which a partial may be older than the voice to speak for all of it."""
WORDS_A_SECOND = 7.0
"""Words said in a second; the one just begun comes on top. Waiting costs nothing: Harry is silent meanwhile."""

_TINY = 1e-6


class State(StrEnum):
    """How far a voice has come."""

    CLEAR = "clear"
    DUCKED = "ducked"
    PAUSED = "paused"
    EXCUSED = "excused"


class Decision(StrEnum):
    """What is to be done now, in the order given. PAUSE is always followed by exactly one of RESUME, CUT and STOP."""

    DUCK = "duck"
    UNDUCK = "unduck"
    PAUSE = "pause"
    RESUME = "resume"
    CUT = "cut"
    STOP = "stop"
    LISTEN = "listen"


class Finding(StrEnum):
    """What the words of a voice turned out to be."""

    UNKNOWN = "unknown"
    NOTHING = "nothing"
    HESITATION = "hesitation"
    BACKCHANNEL = "backchannel"
    MURMUR = "murmur"
    ECHO = "echo"
    WORDS = "words"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class HarrySide:
    """What the floor must know of Harry.

    `saying` are the words that sound about now, a few seconds to either side; `asked` says whether the last sentence he
    was heard to say is a question (`actors.text.phrases.asks`).
    """

    has_floor: bool
    asked: bool = False
    saying: str = ""


@dataclass(slots=True)
class _Voice:
    began_at: float
    voiced: float = 0.0
    until: float = 0.0
    finding: Finding = Finding.UNKNOWN
    found_until: float = 0.0
    last_listen: float = 0.0  # seconds of voice at the last request
    breath_read: bool = False
    excused_at: float = 0.0  # seconds of voice at the last excuse
    over_harry: bool = False
    asked: bool = False
    has_cut: bool = False

    def excusable(self) -> bool:
        """Return whether its newest words need no answer."""
        return self.finding in {Finding.BACKCHANNEL, Finding.MURMUR, Finding.ECHO}


@dataclass(slots=True)
class Floor:
    """Times are in seconds on the session's clock; windows may have any length, and come in order.

    `names` are those Harry is called by. `excused` says that the newest voice was heard over Harry and needs no answer:
    its utterance is to be dropped.
    """

    barge_in_voice: float = 0.25
    decide_within: float = 0.6
    names: tuple[str, ...] = ("Harry",)
    phrases: Phrases = field(default_factory=load_phrases)
    state: State = State.CLEAR
    excused: bool = False
    _decide_by: float | None = None
    _voice: _Voice | None = None
    _voice_over: bool = True
    _before: float = 0.0
    _ducked: bool = False
    _ducked_at: float = 0.0
    _sign_until: float = 0.0
    _weary: bool = False

    @property
    def deadline(self) -> float | None:
        """When to call `tick` if no window has come; None when nothing is undecided. Windows decide before it."""
        return None if self._decide_by is None else self._decide_by + LATE

    # Events in.

    def window(
        self, probability: float, start: float, end: float, harry: HarrySide, *, near: bool = True
    ) -> tuple[Decision, ...]:
        """Take in one window of sound; `near` is False when the echo estimate explains it."""
        if not near:
            probability = 0.0
        decisions = self._yielded(harry)
        confirmed = self._follow(probability, start, end)
        if harry.has_floor and not self._has_cut:
            match self.state:
                case State.CLEAR:
                    decisions += self._clear(probability, end, confirmed)
                case State.DUCKED:
                    decisions += self._when_ducked(end, confirmed)
                case State.PAUSED:
                    decisions += self._when_paused(end)
                case State.EXCUSED:
                    decisions += self._when_excused()
            decisions += self._ask(end)
            if self._voice is not None and self._voice.until == end:
                self._voice.over_harry = True
        self._before = probability
        return decisions

    def words(
        self, text: str, until: float, now: float, harry: HarrySide, confidence: float = 1.0
    ) -> tuple[Decision, ...]:
        """Take in a partial, or the final transcript, of the voice up to `until` (`Speech.ended_at`), read at `now`.

        `confidence`, 0..1, is how sure the ear is of the words.
        """
        voice = self._voice
        decisions = self._yielded(harry)
        if voice is None or not voice.over_harry or until < max(voice.began_at, voice.found_until):
            return decisions
        if voice.has_cut:
            # What was cut by its sound is known now, or known better.
            self.excused = not voice.asked and self._sounds_like_stop(voice, text, until, now, confidence)
            return decisions
        voice.asked = harry.asked
        finding = self._find(text, harry)
        if finding in _WORDS and not harry.asked and self._sounds_like_stop(voice, text, until, now, confidence):
            voice.finding, voice.found_until, self.excused = Finding.STOP, until, True
            return decisions + self._by_words(voice, now) if harry.has_floor else decisions
        going_on = self.state is State.PAUSED and not self._voice_over
        if going_on and finding is Finding.WORDS and exceeds_speech_rate(text, until - voice.began_at):
            return decisions
        if confidence < SURE and finding in {Finding.WORDS, Finding.ECHO} and not harry.asked:
            if not self._voice_over:
                return decisions
            finding = Finding.MURMUR
        voice.finding, voice.found_until = finding, until
        self.excused = voice.excusable()
        if self.excused:
            voice.excused_at = voice.voiced
        return decisions + self._by_words(voice, now) if harry.has_floor else decisions

    def is_command(self, began_at: float, until: float) -> bool:
        """Return whether a voice may be a mere stop phrase by its length and its time: a short one over Harry's."""
        voice = self._voice
        over = voice is not None and voice.over_harry and not voice.asked and until >= voice.began_at
        return over and until - began_at <= MAX_SECONDS

    def tick(self, now: float, harry: HarrySide) -> tuple[Decision, ...]:
        """Decide a pause whose time is up although no window came: the microphone may have gone."""
        decisions = self._yielded(harry)
        if self.state is State.PAUSED and self.deadline is not None and now >= self.deadline - _TINY:
            decisions += self._when_paused(now)
        return decisions

    # The voice.

    @property
    def _has_cut(self) -> bool:
        return self._voice is not None and self._voice.has_cut and not self._voice_over

    def _follow(self, probability: float, start: float, end: float) -> bool:
        """Keep the books of the voice; whether this window confirms one."""
        if probability >= SIGN:
            self._sign_until = end
        elif self._weary and end - self._sign_until >= GAP:
            self._weary = False
        running = self._voice is not None and not self._voice_over
        confirmed = (probability >= VOICED and self._before >= VOICED) or (
            probability >= STRONG and self._before >= SIGN
        )
        if running and self._voice is not None:
            if probability >= FADING:
                self._voice.voiced += end - start
                self._voice.until = end
                self._voice.breath_read = False
            elif end - self._voice.until >= GAP - _TINY:
                self._voice_over = True
        elif confirmed:
            self._voice = _Voice(began_at=start - (end - start), voiced=2 * (end - start), until=end)
            self._voice_over = self.excused = False
        return confirmed

    # What follows in each state.

    def _clear(self, probability: float, end: float, confirmed: bool) -> tuple[Decision, ...]:
        if confirmed:
            return self._pause(end)
        if probability >= SIGN and not self._weary:
            self.state, self._ducked, self._ducked_at = State.DUCKED, True, end
            return (Decision.DUCK,)
        return ()

    def _when_ducked(self, end: float, confirmed: bool) -> tuple[Decision, ...]:
        if confirmed:
            return self._pause(end)
        if end - self._ducked_at >= MAX_DUCK_SECONDS - _TINY:
            self._weary = True
        elif end - self._sign_until < GAP - _TINY:
            return ()
        self.state = State.CLEAR
        return self._unduck()

    def _pause(self, end: float) -> tuple[Decision, ...]:
        self.state = State.PAUSED
        self._decide_by = end + self.decide_within
        return (Decision.PAUSE,)

    def _when_paused(self, now: float) -> tuple[Decision, ...]:
        voice = self._voice
        if voice is None:
            return self._resume()
        if decided := self._by_words(voice, now):
            return decided
        silent = now - voice.until
        if self._decide_by is not None and now >= self._decide_by - _TINY:
            return self._time_is_up(voice, silent)
        return self._resume() if silent >= RELENT - _TINY and voice.voiced < self.barge_in_voice - _TINY else ()

    def _time_is_up(self, voice: _Voice, silent: float) -> tuple[Decision, ...]:
        if silent > STILL:
            return self._resume()
        if voice.excusable() and voice.until - voice.found_until <= FRESH:
            return self._excuse(voice)
        return self._cut(Decision.CUT)

    def _when_excused(self) -> tuple[Decision, ...]:
        voice = self._voice
        if voice is None or self._voice_over:
            self.state = State.CLEAR
            return ()
        if voice.voiced - voice.excused_at >= self.decide_within - _TINY:
            return self._cut(Decision.CUT)
        return ()

    def _by_words(self, voice: _Voice, now: float) -> tuple[Decision, ...]:
        """Decide by the newest words of the voice, if they decide anything yet."""
        if voice.finding is Finding.STOP:
            return self._cut(Decision.STOP)
        if voice.finding is Finding.WORDS:
            return self._cut(Decision.CUT) if voice.voiced >= self.barge_in_voice - _TINY else ()
        if self.state is not State.PAUSED:
            return ()
        complete = voice.found_until >= voice.until - BREATH and now - voice.until >= BREATH - _TINY
        ended = now - voice.until >= RELENT - _TINY
        if voice.finding is Finding.ECHO or (voice.excusable() and complete and ended):
            return self._excuse(voice)
        return self._resume() if voice.finding is Finding.NOTHING and complete and ended else ()

    def _excuse(self, voice: _Voice) -> tuple[Decision, ...]:
        decisions = self._resume()
        if not self._voice_over:
            self.state = State.EXCUSED
            voice.excused_at = voice.voiced
        return decisions

    def _resume(self) -> tuple[Decision, ...]:
        self.state, self._decide_by = State.CLEAR, None
        return (*self._unduck(), Decision.RESUME)

    def _cut(self, decision: Decision) -> tuple[Decision, ...]:
        self.state, self._decide_by = State.CLEAR, None
        if self._voice is not None:
            self._voice.has_cut = True
        return (decision, *self._unduck())

    def _unduck(self) -> tuple[Decision, ...]:
        ducked, self._ducked = self._ducked, False
        return (Decision.UNDUCK,) if ducked else ()

    def _yielded(self, harry: HarrySide) -> tuple[Decision, ...]:
        """Forget what was undecided when Harry lost the floor by other hands."""
        if harry.has_floor:
            return ()
        self.state, self._decide_by = State.CLEAR, None
        return self._unduck()

    # Words.

    def _ask(self, end: float) -> tuple[Decision, ...]:
        voice = self._voice
        if voice is None or self.state not in {State.PAUSED, State.EXCUSED}:
            return ()
        enough = voice.voiced >= self.barge_in_voice - _TINY
        if enough and voice.voiced - voice.last_listen >= LISTEN_EVERY - _TINY:
            voice.last_listen = voice.voiced
            return (Decision.LISTEN,)
        if not voice.breath_read and end - voice.until >= BREATH - _TINY:
            voice.breath_read = True
            return (Decision.LISTEN,)
        return ()

    def _sounds_like_stop(self, voice: _Voice, text: str, until: float, now: float, confidence: float) -> bool:
        """Return whether a short voice that has ceased was a stop phrase by its sound."""
        ceased = until >= voice.until - BREATH and now - voice.until >= BREATH - _TINY
        short = voice.until - voice.began_at <= MAX_SECONDS
        return ceased and short and sounds_like_stop(text, confidence, self.phrases, self.names)

    def _find(self, text: str, harry: HarrySide) -> Finding:
        if not any(map(str.isalnum, text)):
            return Finding.NOTHING
        rest = find_unexplained(text, harry.saying)
        if rest is not None:
            stops = self.phrases.find_stop(rest, self.names)
            return Finding.STOP if stops is not None else Finding.ECHO
        if self.phrases.find_stop(text, self.names) is not None:
            return Finding.STOP
        if harry.asked:
            return Finding.WORDS
        if self.phrases.is_hesitation(text):
            return Finding.HESITATION
        return Finding.BACKCHANNEL if self.phrases.is_backchannel(text) else Finding.WORDS


_WORDS = frozenset({Finding.WORDS, Finding.HESITATION})


def exceeds_speech_rate(text: str, seconds: float) -> bool:
    """Return whether nobody says all these words in the time."""
    return len(split_words(text)) > 1 + WORDS_A_SECOND * seconds
