"""A whole session that is typed into, on a clock of the bench's own: no language model, a store on disk."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import trio

from actors.protocols import LanguageModel
from channels.clock import AudioClock
from channels.messages import Source, Utterance
from channels.turn import new_id
from harry.bench.heard import Heard
from harry.config.loading import Config
from harry.config.sections import User
from harry.engines.engine_set import Engines
from harry.engines.lease import EnginePool
from harry.host.conversation import ConversationDevices
from harry.host.host import Host
from harry.host.hosting import hosting
from harry.host.storage import Storage
from harry.memory.store.database import Database
from harry.mind.absent import Absent
from harry.session.session import Session
from harry.testing.loudspeaker import VirtualLoudspeaker

USER = "ann"
"""Who is typing."""

PATIENCE = 60.0
"""Seconds after which a turn that does not end fails the bench."""


class SetClock:
    """A clock that shows what it was set to, in seconds since the epoch."""

    def __init__(self, at: float) -> None:
        self.at = at

    def __call__(self) -> float:
        """Return the time."""
        return self.at


@dataclass(slots=True)
class Day:
    """A session and the clock that it goes by."""

    host: Host
    session: Session
    clock: SetClock

    async def say(self, text: str, heard: Heard | None = None) -> str:
        """Type a line, or say what is `heard`; returns what was answered, once kept. Raises `trio.TooSlowError`."""
        said = Utterance(new_id(), text, Source.TYPED)
        if heard is not None:
            self.session.speech_input.transcriber = heard.transcriber
            said = Utterance(heard.utterance, heard.text, Source.VOICE)
        turn = self.session.answer(said)
        if turn is None:
            return ""
        with trio.fail_after(PATIENCE):
            await turn.over.wait()
            await self.session.wait_quiet(0)
        return self.session.conductor.history[-1].heard if self.session.conductor.history else ""


def local_zone(name: str) -> None:
    """Let the process live in a time zone, as what is typed means local times."""
    os.environ["TZ"] = name
    time.tzset()


@asynccontextmanager
async def day(at: float) -> AsyncIterator[Day]:
    """Begin a session without a language model in a folder of its own, at a time."""
    clock = SetClock(at)
    with tempfile.TemporaryDirectory(prefix="harry-bench-") as folder:
        database = await Database.open(Path(folder) / "harry.sqlite3")
        try:
            config = Config(user=User(name=USER))
            engines = Engines(language_model=EnginePool[LanguageModel]("language_model", Absent("none")))
            async with (
                hosting(config, engines, Storage.of(database), wall=clock) as host,
                host.open(user=USER, devices=_loudspeaker()) as session,
            ):
                yield Day(host, session, clock)
        finally:
            await database.aclose()


def _loudspeaker() -> ConversationDevices:
    """Make a loudspeaker that sounds nowhere, so that its volume can be wished for."""
    clock = AudioClock()
    return ConversationDevices(clock, loudspeaker=VirtualLoudspeaker(clock))
