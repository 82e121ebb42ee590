"""What a session remembers for a prompt: what one source of it cannot do fails none of the others."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from harry.config.loading import load_config
from harry.errors import StoreError
from harry.host.shared_memory import shared_memory
from harry.host.storage import open_storage
from harry.memory.lore.model import Entry, Scope
from harry.memory.store.items import Item
from harry.memory.store.opening import NAMESPACE
from harry.session.recall import SessionMemory


@asynccontextmanager
async def remembering_a_key(folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SessionMemory]:
    """A memory that holds where a key hangs, and lore of a lighthouse."""
    monkeypatch.setenv("HARRY_HOME", str(folder))
    # What is found is the matter here, and not how soon.
    monkeypatch.setattr("harry.session.recall.DEADLINE", 60.0)
    monkeypatch.setattr("actors.retriever.DEADLINE", 60.0)
    config = load_config(None, [])
    async with open_storage(config) as storage:
        assert storage.database is not None
        shared = await shared_memory(config, storage.database)
        assert shared is not None
        await shared.memory.upsert([Item("key", "The key to the boat shed hangs behind the clock.", config.user.name)])
        term = shared.of(config)
        await shared.lore.add(
            Scope(NAMESPACE, config.persona.name), Entry(("lighthouse",), "The lighthouse is red."), book="coast"
        )
        await shared.memory.warm(config.user.name)
        yield term


WORDS = "Where is the key to the boat shed at the lighthouse?"
MEMORY, LORE = "The key to the boat shed hangs behind the clock.", "Known: The lighthouse is red."


def holds(found: list[str], text: str) -> bool:
    return any(text in each for each in found)


async def test_lore_and_memories_are_recalled_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with remembering_a_key(tmp_path, monkeypatch) as term:
        found = await term.recall("you", WORDS)
    assert holds(found, MEMORY)
    assert holds(found, LORE)


@pytest.mark.parametrize(("broken", "left"), [("_lore", MEMORY), ("_rotation", LORE), ("_memory", LORE)])
async def test_a_source_that_fails_fails_itself_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str, left: str
) -> None:
    class Broken:
        def __getattr__(self, name: str) -> Any:
            raise StoreError("The disk is gone.")

    async with remembering_a_key(tmp_path, monkeypatch) as term:
        monkeypatch.setattr(term, broken, Broken())
        assert holds(await term.recall("you", WORDS), left)
