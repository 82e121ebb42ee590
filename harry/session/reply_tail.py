"""What is left out of a mind's reply before it is spoken, and what is added to its end."""

from __future__ import annotations

from collections.abc import Callable

from channels.messages import Piece
from channels.ports import Port
from harry.welfare.farewell import PlainFarewell


async def pass_on(
    pieces: Port[Piece], out: Port[Piece], tail: Callable[[str], str], farewell: PlainFarewell | None
) -> None:
    """Hand on the pieces of a reply as they come, then what `tail` gives for the whole of it.

    With `farewell` they come in sentences, and those that would hold somebody back are left out.
    """
    said: list[str] = []

    async def say(text: str) -> None:
        if text.strip():
            said.append(text)
            await out.send(Piece(text))

    async for piece in pieces:
        await say(farewell.feed(piece.text) if farewell is not None else piece.text)
    if farewell is not None:
        await say(farewell.end())
    if more := tail("".join(said)):
        await say(f" {more}")
    out.close()
