"""What another user than the owner may take of what all share: some conversations, and the tools that are his."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any

import pytest

from harry.config.loading import Config
from harry.config.sections import User, Web
from harry.engines.engine_set import Engines
from harry.engines.lease import EnginePool
from harry.errors import TooManySessions
from harry.host.host import Host
from harry.host.hosting import hosting
from harry.host.storage import Storage
from harry.memory.store.in_memory import InMemoryStore
from harry.testing.engines import ScriptedLanguageModel


async def opened(held: AsyncExitStack, host: Host, *users: str) -> int:
    """Begin a conversation for each; how many began."""
    begun = 0
    for user in users:
        try:
            await held.enter_async_context(host.open(user=user))
        except TooManySessions:
            continue
        begun += 1
    return begun


async def house(held: AsyncExitStack, *, most: int, **web: Any) -> Host:
    engines = Engines(language_model=EnginePool("language_model", ScriptedLanguageModel("scripted", ["one."])))
    config = Config(user=User(name="owner"), web=Web(**web))
    return await held.enter_async_context(hosting(config, engines, Storage.of(InMemoryStore()), most=most))


async def test_a_guest_holds_so_many_conversations_and_no_more() -> None:
    async with AsyncExitStack() as held:
        host = await house(held, most=33, sessions_per_user=3)
        assert await opened(held, host, *["ben"] * 5) == 3
        with pytest.raises(TooManySessions, match="You hold as many"):
            async with host.open(user="ben"):
                pass
        assert await opened(held, host, "ann", *["owner"] * 5) == 6


async def test_guests_together_leave_some_to_the_owner() -> None:
    async with AsyncExitStack() as held:
        host = await house(held, most=9, sessions_per_user=3)
        guests = [f"guest-{number}" for number in range(20)]
        assert await opened(held, host, *guests) == 8
        assert await opened(held, host, "owner") == 1


async def test_who_has_ended_one_may_begin_another() -> None:
    async with AsyncExitStack() as held:
        host = await house(held, most=9, sessions_per_user=1)
        for _ in range(3):
            async with host.open(user="ben"):
                assert await opened(held, host, "ben") == 0
