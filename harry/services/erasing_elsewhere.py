"""Where else than in the store's file something of a user may be, and how it is erased there."""

from __future__ import annotations

from harry.config.loading import Config
from harry.memory.shared_state.redis_sync import erase_shared
from harry.memory.store.database import Database
from harry.memory.store.erasure import Forget
from harry.memory.store.opening import STORE_FILE


def erasing_elsewhere(config: Config) -> list[Forget]:
    """Where else than in the file something of a user may be, and how it is erased there."""
    if not config.redis.url:
        return []

    async def forget(user: str) -> int:
        tables = await Database.open(config.data_folder / STORE_FILE)
        try:
            return await erase_shared(tables, config.redis.url, user)
        finally:
            await tables.aclose()

    return [forget]
