"""Replaces an engine, or a stage of the turns, of a Harry who runs: ready first, then changed between two turns.

The newcomer is built and tried before anything changes; if that fails, it is let go and all is as before. Then the next
lease gets it, in every conversation: a turn that runs keeps what it has, a guess that was begun is made again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from typing import Any

import numpy as np
import structlog
import trio

from actors.protocols import Delta, Message, Recognition, Request, TextPart
from actors.protocols import Role as Speaker
from actors.speaker import checked
from actors.supervisor import describe_origin
from channels.messages import EAR_RATE, FRAME_SAMPLES, Chunk
from harry.config.loading import Config
from harry.engines import registry
from harry.engines.engine_set import Engines
from harry.engines.exits import exits_fail
from harry.engines.lease import EnginePool, close_engine
from harry.engines.spending import Meter
from harry.errors import ConfigurationError, EngineError, EngineUnavailable, HarryError
from harry.host import startup
from harry.host.engine_loading import Candidate, load_charged
from harry.mind.fallback.relay import Link, Relay
from harry.session import actor_registry
from harry.session.session import Session

LOAD_SECONDS = 120.0
"""Seconds in which a newcomer has to be built: large models take their time."""

TRY_SECONDS = 30.0
"""Seconds in which it has to answer for the first time."""

STAGES = ("retriever", "responder", "speaker")
"""Actors that are called anew for each turn."""

AT_A_START = ("recorder", "listener", "transcriber", "soc_writer", "thinker")
"""Actors that live as long as their session."""

SENSES = {"ear": "speech_to_text", "voice": "text_to_speech", "mind": "language_model"}
"""What people call roles."""

log = structlog.get_logger(__name__)


class Swaps:
    """Made by the host. `config` has the tables of engines.

    `sessions` gives those that run now; `on_stage` is told of a stage that those to come use.
    """

    def __init__(
        self,
        config: Config,
        engines: Engines,
        *,
        sessions: Callable[[], Iterable[Session]],
        on_stage: Callable[[str, Any], None],
        meter: Meter | None = None,
    ) -> None:
        self.config = config
        self._engines = engines
        self._sessions = sessions
        self._on_stage = on_stage
        self._meter = meter
        self._one_at_a_time = trio.Lock()

    async def swap(self, role: str, name: str, table: Mapping[str, Any] | None = None) -> str:
        """Have `name` fill a role from the next turn on; return one line that describes it.

        `table` stands in place of the `[engine.NAME]` that was read at the start. Raises `HarryError` with a sentence
        where it cannot; then nothing has changed.
        """
        role = role.strip().replace("-", "_").replace(" ", "_")
        role = SENSES.get(role, role)
        async with self._one_at_a_time:
            if role in STAGES:
                return await self._stage(role, name)
            if role in AT_A_START:
                remedy = f"Set actors.{role} and start Harry again."
                raise HarryError(f"The {role.replace('_', ' ')} is chosen when Harry starts.", remedy=remedy)
            if role not in registry.ROLES:
                roles = ", ".join((*registry.ROLES, *STAGES))
                raise ConfigurationError(f"There is no role {role!r}.", remedy=f"Roles: {roles}.")
            return await self._engine(role, name, table)

    async def _stage(self, role: str, name: str) -> str:
        stage = await trio.to_thread.run_sync(actor_registry.load_newcomer, role, name)
        self._on_stage(role, stage)
        for session in self._sessions():
            session.replace_stage(role, stage)
        return f"the {role} {name}"

    async def _engine(self, role: str, name: str, table: Mapping[str, Any] | None) -> str:
        pool = self._engines.by_role[role]
        if pool is None:
            words = role.replace("_", " ")
            raise HarryError(
                f"Harry runs without {words}, so there is none to replace.",
                remedy=f"Set engines.{role} and start him again.",
            )
        config = self.config if not table else self.config.with_engine_table(name, table)
        candidate = await startup.candidate(config, role, name)
        engine, reload, described = await self._ready(role, candidate, pool)
        close = pool.exchange(engine, reload=reload)
        for session in self._sessions():
            session.conductor.withdraw()
        log.info("an engine was replaced", role=role, engine=name)
        await close()
        return described

    async def _ready(
        self, role: str, candidate: Candidate, pool: EnginePool[Any]
    ) -> tuple[Any, Callable[[], Awaitable[Any]] | None, str]:
        """Build and try the newcomer. Raises `HarryError`.

        Returns what is to be leased, what loads it afresh, and how it describes itself.
        """
        load = partial(_load, role, candidate)
        newcomer: Any = None
        try:
            if role == "language_model":
                newcomer = link = Link(candidate.name, load)
                with trio.fail_after(LOAD_SECONDS):
                    await link.load_pool()
                trial = partial(_try_mind, Relay([link], self._meter))
                await _tried(candidate.name, trial, link.describe)
                relay = _relay(pool, link, self._meter)
                return relay, None, relay.describe()
            load = partial(load_charged, load, self._meter)
            with trio.fail_after(LOAD_SECONDS):
                newcomer = await load()
            described = await _tried(candidate.name, partial(_TRIALS[role], newcomer), newcomer.describe)
        except trio.TooSlowError:
            await close_engine(role, newcomer)
            raise EngineUnavailable(f"{candidate.name} was not ready in time; nothing has changed.") from None
        except BaseException:
            await close_engine(role, newcomer)
            raise
        return newcomer, load, described


def _relay(pool: EnginePool[Any], link: Link, meter: Meter | None) -> Relay:
    """Return the mind whose first choice is the newcomer."""
    before = pool.engine
    return before.replace_first(link) if isinstance(before, Relay) else Relay([link], meter)


async def _load(role: str, candidate: Candidate) -> Any:
    table = candidate.later() if candidate.later is not None else candidate.table
    return await trio.to_thread.run_sync(
        registry.load_newcomer, role, candidate.name, table or {}, abandon_on_cancel=True
    )


async def _tried(name: str, trial: Callable[[], Awaitable[None]], describe: Callable[[], str]) -> str:
    """Have a newcomer answer for the first time and describe itself. Raises `EngineError`, whatever it raises."""
    try:
        with exits_fail(name), trio.fail_after(TRY_SECONDS):
            await trial()
            return str(describe())
    except (HarryError, trio.TooSlowError):
        raise
    except Exception as error:
        log.warning("a newcomer is broken", engine=name, cause=describe_origin(error))
        raise EngineError(
            f"{name} broke when it was tried ({type(error).__name__}).",
            remedy="That is a mistake in it: choose another, or tell its author.",
        ) from error


async def _try_mind(mind: Relay) -> None:
    """Ask for one token, which costs next to nothing and shows that key, server and model are there."""
    asked = Request((Message(Speaker.USER, (TextPart("Say OK."),)),), purpose="ritual", max_tokens=1)
    await mind.reply(asked, _take)


async def _try_voice(voice: Any) -> None:
    async def take(chunk: Chunk) -> None:
        checked(chunk)
        await trio.lowlevel.checkpoint()

    await voice.speak("Ready.", take)


async def _try_ear(ear: Any) -> None:
    Recognition.of(await ear.transcribe(np.zeros(EAR_RATE // 2, np.float32)))


async def _try_turn_detector(detector: Any) -> None:
    _check_likelihood(await detector.likelihood("I am ready.", np.zeros(EAR_RATE // 2, np.float32)))


async def _try_voice_activity(detector: Any) -> None:
    def ask() -> float:
        return float(detector.open_stream().probability(np.zeros(FRAME_SAMPLES, np.float32)))

    _check_likelihood(await trio.to_thread.run_sync(ask, abandon_on_cancel=True))


def _check_likelihood(found: float) -> None:
    if not 0 <= found <= 1:
        raise ValueError("a likelihood is from 0 to 1")


async def _take(_: Delta) -> None:
    await trio.lowlevel.checkpoint()


_TRIALS: Mapping[str, Callable[[Any], Awaitable[None]]] = {
    "voice_activity": _try_voice_activity,
    "speech_to_text": _try_ear,
    "turn_detector": _try_turn_detector,
    "text_to_speech": _try_voice,
}
