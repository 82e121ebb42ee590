"""What `harry reminders` reads and takes back: the reminders in a data folder, beside a Harry who runs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from harry.config.loading import Config
from harry.memory.store.database import Database
from harry.memory.store.opening import STORE_FILE
from harry.memory.store.reminders import Reminder, Reminders
from harry.reflexes.reminders import Reminding


@asynccontextmanager
async def _reminding(config: Config) -> AsyncIterator[Reminding | None]:
    """Open what is kept; None where nothing is yet, and then nothing is made by looking at it."""
    if not (config.memory_folder / STORE_FILE).exists():
        yield None
        return
    tables = await Database.open(config.memory_folder / STORE_FILE)
    try:
        yield Reminding(Reminders(tables), lambda user: (), language=config.persona.language)
    finally:
        await tables.aclose()


async def held(config: Config) -> list[tuple[Reminder, float]]:
    """Return those of the user of the configuration, the next first, and when each is due. Raises `StoreError`."""
    async with _reminding(config) as reminding:
        if reminding is None:
            return []
        return [(reminder, reminding.clocks.due(reminder)) for reminder in await reminding.of(config.user.name)]


async def cancelled(config: Config, identity: str) -> bool:
    """Take one back; False where there is none of this name. Raises `StoreError`."""
    async with _reminding(config) as reminding:
        return reminding is not None and await reminding.cancel(config.user.name, [identity]) > 0


async def all_cancelled(config: Config) -> int:
    """Take all back; returns how many there were. Raises `StoreError`."""
    async with _reminding(config) as reminding:
        if reminding is None:
            return 0
        return await reminding.cancel(
            config.user.name, [reminder.id for reminder in await reminding.of(config.user.name)]
        )
