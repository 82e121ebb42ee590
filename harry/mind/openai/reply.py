"""One try at a reply: its stream read, handed on within its deadlines, and priced."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from actors.protocols import Delta, Request, TextDelta, ToolCall, Usage
from harry.engines.deadline import ProgressDeadline
from harry.errors import EngineError
from harry.mind.openai.settings import ChatSettings, find_limit
from harry.mind.openai.wire import ReplyStream

_MAX_REPLY_CHARACTERS = 1 << 20
"""Characters of a reply that are taken at most."""

_CHARACTERS_PER_TOKEN = 16
_LEAST_CHARACTERS = 8_192
"""Characters that are taken for each token that was asked for, and at least: a server may know no limit, or no end."""


class AllThoughtError(EngineError):
    """All of a reply was taken for the thought that this mind begins with; it may have been the reply."""


class ChatReply:
    """One try: reads the stream, hands on what it says, and knows whether anything was handed on."""

    def __init__(
        self,
        host: str,
        settings: ChatSettings,
        patience: ProgressDeadline,
        emit: Callable[[Delta], Awaitable[None]],
        request: Request,
        *,
        thinking: bool = False,
    ) -> None:
        self.begun = False
        self._open = partial(ReplyStream, host, tools={tool.name for tool in request.tools})
        self._stream = self._open(thinking=thinking)
        self._thinking = thinking
        limit = find_limit(settings, request) * _CHARACTERS_PER_TOKEN
        self._most = min(max(limit, _LEAST_CHARACTERS), _MAX_REPLY_CHARACTERS)
        self._spoke = False
        self._settings = settings
        self._patience = patience
        self._emit = emit
        self._length = 0
        self._marked = False

    def restart(self, *, thinking: bool | None = None) -> None:
        """Forget a try that said nothing; `thinking` where it is known better now."""
        self._thinking = self._thinking if thinking is None else thinking
        self._stream, self._marked = self._open(thinking=self._thinking), False

    async def take(self, body: Mapping[str, Any] | None) -> bool:
        """Take in an object of the stream, None for its end mark; return False if the reply has become too long."""
        if body is None:
            self._marked = True
            return True
        deltas, alive = self._stream.feed(body)
        if alive:
            self._patience.renew()
        await self._hand_on(deltas)
        return self._length < self._most

    @property
    def lost_opening(self) -> bool:
        """Whether the reply began within a thought that no mark had opened."""
        return self._stream.lost_opening

    async def end(self) -> None:
        """Finish the reply. Raises `EngineError` where it held no word and no call, `AllThoughtError` if it may."""
        await self._hand_on(self._stream.end(is_complete=self._marked))
        if not self._spoke:
            silence = self._stream.explain_silence()
            raise AllThoughtError(silence.message, remedy=silence.remedy) if self._stream.was_all_thought else silence

    async def _hand_on(self, deltas: list[Delta]) -> None:
        for delta in deltas:
            self.begun = self.begun or not isinstance(delta, Usage)
            self._spoke = self._spoke or isinstance(delta, ToolCall)
            if isinstance(delta, TextDelta):
                self._length += len(delta.text)
                self._spoke = self._spoke or bool(delta.text.strip())
            with self._patience.pause():
                await self._emit(self._priced(delta) if isinstance(delta, Usage) else delta)

    def _priced(self, usage: Usage) -> Usage:
        into, out = self._settings.price_in, self._settings.price_out
        if usage.cost is not None or (into is None and out is None):
            return usage
        cost = (usage.prompt_tokens * (into or 0.0) + usage.completion_tokens * (out or 0.0)) / 1e6
        return Usage(usage.prompt_tokens, usage.completion_tokens, cost)
