"""What others want said: by a script, a program, a household. Said in Harry's own voice, in a gap, one after the other.

Nothing is said over a person or over Harry. What was cut is said again, from the sentence that was cut, a few times;
what is too old by the time there is a gap is dropped. While a question waits for its answer,
only what is urgent is said, and the question again after it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import count
from math import inf
from typing import Literal, TypeAlias, get_args

import structlog
import trio

from actors.text.phrases import asks
from channels.gate import Slot
from channels.signals import Signal
from channels.turn import Turn
from harry.errors import ConfigurationError, TooManySessions
from harry.session.questions import Question
from harry.session.session import Session

Urgency: TypeAlias = Literal["now", "normal", "low"]
URGENCIES: tuple[Urgency, ...] = get_args(Urgency)

GAPS: dict[Urgency, float] = {"now": 0.3, "normal": 1.5, "low": 20.0}
"""Seconds of quiet before it is said."""

AFTER_A_QUESTION = 8.0
"""Seconds of quiet after a question of Harry's, unless it is urgent: the gap belongs to the answer."""

AWAKE = 600.0
"""Seconds after words to Harry, or after his start, in which whoever said them is awake, whatever hour it is."""

MOST = 50
"""Announcements that may wait."""

MAX_CHARACTERS = 2000
LASTS = 3600.0
"""Seconds after which it is too late to say it, unless something else is asked for; quiet hours do not count."""

LONGEST = 7 * 86_400.0
"""Seconds that may be asked for."""

TOLD_ONCE_WITHIN = 600.0
"""Seconds within which the same text, or the same key, is told once."""

ANSWERED_WITHIN = 30.0
"""Seconds in which a question is to be answered, unless something else is asked for."""

AGAIN = 5
"""Times that it is said and cut before it is given up. Each time it waits for a gap twice as long."""

STILL_SPEAKING = 30.0
"""Seconds that somebody may still be speaking when the time for an answer is over."""

_ROUNDING = 0.001
"""Seconds after a moment at which it has passed for sure."""

_SENTENCE_END = re.compile(r"[.!?\u2026][\"')\]\u201d\u2019]*\s+")

log = structlog.get_logger(__name__)


class State(StrEnum):
    """What became of an announcement."""

    WAITING = "waiting"
    HEARD = "heard"
    STOPPED = "stopped"
    INTERRUPTED = "interrupted"
    UNHEARD = "unheard"
    EXPIRED = "expired"
    ANSWERED = "answered"
    UNANSWERED = "unanswered"


TOLD = frozenset({State.HEARD, State.STOPPED, State.ANSWERED, State.UNANSWERED})
"""States in which a person knows of it."""


@dataclass(slots=True, eq=False)
class Announcement:
    """Something to be said until `until`, by trio's clock. `rest` is what of it was not heard yet.

    `within` is the time in seconds in which an answer is waited for, None where it is no question; so many `askers`
    wait for that.
    """

    text: str
    urgency: Urgency
    until: float
    number: int
    key: Hashable = None
    within: float | None = None
    rest: str = ""
    tries: int = 0
    was_begun: bool = False
    state: State = State.WAITING
    answer: str = ""
    askers: int = 0
    settled_at: float = inf
    settled: trio.Event = field(default_factory=trio.Event)

    def settle(self, state: State, answer: str = "") -> None:
        """Note what became of it; the first of it stands."""
        if not self.settled.is_set():
            self.state, self.answer, self.settled_at = state, answer, trio.current_time()
            self.settled.set()


