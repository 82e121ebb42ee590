"""Which engines there are: entry points in one group for each role, Harry's own and those of plug-ins.

An entry point names a class with `Settings`, a pydantic model of its `[engine.NAME]` table (extra keys forbidden),
and `load(name, settings)`, which may block and runs in a thread. Listing reads metadata and imports nothing.
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Protocol, TypeVar, runtime_checkable

from pydantic import BaseModel, ConfigDict, ValidationError

from harry.engines.child.engines import load_child
from harry.engines.contract import find_fault, find_fault_in_class
from harry.engines.freshness import note_loaded, refuse_if_changed
from harry.engines.packages import blamed, broken, credit, is_built_in
from harry.errors import ConfigurationError, EngineUnavailable
from harry.redaction import shown_settings, without_secrets

ROLES = ("voice_activity", "speech_to_text", "turn_detector", "language_model", "text_to_speech")
"""The roles an engine can have: the keys of `[engines]` and the names of the entry-point groups after `harry.`."""

PROCESS = "process"
"""The key of any `[engine.NAME]` that has the engine run in a process of its own."""

E_co = TypeVar("E_co", covariant=True)


class EngineSettings(BaseModel):
    """The base of every engine's settings: nothing beyond what is declared is accepted."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class EngineClass(Protocol[E_co]):
    """What an entry point must name."""

    Settings: type[EngineSettings]

    @staticmethod
    def load(name: str, settings: Any) -> E_co:
        """Build the engine; blocking. Raises `EngineUnavailable` with a remedy if it cannot serve here."""
        ...


@runtime_checkable
class ChecksAvailability(Protocol):
    """An engine class that finds out quickly whether it could be built, without building it."""

    @staticmethod
    def check_available(name: str, settings: Any) -> str | None:
        """Raise as `load` would if the engine cannot serve here; return what was found, if that is worth telling."""
        ...


@dataclass(frozen=True, slots=True)
class EngineFacts:
    """What can be told of an engine before it is built.

    `languages` are tags of those that it hears or speaks, such as "en" or "de-DE"; empty where it has no bounds.
    `packages` are the installed packages that it works with; their versions and licences are listed with it.
    """

    languages: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()


@runtime_checkable
class TellsFacts(Protocol):
    """An engine class that tells its languages and packages."""

    @staticmethod
    def facts(name: str, settings: Any) -> EngineFacts:
        """Return them; quick, for nothing is built."""
        ...


def list_kinds(role: str) -> dict[str, EntryPoint]:
    """Return the kinds of engine known for a role, by name. No plug-in takes the name of an engine of Harry's own."""
    points = sorted(entry_points(group=f"harry.{role}"), key=is_built_in)
    return {point.name: point for point in points}


def suggest_name(word: str, known: list[str]) -> str:
    """Suggest the right name: "Did you mean X?", or the list of known names."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    if close:
        return f"Did you mean {close[0]!r}?"
    return f"Known: {', '.join(sorted(known)) or 'none'}."


def find_engine_class(role: str, kind: str) -> EngineClass[Any]:
    """Import the class behind a kind. Raises `ConfigurationError` for an unknown one, `EngineUnavailable` if broken."""
    return _find(role, kind)[1]


def _find(role: str, kind: str) -> tuple[EntryPoint, EngineClass[Any]]:
    known = list_kinds(role)
    if kind not in known:
        raise ConfigurationError(
            f"There is no {role.replace('_', ' ')} engine {kind!r}.", remedy=suggest_name(kind, list(known))
        )
    point, what = known[kind], f"The engine {kind!r}"
    with blamed(what, point):
        found: EngineClass[Any] = point.load()
        note_loaded(point)
        fault = find_fault_in_class(role, found)
    if fault:
        raise broken(what, point, fault)
    return point, found


def check_settings(engine: EngineClass[Any], table: str, values: Mapping[str, Any]) -> EngineSettings:
    """Check an `[engine.NAME]` table. Raises `ConfigurationError` with the key, what was expected, the nearest name."""
    try:
        return engine.Settings.model_validate(dict(values))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join([table, *map(str, first["loc"])])
        if first["type"] == "extra_forbidden":
            known = list(engine.Settings.model_fields)
            raise ConfigurationError(f"Unknown key {key}.", remedy=suggest_name(str(first["loc"][-1]), known)) from None
        if first["type"] == "missing":
            raise ConfigurationError(
                f"{key} is not set.", remedy=f"Set it in the [{table}] table of the configuration."
            ) from None
        given = shown_settings(engine.Settings, {str(first["loc"][0]): first["input"]})[str(first["loc"][0])]
        raise ConfigurationError(f"{key}: {first['msg']} (given: {given!r}).") from None


def shown_table(kind: str, table: Mapping[str, Any]) -> dict[str, Any]:
    """Copy an `[engine.NAME]` as it may be shown: by its class's marks; where there is no such class, all hidden."""
    values = {key: value for key, value in table.items() if key not in {"kind", PROCESS}}
    found: list[type[EngineSettings]] = []
    for role in ROLES:
        try:
            found.append(find_engine_class(role, kind).Settings)
        except (ConfigurationError, EngineUnavailable):
            continue
    if found:
        # A kind of several roles is the one whose keys these are.
        settings = max(found, key=lambda model: len(values.keys() & model.model_fields))
        common = {key: table[key] for key in ("kind", PROCESS) if key in table}
        return {**common, **shown_settings(settings, values)}
    return {key: value if key == "kind" else without_secrets(value, key, hidden=True) for key, value in table.items()}


