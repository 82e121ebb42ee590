"""A conversation for hours, with everything that goes wrong: what grows, what is left, what is lost.

Somebody types and speaks, cuts Harry short, and talks over him, while minds, voice, ear, store and sound card fail, are
slow, hang and give nonsense; half of the time no mind can answer. The engines are scripted; all else is Harry as he
runs, with his store on disk. Time goes `speed` times as fast as by the wall: only threads and the disk keep to theirs.
"""

from __future__ import annotations

import gc
import random
import tempfile
import time
from array import array
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, cast

import trio
import trio.testing

from actors.protocols import LanguageModel, SpeechToText, TextToSpeech, VoiceActivityDetector
from channels.clock import AudioClock
from channels.event_types import ErrorOccurred, SpeakingStarted, TurnBegan, TurnEnded
from channels.signals import Signal
from harry.bench.figures import percentiles
from harry.bench.soak_outages import Outages
from harry.bench.soak_plot import draw
from harry.bench.soak_usage import Usage
from harry.config.loading import load_config
from harry.daemon.arenas import bound_arenas
from harry.daemon.gc_freeze import start_kept
from harry.engines.engine_set import Engines
from harry.engines.lease import EnginePool
from harry.hearing.energy import Energy, EnergySettings
from harry.host.conversation import ConversationDevices
from harry.host.host import Host
from harry.host.hosting import hosting
from harry.host.storage import Storage
from harry.memory.store.database import Database
from harry.mind.fallback.relay import Link, Relay
from harry.session.session import Session
from harry.testing.engines import ScriptedLanguageModel, ScriptedSettings, ScriptedSpeechToText, ScriptedVoice
from harry.testing.faults import Faults
from harry.testing.loudspeaker import RemovableLoudspeaker
from harry.testing.microphone import PacedMicrophone

USER = "ann"

TYPED = (
    "Tell me about the lighthouse on the cliff.", "What time is it?", "My dog is called Rex.", "What is 12 times 7?",
    "What is my dog called?", "Set a timer for three minutes.", "Cancel the timer.", "Why is the sea salty?",
    "Add milk to my shopping list.", "What do you think of the rain?", "And after that?",
)  # fmt: skip
SPOKEN = (
    "Harry, what do you hear outside?", "Harry, my sister lives in Bremen.", "Harry, where does my sister live?",
    "Harry, tell me a long story, please.", "Harry, what day is it today?",
)  # fmt: skip
REPLIES = (
    "Well, that is a long story, and I will tell you the whole of it. It began on a cold morning by the sea.",
    "I am not sure. Let me think about it for a while.",
    "Yes.",
    "There are three things to say. First this one, then that one, and at last the one that I forgot.",
)  # fmt: skip

PATIENCE = 20.0
"""Seconds after which somebody who gets no answer says something else."""

TELL_EACH = 600.0
"""Seconds by the wall between two lines about how it goes."""

_GUEST_EACH = 20


