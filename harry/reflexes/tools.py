"""What the reflexes do with time, for a mind that calls for it: tools that set timers and reminders."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from harry.reflexes.actions import ReflexContext
from harry.reflexes.times import told_duration, told_when
from harry.tools.functions import make_offer, tool
from harry.tools.toolbox import Offer, ToolError


def offers_of(body: ReflexContext) -> list[Offer]:
    """The tools of one session."""

    @tool(effect=True)
    async def set_timer(seconds: Annotated[int, Field(ge=1, le=31_536_000)]) -> str:
        """Set a timer for so many seconds. The user is told aloud when it is over."""
        await due("timer", body.wall() + seconds, "")
        return f"A timer for {told_duration(seconds)} is set."

    @tool(effect=True)
    async def set_reminder(at: datetime, what: Annotated[str, Field(min_length=1, max_length=500)]) -> str:
        """Remind the user aloud of something, at a local date and time (ISO 8601, such as 2026-01-31T18:30)."""
        when, now = at.astimezone(), datetime.fromtimestamp(body.wall()).astimezone()
        if when <= now:
            raise ToolError("That time has passed already.")
        await due("reminder", when.timestamp(), what)
        return f"A reminder {told_when(when, now)} is set."

    async def due(kind: Any, at: float, what: str) -> None:
        if body.reminding is None:
            raise ToolError("Nothing is kept here, so nobody would be reminded.")
        await body.reminding.add(body.user, kind, body.wall(), at, what)

    return [make_offer(set_timer), make_offer(set_reminder)]
