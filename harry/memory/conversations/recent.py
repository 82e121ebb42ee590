"""What a prompt recalls of conversations: the one that goes on, word by word, and what the ones before were about."""

from __future__ import annotations

import time
from collections.abc import Callable

from channels.messages import Exchange
from harry.memory.conversations.rotation import Rotation
from harry.memory.store.database import Database
from harry.memory.store.opening import KeepingStore
from harry.memory.text.analysis import format_age

MAX_EARLIER_CONVERSATIONS = 3
"""Conversations before this one of which a prompt tells."""

MAX_SUMMARY_CHARACTERS = 600
"""Characters that it tells of each."""


async def recall_recent(
    store: KeepingStore, database: Database | None, user: str, *, turns: int, tokens: int
) -> tuple[Exchange, ...]:
    """Recall a user's conversation that is not over, oldest first, within `turns` and `tokens`. Raises `StoreError`.

    `database` is None where nothing is kept on disk.
    """
    if database is None:
        return tuple(await store.history(user, limit=turns))
    found = await Rotation(database).recall_recent(user, budget=tokens)
    return tuple(found[-turns:]) if turns else ()


async def recall_earlier(rotation: Rotation, user: str, *, wall: Callable[[], float] = time.time) -> dict[str, str]:
    """Return a line about each earlier conversation by its id, oldest first.

    Raises `StoreError`.
    """
    lines = {}
    for conversation in await rotation.list_conversations(user, limit=MAX_EARLIER_CONVERSATIONS):
        summary = " ".join((conversation.summary or "").split())[:MAX_SUMMARY_CHARACTERS]
        if summary:
            lines[conversation.id] = f"Conversation {format_age(conversation.ended_at, wall())}, in short: {summary}"
    return lines
