"""The memory retriever, first stage of a turn: it brings what bears on the utterance.

That is the recent conversation, today's stream of consciousness, and what long-term memory holds. While the user still
speaks it already asks memory about the words so far; the final words are asked again, because one word changes much.
There is a deadline; past it the answer goes on with the best that is complete.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import NoReturn, TypeAlias

import trio

from channels.messages import Exchange, Recollection, Utterance
from channels.ports import Port
from channels.signals import Signal

DEADLINE = 0.03
"""Seconds memory may take."""

Offer: TypeAlias = Callable[[Sequence[str]], None]
"""Takes a complete answer, better than the one offered before."""

Search: TypeAlias = Callable[[str, str, Offer], Awaitable[Sequence[str]]]
"""Finds what bears on a user's words, each memory a text as the prompt quotes it; may offer earlier answers."""


class Recall:
    """Long-term memory as one session asks it. `run` is a session actor; `recall` belongs to a turn.

    Cancelling either stops its search. What was found for the words so far is kept until the next words.
    """

    def __init__(self, search: Search) -> None:
        self._search = search
        self._wanted: tuple[str, str] | None = None
        self._changed = Signal()
        self._looking_ahead = trio.CancelScope()
        self._asked = ("", "")  # the user, and the words of which the answer is `_found`
        self._found: tuple[str, ...] = ()

    def foresee(self, user: str, words: str) -> None:
        """Tell a user's words so far. Never waits; only the newest are looked for."""
        if words.strip() and (user, words) != self._asked:
            self._wanted = user, words
            self._looking_ahead.cancel()
            self._changed.notify()

    def forget(self) -> None:
        """Let go of what was found for the words so far: some of it may be forgotten by now."""
        self._looking_ahead.cancel()
        self._asked, self._found = ("", ""), ()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> NoReturn:
        """Look ahead until cancelled."""
        task_status.started()
        while True:
            while self._wanted is None:
                await self._changed.wait()
            asked, self._wanted = self._wanted, None
            with trio.CancelScope() as self._looking_ahead:
                found = await self._search(*asked, _ignore)
                self._asked, self._found = asked, tuple(found)

    async def recall(self, user: str, words: str) -> tuple[str, ...]:
        """Ask about a user's final words, within `DEADLINE`: the best complete answer by then, to a beginning too."""
        # Nothing shall stand before the final words.
        self._wanted = None
        self._looking_ahead.cancel()
        if (user, words) == self._asked:
            return self._found
        who, before = self._asked
        best: list[tuple[str, ...]] = [self._found] if who == user and before and words.startswith(before) else [()]
        with trio.move_on_after(DEADLINE):
            best.append(tuple(await self._search(user, words, lambda found: best.append(tuple(found)))))
        return best[-1]


def _ignore(_: Sequence[str]) -> None:
    pass


async def retrieve(
    utterance: Utterance,
    *,
    history: Callable[[], tuple[Exchange, ...]],
    thoughts: Callable[[], Awaitable[Sequence[str]]],
    memories: Callable[[str], Awaitable[Sequence[str]]] | None = None,
    state: Callable[[], tuple[tuple[str, str], ...]] = tuple,
    out: Port[Recollection],
) -> None:
    """Send one `Recollection` to the responder, within `DEADLINE`.

    `memories` recalls what bears on some words; `state` tells what Harry has in mind, as (name, text).
    """
    recent: tuple[str, ...] = ()
    remembered: tuple[str, ...] = ()

    async def remember(recall: Callable[[str], Awaitable[Sequence[str]]]) -> None:
        nonlocal remembered
        remembered = tuple(await recall(utterance.text))

    async with trio.open_nursery() as nursery:
        if memories is not None:
            # It keeps its deadline by itself, and has an answer at its end.
            nursery.start_soon(remember, memories)
        with trio.move_on_after(DEADLINE):
            recent = tuple(await thoughts())
    await out.send(Recollection(utterance, history(), recent, remembered, state()))
    out.close()
