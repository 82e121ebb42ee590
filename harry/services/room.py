"""The Harry of the room, the one at this computer's own microphone, as his owner sees and moves him from elsewhere.

Everybody else's questions are answered as if there were none: a room is nothing to be looked into by a guest.
"""

from __future__ import annotations

from dataclasses import dataclass

from harry.host.host import Host
from harry.session.session import Session

LOUDEST = 2.5
"""The most that the voice may be raised to; 1 is as it is."""


@dataclass(frozen=True, slots=True)
class RoomState:
    """How the room's Harry is.

    `state` is what he does: `muted`, `resting`, `listening`, `hearing`, `thinking`, `speaking`, or `ready` where he has
    no microphone. `microphone` is its description, None without one.
    """

    session: str
    state: str
    microphone: str | None
    muted: bool
    off_the_record: bool
    volume: float


def room_of(host: Host, user: str) -> Session | None:
    """Give the room's conversation, if it is this user's."""
    return host.room if user == host.config.user.name else None


def state_of(session: Session) -> RoomState:
    """Say how a room's conversation is now."""
    hears = session.speech_input.recorder is not None
    return RoomState(
        session=session.identity.session,
        state=_doing(session, hears=hears),
        microphone=str(session.microphone.description) if hears and session.microphone is not None else None,
        muted=session.speech_input.muted,
        off_the_record=session.attention.off_the_record,
        volume=session.gate.volume,
    )


def _doing(session: Session, *, hears: bool) -> str:
    live = session.gate.live
    if live is not None:
        return "speaking" if live.samples_heard else "thinking"
    if not hears:
        return "ready"
    if session.speech_input.muted:
        return "muted"
    if session.speech_input.busy:
        return "hearing"
    return "resting" if session.attention.is_resting(session.clock.now()) else "listening"
