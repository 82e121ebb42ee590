"""Timers and reminders come due: told in a gap, in a conversation of their user's, and forgotten once they were told.

They are in the store, so they survive a restart; what came due meanwhile is told late, and says so. The wait is for the
next one alone; the wall clock is looked at once a minute besides, for it may jump.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import NoReturn, Protocol

import structlog
import trio

from channels.gate import Slot
from channels.turn import Turn
from harry.errors import HarryError, StoreError
from harry.memory.store.reminders import Reminder, ReminderKind, Reminders
from harry.reflexes.grammar import grammar_of
from harry.reflexes.times import told_date, told_duration, told_time

GAP = 0.7
"""Seconds in which nobody speaks and nothing happens, before Harry speaks up."""

LATE = 120.0
"""Seconds after which what was due is told as late."""

TRIES = 3
"""How often a reminder is told that was cut before a word of it was heard."""

_LOOK = 60.0
_AGAIN = 5.0  # seconds after a store failed

log = structlog.get_logger(__name__)


class Told(Protocol):
    """A conversation in which somebody can be told something."""

    @property
    def conductor(self) -> Conductor:
        """What says it."""

    async def wait_quiet(self, seconds: float) -> None:
        """Wait until nothing that was said is pending and nothing has happened for `seconds`."""


class Conductor(Protocol):
    """What says something in a conversation."""

    def say(self, words: str) -> Turn | None:
        """Say it in a turn of its own; None if that cannot be."""

    def find_slot(self, turn: str) -> Slot | None:
        """Find what was heard of a turn."""


class Reminding:
    """Those of all users. `sessions_of(user)` gives the conversations in which a user can be told something."""

    def __init__(
        self,
        reminders: Reminders,
        sessions_of: Callable[[str], Sequence[Told]],
        *,
        language: str = "en",
        replies: Mapping[str, tuple[str, ...]] | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._reminders = reminders
        self._sessions_of = sessions_of
        self._language = language
        self._own = replies or {}
        self._wall = wall
        self._changed = trio.Event()
        self._telling: set[str] = set()
        self._alone: set[str] = set()

    async def add(self, user: str, kind: ReminderKind, made_at: float, due: float, text: str) -> None:
        """Keep one; it is on disk when this returns. Raises `StoreError`, `HarryError` where there are too many."""
        if await self._reminders.add(user, kind, made_at, due, text) is None:
            raise HarryError("There are too many reminders already.")
        self.look()

    async def of(self, user: str) -> list[Reminder]:
        """A user's, the next first. Raises `StoreError`."""
        return await self._reminders.of(user)

    async def remove(self, user: str, ids: list[str]) -> int:
        """Forget some. Raises `StoreError`."""
        gone = await self._reminders.remove(user, ids)
        self.look()
        return gone

    def look(self) -> None:
        """Something changed: a reminder, or who can be told one."""
        self._alone.clear()
        self._changed.set()

    async def run(self) -> NoReturn:
        """Tell what comes due, until cancelled."""
        async with trio.open_nursery() as nursery:
            while True:
                self._changed = trio.Event()
                try:
                    following = await self._reminders.next(frozenset(self._telling | self._alone))
                except StoreError as error:
                    log.warning("reminders cannot be read", cause=str(error))
                    await trio.sleep(_AGAIN)
                    continue
                wait = min(_LOOK, following.due - self._wall()) if following is not None else _LOOK
                if following is None or wait > 0:
                    with trio.move_on_after(wait):
                        await self._changed.wait()
                    continue
                sessions = self._sessions_of(following.user)
                if sessions:
                    self._telling.add(following.id)
                    nursery.start_soon(self._tell, following, sessions[0])
                else:
                    self._alone.add(following.id)  # nobody is there: until somebody comes

    async def _tell(self, due: Reminder, session: Told) -> None:
        try:
            for _ in range(TRIES):
                await session.wait_quiet(GAP)
                turn = session.conductor.say(self._words(due))
                if turn is None:
                    break
                await turn.over.wait()
                slot = session.conductor.find_slot(turn.id)
                if slot is None or slot.heard:
                    break
            await self._reminders.remove(due.user, [due.id])
        except StoreError as error:
            log.warning("a reminder that was told cannot be forgotten", cause=str(error))
        finally:
            self._telling.discard(due.id)
            self._changed.set()

    def _words(self, due: Reminder) -> str:
        at = datetime.fromtimestamp(due.due).astimezone()
        told = {
            "time": told_time(at),
            "what": due.text or f"a {due.kind}",
            "duration": told_duration(due.due - due.made_at),
        }
        name = f"Due.{due.kind}"
        if self._wall() - due.due > LATE:
            name = "Due.late"
            today = datetime.fromtimestamp(self._wall()).astimezone().date() == at.date()
            told["time"] = told["time"] if today else f"{told['time']} on {told_date(at)}"
        words = (self._own.get(name) or (grammar_of(self._language).replies[name],))[0]
        for key, value in told.items():
            words = words.replace(f"{{{key}}}", value)
        return words
