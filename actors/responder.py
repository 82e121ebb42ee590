"""The responder, second stage of a turn: it asks the mind and hands on the reply in pieces that can be spoken.

The first piece is a clause or six words, so that Harry begins to speak while the rest is still being thought.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import trio

from actors.protocols import Delta, Message, Request, TextDelta, Usage
from actors.wording import Wording
from channels.messages import Piece, Recollection
from channels.ports import Port


async def respond(
    recollections: Port[Recollection],
    *,
    ask: Callable[[Request, Callable[[Delta], Awaitable[None]]], Awaitable[None]],
    prompt: Callable[[Recollection], tuple[Message, ...]],
    ordinal: int,
    out: Port[Piece],
) -> None:
    """Answer the one recollection that comes. `ask` is a mind's `reply`.

    Waits when the speaker is behind, and so makes the mind wait.
    """
    recollection = await recollections.receive()
    wording = Wording()

    with trio.CancelScope() as asking:

        async def take(delta: Delta) -> None:
            # What holds no word makes no piece and would never wait: a mind that floods must not stop the loop.
            await trio.lowlevel.checkpoint()
            if isinstance(delta, TextDelta):
                for piece in wording.feed(delta.text):
                    await out.send(Piece(piece))
            elif not isinstance(delta, Usage):
                raise TypeError(f"a mind emits TextDelta and Usage, not {type(delta).__name__}")
            if wording.finished:
                asking.cancel()  # Enough was said: the mind need not go on.

        await ask(Request(prompt(recollection), ordinal), take)
    for piece in wording.end():
        await out.send(Piece(piece))
    out.close()
