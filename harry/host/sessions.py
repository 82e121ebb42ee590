"""The conversations that run now, and everybody who has conversed since the start."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

from actors.supervisor import Supervisor
from channels.event_types import ErrorOccurred
from channels.signals import Signal
from harry.session.session import Session


class LiveSessions:
    """Sessions by their id, the oldest first; `watchers` are shown each new one before anything happens in it.

    `came` is notified when somebody can be told something in one who could not before.
    """

    def __init__(self, owner: str) -> None:
        self.by_id: dict[str, Session] = {}
        self.watchers: list[Callable[[Session], None]] = []
        self.came = Signal()
        self.supervisor = Supervisor(self._crashed, self._degraded)
        """Keeps what all sessions share going, and tells them of its troubles."""
        self._users = {owner}
        self._ill = ""  # what keeps the store from keeping, or is damaged in it

    @contextmanager
    def holding(self, session: Session) -> Iterator[None]:
        """Count a session as running for the length of the block."""
        self.by_id[session.identity.session] = session
        try:
            yield
        finally:
            del self.by_id[session.identity.session]
            session.events.close()

    def of(self, user: str) -> list[Session]:
        """Return a user's sessions, the oldest first."""
        return [session for session in self.by_id.values() if session.identity.user == user]

    def met(self, *users: str) -> None:
        """Remember that these users have conversed."""
        self._users.update(users)

    def users(self) -> list[str]:
        """Name everybody who has conversed since the start."""
        return sorted(self._users)

    def let_go(self, user: str, turns: Collection[str]) -> None:
        """Take the turns of a conversation that is over out of what a user's sessions recall word by word."""
        for session in self.of(user):
            session.conductor.forget(turns)

    def trouble(self, message: str) -> None:
        """Tell every session that something cannot be shared now."""
        for session in self.by_id.values():
            session.tell_trouble(message)

    def recovered(self) -> None:
        """Tell every session that what was told by `trouble` is over."""
        for session in self.by_id.values():
            session.tell_recovery()

    def store_is_ill(self, message: str) -> None:
        """Tell every session, those that are begun later too, what is wrong with the store."""
        self._ill = message
        self.trouble(message)

    def store_is_well(self) -> None:
        """Tell every session that the store can be used again."""
        self._ill = ""
        self.recovered()

    def greet(self, session: Session) -> None:
        """Tell a session that has just begun what is wrong with the store, if anything is."""
        if self._ill:
            session.tell_trouble(self._ill)

    def _crashed(self, name: str, error: Exception) -> None:
        for session in self.by_id.values():
            session.events.publish(ErrorOccurred(message=f"The {name} failed and was started again: {error}"))

    def _degraded(self, name: str, error: Exception) -> None:
        self.trouble(f"The {name} keeps failing; I try it again once a minute. {error}")
