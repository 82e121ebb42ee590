"""What happens in a user's other conversations, told to a client that knows Harry: in the room, in another window.

Each event is sent as it stands in docs/events.md, in a `harry.elsewhere`, with the conversation it belongs to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import trio

from channels.events import EventSubscription
from harry.host.host import Host
from harry.session.session import Session
from harry.web.realtime.outbox import Outbox


class Elsewhere:
    """Follows every conversation of `user` but the one of the id `own`, those that run and those that begin."""

    def __init__(self, host: Host, outbox: Outbox, user: str, own: str) -> None:
        self._host = host
        self._outbox = outbox
        self._user = user
        self._own = own

    async def run(self) -> None:
        """Tell until cancelled."""
        async with trio.open_nursery() as nursery:

            def see(session: Session) -> None:
                if session.identity.user == self._user and session.identity.session != self._own:
                    nursery.start_soon(self._follow, session, session.events.listen())

            with self._watching(see):
                for session in self._host.sessions_of(self._user):
                    see(session)
                await trio.sleep_forever()

    @contextmanager
    def _watching(self, see: Callable[[Session], None]) -> Iterator[None]:
        self._host.watchers.append(see)
        try:
            yield
        finally:
            self._host.watchers.remove(see)

    async def _follow(self, session: Session, told: EventSubscription) -> None:
        try:
            async for event in told:
                place = "room" if session is self._host.room else "window"
                self._outbox.put_own(
                    "harry.elsewhere", session=session.identity.session, place=place, event=event.to_dict()
                )
        finally:
            told.close()
