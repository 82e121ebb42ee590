"""He says that he is an AI: at the first conversation with a person, and again after some hours of use. Pure.

It stands at the end of a reply, never before one, never after a question of his, and never beside the careful answer,
which says as much. Whether it was told is read from what was heard, so that it is told once for each period, whatever
restarts between, and is forgotten with the conversations themselves.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from math import inf
from typing import NamedTuple

from actors.text.phrases import asks
from harry.welfare.care import is_careful

NOTICE = "By the way, I am an AI: a program, not a person."

PAUSE = 600.0
"""Seconds between two turns beyond which nobody uses Harry meanwhile."""

MAX_TURNS = 2_000
"""Turns that are looked back for the last time that it was told."""

MAX_PUT_OFF = 3
"""Replies in a row that may end in a question before it is told all the same."""

MAX_USERS = 256
"""Users whose use is kept in mind; of another it is read from the store once more."""


class Used(NamedTuple):
    """A turn with somebody: when it began, in seconds since the epoch, and whether it told that Harry is an AI."""

    at: float
    told: bool


@dataclass(slots=True)
class _Use:
    """`seconds` of use since it was told, infinite where it was not; `at` is when the newest turn began."""

    seconds: float = inf
    at: float = -inf
    put_off: int = 0


@dataclass(slots=True)
class AINotices:
    """Those of all users. `every` is seconds of use; 0: it is never told."""

    every: float
    _of: OrderedDict[str, _Use] = field(default_factory=OrderedDict)

    def knows(self, user: str) -> bool:
        """Return whether a user's turns of before need not be read, as they are known or do not matter."""
        return not self.every or user in self._of

    def recall(self, user: str, newest_first: Iterable[Used]) -> None:
        """Take in a user's turns of before, until the one that told it."""
        use = _Use(0.0)
        later = -inf
        for turn in newest_first:
            use.at = max(use.at, turn.at)
            if later > turn.at:
                use.seconds += _used(later - turn.at)
            later = turn.at
            if turn.told or use.seconds >= self.every:
                break
        else:
            use.seconds = inf
        self._put(user, use)

    def note(self, user: str, at: float, heard: str) -> None:
        """Note a turn with a person that began at `at`, and what was heard of the reply."""
        use = self._of.get(user) or _Use()
        use.seconds += _used(at - use.at)
        use.at = max(use.at, at)
        if tells(heard):
            use.seconds, use.put_off = 0.0, 0
        self._put(user, use)

    def is_due(self, user: str) -> bool:
        """Return whether it is to be told to a user with one of the next replies."""
        return bool(self.every) and (self._of.get(user) or _Use()).seconds >= self.every

    def after(self, user: str, reply: str) -> str:
        """Return what is added to the end of a reply, "" where nothing is."""
        if not self.is_due(user) or not reply.strip() or tells(reply):
            return ""
        use = self._of.get(user) or _Use()
        if asks(reply) and use.put_off < MAX_PUT_OFF:
            use.put_off += 1
            self._put(user, use)
            return ""
        return NOTICE

    def _put(self, user: str, use: _Use) -> None:
        self._of[user] = use
        self._of.move_to_end(user)
        while len(self._of) > MAX_USERS:
            self._of.popitem(last=False)


def tells(heard: str) -> bool:
    """Return whether a reply, as it was heard, says that Harry is no person."""
    return NOTICE in heard or is_careful(heard)


def _used(apart: float) -> float:
    """Return the seconds of use between two turns that began so far apart."""
    return apart if 0 <= apart <= PAUSE else 0.0
