"""The responder, second stage of a turn: it asks the mind, has tools used, and hands on the reply in spoken pieces.

The first piece is a clause or six words, so that Harry begins to speak while the rest is still being thought. A mind
that calls for tools is asked again with what came of them; what claims a deed waits until the deed is done. Where the
user has to agree first, the reply ends with that question, in Harry's words and not in the mind's. A reply that holds
no word to be spoken is not met with silence.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

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
    Toolbox,
    ToolCall,
    ToolResult,
    Usage,
    Used,
)
from actors.text.claims import Claims
from actors.text.phrases import Phrases, load_phrases
from actors.text.segmentation import Wording
from channels.messages import Piece, Recollection
from channels.ports import Port

ROUNDS = 8
"""How often a mind may call for tools within one turn; then it has to answer with what it has."""

FILL_AFTER = 1.5
"""Seconds of waiting for tools, with nothing said before, after which Harry says that he is at it."""

Ask = Callable[[Request, Callable[[Delta], Awaitable[None]]], Awaitable[None]]


async def respond(
    recollections: Port[Recollection],
    *,
    ask: Ask,
    prompt: Callable[[Recollection], tuple[Message, ...]],
    ordinal: int,
    out: Port[Piece],
    tools: Toolbox | None = None,
    phrases: Phrases | None = None,
) -> None:
    """Answer the one recollection that comes. `ask` is a mind's `reply`.

    Waits when the speaker is behind, and so makes the mind wait.
    """
    recollection = await recollections.receive()
    messages = prompt(recollection)
    said = _Said(out)
    for number in range(ROUNDS + 1):
        offered = tools.offered if tools is not None and number < ROUNDS else ()
        claims = Claims(phrases or load_phrases("en")) if any(tool.effect for tool in offered) else None
        asked = _Asked(said, claims, {tool.name: tool.effect for tool in offered})
        await asked.ask(ask, Request(messages, ordinal, tools=offered))
        if tools is None or not asked.calls:
            if not said.pieces and "".join(asked.text).strip():
                await said.say((phrases or load_phrases("en")).wordless, first=True)
            break
        used = await _used(tools, asked, phrases or load_phrases("en"))
        if questions := [each.question for each in used if each.question]:
            # Asked as the toolbox words them, and last: a mind could ask one thing and have the yes for another.
            await said.say(" ".join(questions), first=True)
            break
        messages = (*messages, *_told(asked, used))
    out.close()


@dataclass(slots=True)
class _Said:
    """What was handed to the speaker in this turn, by whichever asking."""

    out: Port[Piece]
    pieces: int = 0

    async def say(self, text: str, *, first: bool) -> None:
        # The pieces of one asking bring the space that separates them; the first of a later one does not.
        apart = " " if first and self.pieces and not text.startswith(" ") else ""
        await self.out.send(Piece(apart + text))
        self.pieces += 1


@dataclass(slots=True)
class _Asked:
    """The mind, asked once: what it says goes on as it comes, and what it calls for is gathered."""

    said: _Said
    claims: Claims | None
    effects: dict[str, bool]
    text: list[str] = field(default_factory=list)
    calls: list[ToolCall] = field(default_factory=list)
    spoken: int = 0
    _asking: trio.CancelScope = field(default_factory=trio.CancelScope)
    _wording: Wording = field(default_factory=Wording)

    async def ask(self, ask: Ask, request: Request) -> None:
        with self._asking:
            await ask(request, self._take)
        for piece in self._wording.end():
            await self._pass_on(Piece(piece))
        if self.claims is not None:
            deed = any(self.effects.get(call.name, True) for call in self.calls)
            for held in self.claims.settle(called=deed):
                await self._say(held)

    async def _take(self, delta: Delta) -> None:
        # What holds no word makes no piece and would never wait: a mind that floods must not stop the loop.
        await trio.lowlevel.checkpoint()
        if isinstance(delta, TextDelta):
            self.text.append(delta.text)
            for piece in self._wording.feed(delta.text):
                await self._pass_on(Piece(piece))
        elif isinstance(delta, ToolCall):
            self.calls.append(delta)
        elif not isinstance(delta, Usage | CutShort):
            raise TypeError(f"a mind emits text, tool calls and usage, not {type(delta).__name__}")
        if self._wording.finished:
            self._asking.cancel()  # Enough was said: the mind need not go on.

    async def _pass_on(self, piece: Piece) -> None:
        for ready in self.claims.pass_on(piece) if self.claims is not None else [piece]:
            await self._say(ready)

    async def _say(self, piece: Piece) -> None:
        await self.said.say(piece.text, first=not self.spoken)
        self.spoken += 1


async def _used(tools: Toolbox, asked: _Asked, phrases: Phrases) -> list[Used]:
    """Have tools used; if that takes long and nothing was said yet, say so once."""

    async def fill() -> None:
        await trio.sleep(FILL_AFTER)
        await asked.said.say(phrases.filler, first=True)

    async with trio.open_nursery() as nursery:
        if not asked.spoken:
            nursery.start_soon(fill)
        used = await tools.use(asked.calls)
        nursery.cancel_scope.cancel()
    return used


def _told(asked: _Asked, used: list[Used]) -> list[Message]:
    """Write down what the mind said and called for, and the results, as messages for asking it again."""
    text = "".join(asked.text)
    mine = Message(Role.ASSISTANT, (*([TextPart(text)] if text.strip() else []), *asked.calls))
    results = Message(Role.TOOL, tuple(ToolResult(result.use.id, result.use.result) for result in used))
    pictures = [ImagePart(uri) for result in used for uri in result.pictures]
    shown = [Message(Role.USER, (TextPart("[The pictures that the tools gave.]"), *pictures))] if pictures else []
    return [mine, results, *shown]
