"""What fills every role of Harry's, and what else is installed for it: engines, actors and tools, with their packages.

Each is found as it would be at a start, in a thread with a deadline, and nothing is built unless it is asked for. What
is broken is named with its package and the reason.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal, TypeAlias

import trio

from harry.config.loading import Config
from harry.engines import registry
from harry.engines.packages import Package, find_package, is_built_in, package_of
from harry.engines.registry import EngineFacts
from harry.errors import EngineError, HarryError
from harry.host.engine_loading import Candidate, Chain
from harry.host.startup import chains
from harry.session import actor_registry
from harry.tools import functions

LOOK_SECONDS = 30.0
"""Seconds in which a plug-in has to be imported."""

AT_ONCE = 2
"""Plug-ins that are looked at together."""

Use: TypeAlias = Literal["chosen", "fallback", "free"]

Attempt: TypeAlias = Callable[[str, str, Mapping[str, Any]], Awaitable[HarryError | None]]
"""Tries to load an engine by its role, name and table, and tells what prevents it."""

TOOLS = "tools"


@dataclass(frozen=True, slots=True)
class Installed:
    """Something that can fill a role. `use`: it is the first choice, stands in for it, or is not chosen.

    `trouble` is why it cannot serve, "" if nothing is known to prevent it; `remedy` is what to do then. `needs` is what
    has to be set before it can be chosen. `works_with` are packages that it needs, those that are missing left out.
    """

    role: str
    name: str
    use: Use = "free"
    built_in: bool = True
    package: Package | None = None
    works_with: tuple[Package, ...] = ()
    languages: tuple[str, ...] = ()
    trouble: str = ""
    remedy: str = ""
    needs: str = ""


@dataclass(slots=True)
class _Entry:
    """What is to be looked at: `look` raises what prevents it, and tells the facts."""

    role: str
    name: str
    use: Use
    point: EntryPoint | None
    look: Callable[[], EngineFacts]
    table: Mapping[str, Any] = field(default_factory=dict)
    found: Installed | None = field(default=None)


async def list_installed(config: Config, attempt: Attempt | None = None) -> list[Installed]:
    """Look at everything that can fill a role, role by role, what is chosen first.

    `attempt` loads the engines that are chosen, and those that stand in for them.
    """
    entries = [*_engines(await chains(config)), *_actors(config.actors.model_dump()), *_tools()]
    limit = trio.CapacityLimiter(AT_ONCE)

    async def look_at(entry: _Entry) -> None:
        async with limit:
            entry.found = await _look_at(entry, attempt)

    async with trio.open_nursery() as nursery:
        for entry in entries:
            nursery.start_soon(look_at, entry)
    return [entry.found for entry in entries if entry.found is not None]


async def trouble_with(look: Callable[[], object]) -> HarryError | None:
    """Run what imports a plug-in, in a thread, for `LOOK_SECONDS` at most; return what prevents it, if anything."""
    try:
        with trio.fail_after(LOOK_SECONDS):
            await trio.to_thread.run_sync(look, abandon_on_cancel=True)
    except trio.TooSlowError:
        return EngineError(
            f"It was not imported within {LOOK_SECONDS:.0f} seconds.", remedy="Choose another, or ask whoever made it."
        )
    except HarryError as error:
        return error
    return None


async def _look_at(entry: _Entry, attempt: Attempt | None) -> Installed:
    facts: list[EngineFacts] = []
    error = await trouble_with(lambda: facts.append(entry.look()))
    if error is None and attempt is not None and entry.use != "free" and entry.role in registry.ROLES:
        error = await attempt(entry.role, entry.name, entry.table)
    told = facts[0] if facts else EngineFacts()
    # A choice that was left to Harry lacks nothing because it needs a key or a file.
    unset = error is not None and entry.use == "free" and not isinstance(error, EngineError)
    point = entry.point
    return Installed(
        role=entry.role,
        name=entry.name,
        use=entry.use,
        built_in=point is None or is_built_in(point),
        package=package_of(point) if point is not None else None,
        works_with=tuple(package for package in map(find_package, told.packages) if package is not None),
        languages=told.languages,
        trouble=error.message if error is not None and not unset else "",
        remedy=error.remedy if error is not None and not unset else "",
        needs=error.message if error is not None and unset else "",
    )


def _engines(found: list[Chain]) -> Iterator[_Entry]:
    by_role = {chain.role: chain.candidates for chain in found}
    for role in registry.ROLES:
        kinds = registry.list_kinds(role)
        seen = set()
        use: Use = "chosen"
        for candidate in by_role.get(role, ()):
            if candidate.later is not None and candidate.missing is None:
                continue  # It is not there yet, and nobody said that it should be.
            kind = str(candidate.table.get("kind", candidate.name))
            seen.add(kind)
            yield _engine(role, candidate, use, kinds.get(kind))
            use = "fallback"
        for kind, point in sorted(kinds.items()):
            if kind not in seen:
                yield _engine(role, Candidate(kind), "free", point)


def _engine(role: str, candidate: Candidate, use: Use, point: EntryPoint | None) -> _Entry:
    def look() -> EngineFacts:
        if candidate.missing is not None:
            raise candidate.missing
        registry.look(role, candidate.name, candidate.table)
        return registry.read_facts(role, candidate.name, candidate.table)

    return _Entry(role, candidate.name, use, point, look, candidate.table)


def _actors(chosen: Mapping[str, Any]) -> Iterator[_Entry]:
    points = actor_registry.list_actors()
    for role, wanted in chosen.items():
        own = {name.removeprefix(f"{role}."): point for name, point in points.items() if name.startswith(f"{role}.")}
        for name, point in sorted(own.items(), key=lambda entry: (entry[0] != wanted, entry[0])):
            yield _Entry(role, name, "chosen" if name == wanted else "free", point, _actor_look(role, point))


def _actor_look(role: str, point: EntryPoint) -> Callable[[], EngineFacts]:
    def look() -> EngineFacts:
        actor_registry.load_actor(role, point)
        return EngineFacts()

    return look


def _tools() -> Iterator[_Entry]:
    for point in sorted(entry_points(group=functions.GROUP), key=lambda point: point.name):
        yield _Entry(TOOLS, point.name, "chosen", point, _tool_look(point))


def _tool_look(point: EntryPoint) -> Callable[[], EngineFacts]:
    def look() -> EngineFacts:
        functions.load_tool(point)
        return EngineFacts()

    return look


def packages_told(installed: Installed) -> str:
    """Name an entry's packages with versions and licences: its own first, then what it works with."""
    told = [installed.package, *installed.works_with]
    return "; ".join(
        f"{package} ({package.licence or 'licence not stated'})" for package in told if package is not None
    )
