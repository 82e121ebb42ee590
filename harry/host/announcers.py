"""Everybody's announcements: a queue for each person, and how much each program may have said in an hour.

A queue is made when somebody is first announced something, and lives on: what waits for a person who is not there is
said when he comes.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from datetime import datetime
from functools import partial

import trio

from channels.signals import Signal
from harry.errors import TooManySessions, TooMuchToSay
from harry.inner_life.rate_limit import hours, seconds_within
from harry.session.announcements import Announcements
from harry.session.session import Session

HOUR = 3600.0

MOST_PERSONS = 100
"""Persons for whom something may wait."""

MOST_SOURCES = 1000
"""Programs whose announcements are counted; the one that was heard of longest ago is forgotten."""


class Announcers:
    """Made by the host.

    `find(user)` gives the conversation in which a user is told something, and `came` is notified when one begins;
    `quiet_hours` are "23:00-07:00" or the like, `an_hour` is how many announcements one source has.
    """

    def __init__(
        self,
        find: Callable[[str], Session | None],
        came: Signal,
        *,
        quiet_hours: str = "",
        an_hour: int = 60,
        now: Callable[[], datetime] = lambda: datetime.now().astimezone(),
    ) -> None:
        self._find = find
        self._came = came
        self._hours = hours(quiet_hours)
        self._an_hour = an_hour
        self._now = now
        self._queues: dict[str, Announcements] = {}
        self._scopes: dict[str, trio.CancelScope] = {}
        self._counts: OrderedDict[str, deque[float]] = OrderedDict()
        self._nursery: trio.Nursery | None = None

    def of(self, user: str) -> Announcements:
        """Return a user's queue. Raises `TooManySessions` where something waits for too many."""
        queue = self._queues.get(user)
        if queue is None:
            self._make_room()
            queue = self._queues[user] = Announcements(partial(self._find, user), self.quiet_for)
            self._begin(user, queue)
        return queue

    def find(self, user: str) -> Session | None:
        """Return the conversation in which a user would be told something now, None where there is none."""
        return self._find(user)

    def quiet_for(self) -> float:
        """Return the seconds until the quiet hours are over; 0: it is none of them."""
        return seconds_within(self._hours, self._now())

    def hold_to(self, quiet_hours: str, an_hour: int) -> None:
        """Have other limits from now on."""
        self._hours, self._an_hour = hours(quiet_hours), an_hour
        self.look()

    def look(self) -> None:
        """Have every queue look again whether something may be said."""
        for queue in self._queues.values():
            queue.look()

    def check(self, source: str) -> None:
        """Raise `TooMuchToSay` where a source has had as much said within an hour as it may."""
        now = trio.current_time()
        counted = self._counts.get(source, deque())
        while counted and now - counted[0] >= HOUR:
            counted.popleft()
        if len(counted) >= self._an_hour:
            wait = HOUR - (now - counted[0]) if counted else HOUR
            raise TooMuchToSay(
                f"No more than {self._an_hour} announcements an hour are said for one program.",
                remedy=f"Try again in {wait / 60:.0f} minutes, or raise announcements.an_hour.",
                after=wait,
            )

    def count(self, source: str) -> None:
        """Count an announcement of a source."""
        counted = self._counts.setdefault(source, deque())
        self._counts.move_to_end(source)
        counted.append(trio.current_time())
        if len(self._counts) > MOST_SOURCES:
            self._counts.popitem(last=False)

    async def run(self) -> None:
        """Say what comes, until cancelled."""
        try:
            async with trio.open_nursery() as self._nursery:
                for user, queue in self._queues.items():
                    self._begin(user, queue)
                while True:
                    await self._came.wait()
                    self.look()
        finally:
            self._nursery = None

    def _begin(self, user: str, queue: Announcements) -> None:
        if self._nursery is not None:
            scope = self._scopes[user] = trio.CancelScope()
            self._nursery.start_soon(self._run, scope, queue)

    async def _run(self, scope: trio.CancelScope, queue: Announcements) -> None:
        with scope:
            await queue.run()

    def _make_room(self) -> None:
        if len(self._queues) < MOST_PERSONS:
            return
        idle = next((user for user, queue in self._queues.items() if queue.idle), None)
        if idle is None:
            raise TooManySessions(f"Something waits to be said to {MOST_PERSONS} persons.", remedy="Try again later.")
        del self._queues[idle]
        scope = self._scopes.pop(idle, None)
        if scope is not None:
            scope.cancel()
