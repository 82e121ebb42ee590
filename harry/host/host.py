"""What all conversations share, and the one way to begin another: any user, any microphone, any loudspeaker.

The host holds the configuration, the engines' shelves, the store, long-term memory and the sharing through Redis. Each
session that it opens has a user, a history, a supervisor, a gate and a spill of its own. The session at the computer's
microphone is simply the first one; a client at the door opens the others.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial

import structlog
import trio

from actors.protocols import LanguageModel, Loudspeaker, Message, Microphone, TextToSpeech
from actors.soc_writer import Record
from actors.supervisor import Supervisor
from actors.turn_taking.attention import Talk
from channels.clock import AudioClock
from channels.messages import Recollection
from channels.turn import new_id
from harry.config.loading import Config
from harry.config.sections import User
from harry.engines.lease import Shelf
from harry.errors import EngineUnavailable, StoreError, TooManySessions
from harry.hearing.wake_phrase import WakePhrase, words_of
from harry.host.background import AfterKeeping, after_keeping
from harry.host.budget import Budget
from harry.host.engine_loading import Engines
from harry.host.reflex_context import reflexes_of
from harry.host.ring_places import RingPlace, heeding
from harry.host.shared_memory import SharedMemory, shared_memory
from harry.host.shared_tools import Toolkit, toolkit
from harry.host.spill_files import Refuges
from harry.inner_life.service import InnerLife
from harry.memory.conversations.recent import recent
from harry.memory.conversations.rotation import Summarise
from harry.memory.store.database import Tables
from harry.memory.store.records import local_day
from harry.memory.store.reminders import Reminders
from harry.reflexes.reminders import Reminding, Rings
from harry.services.soc import NAMESPACE, STORE_FILE, KeepingStore
from harry.session.actor_registry import cast
from harry.session.conductor import Identity
from harry.session.prompt import persona_of, prompt_of
from harry.session.session import Manners, Session
from harry.voice.silent import Silent

Prompt = Callable[[LanguageModel, Recollection], tuple[Message, ...]]

log = structlog.get_logger(__name__)


class Host:
    """Made by `hosting`. `sessions` are those that run now, by their id; `watchers` are shown each new one.

    `tables`, `memory` and `after_keeping` are None where nothing is kept on disk, `budget` where nobody counts.
    """

    def __init__(
        self, config: Config, engines: Engines, mind: Shelf[LanguageModel], store: KeepingStore, refuges: Refuges
    ) -> None:
        self.config = config
        self.engines = engines
        self.store = store
        self.memory: SharedMemory | None = None
        self.after_keeping: AfterKeeping | None = None
        self.tables: Tables | None = None
        self.toolkit: Toolkit | None = None
        self.reminding: Reminding | None = None
        self.budget: Budget | None = None
        self.watchers: list[Callable[[Session], None]] = []
        self.sessions: dict[str, Session] = {}
        self.started_at = time.time()
        self.supervisor = Supervisor(self._crashed, self._degraded)
        self.mind = mind
        self._refuges = refuges
        self._cast = cast(config.actors.model_dump())
        self._users = {config.user.name}

    @property
    def free(self) -> int:
        """How many more sessions there may be now."""
        return self._refuges.free

    def sessions_of(self, user: str) -> list[Session]:
        """A user's conversations that run now, the oldest first."""
        return [each for each in self.sessions.values() if each.identity.user == user]

    def let_go(self, user: str, turns: Collection[str]) -> None:
        """Take the turns of a conversation that is over out of what a user's sessions recall word by word."""
        for session in self.sessions_of(user):
            session.conductor.let_go(turns)

    def users(self) -> list[str]:
        """Name everybody who has conversed since the start."""
        return sorted(self._users)

    def config_of(self, user: str, persona: str = "") -> Config:
        """The configuration as it is for a user, and under another name of the persona's if one is given."""
        changes: dict[str, object] = {"user": User(name=user)}
        if persona:
            changes["persona"] = self.config.persona.model_copy(update={"name": persona})
        return self.config.model_copy(update=changes)

    @asynccontextmanager
    async def open(
        self,
        *,
        user: str,
        microphone: Microphone | None = None,
        loudspeaker: Loudspeaker | None = None,
        clock: AudioClock | None = None,
        manners: Manners | None = None,
        engines: Engines | None = None,
        voice: Shelf[TextToSpeech] | None = None,
        prompt: Prompt | None = None,
        always: bool = False,
        cancel_echo: bool = False,
        inner: InnerLife | None = None,
        prepare: Callable[[Session], None] = lambda session: None,
    ) -> AsyncIterator[Session]:
        """Converse with a user for the length of the block; at its end all that was said is kept or spilled.

        `clock` is the one that the devices go by. `engines`: other ones than all have. `always`: whatever is heard is
        meant for Harry. `prepare` is called with the session before anything happens in it, so that a listener misses
        nothing. An error in the session ends the block; errors come in an exception group. Raises `TooManySessions`,
        `StoreError`.
        """
        if not self.free:
            raise TooManySessions(
                "Harry holds as many conversations as he may.", remedy="End one, or raise web.sessions."
            )
        config = self.config_of(user)
        spoken = self.engines.text_to_speech if loudspeaker is not None else None
        with self._refuges.one() as spill:
            self._users.add(user)
            session = Session(
                identity=Identity(user, new_id(), NAMESPACE),
                persona=config.persona.name,
                language=config.persona.language,
                clock=clock or AudioClock(),
                engines=engines or self.engines,
                mind=self.mind,
                voice=voice or spoken or Shelf("text_to_speech", Silent("silent")),
                store=self.store,
                spill=spill,
                microphone=microphone,
                loudspeaker=loudspeaker,
                prompt=prompt or partial(prompt_of, config),
                manners=manners or manners_of(config),
                cancel_echo=cancel_echo,
                wake=wake_phrase(config),
                history=await recent(config, self.store, self.tables, user),
                today=lambda: local_day(time.time()),
                cast=self._cast,
                long_term=self.memory.of(config) if self.memory else None,
                inner=inner,
            )
            session.attention.always = always
            session.tools.shared = self.toolkit.offers if self.toolkit else tuple
            session.tools.confirm = frozenset(config.tools.confirm)
            session.after_keeping = self.after_keeping
            session.reflex = reflexes_of(self, config, session)
            if self.reminding is not None:
                heeding(session, self.reminding)
            for watch in self.watchers:
                watch(session)
            prepare(session)
            async with self._live(session):
                yield session

    @asynccontextmanager
    async def _live(self, session: Session) -> AsyncIterator[None]:
        self.sessions[session.identity.session] = session
        try:
            async with trio.open_nursery() as nursery:
                await nursery.start(session.run)
                if self.reminding is not None:
                    self.reminding.look()
                yield
                nursery.cancel_scope.cancel()
        finally:
            del self.sessions[session.identity.session]
            session.events.close()

    async def keep(self, records: Sequence[Record]) -> None:
        """Keep what belongs to no session; what the store cannot take now waits on disk until it can.

        Raises `StoreError` where not even that can be written.
        """
        try:
            await self.store.write(records)
        except StoreError:
            if not self.free:
                raise
            with self._refuges.one() as spill:
                await spill.append(records)
        self._users.update(record.user for record in records)
        if self.memory is not None:
            self.memory.memory.notice()
        if self.after_keeping is not None:
            self.after_keeping.notice()

    def trouble(self, message: str) -> None:
        """Tell every session that something cannot be shared now."""
        for session in self.sessions.values():
            session.trouble(message)

    def recovered(self) -> None:
        """Tell every session that what was told by `trouble` is over."""
        for session in self.sessions.values():
            session.recovered()

    def _crashed(self, name: str, error: Exception) -> None:
        for session in self.sessions.values():
            session.events.publish("error", message=f"The {name} failed and was started again: {error}")

    def _degraded(self, name: str, error: Exception) -> None:
        self.trouble(f"The {name} keeps failing; I try it again once a minute. {error}")


