"""What goes on with the things that were kept while Harry runs: conversations are rotated, and shared through Redis.

Both are tasks beside the sessions, woken when something was kept. A Redis that is away changes nothing but that the
others hear of it later.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from contextlib import AsyncExitStack
from functools import partial
from typing import TypeAlias

import trio

from harry.config.loading import Config
from harry.errors import StoreError
from harry.memory.conversations.rotation import Rotation, Summarise
from harry.memory.shared_state.redis_client import open_link
from harry.memory.shared_state.redis_sync import SharedLiveState
from harry.memory.store.database import Database

Share: TypeAlias = Callable[[], Awaitable[SharedLiveState]]


class BackgroundJobs:
    """The tasks of one data folder. `notice` tells that something was kept; it never waits.

    `share` makes what shares it through Redis, None where there is none; it raises `StoreError`.
    """

    def __init__(self, users: Callable[[], list[str]], rotation: Rotation, share: Share | None) -> None:
        self._users = users
        self._rotation = rotation
        self._share = share
        self._shared: SharedLiveState | None = None

    def notice(self) -> None:
        """Wake the tasks."""
        self._rotation.notice()
        if self._shared is not None:
            self._shared.wake()

    async def run(self) -> None:
        """Rotate and share until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(partial(self._rotation.run, self._users, on_failure=StoreError))
            if self._share is not None:
                self._shared = await self._share()
                nursery.start_soon(self._shared.run)


async def background_jobs(
    config: Config,
    database: Database,
    held: AsyncExitStack,
    users: Callable[[], list[str]],
    *,
    on_trouble: Callable[[str], None],
    on_recovered: Callable[[], None],
    over: Callable[[str, Collection[str]], None],
    wall: Callable[[], float],
    summarise: Summarise | None = None,
) -> BackgroundJobs:
    """Open what is needed for as long as `held` is; `users` names whose conversations are rotated.

    `over` is told whose turns are no longer of the recent conversation; `summarise` writes what it was about.

    Raises `ConfigurationError` for a wrong URL.
    """
    share = None
    # What a persona remembers by itself is nobody else's: Redis would hand it on under the user's name.
    if config.redis.url and config.memory_folder == config.data_folder:
        link = await held.enter_async_context(open_link(config.redis.url))
        share = partial(SharedLiveState.open, database, link, on_trouble=on_trouble, on_recovered=on_recovered)
    return BackgroundJobs(users, Rotation(database, summarise=summarise, on_let_go=over, wall=wall), share)
