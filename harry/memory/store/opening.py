"""Where the store lies, the namespace of what Harry keeps, and how a store is opened by the configuration."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from actors.protocols import Store
from harry.config.loading import Config
from harry.errors import ConfigurationError
from harry.memory.store.data_folder import prepare_folder
from harry.memory.store.database import Database
from harry.memory.store.in_memory import InMemoryStore

STORE_FILE = "harry.sqlite3"
"""The name of the store in the data folder."""


NAMESPACE = "harry"
"""The namespace of everything that Harry himself keeps."""


class KeepingStore(Store, Protocol):
    """A store that says whether what it was given outlives the process."""

    durable: bool


def parse_day(day: str) -> str:
    """Return the day (YYYY-MM-DD) meant by `today`, `yesterday` or a date. Raises `ConfigurationError`."""
    today = datetime.now().astimezone().date()
    if day in ("today", "yesterday"):
        return (today - timedelta(days=day == "yesterday")).isoformat()
    try:
        return datetime.strptime(day, "%Y-%m-%d").date().isoformat()  # noqa: DTZ007 (a day has no zone)
    except ValueError:
        raise ConfigurationError(
            f"{day!r} is not a day.", remedy=f"Say today, yesterday, or a date such as {today.isoformat()}."
        ) from None


async def open_store(config: Config) -> KeepingStore:
    """Open the store that the configuration names, making the data folder. Raises `StoreError`."""
    if config.memory.store == "memory":
        return InMemoryStore()
    prepare_folder(config.memory_folder)
    return await Database.open(config.memory_folder / STORE_FILE)


def require_disk_store(config: Config) -> None:
    """Raise `ConfigurationError` if the configured store keeps nothing."""
    if config.memory.store == "memory":
        raise ConfigurationError(
            'memory.store is "memory": nothing is kept there, and nothing can be found.',
            remedy='Set memory.store = "sqlite".',
        )


def locate_store(config: Config) -> Path:
    """Return the path of the store's file, which must exist. Raises `ConfigurationError`."""
    require_disk_store(config)
    path = config.memory_folder / STORE_FILE
    if not path.exists():
        raise ConfigurationError(
            f"Nothing is kept in {config.memory_folder} yet.", remedy="Set HARRY_HOME if it is elsewhere."
        )
    return path
