"""A session as a place where timers ring: it says whether anybody is there, waits for a gap, rings and tells events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from channels.event_types import ReminderChanged
from channels.messages import Ring
from harry.config.loading import Config
from harry.reflexes.bells import Rung
from harry.reflexes.reminders import Reminding, Rings
from harry.session.session import Session


@dataclass(frozen=True, slots=True)
class RingPlace:
    """See `harry.reflexes.bells.Place`."""

    session: Session

    @property
    def id(self) -> str:
        """Return the session's id."""
        return self.session.identity.session

    def attended(self) -> bool:
        """Return whether somebody can hear or see it."""
        return self.session.attended()

    async def quiet(self, seconds: float) -> None:
        """Wait until nothing has been going on for so long."""
        await self.session.wait_quiet(seconds)

    async def ring(self, words: str, ring: Ring) -> Rung:
        """Ring in a turn of its own. Cancelled, it is cut."""
        conductor = self.session.conductor
        turn = conductor.say(words, ring)
        if turn is None:
            return Rung(heard=False, end="refused")
        slot = conductor.find_slot(turn.id)
        try:
            await turn.over.wait()
        finally:
            live = conductor.gate.live
            if live is not None and live.turn is turn:
                conductor.cut("superseded")
        heard = slot is not None and (bool(slot.heard) or slot.sounded.is_set())
        if turn.cut_by:
            return Rung(heard, "stop" if turn.cut_by == "stop" else "cut")
        return Rung(heard, "finished")

    def tell(self, told: Mapping[str, Any]) -> None:
        """Publish what became of a timer, an alarm or a reminder."""
        self.session.events.publish(ReminderChanged(**told))


def stops_ringing(reminding: Reminding, session: Session, text: str) -> bool:
    """Stop what rings for the user of a session, here or elsewhere, if these words do that; return whether they did."""
    user, here = session.identity.user, session.identity.session
    if not reminding.rings_at(user) or not reminding.stops(text, (session.persona,)):
        return False
    if not reminding.rings_at(user, here) and session.conductor.busy:
        return False  # it rings elsewhere: here the words are for what Harry says
    if reminding.rings_at(user, here):
        session.conductor.cut("stop")
    reminding.silence(user)
    return True


def rings_of(config: Config) -> Rings:
    """Return how long and how often what rings does, by the configuration."""
    wanted = config.reminders
    return Rings(wanted.timer_rings, wanted.alarm_rings, wanted.snooze)
