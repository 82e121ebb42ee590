"""The recent conversation, cut to a budget of tokens, and how a budget is counted without the mind's own tokenizer.

Pure: the rotation reads the turns, this chooses among them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, TypeAlias

from channels.messages import Exchange
from harry.memory.store.records import parse_tools

Count: TypeAlias = Callable[[str], int]
"""How many tokens a text is."""

FRAME_TOKENS = 8
"""Tokens that a chat template puts around the two messages of an exchange, at most."""

DEFAULT_BUDGET_TOKENS = 4000
"""Tokens of recent conversation, if nobody says otherwise."""


class Row(NamedTuple):
    """A turn as far as the recent conversation needs it; `amends` is the id of an earlier turn, or None."""

    seq: int
    id: str
    said: str
    heard: str
    interrupted: bool
    amends: str | None
    tools: str = ""


def bound_tokens(text: str) -> int:
    """Return an upper bound of a text's tokens without a tokenizer: its bytes in UTF-8, plus one.

    Every tokenizer of bytes or with a fallback to bytes (byte-level BPE, SentencePiece, WordPiece's unknowns) spends a
    token on at least one byte; the one more is the word mark that SentencePiece puts in front. English is about four
    times shorter in truth, so a mind that counts by itself recalls more.
    """
    return len(text.encode("utf-8", "surrogatepass")) + 1


def count_exchange(exchange: Exchange, count: Count = bound_tokens) -> int:
    """Count the tokens of an exchange in a prompt."""
    return count(exchange.said) + count(exchange.heard) + FRAME_TOKENS


def merge_amended(rows: Iterable[Row]) -> list[Exchange]:
    """Convert turns to exchanges, oldest first; an amended turn is replaced by the one that amends it."""
    place: dict[str, str] = {}
    kept: dict[str, Exchange] = {}
    for row in rows:
        place[row.id] = place.get(row.amends or "", row.id)
        kept[place[row.id]] = Exchange(row.id, row.said, row.heard, bool(row.interrupted), parse_tools(row.tools))
    return list(kept.values())


def fit_budget(exchanges: Sequence[Exchange], budget: int, count: Count = bound_tokens) -> list[Exchange]:
    """Return the newest whole exchanges that fit into `budget` tokens together, oldest first."""
    taken: list[Exchange] = []
    for exchange in reversed(exchanges):
        budget -= count_exchange(exchange, count)
        if budget < 0:
            break
        taken.append(exchange)
    return taken[::-1]
