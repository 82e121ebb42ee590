"""Loads the engines of all roles at once, each by its chain: the first that can serve, and why the others could not.

A name that does not exist stops the start. A single engine that the user named and that cannot serve stops it too; a
list, or a choice that was left to Harry, falls back, and the last resort is to do without.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog
import trio

from actors.protocols import LanguageModel, SpeechToText, TextToSpeech, TurnDetector, VoiceActivityDetector
from harry import registry
from harry.errors import ConfigurationError, EngineError, EngineUnavailable
from harry.registry import ROLES
from harry.shelf import Shelf

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Candidate:
    """An engine that may serve a role: its name, its `[engine.NAME]` table, and why it is a candidate."""

    name: str
    table: Mapping[str, Any] = field(default_factory=dict)
    why: str = ""


@dataclass(frozen=True, slots=True)
class Chain:
    """The candidates of a role, the wanted first. `named`: the user named exactly this one, so it must serve."""

    role: str
    candidates: tuple[Candidate, ...]
    named: bool = False


@dataclass(slots=True)
class Engines:
    """What the daemon loaded. A role without an engine is None; `notes` says in sentences what was fallen back to."""

    voice_activity: Shelf[VoiceActivityDetector] | None = None
    speech_to_text: Shelf[SpeechToText] | None = None
    turn_detector: Shelf[TurnDetector] | None = None
    language_model: Shelf[LanguageModel] | None = None
    text_to_speech: Shelf[TextToSpeech] | None = None
    notes: list[str] = field(default_factory=list)

    async def aclose(self) -> None:
        """Close everything that was loaded."""
        for role in ROLES:
            shelf = getattr(self, role)
            if shelf is not None:
                await shelf.aclose()


async def load_engines(
    chains: Sequence[Chain],
    *,
    on_loaded: Callable[[str, str], None] = lambda role, what: None,
    on_degraded: Callable[[str, str], None] = lambda role, why: None,
) -> Engines:
    """Load every chain, all at the same time, in threads. `on_loaded(role, what)` tells progress.

    Raises `ConfigurationError` for a name that does not exist or a named engine that cannot serve.
    """
    engines = Engines()
    troubles: list[ConfigurationError] = []

    async def one(chain: Chain) -> None:
        try:
            setattr(engines, chain.role, await _first_that_serves(chain, engines.notes, on_degraded))
        except ConfigurationError as error:
            troubles.append(error)
        else:
            shelf = getattr(engines, chain.role)
            on_loaded(chain.role, "nothing" if shelf is None else shelf.engine.name)

    async with trio.open_nursery() as nursery:
        for chain in chains:
            nursery.start_soon(one, chain)
    if troubles:
        await engines.aclose()
        raise troubles[0]
    return engines


async def _first_that_serves(
    chain: Chain, notes: list[str], on_degraded: Callable[[str, str], None]
) -> Shelf[Any] | None:
    for candidate in chain.candidates:

        async def load(candidate: Candidate = candidate) -> Any:
            return await trio.to_thread.run_sync(
                registry.load, chain.role, candidate.name, candidate.table, abandon_on_cancel=True
            )

        try:
            engine = await load()
        except ConfigurationError:
            raise
        except Exception as strange:  # noqa: BLE001  an engine may come from anybody
            error = strange if isinstance(strange, EngineError) else _broken(candidate, strange)
            log.warning("engine cannot serve", role=chain.role, engine=candidate.name, cause=str(error))
            if chain.named:
                raise ConfigurationError(error.message, remedy=error.remedy) from error
            notes.append(str(error))
        else:
            return Shelf(chain.role, engine, reload=load, on_degraded=on_degraded)
    return None


def _broken(candidate: Candidate, error: Exception) -> EngineUnavailable:
    """What a stranger's engine raised although the contract does not let it."""
    log.debug("engine broke while it was loaded", engine=candidate.name, exc_info=error)
    return EngineUnavailable(
        f"The engine {candidate.name!r} broke while it was loaded: {type(error).__name__}: {error}.",
        remedy="That is a mistake in the engine: choose another, or tell its author.",
    )
