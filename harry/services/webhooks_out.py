"""Webhooks that go out: other servers are told what happens in the owner's conversations, as JSON by POST.

What happens is put into a queue that never waits, so no turn is held up. Words are told only where the configuration
says so, and never those off the record.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import trio

from channels.event_types import (
    AnyEvent,
    Muted,
    RecordChanged,
    ReminderChanged,
    RestChanged,
    TurnBegan,
    TurnEnded,
    Woken,
)
from channels.events import Event, EventSubscription
from channels.turn import new_id
from harry.config.webhook_sections import WebhookOut, Webhooks
from harry.host.host import Host
from harry.net.webhook_posting import Message, Receiver
from harry.session.session import Session

WAKES_ONCE_WITHIN = 1.0
"""Seconds in which a wake phrase and the end of a rest are one awakening."""

_MOST_KNOWN = 200

Happening = tuple[str, dict[str, Any], dict[str, Any]]
"""What is told: the event's name, its fields, and those that hold words."""


@dataclass(slots=True)
class _Told:
    """A receiver, what it wants, and what ends its task."""

    wanted: WebhookOut
    receiver: Receiver
    scope: trio.CancelScope = field(default_factory=trio.CancelScope)


@asynccontextmanager
async def webhooks_out(host: Host) -> AsyncIterator[WebhooksOut]:
    """Tell other servers what happens, for the length of the block, by the host's configuration."""
    hooks = WebhooksOut(host.config.user.name, host.config.webhooks, host.wall)
    async with trio.open_nursery() as nursery:
        await nursery.start(hooks.run)
        host.watchers.append(hooks.see)
        host.webhook_status = hooks.status
        try:
            yield hooks
        finally:
            host.watchers.remove(hooks.see)
            nursery.cancel_scope.cancel()


class WebhooksOut:
    """Those of a host. `run` sends, until cancelled; `see` is shown each session. `wall` is seconds since the epoch."""

    def __init__(self, owner: str, wanted: Webhooks, wall: Callable[[], float]) -> None:
        self._owner = owner
        self._wanted = wanted
        self._wall = wall
        self._told: dict[str, _Told] = {}
        self._rung: OrderedDict[tuple[str, str | None], None] = OrderedDict()
        self._nursery: trio.Nursery | None = None

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Send what happens, until cancelled."""
        async with trio.open_nursery() as self._nursery:
            self.hold_to(self._wanted)
            task_status.started()
            await trio.sleep_forever()

    def hold_to(self, wanted: Webhooks) -> None:
        """Tell other servers, or other things, from now on. What waits for a server that is told no more is dropped."""
        self._wanted = wanted
        for name in self._told.keys() - wanted.out.keys():
            self._told.pop(name).scope.cancel()
        for name, hook in wanted.out.items():
            known = self._told.get(name)
            if known is not None and known.wanted.words and not hook.words:
                known.scope.cancel()  # what waits holds words, which it is not to have any more
                known = None
            if known is None:
                known = self._told[name] = _Told(hook, Receiver(name, hook.url, wall=self._wall))
                if self._nursery is not None:
                    self._nursery.start_soon(self._send, known)
            known.wanted = hook
            known.receiver.url, known.receiver.secret = hook.url, hook.secret.get_secret_value().strip()

    def status(self) -> dict[str, dict[str, Any]]:
        """Return for each receiver what it was sent, what waits, what it has missed, and what is wrong with it."""
        return {
            name: {
                "sent": told.receiver.sent,
                "waiting": told.receiver.waiting,
                "lost": told.receiver.lost,
                "trouble": told.receiver.trouble,
            }
            for name, told in self._told.items()
        }

    async def _send(self, told: _Told) -> None:
        with told.scope:
            await told.receiver.run()

    def see(self, session: Session) -> None:
        """Follow one of the owner's sessions from its beginning to its end."""
        if self._nursery is not None and session.identity.user == self._owner:
            self._nursery.start_soon(self._follow, session, session.events.listen())

    async def _follow(self, session: Session, happenings: EventSubscription) -> None:
        reader = _Reader(session)
        async for event in happenings:
            happening = reader.read(event)
            if happening is not None and not self._rang_already(event.what):
                self._tell(session, *happening)

    def _rang_already(self, event: AnyEvent) -> bool:
        """Return whether a reminder was told already: each of a user's conversations is told that it rings."""
        if not isinstance(event, ReminderChanged):
            return False
        known = event.id, event.due
        if known in self._rung:
            return True
        self._rung[known] = None
        if len(self._rung) > _MOST_KNOWN:
            self._rung.popitem(last=False)
        return False

    def _tell(self, session: Session, name: str, fields: Mapping[str, Any], words: Mapping[str, Any]) -> None:
        at = datetime.fromtimestamp(self._wall(), UTC).isoformat(timespec="milliseconds")
        for told in self._told.values():
            if name in told.wanted.events:
                data = {"session": session.identity.session, **fields, **(words if told.wanted.words else {})}
                told.receiver.put(Message.of(new_id(), {"type": name, "timestamp": at, "data": data}))


class _Reader:
    """Reads what happens in one session, in its order."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._off = session.attention.off_the_record
        self._recorded: OrderedDict[str, None] = OrderedDict()  # turns that began on the record
        self._woken_at = float("-inf")

    def read(self, event: Event) -> Happening | None:
        """Return what is to be told of an event, if anything is."""
        match event.what:
            case RecordChanged(off=off):
                self._off = off
            case TurnBegan(turn=turn):
                self._note(turn)
            case TurnEnded(turn=turn, reason=reason):
                return "turn_ended", {"turn": turn, "reason": reason}, self._words(turn)
            case ReminderChanged(state="ringing") as due:
                fields = {"id": due.id, "kind": due.kind, "due": due.due}
                return "reminder_due", fields, {"name": due.name, "text": due.text, "words": due.words}
            case Woken():
                self._woken_at = event.at
                return "wake", {"by": "wake phrase"}, {}
            case RestChanged(resting=False) if event.at - self._woken_at > WAKES_ONCE_WITHIN:
                return "wake", {"by": "voice"}, {}
            case Muted(muted=muted):
                return "mute", {"muted": muted}, {}
            case _:
                pass
        return None

    def _note(self, turn: str) -> None:
        if not self._off:
            self._recorded[turn] = None
            if len(self._recorded) > _MOST_KNOWN:
                self._recorded.popitem(last=False)

    def _words(self, turn: str) -> dict[str, Any]:
        """Return what was said and heard in a turn; nothing of what was off the record, at its beginning or its end."""
        recorded = turn in self._recorded and not self._off
        self._recorded.pop(turn, None)
        found = [exchange for exchange in self._session.conductor.history if exchange.turn == turn]
        return {"said": found[-1].said, "heard": found[-1].heard} if recorded and found else {}
