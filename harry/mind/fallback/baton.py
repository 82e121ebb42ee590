"""A reply as it is handed from mind to mind: what was said of it already, and how the next mind's words join it.

Nothing of a JSON reply is handed on before its words begin, so that until then another mind can start again. After that
the other mind goes on in plain words, which are written into the object that the first one left open.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable

from actors.protocols import CutShort, Delta, Request, TextDelta, ToolCall, Usage
from harry.mind.fallback.continuation import Continuation, WholeWords, ask_to_continue
from harry.mind.partial_json import ReplyReader


class Baton:
    """One reply. What is handed on goes to `emit`."""

    def __init__(self, request: Request, emit: Callable[[Delta], Awaitable[None]]) -> None:
        self._request = request
        self._emit = emit
        self._plainly = ""
        self._waiting = ""
        self._object = ReplyReader() if request.schema is not None else None
        self._called = False
        self.foreword = ""
        """What is said before the first word, unless the reply is an object."""

    @property
    def said(self) -> str:
        """The words that were handed on."""
        if self._object is None or self._object.plain:
            return self._plainly
        return self._object.spoken

    @property
    def complete(self) -> bool:
        """Whether all that can be heard of it was handed on, so that nobody need go on."""
        structured = self._object is not None and bool(self._object.spoken) and not self._object.speaking
        return self._called or structured

    def build_request(self) -> Request:
        """Build the request for the next mind."""
        return ask_to_continue(self._request, self.said)

    def start_leg(self, *, last: bool) -> Leg:
        """Hand the reply to a mind; no other comes after the `last` one."""
        if not self.said and self._object is not None:
            self._object, self._waiting = ReplyReader(), ""
        return Leg(self, last=last, within=self._object is not None and not self._object.plain and bool(self.said))

    async def hand_on(self, delta: Delta) -> None:
        """Hand on a delta that is not text."""
        self._called = self._called or isinstance(delta, ToolCall)
        await self._emit(delta)

    async def say(self, text: str, *, end: bool = False) -> None:
        """Hand on text. `end`: no more will come, so nothing waits."""
        self._waiting += text
        if self._object is not None:
            self._object.feed(text)
        ready = end or self._object is None or self._object.plain or self._object.spoken
        if ready and self._waiting:
            waiting, self._waiting = self._waiting, ""
            if self.foreword and self._object is None and not self._plainly:
                await self._emit(TextDelta(self.foreword))
            self._plainly += waiting
            await self._emit(TextDelta(waiting))


class Leg:
    """One mind's part of a reply. `within`: it writes plain words into an object that was left open."""

    def __init__(self, baton: Baton, *, last: bool, within: bool) -> None:
        self._baton = baton
        self._new = Continuation(baton.said)
        # Nobody takes over from the last one, so it need not be cut between words.
        self._words = None if last else WholeWords()
        self._within = within
        self.spoke = False
        """Whether it said or called for anything."""

    async def take(self, delta: Delta) -> None:
        """Take a delta from the mind."""
        if isinstance(delta, TextDelta):
            self.spoke = self.spoke or bool(delta.text.strip())
            text = self._new.feed(delta.text)
            await self._say(self._words.feed(text) if self._words else text)
        else:
            self.spoke = self.spoke or isinstance(delta, ToolCall)
            if not isinstance(delta, Usage | CutShort):
                await self._rest()
            await self._baton.hand_on(delta)

    async def end(self) -> None:
        """Hand on what was held back and close what is open: the mind has answered."""
        await self._rest()
        await self._baton.say('"}' if self._within else "", end=True)

    async def _rest(self) -> None:
        text = self._new.end()
        await self._say(self._words.feed(text) + self._words.end() if self._words else text)

    async def _say(self, text: str) -> None:
        if text:
            await self._baton.say(json.dumps(text)[1:-1] if self._within else text)
