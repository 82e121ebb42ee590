"""One session's inner life: its thinker, its mornings and evenings, and what it has in mind, opened together.

A mind too small for it passes always: its journal and mornings are plain words.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from datetime import time as clock_time
from typing import Any, NoReturn

import structlog
import trio

from actors.protocols import Delta, LanguageModel, Request, TextDelta
from actors.thinker import Reflection
from channels.backoff import Backoff
from channels.events import EventStream
from channels.messages import Exchange
from channels.signals import Signal
from harry.config.loading import Config
from harry.config.persona import load_configured_persona
from harry.config.sections import Thinker
from harry.engines.lease import EnginePool
from harry.engines.traits import read_traits
from harry.errors import EngineError, EngineUnavailable, StoreError
from harry.inner_life.daily import Ask, Rituals
from harry.inner_life.rate_limit import Allowance, hours
from harry.inner_life.reflection import (
    HOW_TO_SUM_UP,
    HOW_TO_THINK,
    REFLECTION,
    SUMMARY,
    answered,
    line,
    question,
    reflected,
)
from harry.inner_life.state import StateOfMind
from harry.memory.diary.journal import Journal
from harry.memory.diary.stream import SocDays
from harry.memory.shared_state.live_state import SqliteLiveState
from harry.memory.store.database import Database
from harry.memory.store.opening import NAMESPACE

LONGEST_ANSWER = 8_000
"""Characters of a mind's answer that are read."""

PATIENCE = 60.0
"""Seconds a mind may take."""

TOLD = 12
"""Exchanges and thoughts that a thought is told of."""

SUMMED_UP = 60
"""Exchanges of a conversation that its summary is told of, the newest."""

_LONGEST_NAP = 300.0  # seconds after which the wall clock is looked at again: it may have jumped

log = structlog.get_logger(__name__)


def asking(shelf: EnginePool[LanguageModel]) -> Ask:
    """Make a function that asks the mind on the shelf, bounded in time and length. Raises `EngineError`."""

    async def ask(request: Request) -> str:
        said: list[str] = []

        async def take(delta: Delta) -> None:
            if isinstance(delta, TextDelta):
                said.append(delta.text)
            if sum(map(len, said)) > LONGEST_ANSWER:
                scope.cancel()
            await trio.lowlevel.checkpoint()

        async with shelf.lease() as mind:
            if read_traits(mind).small:
                raise EngineUnavailable(f"{mind.name} is too small to think for itself.")
            with trio.move_on_after(PATIENCE) as scope:
                await mind.reply(request, take)
        return "".join(said)

    return ask


