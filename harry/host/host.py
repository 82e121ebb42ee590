"""What all conversations share, and the one way to begin another: any user, any microphone, any loudspeaker.

Each session that the host opens has a user, a history, a supervisor, a gate and a spill of its own. The session at the
computer's microphone is simply the first one; a client at the web server opens the others.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

import structlog
import trio

from actors.protocols import LanguageModel, Message, TextToSpeech
from actors.soc_writer import Record, Spill
from actors.turn_taking.attention import Talk
from channels.clock import AudioClock
from channels.messages import Exchange, Recollection, Utterance
from channels.turn import Turn, new_id
from harry.config.loading import Config
from harry.config.persona import load_configured_persona
from harry.config.sections import User
from harry.engines.engine_set import Engines
from harry.engines.lease import EnginePool
from harry.errors import EngineUnavailable, StoreError, TooManySessions
from harry.hearing.wake_phrase import WakePhrase, spell_words
from harry.host.announcers import Announcers
from harry.host.background import background_jobs
from harry.host.budget import Budget
from harry.host.conversation import (
    ConversationDevices,
    ConversationServices,
    ConversationSettings,
    Inner,
    build_conversation,
)
from harry.host.reflex_context import ProgramAnswers, answers_of
from harry.host.ring_places import RingPlace, stops_ringing
from harry.host.sessions import LiveSessions
from harry.host.shared import Shared
from harry.host.shared_memory import shared_memory
from harry.host.shared_tools import toolkit
from harry.host.spill_files import SpillPool
from harry.host.storage import Storage
from harry.host.store_watch import StoreWatch
from harry.host.swapping import Swaps
from harry.memory.conversations.recent import recall_recent
from harry.memory.conversations.rotation import Summarise
from harry.memory.longterm.forgetting import Forgotten
from harry.memory.longterm.forgetting_day import DayForgotten
from harry.memory.store.lists import Lists
from harry.memory.store.opening import NAMESPACE
from harry.memory.store.records import local_day
from harry.memory.store.reminders import Reminders
from harry.reflexes.clocks import Clocks
from harry.reflexes.reminders import Reminding, Rings
from harry.reflexes.understanding import warm_up
from harry.session.actor_registry import load_actors
from harry.session.conductor import Identity
from harry.session.prompt import build_prompt
from harry.session.session import Session, TurnTakingSettings
from harry.session.turn_stages import Prompt
from harry.voice.silent import Silent
from harry.welfare.ai_notice import MAX_TURNS, AINotices, Used, tells
from harry.welfare.care import Care
from harry.welfare.crisis import warm_up as warm_up_crisis
from harry.welfare.help_lines import read_help_lines

KEPT_WITHIN = 5.0
"""Seconds for which a deletion waits for what was said before to be kept."""

log = structlog.get_logger(__name__)

STORE_IS_ILL = "Something is wrong with what Harry keeps; whose Harry it is sees what."

PROGRAMS_REMEMBERED = 64
"""Users whose questions to a program, such as whether to forget something, are remembered."""


class Host:
    """Made by `hosting`. `sessions` are those that run now, by their id.

    `room` is the one at this computer's own microphone and loudspeaker, None where there is none of them.
    """

    def __init__(self, config: Config, shared: Shared) -> None:
        self.config = config
        self.engines = shared.engines
        self.mind = shared.mind
        self.store = shared.storage.store
        self.database = shared.storage.database
        self.memory = shared.memory
        self.background_jobs = shared.background_jobs
        self.reminding = shared.reminding
        self.lists = shared.lists
        self.toolkit = shared.toolkit
        self.budget = shared.budget
        self.sessions = shared.sessions.by_id
        self.watchers = shared.sessions.watchers
        self.supervisor = shared.sessions.supervisor
        self.sessions_of = shared.sessions.of
        self.users = shared.sessions.users
        self.room: Session | None = None
        self.came = shared.sessions.came
        self.announcers = Announcers(
            self._place_of,
            self.came,
            quiet_hours=config.thinker.quiet_hours,
            an_hour=config.announcements.an_hour,
            now=lambda: datetime.fromtimestamp(shared.wall()).astimezone(),
        )
        self.config_followers: list[Callable[[Config], None]] = []
        """Told of each configuration that holds from then on; none of them waits or fails."""
        self.webhook_status: Callable[[], dict[str, dict[str, Any]]] = dict
        """Tells how the servers do that are told what happens; see `harry.services.webhooks_out`."""
        self.wall = shared.wall
        self.warmed = shared.warmed
        self.store_watch = shared.store_watch
        self.started_at = time.time()
        self.swaps = Swaps(
            config,
            shared.engines,
            sessions=lambda: list(self.sessions.values()),
            on_stage=self._use_stage,
            meter=shared.budget,
        )
        self.care = shared.care
        self.notices = shared.notices
        self._shared = shared
        self._open: Counter[str] = Counter()
        self._programs: dict[tuple[str, str, bool], ProgramAnswers] = {}

    def _place_of(self, user: str) -> Session | None:
        """Return the conversation in which a user is told something: the room's, else the newest with him there."""
        there = [session for session in self.sessions_of(user) if session.attended()]
        room = next((session for session in self.sessions_of(user) if session is self.room), None)
        if room is not None and (room in there or not there):
            return room
        return there[-1] if there else None

    def _use_stage(self, role: str, stage: Any) -> None:
        """Have the conversations to come use another stage of their turns."""
        self._shared = replace(self._shared, actors=replace(self._shared.actors, **{role: stage}))

    @property
    def out_of_reach(self) -> bool:
        """Whether the store cannot be used now, as far as is known."""
        return self._shared.storage.trouble is not None

    @property
    def ill(self) -> str:
        """What keeps what is said from being kept, or is damaged in what was kept, with the way back; else empty."""
        trouble = self._shared.storage.trouble
        return str(trouble) if trouble is not None else self.store_watch.damage if self.store_watch else ""

    @property
    def free(self) -> int:
        """How many more sessions there may be now."""
        return self._shared.spill_pool.free

    async def forget(self, user: str, identity: str) -> Forgotten:
        """Forget an item of a user's for good, also in his conversations that go on. Raises `StoreError`."""
        if self.memory is None:
            return Forgotten()
        await self._kept(user)
        forgotten = await self.memory.memory.forget(user, [identity])
        for session in self.sessions_of(user):
            session.forget(forgotten)
        return forgotten

    async def forget_day(self, user: str, day: str) -> DayForgotten:
        """Forget a local day (YYYY-MM-DD) of a user's for good, also in his conversations. Raises `StoreError`."""
        if self.memory is None:
            return DayForgotten()
        await self._kept(user)
        gone = await self.memory.memory.forget_day(user, day)
        for session in self.sessions_of(user):
            session.forget(gone.forgotten)
        return gone

    async def _kept(self, user: str) -> None:
        """Wait until what was said is on disk: it may tell what is to be forgotten."""
        # A store that does not take it now takes the deletion no better.
        with trio.move_on_after(KEPT_WITHIN):
            for session in self.sessions_of(user):
                await session.conductor.acknowledged()

    async def find_deleted(self, turns: Collection[str]) -> set[str]:
        """Tell which turns, all of them kept once, hold no words any more: another process may have deleted them.

        Raises `StoreError`.
        """
        if self.database is None or not turns:
            return set()
        query = "SELECT id FROM turn WHERE id IN (SELECT value FROM json_each(?)) AND (said != '' OR heard != '')"
        rows = await self.database.read(
            lambda connection: connection.execute(query, (json.dumps(list(turns)),)).fetchall()
        )
        return set(turns).difference(identity for (identity,) in rows)

    def config_of(self, user: str, persona: str = "") -> Config:
        """Return the configuration as it is for a user, and under another name of the persona's if one is given."""
        changes: dict[str, object] = {"user": User(name=user)}
        if persona:
            changes["persona"] = self.config.persona.model_copy(update={"name": persona})
        return self.config.model_copy(update=changes)

    def _prompt(self, user: str, mind: LanguageModel, recollection: Recollection) -> tuple[Message, ...]:
        """Build what a mind is told, by the configuration as it is at this turn."""
        return build_prompt(self.config_of(user), user, mind, recollection)

    def hold_to(self, config: Config) -> None:
        """Have a configuration hold from now on, as far as conversations that go on can take it over.

        See `harry.config.live_keys`; of what needs a restart nothing may have changed. No turn is cut.
        """
        self.config = self.swaps.config = config
        for follow in self.config_followers:
            follow(config)
        self.announcers.hold_to(config.thinker.quiet_hours, config.announcements.an_hour)
        if self.budget is not None:
            self.budget.hold_to(config.budget)
        if self.reminding is not None:
            self.reminding.rings = _rings(config)
        for session in self.sessions_of(config.user.name):
            session.speech_input.hold_to(config.turn.attention_window, config.attention.rest_after)
        if self.room is not None:
            self.room.speech_input.take_turns(config.turn.endpoint_silence, config.turn.barge_in_voice)
            self.room.dialogue.speculates = config.turn.speculate

    def settings(self, user: str) -> ConversationSettings:
        """Return how a conversation with a user is by the configuration, to be changed with `dataclasses.replace`."""
        config = self.config_of(user)
        return ConversationSettings(
            persona=config.persona.name,
            language=config.persona.language,
            turn_taking=turn_taking_settings(config),
            confirm=frozenset(config.tools.confirm),
            say=load_configured_persona(config.persona).say,
            plain_farewells=config.welfare.plain_farewells,
        )

    @asynccontextmanager
    async def open(
        self,
        *,
        user: str,
        devices: ConversationDevices | None = None,
        settings: ConversationSettings | None = None,
        engines: Engines | None = None,
        voice: EnginePool[TextToSpeech] | None = None,
        prompt: Prompt | None = None,
        inner: Inner | None = None,
        reply_to: Callable[[Utterance], Turn | None] | None = None,
        attended: Callable[[], bool] | None = None,
        prepare: Callable[[Session], None] = lambda session: None,
    ) -> AsyncIterator[Session]:
        """Converse with a user for the length of the block; at its end all that was said is kept or spilled.

        `engines`: other ones to hear with than all have. `attended` tells whether somebody can hear or see what Harry
        says; without it, whether there is a loudspeaker. `prepare` is called with the session before anything happens
        in it, so that a listener misses nothing. An error in the session ends the block; errors come in an exception
        group. Raises `TooManySessions`, `StoreError`.
        """
        self._find_room(user)
        config = self.config_of(user)
        shared = self._shared
        devices = devices or ConversationDevices(AudioClock())
        spoken = self.engines.text_to_speech if devices.loudspeaker is not None else None
        with shared.spill_pool.acquire() as spill, self._counted(user):
            shared.sessions.met(user)
            await self.recall_use(user)
            # From here on nothing is waited for until the session is one of those that a swap reaches.
            past = await self._recent(user)
            services = replace(
                self._services(config, spill),
                engines=engines or self.engines,
                voice=voice or spoken or EnginePool("text_to_speech", silent_voice()),
                prompt=prompt or self._prompt,
                inner=inner,
                reply_to=reply_to,
                attended=attended,
            )
            identity = Identity(user, new_id(), NAMESPACE)
            session = build_conversation(identity, settings or self.settings(user), services, devices, history=past)
            for watch in self.watchers:
                watch(session)
            prepare(session)
            async with self._live(session):
                yield session

    def _find_room(self, user: str) -> None:
        """Raise `TooManySessions` where a user may begin no other conversation; some are kept for the owner."""
        if not self.free:
            raise TooManySessions(
                "Harry holds as many conversations as he may.", remedy="End one, or raise web.sessions."
            )
        if user == self.config.user.name:
            return
        web = self.config.web
        if self.free <= _kept_free(self._shared.spill_pool.most) or self._open[user] >= web.sessions_per_user:
            raise TooManySessions("You hold as many conversations as you may.", remedy="End one.")

    @contextmanager
    def _counted(self, user: str) -> Iterator[None]:
        self._open[user] += 1
        try:
            yield
        finally:
            self._open[user] -= 1
            self._open += Counter()  # forgets who has none

    async def recall_use(self, user: str) -> None:
        """Read how long a user has used Harry since he said that he is an AI, unless that is known."""
        if self.database is None or self.notices.knows(user):
            return
        query = "SELECT started_at, heard FROM turn WHERE user = ? AND source != 'proactive' ORDER BY seq DESC LIMIT ?"
        try:
            rows = await self.database.read(lambda connection: connection.execute(query, (user, MAX_TURNS)).fetchall())
        except StoreError as error:
            log.warning("it is not known when somebody was told that Harry is an AI", cause=str(error))
            return
        if not self.notices.knows(user):
            self.notices.recall(user, (Used(at, tells(heard)) for at, heard in rows))

    async def _recent(self, user: str) -> tuple[Exchange, ...]:
        """Return what was said with a user last, as far as a prompt holds it; nothing where it cannot be read now."""
        limits = self.config.memory
        try:
            return await recall_recent(
                self.store, self.database, user, turns=limits.history_turns, tokens=limits.history_tokens
            )
        except StoreError as error:
            log.warning("what was said last cannot be recalled", cause=str(error))
            return ()

    def _services(self, config: Config, spill: Spill) -> ConversationServices:
        """Return what a session of a user's is served by, where nothing else is asked for."""
        shared, memory, reminding = self._shared, self.memory, self.reminding
        owner = config.user.name == self.config.user.name
        return ConversationServices(
            engines=self.engines,
            mind=self.mind,
            voice=EnginePool("text_to_speech", silent_voice()),
            store=self.store,
            spill=spill,
            prompt=self._prompt,
            today=lambda: local_day(self.wall()),
            wall=self.wall,
            actors=shared.actors,
            memory=partial(memory.of, config) if memory is not None else None,
            tools=partial(self.toolkit.offers, owner=owner) if self.toolkit is not None else tuple,
            reflexes=partial(answers_of, shared, self.forget, config),
            wake=wake_phrase(config),
            care=shared.care,
            notices=shared.notices,
            on_committed=self._notice,
            gone=self.find_deleted if self.database is not None else None,
            stops_ringing=partial(stops_ringing, reminding) if reminding is not None else lambda session, text: False,
        )

    async def answer_alone(
        self, user: str, persona: str, said: Utterance, *, last: str = "", keep: bool = True, rings: bool = True
    ) -> str | None:
        """Answer a program's words without a language model, None where one has to.

        What Harry has asked is remembered for each user. `last` is what he said before; `keep`: what is said may be
        kept; `rings`: what is set can ring somewhere for the user.
        """
        key = user, persona, rings
        shared = self._shared if rings else replace(self._shared, reminding=None)
        answers = self._programs.pop(key, None) or ProgramAnswers(shared, self.forget, self.config_of(user, persona))
        self._programs[key] = answers  # the newest last
        while len(self._programs) > PROGRAMS_REMEMBERED:
            self._programs.pop(next(iter(self._programs)))
        return await answers.answer(said, last=last, keep=keep)

    @asynccontextmanager
    async def _live(self, session: Session) -> AsyncIterator[None]:
        with self._shared.sessions.holding(session):
            async with trio.open_nursery() as nursery:
                await nursery.start(session.run)
                self._shared.sessions.greet(session)
                if self.reminding is not None:
                    self.reminding.look()
                self.came.notify()
                yield
                nursery.cancel_scope.cancel()

    async def keep(self, records: Sequence[Record]) -> bool:
        """Keep what belongs to no session; what the store cannot take now waits on disk until it can.

        Returns whether it is in the store. Raises `StoreError` where not even the other can be written.
        """
        stored = True
        try:
            await self.store.write(records)
        except StoreError:
            stored = False
            if not self.free:
                raise
            with self._shared.spill_pool.acquire() as spill:
                await spill.append(records)
        self._shared.sessions.met(*(record.user for record in records))
        if self.memory is not None:
            self.memory.memory.notice()
        self._notice()
        return stored

    def _notice(self) -> None:
        if self.background_jobs is not None:
            self.background_jobs.notice()


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
    shared = Shared(
        engines=engines,
        mind=mind,
        storage=storage,
        sessions=sessions,
        spill_pool=SpillPool(
            storage.store,
            config.memory_folder if storage.store.durable and resident else None,
            most,
            prepare=storage.prepare,
        ),
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
            rings=_rings(config), clocks=Clocks(wall=shared.wall),
        ),
        background_jobs=await background_jobs(
            config, database, held, sessions.users,
            on_trouble=sessions.trouble, on_recovered=sessions.recovered, over=sessions.let_go, summarise=summarise,
            wall=shared.wall,
        ),
    )  # fmt: skip