class Announcements:
    """Those of one person. `find()` gives the conversation to say them in now, None where he has none.

    `quiet_for()` gives the seconds until the quiet hours are over; 0: it is none of them. In them nothing is said but
    what is urgent, and, while somebody converses with Harry, what is normal.
    """

    def __init__(self, find: Callable[[], Session | None], quiet_for: Callable[[], float] = lambda: 0.0) -> None:
        self._find = find
        self._quiet_for = quiet_for
        self._waiting: list[Announcement] = []
        self._current: Announcement | None = None
        self._told: list[Announcement] = []
        self._changed = Signal()
        self._numbers = count()

    def put(
        self,
        text: str,
        urgency: str = "normal",
        lasts: float | None = None,
        *,
        key: Hashable = None,
        answer_within: float | None = None,
    ) -> tuple[Announcement, bool]:
        """Have something said as soon as there is a gap; return it, and whether it is new.

        The same text, or the same `key`, within `TOLD_ONCE_WITHIN` is not told twice; of what still waits under a key
        the newest text is told. A question is asked again once it is over, unless the answer to its key is known.

        Raises `ConfigurationError` for what cannot be said, `TooManySessions` where too much waits.
        """
        words = " ".join(text.split())
        if not words or len(words) > MAX_CHARACTERS:
            raise ConfigurationError(f"What is to be said has 1 to {MAX_CHARACTERS} characters.")
        if urgency not in URGENCIES:
            raise ConfigurationError(f"There is no urgency {urgency!r}.", remedy=f"There are {', '.join(URGENCIES)}.")
        if lasts is not None and not 0 < lasts <= LONGEST:
            raise ConfigurationError("What is to be said lasts more than 0 seconds, and a week at most.")
        if answer_within is not None and not 1 <= answer_within <= 600:
            raise ConfigurationError("An answer is waited for from 1 to 600 seconds.")
        if lasts is None:
            lasts = LASTS + (self._quiet_for() if urgency != "now" else 0.0)
        wanted = Announcement(
            words, urgency, trio.current_time() + lasts, next(self._numbers), key, answer_within, rest=words
        )
        same = self._same(wanted)
        if same is not None:
            self._renew(same, wanted)
            return same, False
        if len(self._waiting) >= MOST:
            raise TooManySessions(f"{MOST} things wait to be said.", remedy="Wait until Harry has said some.")
        self._add(wanted)
        return wanted, True

    def put_own(self, words: str) -> None:
        """Have Harry say that he is in trouble, in the next gap, however much waits. His sentences are few."""
        if not any(each.text == words for each in self._waiting):
            self._add(Announcement(words, "now", trio.current_time() + LASTS, next(self._numbers), rest=words))

    def withdraw(self, announcement: Announcement) -> None:
        """Let go of something that nobody wants said any more, or answered."""
        if announcement in self._waiting:
            self._waiting.remove(announcement)
        announcement.settle(State.EXPIRED)
        self._changed.notify()

    def look(self) -> None:
        """Look again where and when something may be said: somebody has come, or gone."""
        self._changed.notify()

    @property
    def idle(self) -> bool:
        """Whether nothing waits and nothing is being said."""
        return not self._waiting and self._current is None

    def held_for(self, announcement: Announcement) -> float:
        """Return the seconds until the quiet hours let it be said; 0: they do."""
        quiet = 0.0 if announcement.urgency == "now" else self._quiet_for()
        if not quiet or announcement.urgency == "low":
            return quiet
        session = self._find()
        awake = session is not None and session.clock.now() - session.conductor.addressed_at < AWAKE
        return 0.0 if awake else quiet

    async def run(self) -> None:
        """Say what comes, the urgent first, until cancelled."""
        while True:
            session, next_one = self._place(), self._next()
            if session is None or next_one is None:
                await self._something_new(session)
            elif (
                await self._in_a_gap(session, self._gap(session, next_one))
                # Other tasks have run since the gap began: between these questions and the first word none does.
                and self._next() is next_one
                and self._place() is session
                and session.may_speak_up
            ):
                self._waiting.remove(next_one)
                await self._see_through(session, next_one)

    # What waits.

    def _place(self) -> Session | None:
        session = self._find()
        return session if session is not None and session.conductor.runs else None

    def _same(self, wanted: Announcement) -> Announcement | None:
        """Find what is the same, waits or is being said, or was told a short time ago."""
        now = trio.current_time()
        self._told = [each for each in self._told if now - each.settled_at < TOLD_ONCE_WITHIN]
        under_way = [*self._waiting, *([self._current] if self._current else [])]
        for known in (*under_way, *self._told):
            by_key = wanted.key is not None and known.key == wanted.key
            if not by_key and known.text.casefold() != wanted.text.casefold():
                continue
            if wanted.within is None:
                return known
            if known.within is not None and (known in under_way or (by_key and known.state is State.ANSWERED)):
                return known
        return None

    def _renew(self, known: Announcement, wanted: Announcement) -> None:
        """Have what waits already be as it is wanted now: the more urgent, and the later, of both."""
        if known not in self._waiting:
            return
        if wanted.key is not None and known.key == wanted.key and known.within is None:
            known.text = known.rest = wanted.text
        known.urgency = min(known.urgency, wanted.urgency, key=URGENCIES.index)
        known.until = max(known.until, wanted.until)
        self._changed.notify()

    def _add(self, announcement: Announcement) -> None:
        self._waiting.append(announcement)
        self._changed.notify()

    def _next(self) -> Announcement | None:
        """Choose what is said next; what is too old is dropped."""
        for late in [each for each in self._waiting if trio.current_time() >= each.until]:
            self._waiting.remove(late)
            late.settle(State.EXPIRED)
            log.info("an announcement came too late", urgency=late.urgency)
        ready = [each for each in self._waiting if not self.held_for(each)]
        return min(ready, key=lambda each: (URGENCIES.index(each.urgency), each.number), default=None)

    def _seconds_until_due(self) -> float:
        """Return the seconds until something that waits is too old, or is held no longer."""
        now = trio.current_time()
        return max(0.0, min((min(each.until - now, self.held_for(each) or inf) for each in self._waiting), default=inf))

    async def _something_new(self, session: Session | None) -> None:
        """Wait until there may be something to say, or somebody to say it to."""
        with trio.move_on_after(self._seconds_until_due() + _ROUNDING):
            async with trio.open_nursery() as nursery:
                if session is not None and self._waiting:
                    # What waits for somebody to converse with Harry hears of it here.
                    nursery.start_soon(_await_event, session, nursery.cancel_scope)
                await self._changed.wait()
                nursery.cancel_scope.cancel()

    # The gap.

    @staticmethod
    def _gap(session: Session, announcement: Announcement) -> float:
        gap = min(GAPS[announcement.urgency] * 2.0**announcement.tries, GAPS["low"])
        asked = announcement.urgency != "now" and asks(session.conductor.last_heard)
        return max(gap, AFTER_A_QUESTION) if asked else gap

    async def _in_a_gap(self, session: Session, seconds: float) -> bool:
        """Wait for a gap; False if something else came first."""
        quiet = False
        with trio.move_on_after(self._seconds_until_due() + _ROUNDING):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_await_signal, self._changed, nursery.cancel_scope)
                await session.wait_quiet(seconds)
                quiet = True
                nursery.cancel_scope.cancel()
        return quiet

    # Saying it.

    async def _see_through(self, session: Session, announcement: Announcement) -> None:
        """Say it, and wait for the answer to a question; what is to be said again waits again."""
        self._current = announcement
        try:
            await self._say(session, announcement)
        finally:
            self._current = None
            if not announcement.settled.is_set():
                self._waiting.append(announcement)
            elif announcement.state in TOLD:
                self._told.append(announcement)

    async def _say(self, session: Session, announcement: Announcement) -> None:
        conductor, dialogue = session.conductor, session.dialogue
        turn = conductor.say(announcement.rest)
        slot = conductor.find_slot(turn.id) if turn is not None else None
        if turn is None or slot is None:
            self._try_again(announcement, "")
            return
        if announcement.within is None:
            await turn.over.wait()
            self._judge(announcement, turn, slot, failed=conductor.has_failed(turn.id))
            return
        dialogue.question = question = Question(announcement.text, slot)
        try:
            await turn.over.wait()
            if question.answer is None and not (question.waits and not conductor.has_failed(turn.id)):
                self._judge(announcement, turn, slot, failed=True)
                return
            await self._await_answer(session, announcement, question)
        finally:
            dialogue.question = None

    def _judge(self, announcement: Announcement, turn: Turn, slot: Slot, *, failed: bool) -> None:
        """Decide by what was heard of it whether it is said again."""
        if turn.cut_by == "stop":
            announcement.settle(State.STOPPED)
        elif slot.heard.strip() == announcement.rest or (slot.heard and not turn.cut_by and not failed):
            announcement.settle(State.HEARD)
        else:
            self._try_again(announcement, slot.heard)

    @staticmethod
    def _try_again(announcement: Announcement, heard: str) -> None:
        """Leave it unsettled, so that it is said again, unless it was tried often enough."""
        announcement.tries += 1
        announcement.was_begun = announcement.was_begun or bool(heard)
        if announcement.within is None:
            announcement.rest = from_the_cut_sentence(announcement.rest, heard)
        if announcement.tries >= AGAIN:
            announcement.settle(State.INTERRUPTED if announcement.was_begun else State.UNHEARD)
            log.warning("an announcement was not heard to its end", state=announcement.state)

    async def _await_answer(self, session: Session, announcement: Announcement, question: Question) -> None:
        """Wait for the answer until the deadline, and for whoever is speaking then. The question may be said again."""
        seconds = announcement.within or ANSWERED_WITHIN
        deadline = trio.current_time() + seconds
        while question.answer is None and not announcement.settled.is_set():
            if self._is_urgent_waiting():
                return  # the question is asked again after that
            if question.again:
                question.again = False
                await _quiet(session)
                deadline = trio.current_time() + seconds
            elif trio.current_time() < deadline:
                with trio.move_on_at(deadline):
                    async with trio.open_nursery() as nursery:
                        nursery.start_soon(_await_signal, question.changed, nursery.cancel_scope)
                        nursery.start_soon(_await_signal, self._changed, nursery.cancel_scope)
            else:
                await _quiet(session)
                if question.answer is None and not question.again:
                    announcement.settle(State.UNANSWERED)
        if question.answer is not None:
            await _quiet(session)  # who has answered may go on after a pause
            announcement.settle(State.ANSWERED, question.answer)

    def _is_urgent_waiting(self) -> bool:
        return any(each.urgency == "now" and each.within is None for each in self._waiting)


async def _await_signal(signal: Signal, scope: trio.CancelScope) -> None:
    await signal.wait()
    scope.cancel()


async def _await_event(session: Session, scope: trio.CancelScope) -> None:
    happenings = session.events.listen(16)
    try:
        async for _ in happenings:
            scope.cancel()
    finally:
        happenings.close()


async def _quiet(session: Session) -> None:
    """Wait until what is being said is said, but not for ever: somebody else may talk on and on."""
    with trio.move_on_after(STILL_SPEAKING):
        await session.wait_quiet(0.1)


def from_the_cut_sentence(text: str, heard: str) -> str:
    """Return what is to be said again of a text of which `heard` was heard: from the sentence that was cut."""
    if not text.startswith(heard.strip()):
        return text
    ends = [found.end() for found in _SENTENCE_END.finditer(text) if found.end() <= len(heard.strip()) + 1]
    return text[ends[-1] :] if ends else text