def look(role: str, name: str, table: Mapping[str, Any]) -> str:
    """Find out whether an engine could be built, as far as that is known without building it. Raises as `load_engine`.

    A class may have `check_available(name, settings)` for this: quick, and raising as its `load_engine` would. What it
    found is returned.
    """
    point, engine, settings = _checked(role, name, table)
    with blamed(f"The engine {name!r}", point):
        if isinstance(engine, ChecksAvailability):
            return engine.check_available(name, settings) or ""
    return ""


def read_facts(role: str, name: str, table: Mapping[str, Any]) -> EngineFacts:
    """Return what an engine's class tells of it, nothing where it tells nothing. Raises as `load_engine`."""
    point, engine, settings = _checked(role, name, table)
    with blamed(f"The engine {name!r}", point):
        told = engine.facts(name, settings) if isinstance(engine, TellsFacts) else None
    return told if isinstance(told, EngineFacts) else EngineFacts()


def credit_of(role: str, name: str, table: Mapping[str, Any]) -> str:
    """Name the package of an engine, " (package strange 1.0)"; "" for Harry's own, and for one that is not there."""
    point = list_kinds(role).get(str(table.get("kind", name)))
    return credit(point) if point is not None else ""


def check_engine_table(role: str, name: str, table: Mapping[str, Any]) -> EngineClass[Any]:
    """Find the class that `[engine.NAME]` (`table`) is for, and check the table, without building the engine."""
    return _checked(role, name, table)[1]


def load_newcomer(role: str, name: str, table: Mapping[str, Any]) -> Any:
    """Build an engine as `load_engine`, in a process that runs for a while: also one that was installed meanwhile.

    Raises `EngineUnavailable` where its package was loaded already, and is another one on disk by now.
    """
    importlib.invalidate_caches()
    point = list_kinds(role).get(str(table.get("kind", name)))
    if point is not None:
        refuse_if_changed(point)
    return load_engine(role, name, table)


def load_engine(role: str, name: str, table: Mapping[str, Any]) -> Any:
    """Build the engine that `[engine.NAME]` (`table`) describes; its `kind`, else its name, chooses it. Blocking.

    Raises `ConfigurationError`, and `EngineError` whatever a plug-in does.
    """
    point, kind, settings = _checked(role, name, table)
    what = f"The engine {name!r}"
    with blamed(what, point):
        engine = (
            load_child(role, name, {key: value for key, value in table.items() if key != PROCESS})
            if table.get(PROCESS)
            else kind.load(name, settings)
        )
        fault = find_fault(role, engine)
    if fault:
        raise broken(what, point, fault)
    return engine


def _checked(role: str, name: str, table: Mapping[str, Any]) -> tuple[EntryPoint, EngineClass[Any], EngineSettings]:
    values = dict(table)
    if not isinstance(values.pop(PROCESS, False), bool):
        raise ConfigurationError(f"engine.{name}.{PROCESS} is true or false.")
    point, engine = _find(role, str(values.pop("kind", name)))
    with blamed(f"The engine {name!r}", point):
        return point, engine, check_settings(engine, f"engine.{name}", values)
