"""A turn: one utterance and the answer to it, from admission until nothing of it runs any more.

Its identifier is a ULID (https://github.com/ulid/spec), so that turns of all sessions sort by time and never collide.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field

import trio

from channels.messages import ToolUse, Utterance

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_id(now: float | None = None) -> str:
    """Make a ULID, 26 characters: 48 bits of milliseconds since the epoch (`now` in seconds), 80 random bits."""
    milliseconds = int((time.time() if now is None else now) * 1000)
    number = (milliseconds & (1 << 48) - 1) << 80 | secrets.randbits(80)
    return "".join(_CROCKFORD[number >> shift & 31] for shift in range(125, -5, -5))


def made_at(identity: str) -> float | None:
    """Tell when an id was made, in seconds since the epoch; None if it is no ULID."""
    if len(identity) != 26 or not set(identity) <= set(_CROCKFORD):
        return None
    number = 0
    for character in identity:
        number = number << 5 | _CROCKFORD.index(character)
    return (number >> 80) / 1000


@dataclass(eq=False, slots=True)
class Turn:
    """What the conductor knows of a turn. `ordinal` counts the committed replies of the session before this one.

    A turn that is not `committed` is a guess: it may think and synthesise into a shut slot, and nothing of it is told.
    `amends` names the turn whose utterance this one continues. `pieces` are what the reply has been cut into so far;
    `history_seen` is the revision of the history that it answers. `started_at` is seconds since the epoch.
    `tools` are the calls of the reply by their id, each as it stands now. `decided` is set once the turn is committed.
    `timeline` says when each stage began, in seconds on the session's clock. `scope` holds every task of the turn;
    `over` is set once the last of them has ended. `cut_by` is the reason for which it was cut, "" if it was not.
    """

    utterance: Utterance
    user: str
    session: str
    namespace: str
    ordinal: int = 0
    committed: bool = True
    amends: str | None = None
    history_seen: int = 0
    started_at: float = 0.0
    pieces: list[str] = field(default_factory=list)
    id: str = field(default_factory=new_id)
    timeline: dict[str, float] = field(default_factory=dict)
    cut_by: str = ""
    tools: dict[str, ToolUse] = field(default_factory=dict)
    decided: trio.Event = field(default_factory=trio.Event)
    scope: trio.CancelScope = field(default_factory=trio.CancelScope)
    over: trio.Event = field(default_factory=trio.Event)

    def mark(self, stage: str, at: float) -> None:
        """Note when a stage began. The first mark of a stage stands."""
        self.timeline.setdefault(stage, at)
