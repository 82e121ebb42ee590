"""What `harry reminders` reads and takes back: the reminders in a data folder, beside a Harry who runs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from harry.config.loading import Config
from harry.memory.store.database import Database
from harry.memory.store.opening import STORE_FILE
from harry.memory.store.reminders import Reminder, Reminders


@asynccontextmanager
async def _reminders(config: Config) -> AsyncIterator[Reminders]:
    tables = await Database.open(config.data_folder / STORE_FILE)
    try:
        yield Reminders(tables)
    finally:
        await tables.aclose()


async def held(config: Config) -> list[Reminder]:
    """Those of the user of the configuration, the next first. Raises `StoreError`."""
    async with _reminders(config) as reminders:
        return await reminders.of(config.user.name)


async def cancelled(config: Config, identity: str) -> bool:
    """Take one back; False where there is none of this name. Raises `StoreError`."""
    async with _reminders(config) as reminders:
        return await reminders.remove(config.user.name, [identity]) > 0
