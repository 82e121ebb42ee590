"""The memory retriever, first stage of a turn: it brings what bears on the utterance.

Here that is the recent conversation and today's stream of consciousness. It has a deadline; past it the answer goes on
without.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import trio

from channels.messages import Exchange, Recollection, Utterance
from channels.ports import Port

DEADLINE = 0.03
"""Seconds memory may take."""


async def retrieve(
    utterance: Utterance,
    *,
    history: Callable[[], tuple[Exchange, ...]],
    thoughts: Callable[[], Awaitable[Sequence[str]]],
    out: Port[Recollection],
) -> None:
    """Send one `Recollection` to the responder, within `DEADLINE`."""
    recent: tuple[str, ...] = ()
    with trio.move_on_after(DEADLINE):
        recent = tuple(await thoughts())
    await out.send(Recollection(utterance, history(), recent))
    out.close()
