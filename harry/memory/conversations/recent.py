"""What a prompt recalls of conversations: the one that goes on, word by word, and what the ones before were about."""

from __future__ import annotations

import time
from collections.abc import Callable

from channels.messages import Exchange
from harry.config.loading import Config
from harry.memory.conversations.rotation import Rotation
from harry.memory.store.database import Database
from harry.memory.store.opening import STORE_FILE, KeepingStore
from harry.memory.text.analysis import ago

EARLIER = 3
"""Conversations before this one of which a prompt tells."""

LONGEST = 600
"""Characters that it tells of each."""


async def recent(config: Config, store: KeepingStore, tables: Database | None, user: str) -> tuple[Exchange, ...]:
    """Recall the turns of the conversation that is not over, oldest first. Raises `StoreError`.

    `tables` None: they are opened, if anything is kept on disk.
    """
    most, tokens = config.memory.history_turns, config.memory.history_tokens
    if not store.durable:
        return tuple(await store.history(user, limit=most))
    opened = tables or await Database.open(config.data_folder / STORE_FILE)
    try:
        found = await Rotation(opened).fleeting(user, budget=tokens)
    finally:
        if tables is None:
            await opened.aclose()
    return tuple(found[-most:]) if most else ()


async def earlier(rotation: Rotation, user: str, *, wall: Callable[[], float] = time.time) -> dict[str, str]:
    """Tell what the conversations before this one were about: a line for each by its id, oldest first.

    Raises `StoreError`.
    """
    told = {}
    for each in await rotation.conversations(user, limit=EARLIER):
        summary = " ".join((each.summary or "").split())[:LONGEST]
        if summary:
            told[each.id] = f"Conversation {ago(each.ended_at, wall())}, in short: {summary}"
    return told
