"""Watches all sessions of the host for whoever asks: counts what happened, and remembers the last turns' timelines.

Bounded: event names and reasons come from the code, and timelines are kept for the newest turns only.
"""

from __future__ import annotations

import time
from collections import Counter, OrderedDict
from collections.abc import Mapping

import trio

from channels.event_types import Degraded, ErrorOccurred, TurnEnded
from channels.events import EventSubscription
from harry.session.session import Session

TIMELINES = 2000
"""Turns of which it is remembered when what happened."""


ERRORS = 200
"""Users of whom the last trouble is remembered."""


class SessionMetrics:
    """`run` takes in the sessions that `see` was told of, until cancelled. `errors`: each user's last, and when."""

    def __init__(self) -> None:
        self.events: Counter[str] = Counter()
        self.turns: Counter[str] = Counter()
        self.sessions = 0
        self.errors: OrderedDict[str, tuple[float, str]] = OrderedDict()
        self._timelines: OrderedDict[tuple[str, str], Mapping[str, float]] = OrderedDict()
        self._nursery: trio.Nursery | None = None

    def see(self, session: Session) -> None:
        """Watch a session from its beginning to its end."""
        self.sessions += 1
        if self._nursery is not None:
            self._nursery.start_soon(self._follow, session.identity.user, session.events.listen())

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Follow until cancelled."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            task_status.started()
            await trio.sleep_forever()

    def timeline(self, user: str, turn: str) -> Mapping[str, float]:
        """When each stage of a user's turn happened, in seconds on its session's clock; {} if that is not known."""
        return self._timelines.get((user, turn), {})

    async def _follow(self, user: str, told: EventSubscription) -> None:
        async for event in told:
            self.events[event.event] += 1
            if isinstance(event.what, ErrorOccurred) or (isinstance(event.what, Degraded) and not event.what.over):
                self.errors[user] = (time.time(), event.what.message)
                if len(self.errors) > ERRORS:
                    self.errors.popitem(last=False)
            if isinstance(event.what, TurnEnded):
                self.turns[event.what.reason] += 1
                self._timelines[user, event.what.turn] = event.what.timeline
                if len(self._timelines) > TIMELINES:
                    self._timelines.popitem(last=False)
