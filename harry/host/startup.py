"""What has to be found out before Harry can start: which engines, which devices, what is kept and what was before."""

from __future__ import annotations

import os
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

import structlog

from actors.protocols import LanguageModel
from channels.event_types import Degraded
from channels.events import EventStream
from harry.config.loading import Config, RunOptions
from harry.config.mind_presets import PORTS
from harry.engines.engine_set import Engines
from harry.engines.traits import read_traits
from harry.errors import ConfigurationError, EngineUnavailable
from harry.host.engine_loading import Candidate, Chain
from harry.mind.fallback.relay import Relay
from harry.mind.openai.discovery import AwaitedServers, find_local_servers
from harry.mind.selection import BETTER_MINDS, Choice
from harry.mind.selection import list_choices as mind_chain
from harry.models.catalogue import find_pulled_model

log = structlog.get_logger(__name__)


async def chains(config: Config) -> list[Chain]:
    """Return the chain of each role, by the configuration and by what is on this machine."""
    return [
        *(_configured(config, role) for role in ("voice_activity", "speech_to_text", "text_to_speech")),
        *([_configured(config, "turn_detector")] if config.chain("turn_detector") else []),
        await _mind(config),
    ]


async def candidate(config: Config, role: str, name: str) -> Candidate:
    """Return an engine as a role's only choice. Raises `EngineUnavailable` where its server does not answer."""
    chosen = config.model_copy(update={"engines": config.engines.model_copy(update={role: [name]})})
    [found, *_] = (await _mind(chosen) if role == "language_model" else _configured(chosen, role)).candidates
    if found.missing is not None:
        raise found.missing
    return found


def _configured(config: Config, role: str) -> Chain:
    names = config.chain(role)
    named = role in config.engines.model_fields_set and len(names) == 1
    return Chain(role, tuple(Candidate(name, config.engine_table(name)) for name in names), named)


async def _mind(config: Config) -> Chain:
    configured = config.chain("language_model") or None
    wanted = PORTS if configured is None else {name: PORTS[name] for name in PORTS if name in configured}
    servers = await find_local_servers(ports=wanted) if wanted else {}
    tables = {name: config.engine_table(name) for name in config.engine}
    named_file = tables.get("gguf", {}).get("path")
    pulled = find_pulled_model(config.data_folder)
    named = Path(str(named_file)) if named_file else None
    found = mind_chain(
        configured, os.environ, servers, named, tables, pulled=pulled, smallest=config.engines.smallest_mind
    )
    # What is not there yet, and of which nobody said which model to ask it for, is waited for.
    absent = [
        candidate.name
        for candidate in found
        if candidate.name in wanted
        and candidate.name not in servers
        and not {"model", "base_url"} & tables.get(candidate.name, {}).keys()
    ]
    awaited = AwaitedServers(absent)
    candidates = [
        _awaited(candidate, awaited)
        if candidate.name in absent
        else Candidate(candidate.name, candidate.table, candidate.why)
        for candidate in found
    ]
    if configured is None and named is None and pulled is None:

        def pulled_later() -> Mapping[str, Any] | None:
            path = find_pulled_model(config.data_folder)
            return None if path is None else {**tables.get("gguf", {}), "path": path}

        candidates.insert(-1, Candidate("gguf", {}, "it is pulled while Harry runs", pulled_later))
    single = len(configured or ()) == 1
    return Chain("language_model", tuple(candidates), named=single, watch=awaited.run if absent else None)


def _awaited(choice: Choice, servers: AwaitedServers) -> Candidate:
    """Make a candidate of a server that does not answer yet."""

    def later() -> Mapping[str, Any] | None:
        table = servers.table(choice.name)
        return None if table is None else {**choice.table, **table}

    missing = EngineUnavailable(
        f"{choice.name} does not answer at {choice.table['base_url']} yet, or has no model that converses.",
        remedy=f"Start it: Harry looks for it while he runs. Or name its model: [engine.{choice.name}] model.",
    )
    return Candidate(choice.name, {}, "it is looked for while Harry runs", later, missing)


def refuse_one_file_for_two(config: Config, options: RunOptions) -> None:
    """Refuse a file that would be read and overwritten, or written by two. Raises `ConfigurationError`."""
    devices = {
        "microphone": options.microphone or config.audio.microphone,
        "loudspeaker": options.loudspeaker or config.audio.loudspeaker,
    }
    files = {
        use: Path(name.removeprefix("wav:"))
        for use, name in devices.items()
        if isinstance(name, str) and name.startswith("wav:")
    }
    if options.events is not None:
        files["event file"] = options.events
    for (one, path), (other, same) in combinations(files.items(), 2):
        if path.resolve() == same.resolve() or (path.exists() and same.exists() and path.samefile(same)):
            raise ConfigurationError(
                f"{path} cannot be both the {one} and the {other}: it would be overwritten.",
                remedy=f"Name another file for the {other}.",
            )


def tell_of_minds(engines: Engines, events: EventStream) -> None:
    """Have a session tell when another mind of the chain stands in, and when the wanted one is back."""

    def tell(message: str, over: bool) -> None:
        events.publish(Degraded(message=message, over=over))

    if engines.language_model is not None and isinstance(engines.language_model.engine, Relay):
        engines.language_model.engine.tell = tell


def better_minds(mind: LanguageModel | None) -> str:
    """Return the sentence that names the ways to a better mind, when the one that serves is too small; else ""."""
    return BETTER_MINDS if read_traits(mind).small else ""
