"""Tools that a Realtime client offers: a call is told to the client, who answers it in his own time.

The turn waits meanwhile. It goes on once the client has given every output that was asked for and wants a response; an
output that comes after its turn was cut is told with the next prompt.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import trio

from actors.protocols import Tool
from harry.session.session import Session
from harry.tools.toolbox import Offer
from harry.web.realtime.items import new_item
from harry.web.realtime.responses import Responses

DEADLINE = 120.0
"""Seconds that a client has for a call."""


@dataclass(slots=True)
class _Call:
    name: str
    turn: str
    output: str | None = None
    came: trio.Event = field(default_factory=trio.Event)


class ClientTools:
    """The client's tools in Harry's session."""

    def __init__(self, responses: Responses) -> None:
        self._responses = responses
        self._session: Session | None = None
        self._offered: tuple[str, ...] = ()
        self._calls: dict[str, _Call] = {}
        self._wanted = trio.Event()
        self._before = 0

    def attach(self, session: Session) -> None:
        """Offer them in this session."""
        self._session = session

    def offer(self, tools: tuple[Tool, ...]) -> None:
        """Offer these and no others."""
        if self._session is None:
            return
        for name in self._offered:
            self._session.tools.withdraw(name)
        for tool in tools:
            self._session.tools.offer(Offer(tool, partial(self._call, tool.name), DEADLINE))
        self._offered = tuple(tool.name for tool in tools)

    @property
    def waiting(self) -> bool:
        """Whether a turn waits for the client."""
        return bool(self._calls)

    def output(self, call_id: str, text: str) -> bool:
        """Take what a call came to from the client; return whether a turn still waits for it."""
        call = self._calls.get(call_id)
        if call is None:
            return False
        call.output = text
        call.came.set()
        return True

    def go_on(self) -> bool:
        """Let a turn that has all its outputs go on, as the client wants a response; return whether there is one."""
        if not self._calls or not all(call.came.is_set() for call in self._calls.values()):
            return False
        turn = next(iter(self._calls.values())).turn
        current = self._responses.current
        if current is None:
            self._responses.begin(turn, self._modalities, before=self._before)
        self._wanted.set()
        return True

    async def _call(self, name: str, arguments: Mapping[str, Any]) -> str:
        current = self._responses.current
        turn = current.turn if current is not None else next((called.turn for called in self._calls.values()), "")
        call_id, call = new_item("call"), _Call(name, turn)
        if not self._calls:
            self._wanted = trio.Event()
        self._calls[call_id] = call
        try:
            if current is None and turn:
                current = self._responses.begin(turn, self._modalities, before=self._before)
            if current is not None:
                self._modalities = current.modalities
            self._responses.call(call_id, name, dict(arguments))
            # All calls of one asking begin in the same moment: they are of one response.
            for _ in range(3):
                await trio.lowlevel.checkpoint()
            if self._responses.current is current and current is not None:
                self._before = current.before + current.sent
                self._responses.end("completed")
            await call.came.wait()
            await self._wanted.wait()
            return call.output or ""
        finally:
            del self._calls[call_id]

    _modalities: tuple[str, ...] = ("audio",)
