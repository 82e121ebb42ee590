"""Loads the engines of all roles at once, each by its chain: the first that can serve, and why the others could not.

The minds of a chain become one, a relay, in which those that follow stand in within a turn.

A name that does not exist stops the start. A single engine that the user named and that cannot serve stops it too; a
list, or a choice that was left to Harry, falls back, and the last resort is to do without.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import structlog
import trio

from actors.protocols import LanguageModel
from harry.engines import registry
from harry.engines.engine_set import Engines
from harry.engines.lease import EnginePool
from harry.engines.spending import Charged, Meter
from harry.errors import ConfigurationError, EngineError, EngineUnavailable
from harry.mind.fallback.relay import Link, Relay

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Candidate:
    """An engine that may serve a role: its name, its `[engine.NAME]` table, and why it is a candidate.

    `later` gives the table of one that may come while Harry runs, None until it has come; `missing` says in a sentence
    that it was expected.
    """

    name: str
    table: Mapping[str, Any] = field(default_factory=dict)
    why: str = ""
    later: Callable[[], Mapping[str, Any] | None] | None = None
    missing: EngineUnavailable | None = None


@dataclass(frozen=True, slots=True)
class Chain:
    """The candidates of a role, the wanted first. `named`: the user named exactly this one, so it must serve.

    `watch` is to be run beside Harry: it looks for those that are expected.
    """

    role: str
    candidates: tuple[Candidate, ...]
    named: bool = False
    watch: Callable[[], Awaitable[None]] | None = None


async def load_engines(
    chains: Sequence[Chain],
    *,
    on_loaded: Callable[[str, str], None] = lambda role, what: None,
    on_degraded: Callable[[str, str], None] = lambda role, why: None,
    meter: Meter | None = None,
) -> Engines:
    """Load every chain, all at the same time, in threads. `on_loaded(role, what)` tells progress.

    `meter` watches over what the engines elsewhere cost.

    Raises `ConfigurationError` for a name that does not exist or a named engine that cannot serve.
    """
    loaded: dict[str, EnginePool[Any] | None] = {}
    notes: list[str] = []
    troubles: list[ConfigurationError] = []

    async def one(chain: Chain) -> None:
        try:
            if chain.role == "language_model":
                shelf: EnginePool[Any] | None = await _relay(chain, notes, on_degraded, meter)
            else:
                shelf = await _first_that_serves(chain, notes, on_degraded, meter)
        except ConfigurationError as error:
            troubles.append(error)
        else:
            loaded[chain.role] = shelf
            on_loaded(chain.role, "nothing" if shelf is None else shelf.engine.name)

    async with trio.open_nursery() as nursery:
        for chain in chains:
            nursery.start_soon(one, chain)
    watches = [chain.watch for chain in chains if chain.watch is not None]
    engines = Engines(**loaded, notes=notes, watches=watches)
    if troubles:
        await engines.aclose()
        raise troubles[0]
    return engines


async def _first_that_serves(
    chain: Chain, notes: list[str], on_degraded: Callable[[str, str], None], meter: Meter | None
) -> EnginePool[Any] | None:
    for candidate in chain.candidates:
        load = partial(load_charged, _loading(chain.role, candidate), meter)
        try:
            engine = await load()
        except EngineError as error:
            _cannot_serve(chain, candidate, error, notes)
        else:
            return EnginePool(chain.role, engine, reload=load, on_degraded=on_degraded)
    return None


async def load_charged(load: Callable[[], Awaitable[Any]], meter: Meter | None) -> Any:
    """Load an engine, and hand it the meter if it asks one before each use."""
    engine = await load()
    if isinstance(engine, Charged):
        engine.meter = meter
    return engine


async def _relay(
    chain: Chain, notes: list[str], on_degraded: Callable[[str, str], None], meter: Meter | None
) -> EnginePool[LanguageModel] | None:
    """Load the first mind that serves, and those that cost no memory; the rest is loaded when it is needed."""
    links: list[Link] = []
    serves = False
    for candidate in chain.candidates:
        link = Link(
            candidate.name,
            _loading(chain.role, candidate),
            ready=partial(_is_there, candidate),
            on_degraded=on_degraded,
        )
        links.append(link)
        if not link.is_available:
            if candidate.missing is not None:
                _cannot_serve(chain, candidate, candidate.missing, notes)
            continue
        try:
            link.note_class(await _loading(chain.role, candidate, registry.check_engine_table)())
            if not serves or link.traits.light:
                await link.load_pool()
                serves = True
        except EngineError as error:
            link.note_failure(error)
            if not serves:
                _cannot_serve(chain, candidate, error, notes)
    # Its name and traits change with who answers, which the protocol's attributes do not foresee.
    relay: Any = Relay(links, meter)
    # One that is expected serves as soon as it comes; until then it is said that no mind can answer yet.
    serves = serves or any(candidate.missing is not None for candidate in chain.candidates)
    return EnginePool(chain.role, relay, on_degraded=on_degraded) if serves else None


def _is_there(candidate: Candidate) -> bool:
    return candidate.later is None or candidate.later() is not None


def _loading(
    role: str, candidate: Candidate, how: Callable[[str, str, Mapping[str, Any]], Any] = registry.load_engine
) -> Callable[[], Awaitable[Any]]:
    """Make what loads a candidate, in a thread; it raises `ConfigurationError` or `EngineError`."""

    async def load() -> Any:
        table = candidate.later() if candidate.later is not None else candidate.table
        try:
            return await trio.to_thread.run_sync(how, role, candidate.name, table or {}, abandon_on_cancel=True)
        except (ConfigurationError, EngineError):
            raise
        except (Exception, SystemExit) as error:
            raise _broken(candidate, error) from error

    return load


def _cannot_serve(chain: Chain, candidate: Candidate, error: EngineError, notes: list[str]) -> None:
    """Note that a candidate is passed over. Raises `ConfigurationError` where it alone was wanted."""
    log.warning("engine cannot serve", role=chain.role, engine=candidate.name, cause=str(error))
    if chain.named:
        raise ConfigurationError(error.message, remedy=error.remedy) from error
    notes.append(str(error))


def _broken(candidate: Candidate, error: BaseException) -> EngineUnavailable:
    """Make an error that serves of whatever else came up: nothing that is loaded may end the start of all roles."""
    log.debug("engine broke while it was loaded", engine=candidate.name, exc_info=error)
    return EngineUnavailable(
        f"The engine {candidate.name!r} broke while it was loaded: {type(error).__name__}: {error}.",
        remedy="That is a mistake in the engine: choose another, or tell its author.",
    )
