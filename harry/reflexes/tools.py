"""What the reflexes do with time, for a mind that calls for it: tools that set timers and reminders."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from harry.reflexes.context import ReflexContext
from harry.reflexes.reminders import Reminding
from harry.reflexes.timer_words import timer_name, when_words
from harry.reflexes.times import told_duration
from harry.tools.functions import make_offer, tool
from harry.tools.toolbox import Offer, ToolError

OWN = frozenset(("set_timer", "set_reminder"))
"""The names of the tools that are made here."""


def offers_of(body: ReflexContext) -> list[Offer]:
    """Return the tools of one session."""

    @tool(effect=True)
    async def set_timer(
        seconds: Annotated[int, Field(ge=1, le=31_536_000)], name: Annotated[str, Field(max_length=100)] = ""
    ) -> str:
        """Set a timer for so many seconds. It rings aloud when it is over. `name` is what it is for, such as pasta."""
        kept = await reminding().set(body.user, "timer", seconds=seconds, name=name, session=body.session)
        return f"A {timer_name(kept)} is set." if name else f"A timer for {told_duration(seconds)} is set."

    @tool(effect=True)
    async def set_reminder(at: datetime, what: Annotated[str, Field(min_length=1, max_length=500)]) -> str:
        """Remind the user aloud of something, at a local date and time (ISO 8601, such as 2026-01-31T18:30)."""
        local = at.astimezone().replace(tzinfo=None) if at.tzinfo is not None else at
        if reminding().clocks.moment(local.isoformat()) <= reminding().clocks.wall():
            raise ToolError("That time has passed already.")
        kept = await reminding().set(body.user, "reminder", at=local, text=what, session=body.session)
        return f"A reminder {when_words(kept, reminding().clocks)} is set."

    def reminding() -> Reminding:
        if body.reminding is None:
            raise ToolError("Nothing is kept here, so nobody would be reminded.")
        return body.reminding

    return [make_offer(set_timer), make_offer(set_reminder)]
