"""Engines and what stands on them, for the functions that hear, speak and think, opened once; a Harry may run too.

It is the host of a Harry without sessions: the same engines, prompt and memory, and no folder lock, for nothing here
waits on disk for the store. What the store cannot take is an error of the call.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import trio

from harry.compat.portal import Portal
from harry.compat.services import configuration, portals
from harry.config.loading import Config
from harry.errors import ConfigurationError, EngineUnavailable, StoreError
from harry.host import startup
from harry.host.budget import opened_budget
from harry.host.engine_loading import load_engines
from harry.host.host import Host
from harry.host.hosting import hosting
from harry.host.storage import open_storage
from harry.memory.store.database import Database
from harry.net import egress

WITHIN_SECONDS = 120.0
"""Seconds a call may take that asks an engine; past them it raises `StoreError`."""


@dataclass(frozen=True, slots=True)
class EngineServices:
    """What the functions work with."""

    host: Host
    tables: Database

    def config(self, username: str | None, persona: str | None = None) -> Config:
        """Return the configuration for a user and a persona; without a name, the configured one."""
        return self.host.config_of(username or self.host.config.user.name, persona or "")

    @property
    def folder(self) -> Path:
        """Harry's data folder."""
        return self.host.config.data_folder


@asynccontextmanager
async def _open() -> AsyncIterator[EngineServices]:
    config = await trio.to_thread.run_sync(configuration)
    if config.memory.store == "memory":
        raise ConfigurationError(
            'memory.store is "memory": nothing is kept there.', remedy='Set memory.store = "sqlite".'
        )
    egress.configure(local_only=config.local_only, folder=config.data_folder)
    async with AsyncExitStack() as held:
        storage = await held.enter_async_context(open_storage(config, alone=False))
        if storage.database is None:
            raise StoreError(" ".join(storage.notes))
        budget = await opened_budget(config)
        engines = await load_engines(await startup.chains(config), meter=budget)
        held.push_async_callback(engines.aclose)
        if engines.language_model is None:
            raise EngineUnavailable("No language model can serve.", remedy=" ".join(engines.notes))
        host = await held.enter_async_context(hosting(config, engines, storage, most=0, resident=False, budget=budget))
        async with trio.open_nursery() as nursery:
            if host.background_jobs is not None:
                nursery.start_soon(host.supervisor.keep, "keeping", host.background_jobs.run)
            yield EngineServices(host, storage.database)
            nursery.cancel_scope.cancel()


engine_portal = Portal(_open, within=WITHIN_SECONDS)
portals.append(engine_portal)
