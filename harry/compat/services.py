"""What the functions of this room work with: the store and what stands on it, opened once by the configuration."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import structlog
import trio

from channels.turn import new_id
from harry.compat.portal import Portal
from harry.config.loading import Config, load_config
from harry.errors import ConfigurationError, EngineUnavailable
from harry.files.async_files import open_files
from harry.memory.conversations.rotation import Rotation
from harry.memory.diary.journal import Journal
from harry.memory.diary.stream import SocDays
from harry.memory.longterm.service import LongTermMemory
from harry.memory.lore.model import Scope
from harry.memory.lore.service import KnowledgeBase
from harry.memory.lore.store import LoreStore
from harry.memory.search.embedding import Embedder
from harry.memory.shared_state.live_state import LiveState, SqliteLiveState
from harry.memory.shared_state.redis_client import open_link
from harry.memory.shared_state.redis_sync import SharedLiveState
from harry.memory.store.data_folder import prepare_folder
from harry.memory.store.database import Database
from harry.memory.store.opening import NAMESPACE, STORE_FILE

log = structlog.get_logger(__name__)


@dataclass
class Services:
    """Everything, for one configuration. `kept` is called after something was kept that others may follow."""

    config: Config
    tables: Database
    live: LiveState
    rotation: Rotation
    memory: LongTermMemory
    lore: LoreStore
    nursery: trio.Nursery
    kept: Callable[[], None]
    session: str

    def user(self, name: str | None) -> str:
        """Whose it is: the user named, else the configured one. There is nothing that belongs to nobody."""
        return name or self.config.user.name

    def persona(self, name: str | None) -> str:
        """Whose thoughts: the persona named, else the configured one."""
        return name or self.config.persona.name

    def soc(self, persona: str | None) -> SocDays:
        """Open the stream of consciousness of a persona."""
        return SocDays(
            self.tables, self.persona(persona), user=self.config.user.name, session=self.session, namespace=NAMESPACE
        )

    def journal(self, persona: str | None, username: str | None) -> Journal:
        """Open the journal of a persona about a user."""
        return Journal(self.tables, self.persona(persona), self.user(username))

    def knowledge(self, persona: str | None) -> KnowledgeBase:
        """Open the lore of a persona, as it is now."""
        return KnowledgeBase(
            self.lore,
            Scope(NAMESPACE, self.persona(persona)),
            names={"char": self.persona(persona), "user": self.config.user.name},
        )

    def embed_soon(self, namespace: str) -> None:
        """Let what was kept be found by its meaning too, a moment later."""

        async def embed() -> None:
            try:
                await self.memory.embed_missing(namespace=namespace)
            except Exception as error:  # noqa: BLE001  the text is kept and found by its words; the vector comes later
                log.warning("a memory has no vector yet", reason=f"{type(error).__name__}: {error}")

        if self.memory.embedder is not None:
            self.nursery.start_soon(embed)


_chosen: list[tuple[Config | None, str | None]] = [(None, None)]


def configure(config: Config | None = None, *, redis_url: str | None = None) -> None:
    """Say whose memory these functions work on; without a configuration, the one that `harry` itself would read.

    `redis_url` takes the place of the configuration's `redis.url`. What was open is closed.
    """
    close()
    _chosen[0] = (config, redis_url)


def configuration() -> Config:
    """Return the configuration that was chosen. Raises `ConfigurationError`."""
    return _chosen[0][0] or load_config()


def close() -> None:
    """Let go of everything; the next call opens it again. Also done when the process ends."""
    for portal in portals:
        portal.close()


@asynccontextmanager
async def _open() -> AsyncIterator[Services]:
    redis_url = _chosen[0][1]
    config = configuration()
    if config.memory.store == "memory":
        raise ConfigurationError(
            'memory.store is "memory": nothing is kept there.', remedy='Set memory.store = "sqlite".'
        )
    prepare_folder(config.memory_folder)
    path = config.memory_folder / STORE_FILE
    async with AsyncExitStack() as held:
        tables = await Database.open(path)
        held.push_async_callback(tables.aclose)
        memory, lore = LongTermMemory(tables, await trio.to_thread.run_sync(_embedder)), LoreStore(tables)
        url = redis_url or getattr(getattr(config, "redis", None), "url", None)
        if config.memory_folder != config.data_folder:
            url = None  # what a persona remembers by itself is nobody else's
        link = await held.enter_async_context(open_link(str(url))) if url else None
        shared = await SharedLiveState.open(tables, link) if link else None
        async with trio.open_nursery() as nursery:
            if shared is not None:
                await nursery.start(shared.run)
            yield Services(
                config=config,
                tables=tables,
                live=shared or SqliteLiveState(tables),
                rotation=Rotation(tables),
                memory=memory,
                lore=lore,
                nursery=nursery,
                kept=shared.wake if shared else _nothing,
                session=new_id(),
            )


def _embedder() -> Embedder | None:
    try:
        return Embedder.load()
    except EngineUnavailable as error:
        log.info("memories are found by their words alone", reason=str(error))
        return None


def _nothing() -> None:
    """Do nothing: nobody follows."""


portal = Portal(_open)
file_portal = Portal(open_files)  # a file can be written where there is no store

portals: list[Portal[Any]] = [portal, file_portal]
"""All that `close` closes."""
