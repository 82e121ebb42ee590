"""The thinker: when a turn is over and nobody speaks, Harry may think for himself.

He waits until it has been quiet for a while, asks the mind once, and gives up at the first sign of a voice or a turn:
a person who speaks is answered by a Harry who is not busy with himself. Passing is always possible, and is not asked
about again until something new was said.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NoReturn

import structlog
import trio

from channels.event_types import AnyEvent, Interrupted, Reply, SpeakingStarted, SpeechStarted, Transcribed, TurnEnded
from channels.events import EventStream, EventSubscription

AFTER = 20.0
"""Seconds of quiet after a turn before Harry thinks."""

PATIENCE = 60.0
"""Seconds a thought may take."""

STIRRING: frozenset[type[AnyEvent]] = frozenset({SpeechStarted, Transcribed, Reply, SpeakingStarted, Interrupted})
"""Events that say that somebody speaks, or that a turn is on its way."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Reflection:
    """What thinking came to; everything may be empty, and all of it is when the mind passed."""

    thought: str = ""
    mood: str = ""
    goal: str = ""
    held_thought: str = ""
    note_to_self: str = ""

    @property
    def passed(self) -> bool:
        """Whether there is nothing to keep."""
        return not (self.thought or self.mood or self.goal or self.held_thought or self.note_to_self)


class Thinker:
    """A session's thinker. `reflect()` asks the mind, `keep(reflection)` writes down, and never waits.

    `may()` says whether thinking is allowed now (budget, quiet hours, off the record), `busy()` whether a turn or a
    voice is on its way. `failure` is what a mind raises; a thought that fails is logged and not missed.
    """

    def __init__(
        self,
        *,
        events: EventStream,
        reflect: Callable[[], Awaitable[Reflection]],
        keep: Callable[[Reflection], object],
        may: Callable[[], bool],
        busy: Callable[[], bool],
        failure: type[Exception],
        after: float = AFTER,
        patience: float = PATIENCE,
    ) -> None:
        self._events = events
        self._reflect = reflect
        self._keep = keep
        self._may = may
        self._busy = busy
        self._failure = failure
        self._after = after
        self._patience = patience

    async def run(self) -> NoReturn:
        """Think after turns until cancelled."""
        happenings = self._events.listen()
        try:
            while True:
                await _heard_of(happenings, frozenset({TurnEnded}))
                await self._quiet(happenings)
                if self._may():
                    await self._think(happenings)
        finally:
            happenings.close()

    async def _quiet(self, happenings: EventSubscription) -> None:
        """Wait until nothing has stirred for a while."""
        while True:
            with trio.move_on_after(self._after):
                await _heard_of(happenings, STIRRING)
                continue
            if not self._busy():
                return

    async def _think(self, happenings: EventSubscription) -> None:
        """Ask once, unless somebody stirs."""
        reflection = Reflection()

        async def ask() -> None:
            nonlocal reflection
            try:
                with trio.move_on_after(self._patience):
                    reflection = await self._reflect()
            except self._failure as error:
                log.info("no thought came", cause=str(error))
            nursery.cancel_scope.cancel()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            await _heard_of(happenings, STIRRING)
            nursery.cancel_scope.cancel()
        if not reflection.passed:
            self._keep(reflection)


async def _heard_of(happenings: EventSubscription, kinds: frozenset[type[AnyEvent]]) -> None:
    """Wait for one of these events."""
    async for event in happenings:
        if type(event.what) in kinds:
            return
    # The session's events have ended; the session is about to cancel this task.
    await trio.sleep_forever()
