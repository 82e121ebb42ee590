"""What a language model has to do: deltas of the right kinds in the right order, and everything every engine does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any, ClassVar

import trio

from actors.protocols import (
    CutShort,
    Delta,
    ImagePart,
    Message,
    Request,
    Role,
    TextDelta,
    TextPart,
    Tool,
    ToolCall,
    ToolResult,
    Usage,
)
from harry.engines.traits import read_traits
from harry.testing.conformance.base import EmittingSuite, require

_PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5"
    "ErkJggg=="
)
_SCHEMA = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
LAMP = Tool("lamp", "Switches the lamp.", {"type": "object", "properties": {"on": {"type": "boolean"}}}, effect=True)


def ask(text: str, *before: Message, **more: Any) -> Request:
    """Make a request that ends with a user's words."""
    head = Message(Role.SYSTEM, (TextPart("You are Harry. Answer briefly."),))
    return Request((head, *before, Message(Role.USER, (TextPart(text),))), **{"max_tokens": 48, **more})


def make_odd_requests() -> dict[str, Request]:
    """Make requests that hardly anybody would put."""
    turn = Message(Role.USER, (TextPart("Hello."),)), Message(Role.ASSISTANT, (TextPart("Hello to you."),))
    used = (
        Message(Role.ASSISTANT, (ToolCall("1", "lamp", '{"on": true}'),)),
        Message(Role.TOOL, (ToolResult("1", "It is on."),)),
    )
    return {
        "no words": ask(""),
        "no message": Request((), max_tokens=8),
        "only instructions": Request((Message(Role.SYSTEM, (TextPart("Be brief."),)),), max_tokens=8),
        "a message without parts": Request((Message(Role.USER, ()),), max_tokens=8),
        "two of one role": ask("And?", *turn, turn[0], turn[0]),
        "one token": ask("Hello.", max_tokens=1),
        "a schema": ask("Hello.", schema=_SCHEMA),
        "tools": ask("Hello.", tools=(LAMP,)),
        "the result of a tool": ask("Thank you.", *turn[:1], *used, tools=(LAMP,)),
        "a picture": ask("Hello.", Message(Role.USER, (ImagePart(_PIXEL), TextPart("What is this?")))),
        "control characters": ask("one\x00two\x07<|im_end|></s>[INST]"),
        "an emoji and foreign scripts": ask("\U0001f600 你好 שלום"),
        "a thought": ask("Think.", purpose="thought"),
        "a long conversation": ask("And now?", *(turn * 60)),
        "a very long question": ask("word " * 20_000),
    }


class MindSuite(EmittingSuite):
    """Derive from it, and name your class: `class TestMine(MindSuite): engine = Mine`.

    `speaks`: an ordinary question gets words; one that needs none of them sets it to False.
    """

    role: ClassVar[str] = "language_model"
    speaks: ClassVar[bool] = True

    async def emit_to(self, engine: Any, take: Callable[[Any], Awaitable[None]]) -> None:
        """Put an ordinary question."""
        await engine.reply(ask("Say hello."), take)

    async def call(self, engine: Any) -> None:
        """Put an ordinary question, and check the answer."""
        deltas = await answered(engine, ask("Say hello."))
        check_reply(engine, deltas, tools=False)
        if self.speaks:
            words = "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))
            require(words.strip(), "it answered without a word.")

    async def long_call(self, engine: Any) -> None:
        """Ask for a long answer."""
        await engine.reply(ask("Tell a long story about a fox.", max_tokens=2_000), _drop)

    def odd_calls(self, engine: Any) -> Iterator[tuple[str, Callable[[], Awaitable[None]]]]:
        """Go through odd requests."""
        for what, request in make_odd_requests().items():
            yield what, partial(self._reply, engine, request)

    async def _reply(self, engine: Any, request: Request) -> None:
        check_reply(engine, await answered(engine, request), tools=bool(request.tools))


async def answered(engine: Any, request: Request) -> list[Delta]:
    """Put a question and return the deltas."""
    deltas: list[Delta] = []

    async def take(delta: Delta) -> None:
        await trio.lowlevel.checkpoint()
        deltas.append(delta)

    await engine.reply(request, take)
    return deltas


def check_reply(engine: Any, deltas: list[Delta], *, tools: bool) -> None:
    """Fail unless the deltas are those of a reply; only a request with `tools` may be answered with a call."""
    ended = ""
    usages = 0
    for delta in deltas:
        require(isinstance(delta, TextDelta | ToolCall | Usage | CutShort), f"it emitted {type(delta).__name__}.")
        if isinstance(delta, TextDelta):
            require(isinstance(delta.text, str), f"the text of a delta is {type(delta.text).__name__}.")
        if isinstance(delta, TextDelta | ToolCall):
            require(not ended, f"after its {ended} it went on.")
        if isinstance(delta, ToolCall):
            require(tools, "it called a tool, and none was offered.")
            require(not read_traits(engine).toolless, "it declares that it is `toolless`, and called a tool.")
        if isinstance(delta, Usage):
            usages += 1
            require(delta.prompt_tokens >= 0 and delta.completion_tokens >= 0, f"its usage is {delta}.")
        if isinstance(delta, Usage | CutShort):
            ended = type(delta).__name__
    require(usages <= 1, f"it told its usage {usages} times.")


async def _drop(_: Any) -> None:
    await trio.lowlevel.checkpoint()
