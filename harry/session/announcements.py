"""What others want said: by a script, a program, a household. Said in Harry's own voice, in a gap, one after the other.

Nothing is said over a person or over Harry. What was cut before a word of it was heard is said again; what is too old
by the time there is a gap is dropped.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from math import inf
from typing import Literal, TypeAlias, get_args

import structlog
import trio

from channels.signals import Signal
from harry.errors import ConfigurationError, TooManySessions
from harry.session.session import Session

Urgency: TypeAlias = Literal["now", "normal", "low"]
URGENCIES: tuple[Urgency, ...] = get_args(Urgency)

GAPS: dict[Urgency, float] = {"now": 0.3, "normal": 1.5, "low": 20.0}
"""Seconds of quiet before it is said."""

MOST = 50
"""Announcements that may wait."""

MAX_CHARACTERS = 2000
LASTS = 3600.0
"""Seconds after which it is too late to say it, unless something else is asked for."""

AGAIN = 3
"""Times that it is said while no word of it was heard."""

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Waiting:
    text: str
    urgency: Urgency
    until: float
    number: int
    said: int = 0


@dataclass
class Announcements:
    """Those of one room. `low_in()` gives the seconds until what is not urgent may be said; 0: now."""

    session: Session
    low_in: Callable[[], float] = lambda: 0.0
    _waiting: list[_Waiting] = field(default_factory=list)
    _arrived: Signal = field(default_factory=Signal)
    _numbers: count[int] = field(default_factory=count)

    def put(self, text: str, urgency: str = "normal", lasts: float = LASTS) -> None:
        """Have something said as soon as there is a gap; what waits already is not said twice.

        Raises `ConfigurationError` for what cannot be said, `TooManySessions` where too much waits.
        """
        words = " ".join(text.split())
        if not words or len(words) > MAX_CHARACTERS:
            raise ConfigurationError(f"What is to be said has 1 to {MAX_CHARACTERS} characters.")
        if urgency not in URGENCIES:
            raise ConfigurationError(f"There is no urgency {urgency!r}.", remedy=f"There are {', '.join(URGENCIES)}.")
        if not 0 < lasts <= 7 * 86_400:
            raise ConfigurationError("What is to be said lasts more than 0 seconds, and a week at most.")
        same = self._waits(words)
        if same is None and len(self._waiting) >= MOST:
            raise TooManySessions(f"{MOST} things wait to be said.", remedy="Wait until Harry has said some.")
        self._add(words, urgency, lasts)

    def put_own(self, words: str) -> None:
        """Have Harry say that he is in trouble, in the next gap, however much waits. His sentences are few."""
        self._add(words, "now", LASTS)

    def _waits(self, words: str) -> _Waiting | None:
        return next((each for each in self._waiting if each.text == words), None)

    def _add(self, words: str, urgency: Urgency, lasts: float) -> None:
        same = self._waits(words)
        if same is not None:
            self._waiting.remove(same)
        until = trio.current_time() + lasts
        self._waiting.append(_Waiting(words, urgency, until, next(self._numbers)))
        self._arrived.notify()

    async def run(self) -> None:
        """Say what comes, the urgent first, until cancelled."""
        while True:
            while (next_one := self._next()) is None:
                # What waits at all waits for the end of the quiet hours.
                with trio.move_on_after(self.low_in() + 1.0 if self._waiting else inf):
                    await self._arrived.wait()
            if await self._in_a_gap(GAPS[next_one.urgency]) and self._next() is next_one:
                self._waiting.remove(next_one)
                await self._say(next_one)

    def _next(self) -> _Waiting | None:
        """Choose what is said next; what is too old is dropped."""
        for late in [each for each in self._waiting if trio.current_time() > each.until]:
            self._waiting.remove(late)
            log.info("an announcement came too late", urgency=late.urgency)
        ready = [each for each in self._waiting if each.urgency != "low" or not self.low_in()]
        return min(ready, key=lambda each: (URGENCIES.index(each.urgency), each.number), default=None)

    async def _in_a_gap(self, seconds: float) -> bool:
        """Wait for a gap; False if something else came first."""
        quiet = False

        async def come() -> None:
            await self._arrived.wait()
            nursery.cancel_scope.cancel()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(come)
            await self.session.wait_quiet(seconds)
            quiet = True
            nursery.cancel_scope.cancel()
        return quiet

    async def _say(self, announcement: _Waiting) -> None:
        turn = self.session.conductor.say(announcement.text)
        announcement.said += 1
        if turn is not None:
            slot = self.session.conductor.find_slot(turn.id)
            await turn.over.wait()
            if slot is None or slot.heard or turn.cut_by == "stop":
                return
        if announcement.said < AGAIN:
            self._waiting.append(announcement)
        else:
            log.warning("an announcement was not heard", times=announcement.said)
