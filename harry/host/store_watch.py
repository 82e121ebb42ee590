"""Watches over the store: reaches for one that was out of reach at the start, looks for damage, makes backups.

What is wrong is told in every conversation, and said aloud once where somebody can hear it.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import structlog
import trio

from channels.backoff import Backoff
from harry.errors import StoreDamaged, StoreError
from harry.host.sessions import LiveSessions
from harry.memory.store.backup import back_up_daily
from harry.memory.store.database import Database
from harry.memory.store.integrity import check_integrity_beside

LOOK = 3600.0
"""Seconds between two looks at whether a backup is due."""

OUT_OF_REACH = "I cannot keep what we say at the moment. I go on trying."
DAMAGED = "A part of what I have kept is damaged. The terminal and my page say what you can do."

log = structlog.get_logger(__name__)


class StoreWatch:
    """One process's. `backups` is how many daily backups are kept, 0 for none; `on_reached` is called at the first use.

    `wall` is seconds since the epoch.
    """

    def __init__(
        self,
        database: Database,
        sessions: LiveSessions,
        *,
        backups: int = 0,
        on_reached: Callable[[], None] = lambda: None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.reached = trio.Event()
        """Set once the store can be used."""
        self.damage = ""
        """What is known to be damaged, and the way back; empty if nothing is."""
        self._database = database
        self._sessions = sessions
        self._backups = backups
        self._on_reached = on_reached
        self._wall = wall
        self._say: Callable[[str], object] | None = None
        self._unsaid = ""
        if database.access.trouble is None:
            self.reached.set()

    def speak_through(self, say: Callable[[str], object]) -> None:
        """Say aloud what is wrong by `say`: what was not said yet at once."""
        self._say = say
        self._speak(self._unsaid)

    async def run(self) -> None:
        """Reach the store, look through it, and keep its backups, until cancelled."""
        await self._reach()
        await self._look_through()
        while self._backups and not self.damage:
            await self._back_up()
            await trio.sleep(LOOK)

    async def _reach(self) -> None:
        trouble = self._database.access.trouble
        if trouble is not None:
            self._sessions.store_is_ill(str(trouble))
            self._speak(DAMAGED if isinstance(trouble, StoreDamaged) else OUT_OF_REACH)
            backoff = Backoff()
            while await self._database.try_again() is not None:
                await backoff.sleep()
            log.info("the store can be used")
            self._unsaid = ""
            self.reached.set()
            self._on_reached()
            self._sessions.store_is_well()
        self.reached.set()

    async def _look_through(self) -> None:
        try:
            await check_integrity_beside(self._database)
        except StoreDamaged as error:
            log.error("the store is damaged", cause=str(error))  # noqa: TRY400  the sentence says it all
            self.damage = str(error)
            self._sessions.store_is_ill(self.damage)
            self._speak(DAMAGED)
        except StoreError as error:
            log.warning("the store was not looked through", cause=str(error))

    async def _back_up(self) -> None:
        try:
            made = await trio.to_thread.run_sync(
                back_up_daily, self._database.path, self._backups, self._wall(), abandon_on_cancel=True
            )
        except StoreError as error:
            log.warning("no backup could be made", cause=str(error))
        else:
            if made is not None:
                log.info("a backup was made", file=str(made))

    def _speak(self, words: str) -> None:
        if words and self._say is not None:
            self._say(words)
            self._unsaid = ""
        else:
            self._unsaid = words
