"""What all conversations share, and the one way to begin another: any user, any microphone, any loudspeaker.

Each session that the host opens has a user, a history, a supervisor, a gate and a spill of its own. The session at the
computer's microphone is simply the first one; a client at the web server opens the others.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
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
from harry.errors import StoreError, TooManySessions
from harry.hearing.wake_phrase import WakePhrase, spell_words
from harry.host.announcers import Announcers
from harry.host.conversation import (
    ConversationDevices,
    ConversationServices,
    ConversationSettings,
    Inner,
    build_conversation,
)
from harry.host.forgetting import Forgetting
from harry.host.past_turns import find_deleted, recall_use
from harry.host.reflex_context import ProgramAnswers, answers_of
from harry.host.ring_places import rings_of, stops_ringing
from harry.host.shared import Shared
from harry.host.swapping import Swaps
from harry.memory.conversations.recent import recall_recent
from harry.memory.store.opening import NAMESPACE
from harry.memory.store.records import local_day
from harry.session.conductor import Identity
from harry.session.prompt import build_prompt
from harry.session.session import Session, TurnTakingSettings
from harry.session.turn_stages import Prompt
from harry.voice.silent import Silent
from harry.welfare.ai_notice import AINotices

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
        forgetting = Forgetting(shared.memory, shared.sessions.of)
        self.forget, self.forget_day = forgetting.forget, forgetting.forget_day
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

    async def find_deleted(self, turns: Collection[str]) -> set[str]:
        """Tell which turns, all of them kept once, hold no words any more. Raises `StoreError`."""
        return await find_deleted(self.database, turns)

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
            self.reminding.rings = rings_of(config)
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
        by_person: bool = True,
        prepare: Callable[[Session], None] = lambda session: None,
    ) -> AsyncIterator[Session]:
        """Converse with a user for the length of the block; at its end all that was said is kept or spilled.

        `engines`: other ones to hear with than all have. `attended` tells whether somebody can hear or see what Harry
        says; without it, whether there is a loudspeaker. `by_person`: it is no program that converses, so it is told
        that Harry is an AI. `prepare` is called with the session before anything happens
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
                notices=shared.notices if by_person else AINotices(0.0),
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
        await recall_use(self.database, self.notices, user)

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
