"""Engines and what stands on them, for the functions that hear, speak and think: opened once, beside a running Harry.

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
from harry.errors import ConfigurationError, EngineUnavailable
from harry.host import startup as starting
from harry.host.background import background_jobs
from harry.host.budget import opened_budget
from harry.host.engine_loading import load_engines
from harry.host.host import Host
from harry.host.shared_memory import shared_memory
from harry.host.spill_files import SpillPool
from harry.memory.store.database import Database
from harry.memory.store.opening import STORE_FILE, open_store
from harry.net import egress

WITHIN = 120.0
"""Seconds a call may take that asks an engine; past them it raises `StoreError`."""


@dataclass(frozen=True, slots=True)
class EngineServices:
    """What the functions work with."""

    host: Host
    tables: Database

    def config(self, username: str | None, persona: str | None = None) -> Config:
        """The configuration as it is for a user and a persona; what is not named is the configured one."""
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
        store = await open_store(config)
        held.push_async_callback(store.aclose)
        engines = await load_engines(await starting.chains(config), meter=await opened_budget(config))
        held.push_async_callback(engines.aclose)
        if engines.language_model is None:
            raise EngineUnavailable("No language model can serve.", remedy=" ".join(engines.notes))
        host = Host(config, engines, engines.language_model, store, SpillPool(store, None, 0))
        host.tables = tables = await Database.open(config.data_folder / STORE_FILE)
        held.push_async_callback(tables.aclose)
        host.memory = await shared_memory(config, held)
        host.background_jobs = keeping = await background_jobs(
            config, held, host.users, on_trouble=host.trouble, on_recovered=host.recovered, over=host.let_go
        )
        async with trio.open_nursery() as nursery:
            if host.memory is not None:
                nursery.start_soon(host.supervisor.keep, "memory", host.memory.run)
            nursery.start_soon(host.supervisor.keep, "keeping", keeping.run)
            yield EngineServices(host, tables)
            nursery.cancel_scope.cancel()


household = Portal(_open, within=WITHIN)
portals.append(household)