@asynccontextmanager
async def hosting(
    config: Config,
    engines: Engines,
    store: KeepingStore,
    *,
    most: int = 1,
    summarise: Summarise | None = None,
) -> AsyncIterator[Host]:
    """Hold what sessions share for the length of the block, and keep it going. `most` sessions may run at once.

    `summarise` writes what a conversation was about, when it is over.

    The caller holds the data folder. Raises `EngineUnavailable` without a mind, `StoreError`, and
    `ConfigurationError` for what cannot be shared so.
    """
    mind = engines.language_model
    if mind is None:
        remedy = " ".join(engines.notes)
        raise EngineUnavailable("Harry has no mind: no language model can serve.", remedy=remedy)
    refuges = Refuges(store, config.data_folder if store.durable else None, most)
    host = Host(config, engines, mind, store, refuges)
    async with AsyncExitStack() as held:
        if store.durable:
            host.tables = await Tables.open(config.data_folder / STORE_FILE)
            held.push_async_callback(host.tables.aclose)
            host.memory = await shared_memory(config, held)
            wanted = config.reminders
            host.reminding = Reminding(
                Reminders(host.tables), lambda user: list(map(RingPlace, host.sessions_of(user))),
                language=config.persona.language, replies=persona_of(config).replies,
                rings=Rings(wanted.timer_rings, wanted.alarm_rings, wanted.snooze),
            )  # fmt: skip
            host.after_keeping = await after_keeping(
                config, held, host.users,
                on_trouble=host.trouble, on_recovered=host.recovered, over=host.let_go, summarise=summarise,
            )  # fmt: skip
        host.toolkit = await held.enter_async_context(toolkit(config))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(host.supervisor.keep, "keeper", refuges.run)
            for name, shared in (
                ("memory", host.memory),
                ("keeping", host.after_keeping),
                ("reminders", host.reminding),
            ):
                if shared is not None:
                    nursery.start_soon(host.supervisor.keep, name, shared.run)
            yield host
            nursery.cancel_scope.cancel()


def manners_of(config: Config, *, talk: Talk | None = None) -> Manners:
    """How turns are taken, by the configuration; `talk` says how the microphone is used, if not by it."""
    manners = Manners(
        config.turn.endpoint_silence,
        config.turn.barge_in_voice,
        config.turn.pre_roll,
        config.memory.history_turns,
        config.memory.history_tokens,
        config.memory.thoughts,
        config.turn.speculate,
        config.turn.attention_window,
        config.turn.talk,
        config.attention.rest_after,
    )
    return replace(manners, talk=talk.value) if talk else manners


def wake_phrase(config: Config) -> Callable[[], WakePhrase] | None:
    """Make what listens for the wake phrase; None if there is none. Raises `ConfigurationError` if it has no sound."""
    wanted = config.attention
    if not wanted.wake_phrase:
        return None
    words_of(wanted.wake_phrase)
    return partial(WakePhrase, wanted.wake_phrase, wanted.wake_threshold)


def silent_voice() -> TextToSpeech:
    """A voice that says nothing, and tells exactly what: what is written counts as heard."""
    return Silent("silent")
