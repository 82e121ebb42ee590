"""`/v1/chat/completions`: Harry, with his persona and his memory of the user, for programs that chat.

The program keeps the conversation and sends it whole; Harry adds who he is and what he remembers. A reply streams as
server-sent events or comes whole; the turn is kept before the end is told.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import trio

from actors.protocols import Delta, TextDelta, ToolCall, Usage
from channels.turn import new_id
from harry.errors import HarryError
from harry.host.host import Host
from harry.services.chat import Asked, Said, answer
from harry.web.openai.chat_request import Chat, read
from harry.web.server.http import MIB, Refusal, Request, Response, Send, as_json
from harry.web.server.routing import Routes

MOST_BODY = 16 * MIB
"""Bytes of a request: a long conversation, or some pictures."""


def register(routes: Routes, host: Host) -> None:
    """Add the path."""

    async def complete(request: Request) -> Response:
        chat = await trio.to_thread.run_sync(lambda: read(request.json()))
        reply = _Reply(host, chat, chat.asked(request.user))
        if chat.stream:
            return Response(kind="text/event-stream", stream=reply.stream)
        return as_json(await reply.whole())

    routes.add(
        "POST",
        "/v1/chat/completions",
        complete,
        most_body=MOST_BODY,
        told="Harry's reply to a conversation.",
        costly=True,
    )


@dataclass(slots=True)
class _Reply:
    """One reply on its way."""

    host: Host
    chat: Chat
    asked: Asked
    id: str = field(default_factory=lambda: f"chatcmpl-{new_id()}")
    created: int = field(default_factory=lambda: int(time.time()))

    def _head(self, kind: str) -> dict[str, Any]:
        return {"id": self.id, "object": kind, "created": self.created, "model": self.chat.model}

    async def whole(self) -> dict[str, Any]:
        """Return the reply as one object. Raises what the mind raises."""

        async def take(_: Delta) -> None:
            await trio.lowlevel.checkpoint()

        said = await answer(self.host, self.asked, take)
        message: dict[str, Any] = {"role": "assistant", "content": "".join(said.text), "refusal": None}
        if said.calls:
            message["tool_calls"] = [_call(call) for call in said.calls]
            message["content"] = message["content"] or None
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _reason(said)}
        return {**self._head("chat.completion"), "choices": [choice], "usage": _usage(said.usage)}

    async def stream(self, send: Send) -> None:
        """Send the reply as it comes, then how it ended, then `[DONE]`."""

        async def tell(delta: Mapping[str, Any], reason: str | None = None) -> None:
            choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
            await send(_line({**self._head("chat.completion.chunk"), "choices": [choice]}))

        calls = 0

        async def take(delta: Delta) -> None:
            nonlocal calls
            if isinstance(delta, TextDelta):
                await tell({"content": delta.text})
            elif isinstance(delta, ToolCall):
                await tell({"tool_calls": [{"index": calls, **_call(delta)}]})
                calls += 1

        await tell({"role": "assistant", "content": ""})
        try:
            said = await answer(self.host, self.asked, take)
        except HarryError as error:
            # The head is out: what is left is to say it in the stream, as their clients expect it.
            code = error.code if isinstance(error, Refusal) else "not_now"
            await send(_line({"error": {"code": code, "message": str(error), "type": "server_error"}}))
            return
        await tell({}, _reason(said))
        if self.chat.stream_options is not None and self.chat.stream_options.include_usage:
            usage = _usage(said.usage)
            await send(_line({**self._head("chat.completion.chunk"), "choices": [], "usage": usage}))
        await send(b"data: [DONE]\n\n")


def _reason(said: Said) -> str:
    return "tool_calls" if said.calls else "length" if said.cut_short else "stop"


def _call(call: ToolCall) -> dict[str, Any]:
    # What the mind's server added goes with it: a program that sends the call back sends that, too.
    return {**call.extra, "id": call.id, "type": "function", "function": {
        **call.extra.get("function", {}), "name": call.name, "arguments": call.arguments,
    }}  # fmt: skip


def _usage(usage: Usage | None) -> dict[str, int]:
    asked, said = (usage.prompt_tokens, usage.completion_tokens) if usage is not None else (0, 0)
    return {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said}


def _line(content: object) -> bytes:
    return f"data: {json.dumps(content)}\n\n".encode("ascii")