def _rings(config: Config) -> Rings:
    wanted = config.reminders
    return Rings(wanted.timer_rings, wanted.alarm_rings, wanted.snooze)


async def _warm(language: str, name: str, warmed: trio.Event) -> None:
    """Make the grammars of the reflexes ready, so that the first wish need not wait for them."""
    await trio.to_thread.run_sync(warm_up_crisis, abandon_on_cancel=True)
    await trio.to_thread.run_sync(warm_up, language, (name,), abandon_on_cancel=True)
    warmed.set()


def _kept_free(most: int) -> int:
    """Return how many of all conversations no guest may begin: an eighth, which is for the owner."""
    return max(1, most // 8) if most > 2 else 0


def turn_taking_settings(config: Config, *, talk: Talk | None = None) -> TurnTakingSettings:
    """Return how turns are taken, by the configuration; `talk` says how the microphone is used, if not by it."""
    settings = TurnTakingSettings(
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
    return replace(settings, talk=talk.value) if talk else settings


def wake_phrase(config: Config) -> Callable[[], WakePhrase] | None:
    """Make what listens for the wake phrase; None if there is none. Raises `ConfigurationError` if it has no sound."""
    wanted = config.attention
    if not wanted.wake_phrase:
        return None
    spell_words(wanted.wake_phrase)
    return partial(WakePhrase, wanted.wake_phrase, wanted.wake_threshold)


def silent_voice() -> TextToSpeech:
    """Make a voice that says nothing, and tells exactly what: what is written counts as heard."""
    return Silent("silent")