class InnerLife:
    """What goes on in Harry besides answering. `join` makes a session's thinker."""

    def __init__(
        self,
        *,
        state: StateOfMind,
        rituals: Rituals,
        allowance: Allowance | None,
        journal_at: clock_time | None,
        thinking: str,
        thoughts: Callable[[], Awaitable[list[str]]],
    ) -> None:
        self.state = state
        self.rituals = rituals
        self._allowance = allowance
        self._journal_at = journal_at
        self._thinking = thinking
        self._thoughts = thoughts
        self._settled = Signal()
        self._changed: list[Reflection] = []
        self._change = trio.Event()
        state.on_stale = self._wake

    def settle(self, wanted: Thinker) -> None:
        """Think, rest and write the journal by other settings from now on; the thoughts of today are counted on."""
        self._allowance = _allowance(wanted, self._allowance)
        self._journal_at = _journal_at(wanted)
        self._settled.notify()

    def join(
        self,
        thinker: Callable[..., Any],
        events: EventStream,
        *,
        history: Callable[[], tuple[Exchange, ...]],
        keeps: Callable[[], bool],
        busy: Callable[[], bool],
        write: Callable[[str], None],
    ) -> Any:
        """Make the `thinker` of a session. `keeps` says whether what is thought may be written down."""

        async def reflect() -> Reflection:
            if self._allowance is not None:
                self._allowance.spent(_now())
            return await self.think(history())

        def keep(reflection: Reflection) -> None:
            if not keeps():
                return
            if reflection.thought:
                write(reflection.thought)
            self._changed.append(reflection)
            self._change.set()

        def may() -> bool:
            return keeps() and self._allowance is not None and self._allowance.allows(_now())

        return thinker(events=events, reflect=reflect, keep=keep, may=may, busy=busy, failure=EngineError)

    async def think(self, history: Sequence[Exchange]) -> Reflection:
        """Ask the mind for a thought about what was said last. Raises `EngineError`, `StoreError`."""
        said = [f"They said: {exchange.said} You said: {exchange.heard}" for exchange in history[-TOLD:]]
        known = [
            ("The conversation, oldest first:", said),
            ("Your last thoughts:", (await self._thoughts())[-TOLD:]),
            ("What you have in mind:", [f"{name}: {text}" for name, text in self.state.told()]),
        ]
        return reflected(await self.rituals.ask(question(self._thinking, HOW_TO_THINK, known, schema=REFLECTION)))

    async def summarise(self, exchanges: Sequence[Exchange]) -> str:
        """Write what a conversation was about, anybody's, so that nobody's name is told; "" where the mind cannot."""
        said = [f"They said: {exchange.said} You said: {exchange.heard}" for exchange in exchanges[-SUMMED_UP:]]
        known = [("The conversation, oldest first:", said)]
        asked = question(f"You are {self.rituals.persona}.", HOW_TO_SUM_UP, known, schema=SUMMARY, purpose="summary")
        try:
            told = await self.rituals.ask(asked)
        except EngineError as error:
            log.info("plain words stand in for the mind", cause=str(error))
            return ""
        return line(answered(told).get("summary"))

    async def run(self) -> NoReturn:
        """Wake up, keep what changes in mind, and write the journal in the evening, until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._keep_state)
            nursery.start_soon(self._days)
        raise AssertionError("both run until cancelled")

    async def _keep_state(self) -> None:
        while True:
            await self._load_state()
            await self._change.wait()
            self._change = trio.Event()
            while self._changed:
                await self.state.change(self._changed.pop(0))

    def _wake(self) -> None:
        self._change.set()

    async def _load_state(self) -> None:
        backoff = Backoff()
        while not self.state.loaded:
            try:
                await self.state.load()
            except StoreError:
                await backoff.sleep()  # why it cannot be read is told by whoever watches over the store

    async def _days(self) -> None:
        """Look at the wall clock at least every few minutes: a laptop sleeps, and clocks are set."""
        while True:
            try:
                await self.rituals.wake_up()
                if self._journal_at is not None and _now().time() >= self._journal_at:
                    await self.rituals.write_journal(self.rituals.today)
            except StoreError as error:
                log.warning("a ritual is put off", cause=str(error))
            with trio.move_on_after(min(_LONGEST_NAP, _until(self._journal_at))):
                await self._settled.wait()


def _allowance(wanted: Thinker, before: Allowance | None = None) -> Allowance | None:
    """Return how often he may think; what he has thought today counts on. None where he may not at all."""
    if not wanted.enabled:
        return None
    fresh = before or Allowance(wanted.a_day, wanted.apart)
    fresh.a_day, fresh.apart, fresh.quiet = wanted.a_day, wanted.apart, hours(wanted.quiet_hours)
    return fresh


def _journal_at(wanted: Thinker) -> clock_time | None:
    return clock_time.fromisoformat(wanted.journal_at) if wanted.journal_at else None


def _now() -> datetime:
    return datetime.now().astimezone()


def _until(journal_at: clock_time | None) -> float:
    """Seconds until the next midnight or journal, whichever is sooner."""
    now = _now()
    midnight = datetime.combine(now.date() + timedelta(days=1), clock_time()).astimezone()
    next_times = [midnight]
    if journal_at is not None and now.time() < journal_at:
        next_times.append(datetime.combine(now.date(), journal_at).astimezone())
    return max(1.0, min((moment - now).total_seconds() for moment in next_times))


async def open_inner_life(
    config: Config, database: Database | None, mind: EnginePool[LanguageModel] | None, user: str
) -> InnerLife | None:
    """Open a user's inner life; None where nothing is kept on disk."""
    if mind is None or database is None:
        return None
    return await inner_life(config, database, asking(mind), user)


async def inner_life(config: Config, tables: Database, ask: Ask, user: str) -> InnerLife:
    """Put a user's inner life together. What cannot be read now of what was in mind is read while it runs."""
    persona, who, told = config.persona.name, load_configured_persona(config.persona), config.thinker
    live = SqliteLiveState(tables)
    state = StateOfMind(user, live)
    try:
        await state.load()
    except StoreError as error:
        log.warning("what was in mind is not known yet", cause=str(error))
    soc = SocDays(tables, persona, user=user, namespace=NAMESPACE)
    about, thinking = (who.fill_names(text, name=persona, user=user) for text in (who.about, who.thinking))

    async def thoughts() -> list[str]:
        return [entry.text for entry in await soc.read_today()]

    whole = f"{about}\n\n{thinking}"
    rituals = Rituals(tables, soc, Journal(tables, persona, user), live, user, persona, whole, ask)
    return InnerLife(
        state=state,
        rituals=rituals,
        allowance=_allowance(told),
        journal_at=_journal_at(told),
        thinking=whole,
        thoughts=thoughts,
    )
