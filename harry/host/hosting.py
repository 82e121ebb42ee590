"""How a host begins and ends: what all conversations share is made, kept going beside them, and let go.

What lives of the store waits until the store can be used; what only a resident Harry does is left out for a guest.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial

import trio

from harry.config.loading import Config
from harry.config.persona import load_configured_persona
from harry.engines.engine_set import Engines
from harry.errors import EngineUnavailable
from harry.host.background import background_jobs
from harry.host.budget import Budget
from harry.host.host import Host
from harry.host.ring_places import RingPlace, rings_of
from harry.host.sessions import LiveSessions
from harry.host.shared import Shared
from harry.host.shared_memory import shared_memory
from harry.host.shared_tools import toolkit
from harry.host.spill_files import SpillPool
from harry.host.storage import Storage
from harry.host.store_watch import StoreWatch
from harry.memory.conversations.rotation import Summarise
from harry.memory.store.lists import Lists
from harry.memory.store.reminders import Reminders
from harry.reflexes.clocks import Clocks
from harry.reflexes.reminders import Reminding
from harry.reflexes.understanding import warm_up
from harry.session.actor_registry import load_actors
from harry.welfare.ai_notice import AINotices
from harry.welfare.care import Care
from harry.welfare.crisis import warm_up as warm_up_crisis
from harry.welfare.farewell import warm_up as warm_up_farewell
from harry.welfare.help_lines import read_help_lines

KEPT_WITHIN = 5.0
"""Seconds for which a deletion waits for what was said before to be kept."""


@asynccontextmanager
async def hosting(
    config: Config,
    engines: Engines,
    storage: Storage,
    *,
    most: int = 1,
    resident: bool = True,
    summarise: Summarise | None = None,
    budget: Budget | None = None,
    notices: AINotices | None = None,
    wall: Callable[[], float] = time.time,
) -> AsyncIterator[Host]:
    """Hold what sessions share for the length of the block, and keep it going. `most` sessions may run at once.

    A guest beside a running Harry is not `resident`: it leaves spilled records, due reminders, rotation and sharing to
    him. `summarise` writes what a conversation was about, when it is over. `notices` say that Harry is an AI, where
    people use him. `wall` is seconds since the epoch.

    The caller holds the data folder. Raises `EngineUnavailable` without a mind, `StoreError`, and
    `ConfigurationError` for what cannot be shared so.
    """
    mind = engines.language_model
    if mind is None:
        raise EngineUnavailable("Harry has no mind: no language model can serve.", remedy=" ".join(engines.notes))
    sessions = LiveSessions(config.user.name)
    folder = config.memory_folder if storage.store.durable and resident else None
    shared = Shared(
        engines=engines,
        mind=mind,
        storage=storage,
        sessions=sessions,
        spill_pool=SpillPool(storage.store, folder, most, prepare=storage.prepare),
        actors=load_actors(config.actors.model_dump()),
        budget=budget,
        wall=wall,
        notices=notices or AINotices(0.0),
        care=Care(await trio.to_thread.run_sync(read_help_lines, config.data_folder)),
    )
    async with AsyncExitStack() as held:
        shared = await _on_disk(config, shared, held, summarise, resident=resident)
        if most:
            shared = replace(shared, toolkit=await held.enter_async_context(toolkit(config)))
        async with trio.open_nursery() as nursery:
            _start_background(config, shared, nursery, resident=resident)
            host = Host(config, shared)
            if resident:
                nursery.start_soon(sessions.supervisor.keep, "announcements", host.announcers.run)
            yield host
            nursery.cancel_scope.cancel()


def _start_background(config: Config, shared: Shared, nursery: trio.Nursery, *, resident: bool) -> None:
    """Start what goes on beside the sessions; what only a resident does is left out for a guest."""
    keep = shared.sessions.supervisor.keep
    watch = shared.store_watch
    nursery.start_soon(keep, "keeper", shared.spill_pool.run)
    if watch is not None and resident:
        nursery.start_soon(keep, "store", watch.run)
    nursery.start_soon(_warm, config.persona.language, config.persona.name, shared.warmed)
    for name, actor in (
        ("memory", shared.memory),
        ("keeping", shared.background_jobs if resident else None),
        ("reminders", shared.reminding if resident else None),
    ):
        # A guest does not wait for a store that cannot be used.
        if actor is not None and (watch is not None or shared.storage.trouble is None):
            nursery.start_soon(_once_reached, watch, partial(keep, name, actor.run))
    for look_out in shared.engines.watches:
        nursery.start_soon(look_out)


async def _once_reached(watch: StoreWatch | None, run: Callable[[], Awaitable[None]]) -> None:
    """Run what lives of the store once the store can be used; where nobody reaches for it, at once."""
    if watch is not None:
        await watch.reached.wait()
    await run()


async def _on_disk(
    config: Config, shared: Shared, held: AsyncExitStack, summarise: Summarise | None, *, resident: bool
) -> Shared:
    """Add what there is only where something is kept on disk: memory, reminders, rotation and sharing."""
    database, sessions = shared.storage.database, shared.sessions
    if database is None:
        return shared
    return replace(
        shared,
        memory=await shared_memory(config, database),
        store_watch=StoreWatch(
            database, sessions, backups=config.memory.backups, on_reached=shared.spill_pool.look, wall=shared.wall
        ) if resident else None,
        lists=Lists(database),
        reminding=Reminding(
            Reminders(database), lambda user: list(map(RingPlace, sessions.of(user))),
            language=config.persona.language, replies=load_configured_persona(config.persona).replies,
            rings=rings_of(config), clocks=Clocks(wall=shared.wall),
        ),
        background_jobs=await background_jobs(
            config, database, held, sessions.users,
            on_trouble=sessions.trouble, on_recovered=sessions.recovered, over=sessions.let_go, summarise=summarise,
            wall=shared.wall,
        ),
    )  # fmt: skip


async def _warm(language: str, name: str, warmed: trio.Event) -> None:
    """Make the grammars of the reflexes ready, so that the first wish need not wait for them."""
    await trio.to_thread.run_sync(warm_up_crisis, abandon_on_cancel=True)
    await trio.to_thread.run_sync(warm_up_farewell, abandon_on_cancel=True)
    await trio.to_thread.run_sync(warm_up, language, (name,), abandon_on_cancel=True)
    warmed.set()
