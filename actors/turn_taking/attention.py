"""Is it meant for Harry: a pure state machine over transcripts, and over how the microphone is used.

1. Words without a letter or digit are meant for nobody.
2. MUTED: nothing is heard. It outranks everything below, and ends only by being taken back.
3. TOGGLE: one press of the button opens the microphone, the next one closes it and ends the utterance. Only what began
   while it was open is heard, and all of it is meant.
4. OPEN: while the window is open, what began in it is meant. It is open while a turn is answered, for `window` seconds
   after `ready` and after each turn, for as long after the wake phrase was spotted, and always for a client that says
   himself when he speaks (`always`).
5. Outside the window, words that call Harry by a name, or begin with a wake phrase, are meant.
6. What a laugh or a noise was taken for (`ghosts`) is meant for nobody, unless it names Harry or the button let it in.
7. In the window, a stranger who goes on without calling Harry (`bystanders`) does not mean him; and only turns of his
   partner, or for which he was called, open it again.
8. A mere "mhm" or "okay" that answers no question is meant for nobody, unless the button let it in.
9. What is not meant changes nothing: it neither opens the window nor keeps it open.
10. RESTING: after `rest_after` seconds in which nothing was meant, Harry rests, and the voices around him are not
   transcribed. A button or the wake phrase wakes him; so does a loud enough voice (`voice`), and its first word is in
   the pre-roll.
11. Off the record nothing said is kept anywhere. Asking for it puts Harry off the record before he answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from actors.text.phrases import Phrases, load_phrases, split_words
from actors.turn_taking.bystanders import Bystanders, Stance, Voice
from actors.turn_taking.ghosts import is_ghost
from actors.turn_taking.name_matching import is_addressed

WINDOW = 30.0
REST_AFTER = 600.0


class Talk(StrEnum):
    """How the microphone is used."""

    OPEN = "open"
    TOGGLE = "toggle"


class Meant(StrEnum):
    """For whom words are."""

    MEANT = "meant"
    NOT_MEANT = "not_meant"
    NOBODY = "nobody"


@dataclass(slots=True)
class Attention:
    """Times are in seconds on the session's clock. `names` are what Harry is called, `wake_phrases` what wakes him.

    `deliberate`: the speaker ends each utterance himself, so all that is heard was said.
    """

    names: Sequence[str] = ("Harry",)
    wake_phrases: Sequence[str] = ()
    window: float = WINDOW
    rest_after: float | None = REST_AFTER
    talk: Talk = Talk.OPEN
    always: bool = False
    phrases: Phrases = field(default_factory=load_phrases)
    muted: bool = False
    off_the_record: bool = False
    deliberate: bool = False
    _open_until: float = float("-inf")
    _answering: bool = False
    _opened_at: float | None = None
    _was_open: tuple[float, float] = (float("inf"), float("-inf"))
    _awake_until: float = float("inf")
    _sent_to_rest: bool = False
    _bystanders: Bystanders = field(init=False)
    _answers_a_stranger: bool = False
    _turn_opens: bool = True

    def __post_init__(self) -> None:
        """Know the voices by the words of the same language."""
        self._bystanders = Bystanders(self.phrases)

    # What happens.

    def start(self, at: float) -> None:
        """Harry can hear and speak from now on."""
        self._open(at)

    def begin_turn(self, at: float) -> None:
        """Harry answers something that was meant for him."""
        self._answering = True
        self._turn_opens, self._answers_a_stranger = not self._answers_a_stranger, False
        self._stay_awake(at)

    def end_turn(self, at: float) -> None:
        """No turn is being answered any more. Who was sent to rest meanwhile rests now."""
        self._answering = False
        if not self._sent_to_rest and self._turn_opens:
            self._open(at)

    def wake(self, at: float) -> None:
        """Open the window: the wake phrase was spotted."""
        self._bystanders.begin()
        self._open(at)

    def rest(self) -> None:
        """Rest from now on: somebody asked for it. Whatever wakes him ends it."""
        self._sent_to_rest = True

    def hear_voice(self, at: float) -> bool:
        """Somebody speaks. True if that wakes Harry: the pre-roll is to be heard as well."""
        if not self.is_resting(at):
            return False
        self._stay_awake(at)
        return not self.muted

    def press(self, at: float) -> bool:
        """Note that the button was pressed. True if that closes the microphone: what was being said ends with it."""
        self._stay_awake(at)
        if self._opened_at is None:
            self._opened_at = at
            return False
        self._was_open, self._opened_at = (self._opened_at, at), None
        return True

    def hold_to(self, window: float, rest_after: float | None, at: float) -> None:
        """Go by other lengths from now on. Who rests goes on resting, unless nobody rests any more."""
        counts_anew = rest_after != self.rest_after and not self.is_resting(at)
        self.window, self.rest_after = window, rest_after
        if counts_anew and rest_after is not None:
            self._awake_until = at + rest_after

    # What is asked.

    @property
    def pressed(self) -> bool:
        """Whether the button holds the microphone open."""
        return self._opened_at is not None

    def hears(self, at: float) -> bool:
        """Return whether the microphone's frames are to be listened to now."""
        if self.muted:
            return False
        return self.talk is Talk.OPEN or self._opened_at is not None

    def is_open(self, at: float) -> bool:
        """Return whether what begins now would be meant for Harry."""
        if self.muted:
            return False
        if self.talk is not Talk.OPEN:
            return self._let_in(at)
        return self.always or self._answering or at <= self._open_until

    def is_resting(self, at: float) -> bool:
        """Return whether voices need not be transcribed."""
        quiet = self._sent_to_rest or (self.rest_after is not None and at > self._awake_until)
        return quiet and not self._answering and not self.always and self._opened_at is None

    def seconds_until_rest(self, at: float) -> float:
        """Return the seconds until he may rest, if nothing happens meanwhile; infinite for one who never rests."""
        if self.rest_after is None or self.always:
            return float("inf")
        if self._answering or self._opened_at is not None:
            return self.rest_after
        return max(0.0, self._awake_until - at)

    def judge(
        self,
        text: str,
        began_at: float,
        *,
        asked: bool = False,
        confidence: float = 1.0,
        level: float | None = None,
    ) -> Meant:
        """Tell for whom words are, partial or final, of a voice that began at `began_at`. Changes nothing.

        `asked` says whether Harry's last sentence was a question, `confidence` (0..1) how sure the ear is of the words,
        and `level` (dBFS) how loud the voice is.
        """
        if self.muted or not any(map(str.isalnum, text)):
            return Meant.NOBODY
        if self.talk is not Talk.OPEN:
            return Meant.MEANT if self._let_in(began_at) else Meant.NOT_MEANT
        if not self.is_addressed(text):
            if not self.deliberate and is_ghost(text, 1.0 if asked else confidence, self.phrases, self.names):
                return Meant.NOBODY
            if not self.is_open(began_at) or self._is_strange(Voice(text, began_at, level, asked)):
                return Meant.NOT_MEANT
        if not asked and not self.always and (self.phrases.is_backchannel(text) or self.phrases.is_hesitation(text)):
            return Meant.NOBODY
        return Meant.MEANT

    def take(self, text: str, began_at: float, *, asked: bool = False, level: float | None = None) -> None:
        """Note that words of an utterance that is over were judged: who it was decides what keeps the window open."""
        if not self._keeps_company():
            return
        if self.is_addressed(text):
            self._answers_a_stranger = False
            self._bystanders.called(level, began_at)
        elif self.is_open(began_at):
            stance = self._bystanders.take(Voice(text, began_at, level, asked))
            self._answers_a_stranger = stance is not Stance.PARTNER

    def _is_strange(self, voice: Voice) -> bool:
        return self._keeps_company() and self._bystanders.judge(voice) is Stance.STRANGER

    def _keeps_company(self) -> bool:
        """Return whether anybody may be heard: a client, or a button, says himself when he speaks."""
        return self.talk is Talk.OPEN and not self.always

    def is_addressed(self, text: str) -> bool:
        """Return whether these words call Harry, by a name or by a wake phrase at their beginning."""
        said = split_words(text)
        woken = any(said[: len(phrase)] == phrase for phrase in map(split_words, self.wake_phrases) if phrase)
        return woken or is_addressed(text, self.names, self.phrases)

    def heed_record_wish(self, text: str) -> bool | None:
        """Go off the record (True) or back on it (False) if these words ask for it; None if they do not."""
        wish = self.phrases.asks_off_the_record(text, tuple(self.names))
        if wish is not None:
            self.off_the_record = wish
        return wish

    @property
    def is_recording(self) -> bool:
        """Whether what is said now may reach a store."""
        return not self.off_the_record

    # Shared.

    def _open(self, at: float) -> None:
        self._open_until = at + self.window
        self._stay_awake(at)

    def _stay_awake(self, at: float) -> None:
        self._sent_to_rest = False
        if self.rest_after is not None:
            self._awake_until = at + self.rest_after

    def _let_in(self, at: float) -> bool:
        """Return whether the button had opened the microphone then."""
        began, ended = self._was_open
        return (self._opened_at is not None and at >= self._opened_at) or began <= at <= ended