class _Heard:
    """What the sessions told: turns that began and were kept, actors that were started again, how long answers took."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.to_sound = array("d")
        self.changed = Signal()
        self._began: dict[str, float] = {}

    async def listen(self, session: Session) -> None:
        """Count until the session is over."""
        async for event in session.events.listen(10_000, lossless=True):
            match event.what:
                case TurnBegan(turn=turn):
                    self.counts["began"] += 1
                    self._began[turn] = event.at
                case SpeakingStarted(turn=turn) if turn in self._began:
                    self.to_sound.append(event.at - self._began[turn])
                case TurnEnded(turn=turn):
                    self.counts["kept"] += 1
                    self._began.pop(turn, None)
                case ErrorOccurred(message=message):
                    self.counts["restarts" if "was started again" in message else "errors"] += 1
            self.changed.notify()


class _Soak:
    def __init__(self, seconds: float, seed: int, tell: Callable[[str], object]) -> None:
        self.seconds = seconds
        self.tell = tell
        self.dice = random.Random(seed)  # noqa: S311  no secret
        self.faults = Faults()
        self.heard = _Heard()
        self.used = Usage()
        self.counts: Counter[str] = Counter()
        self.cut_took = array("d")
        self.clock = AudioClock()
        self.microphone = PacedMicrophone()
        self.loudspeaker = RemovableLoudspeaker(self.clock, block=0.04, buffer=0.04)

    # What there is.

    def engines(self) -> Engines:
        """Make scripted engines with faults around them; two minds, of which one stands in for the other."""
        settings = ScriptedSettings(rate=16_000, word_seconds=0.12, gap_seconds=0.03)

        async def load(name: str) -> LanguageModel:
            await trio.lowlevel.checkpoint()
            return self.faults.around(ScriptedLanguageModel(name, list(REPLIES), 0.02), name)

        relay = Relay([Link(name, partial(load, name)) for name in ("first", "second")])
        ear = self.faults.around(ScriptedSpeechToText("ear", list(SPOKEN)), "ear")
        voice = self.faults.around(ScriptedVoice("voice", settings), "voice")
        return Engines(
            voice_activity=EnginePool[VoiceActivityDetector]("voice_activity", Energy("energy", EnergySettings())),
            speech_to_text=EnginePool[SpeechToText]("speech_to_text", ear),
            language_model=EnginePool("language_model", cast("LanguageModel", relay)),
            text_to_speech=EnginePool[TextToSpeech]("text_to_speech", voice),
        )

    # What is said.

    async def converse(self, host: Host, session: Session) -> None:
        """Say one thing after another until the time is over; look at the process after each."""
        since, until = time.monotonic(), trio.current_time() + self.seconds
        told = since
        while trio.current_time() < until:
            self.counts["said"] += 1
            before = self.heard.counts["began"]
            if self.dice.random() < 0.3:
                await self.speak(self.dice.uniform(0.5, 1.5))
            else:
                session.answer_typed(self.dice.choice(TYPED))
            with trio.move_on_after(PATIENCE) as patience:
                while self.heard.counts["began"] == before:
                    await self.heard.changed.wait()
                await self.hear_out_or_not(session)
                await session.wait_quiet(0)
            self.counts["gave up"] += patience.cancelled_caught
            if self.counts["said"] % _GUEST_EACH == 0:
                await self.visit(host)
            self.used.take(since)
            if time.monotonic() - told >= TELL_EACH:
                told = time.monotonic()
                self.tell(self.used.describe())

    async def speak(self, seconds: float) -> None:
        """Speak for so long, and be silent until that has been noticed."""
        await self.microphone.speak(seconds)
        await trio.sleep(0.5)

    async def hear_out_or_not(self, session: Session) -> None:
        """Hear the answer to its end, or cut it, talk over it, or type over it, at any moment."""
        chance = self.dice.random()
        if chance > 0.65:
            return
        await trio.sleep(self.dice.uniform(0, 4))
        if chance < 0.3:
            began = time.perf_counter()
            if session.conductor.cut("stop") is not None:
                self.cut_took.append(time.perf_counter() - began)
        elif chance < 0.5:
            session.answer_typed(self.dice.choice(TYPED))
        else:
            await self.speak(0.7)

    async def visit(self, host: Host) -> None:
        """Come in by another way, say one thing, and leave."""
        async with (
            host.open(user=USER, devices=ConversationDevices(AudioClock())) as guest,
            trio.open_nursery() as nursery,
        ):
            nursery.start_soon(self.heard.listen, guest)
            await trio.testing.wait_all_tasks_blocked()
            guest.answer_typed(self.dice.choice(TYPED))
            with trio.move_on_after(PATIENCE):
                await guest.wait_quiet(0)
            guest.conductor.cut("stop")
            with trio.move_on_after(PATIENCE):
                await guest.conductor.wait_quiet()
            nursery.cancel_scope.cancel()

    # All of it.

    async def run(self, folder: Path) -> dict[str, Any]:
        """Converse in a folder of its own; return the figures."""
        database = await Database.open(folder / "harry.sqlite3")
        statistics = trio.lowlevel.current_statistics
        tasks = statistics().tasks_living
        cpu, began = time.process_time(), time.monotonic()
        outages = Outages(self.dice, self.faults, database.access, (self.loudspeaker, self.microphone))
        try:
            await self._live(database, folder, outages)
            kept = await database.read(lambda held: held.execute("SELECT count(*) FROM turn").fetchone()[0])
        finally:
            await database.aclose()
        return {
            **self._figures(),
            **outages.figures(self.seconds),
            **self.used.figures(),
            "kept_in_the_store": kept,
            "acknowledged_and_lost": max(0, self.heard.counts["kept"] - kept),
            "tasks_left": statistics().tasks_living - tasks,
            "cpu_share_of_a_core": round((time.process_time() - cpu) / (time.monotonic() - began), 3),
        }

    async def _live(self, database: Database, folder: Path, outages: Outages) -> None:
        # Nothing of this computer's own configuration is read, and nothing is written into its data folder.
        config = load_config(None, [f"user.name={USER}"], {"HARRY_HOME": str(folder)})
        devices = ConversationDevices(self.clock, self.microphone, self.loudspeaker)
        engines = self.engines()
        async with (
            hosting(config, engines, Storage.of(database), most=4) as host,
            host.open(user=USER, devices=devices) as session,
            trio.open_nursery() as nursery,
        ):
            nursery.start_soon(self.heard.listen, session)
            nursery.start_soon(outages.run)
            await host.warmed.wait()
            with start_kept():
                await self.converse(host, session)
            nursery.cancel_scope.cancel()
        await engines.aclose()

    def _figures(self) -> dict[str, Any]:
        heard = self.heard.counts
        return {
            "hours_of_conversation": round(self.seconds / 3600, 3),
            "said": self.counts["said"],
            "turns": heard["began"],
            "gave_up_waiting": self.counts["gave up"],
            "restarts": heard["restarts"],
            "errors_told": heard["errors"],
            "committed_to_sound_ms": percentiles(self.heard.to_sound),
            "cut_ms": percentiles(self.cut_took),
        }


def run(
    hours: float,
    speed: float = 1.0,
    *,
    seed: int = 1,
    plot: Path | None = None,
    tell: Callable[[str], object] = lambda line: None,
) -> dict[str, Any]:
    """Converse for `hours` by the wall, at `speed`; `tell` is told how it goes, now and then.

    `plot` is where a picture of what was used is drawn, as PNG.
    """
    bound_arenas()
    soak = _Soak(hours * 3600 * speed, seed, tell)
    gc.collect()
    with tempfile.TemporaryDirectory(prefix="harry-soak-") as folder:
        figures = trio.run(soak.run, Path(folder), clock=trio.testing.MockClock(rate=speed))
    if plot is not None:
        draw(plot, soak.used.at, soak.used.panels())
    return {"speed": speed, **figures}
