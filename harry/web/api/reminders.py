"""Timers, alarms and reminders over HTTP: list them, take one back, stop or snooze what rings, pause and resume."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel

from harry.host.host import Host
from harry.reflexes.reminders import Reminding
from harry.web.api import schemas
from harry.web.api.answering import number, serve
from harry.web.api.openapi import Parameter, Path
from harry.web.server.http import Refusal, Request
from harry.web.server.routing import Routes

MAX_SNOOZE_SECONDS = 86_400

_NO_REMINDER = Refusal(404, "no_reminder", "There is no such timer, alarm or reminder.")

PATHS = (
    Path("GET", "/api/reminders", "reminders", schemas.ReminderList, "Timers, alarms and reminders, the next first."),
    Path(
        "DELETE", "/api/reminders/{id}", "cancel_reminder", schemas.Deleted, "Take one back; what rings falls silent."
    ),
    Path(
        "POST",
        "/api/reminders/{id}/{action}",
        "change_reminder",
        schemas.ReminderList,
        "`stop` or `snooze` what rings, `pause` or `resume` a timer; answers all that are left.",
        (Parameter("seconds", "For how long to snooze; left out, `reminders.snooze`.", "integer"),),
    ),
)


def register(routes: Routes, host: Host) -> None:
    """Add the paths."""
    serve(routes, PATHS, _Reminders(host))


@dataclass(frozen=True, slots=True)
class _Reminders:
    host: Host

    async def reminders(self, request: Request) -> BaseModel:
        return await self._list(request.user)

    async def cancel_reminder(self, request: Request) -> BaseModel:
        gone = await self._reminding.cancel(request.user, [request.matched["id"]])
        if not gone:
            raise _NO_REMINDER
        return schemas.Deleted(deleted=gone)

    async def change_reminder(self, request: Request) -> BaseModel:
        reminding, user, identity = self._reminding, request.user, request.matched["id"]
        held = [reminder for reminder in await reminding.of(user) if reminder.id == identity]
        action = request.matched["action"]
        if action == "snooze":
            seconds = number(request, "seconds", 0, most=MAX_SNOOZE_SECONDS) or None
            if not await reminding.snooze(user, seconds, [identity]):
                raise _NO_REMINDER
        elif not held:
            raise _NO_REMINDER
        elif action == "stop":
            await reminding.stop(user, [identity])
        elif action in ("pause", "resume") and held[0].kind == "timer" and reminding.clocks.left(held[0]) > 0:
            if held[0].paused != (action == "pause"):
                await (reminding.pause if action == "pause" else reminding.resume)(held[0])
        else:
            raise Refusal(
                400, "bad_parameter", "A timer that runs can be paused and resumed, what rings stop or snooze."
            )
        return await self._list(user)

    @property
    def _reminding(self) -> Reminding:
        if self.host.reminding is None:
            raise _NO_REMINDER
        return self.host.reminding

    async def _list(self, user: str) -> schemas.ReminderList:
        reminding = self.host.reminding
        if reminding is None:
            return schemas.ReminderList(reminders=[])
        return schemas.ReminderList(
            reminders=[
                schemas.Reminder.model_validate(
                    {
                        **reminding.told(reminder),
                        "ringing": reminder.rang_at is not None and reminding.clocks.left(reminder) <= 0,
                    }
                )
                for reminder in await reminding.of(user)
            ]
        )
