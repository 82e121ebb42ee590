"""Which engines there are: entry points in one group for each role, Harry's own and those of plug-ins.

An entry point names a class with `Settings`, a pydantic model of its `[engine.NAME]` table (extra keys forbidden),
and `load(name, settings)`, which may block and runs in a thread. Listing reads metadata and imports nothing.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Protocol, TypeVar, runtime_checkable

from pydantic import BaseModel, ConfigDict, ValidationError

from harry.errors import ConfigurationError, EngineUnavailable
from harry.installation import DISTRIBUTION, how_to_install
from harry.redaction import shown_settings, without_secrets

ROLES = ("voice_activity", "speech_to_text", "turn_detector", "language_model", "text_to_speech")
"""The roles an engine can have: the keys of `[engines]` and the names of the entry-point groups after `harry.`."""

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


def list_kinds(role: str) -> dict[str, EntryPoint]:
    """Return the kinds of engine known for a role, by name."""
    return {point.name: point for point in entry_points(group=f"harry.{role}")}


def _is_built_in(point: EntryPoint) -> bool:
    return point.dist is not None and point.dist.name == DISTRIBUTION


def suggest_name(word: str, known: list[str]) -> str:
    """Suggest the right name: "Did you mean X?", or the list of known names."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    if close:
        return f"Did you mean {close[0]!r}?"
    return f"Known: {', '.join(sorted(known)) or 'none'}."


def find_engine_class(role: str, kind: str) -> EngineClass[Any]:
    """Import the class behind a kind. Raises `ConfigurationError` for an unknown one, `EngineUnavailable` if broken."""
    known = list_kinds(role)
    if kind not in known:
        raise ConfigurationError(
            f"There is no {role.replace('_', ' ')} engine {kind!r}.", remedy=suggest_name(kind, list(known))
        )
    try:
        found: EngineClass[Any] = known[kind].load()
    except ImportError as error:
        raise EngineUnavailable(
            f"The engine {kind!r} needs a package that is not installed ({error.name or error}).",
            remedy=how_to_install(*known[kind].extras)
            if _is_built_in(known[kind])
            else "Install that package, with pip for instance.",
        ) from error
    return found


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
    values = {key: value for key, value in table.items() if key != "kind"}
    found: list[type[EngineSettings]] = []
    for role in ROLES:
        try:
            found.append(find_engine_class(role, kind).Settings)
        except (ConfigurationError, EngineUnavailable):
            continue
    if found:
        # A kind of several roles is the one whose keys these are.
        settings = max(found, key=lambda model: len(values.keys() & model.model_fields))
        return {**({"kind": kind} if "kind" in table else {}), **shown_settings(settings, values)}
    return {key: value if key == "kind" else without_secrets(value, key, hidden=True) for key, value in table.items()}


def look(role: str, name: str, table: Mapping[str, Any]) -> str:
    """Find out whether an engine could be built, as far as that is known without building it. Raises as `load_engine`.

    A class may have `check_available(name, settings)` for this: quick, and raising as its `load_engine` would. What it
    found is returned.
    """
    engine, settings = _checked(role, name, table)
    if isinstance(engine, ChecksAvailability):
        return engine.check_available(name, settings) or ""
    return ""


def check_engine_table(role: str, name: str, table: Mapping[str, Any]) -> EngineClass[Any]:
    """Find the class that `[engine.NAME]` (`table`) is for, and check the table, without building the engine."""
    engine, _ = _checked(role, name, table)
    return engine


def load_engine(role: str, name: str, table: Mapping[str, Any]) -> Any:
    """Build the engine that `[engine.NAME]` (`table`) describes; its `kind`, else its name, chooses it. Blocking."""
    engine, settings = _checked(role, name, table)
    return engine.load(name, settings)


def _checked(role: str, name: str, table: Mapping[str, Any]) -> tuple[EngineClass[Any], EngineSettings]:
    values = dict(table)
    engine = find_engine_class(role, str(values.pop("kind", name)))
    return engine, check_settings(engine, f"engine.{name}", values)
