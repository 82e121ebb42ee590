"""What all sessions of a host share: made once, by `hosting`, and handed to whatever serves a session."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import trio

from actors.protocols import LanguageModel
from harry.engines.engine_set import Engines
from harry.engines.lease import EnginePool
from harry.host.background import BackgroundJobs
from harry.host.budget import Budget
from harry.host.sessions import LiveSessions
from harry.host.shared_memory import SharedMemory
from harry.host.shared_tools import Toolkit
from harry.host.spill_files import SpillPool
from harry.host.storage import Storage
from harry.host.store_watch import StoreWatch
from harry.memory.store.lists import Lists
from harry.reflexes.reminders import Reminding
from harry.session.actor_registry import ActorSet
from harry.welfare.ai_notice import AINotices
from harry.welfare.care import Care


@dataclass(frozen=True, slots=True)
class Shared:
    """What all sessions share.

    `memory`, `background_jobs`, `reminding` and `lists` are None where nothing is kept on disk, `store_watch` also for
    a guest, `budget` where nobody counts. `wall` is seconds since the epoch.
    """

    engines: Engines
    mind: EnginePool[LanguageModel]
    storage: Storage
    sessions: LiveSessions
    spill_pool: SpillPool
    actors: ActorSet
    store_watch: StoreWatch | None = None
    memory: SharedMemory | None = None
    background_jobs: BackgroundJobs | None = None
    reminding: Reminding | None = None
    lists: Lists | None = None
    toolkit: Toolkit | None = None
    budget: Budget | None = None
    wall: Callable[[], float] = time.time
    care: Care = field(default_factory=Care)
    notices: AINotices = field(default_factory=lambda: AINotices(0.0))
    warmed: trio.Event = field(default_factory=trio.Event)
    """Set once the grammars of the reflexes are ready."""
