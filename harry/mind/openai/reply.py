"""One try at a reply: its stream read, handed on within its deadlines, and priced."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from actors.protocols import Delta, TextDelta, Usage
from harry.engines.deadline import ProgressDeadline
from harry.mind.openai.settings import ChatSettings
from harry.mind.openai.wire import ReplyStream

_MAX_REPLY_CHARACTERS = 1 << 20
"""Characters of a reply that are taken; whoever asked for 512 tokens needs no more."""


class ChatReply:
    """One try: reads the stream, hands on what it says, and knows whether anything was handed on."""

    def __init__(
        self,
        host: str,
        settings: ChatSettings,
        patience: ProgressDeadline,
        emit: Callable[[Delta], Awaitable[None]],
    ) -> None:
        self.begun = False
        self._stream = ReplyStream(host, thinking=settings.thinking)
        self._settings = settings
        self._patience = patience
        self._emit = emit
        self._length = 0
        self._marked = False

    async def take(self, body: Mapping[str, Any] | None) -> bool:
        """Take in an object of the stream, None for its end mark; return False if the reply has become too long."""
        if body is None:
            self._marked = True
            return True
        deltas, alive = self._stream.feed(body)
        if alive:
            self._patience.renew()
        await self._hand_on(deltas)
        return self._length < _MAX_REPLY_CHARACTERS

    async def end(self) -> None:
        """Finish the reply."""
        await self._hand_on(self._stream.end(is_complete=self._marked))

    async def _hand_on(self, deltas: list[Delta]) -> None:
        for delta in deltas:
            self.begun = True
            if isinstance(delta, TextDelta):
                self._length += len(delta.text)
            with self._patience.pause():
                await self._emit(self._priced(delta) if isinstance(delta, Usage) else delta)

    def _priced(self, usage: Usage) -> Usage:
        into, out = self._settings.price_in, self._settings.price_out
        if usage.cost is not None or (into is None and out is None):
            return usage
        cost = (usage.prompt_tokens * (into or 0.0) + usage.completion_tokens * (out or 0.0)) / 1e6
        return Usage(usage.prompt_tokens, usage.completion_tokens, cost)
