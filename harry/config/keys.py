"""The keys of the configuration as a person reads them: for the page that lists them, and for telling a mistake.

Both come from the same model, so that what an error expects is what the documentation promises.
"""

from __future__ import annotations

import inspect
import json
import types
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeGuard, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from harry.config.sources import Layer, Place, describe_origin
from harry.engines.registry import suggest_name
from harry.errors import ConfigurationError
from harry.redaction import HIDDEN, is_secret, masked, named_fields

if TYPE_CHECKING:
    from pydantic import ValidationError


@dataclass(frozen=True, slots=True)
class Key:
    """One key: its dotted name, what it takes, its default, what it means."""

    name: str
    takes: str
    default: Any
    meaning: str


def list_keys(model: type[BaseModel], place: Place = ()) -> Iterator[Key]:
    """Yield every key of a model in the order of declaration, without free tables."""
    for name, field in named_fields(model).items():
        inner = _section(field)
        if inner is not None:
            yield from list_keys(inner, (*place, name))
        elif get_origin(field.annotation) is not dict:
            default = None if field.default is PydanticUndefined else field.default
            yield Key(".".join((*place, name)), describe_accepted(field), default, field.description or "")


def format_row(key: Key) -> str:
    """Write a key as a row of the table in `docs/configuration.md`."""
    default = "" if key.default is None else _as_toml(key.default)
    return f"| `{key.name}` | {key.takes} | {default} | {key.meaning} |"


def format_engine_page(title: str, settings: type[BaseModel]) -> str:
    """Write what `docs/configuration.md` says of an engine: its settings' docstring, and their table."""
    lines = [f"### {title}", "", inspect.cleandoc(settings.__doc__ or ""), ""]
    rows = [_engine_row(name, field) for name, field in settings.model_fields.items()]
    if rows:
        lines += ["| In `[engine.NAME]` | Takes | Default |", "|---|---|---|", *rows]
    else:
        lines += ["It has no settings."]
    return "\n".join(lines)


def _engine_row(name: str, field: FieldInfo) -> str:
    if field.is_required():
        return f"| `{name}` | {describe_accepted(field)} | (must be given) |"
    known = field.default not in (None, PydanticUndefined)
    return f"| `{name}` | {describe_accepted(field)} | {_as_toml(field.default) if known else ''} |"


def _as_toml(value: Any) -> str:
    return f"`{json.dumps(value, default=str)}`"


def _section(field: FieldInfo) -> type[BaseModel] | None:
    kind = field.annotation
    return kind if _is_section(kind) else None


def _is_section(kind: Any) -> TypeGuard[type[BaseModel]]:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def describe_accepted(field: FieldInfo) -> str:
    """Describe in words what a field accepts."""
    if isinstance(field.json_schema_extra, dict) and "takes" in field.json_schema_extra:
        return str(field.json_schema_extra["takes"])
    bounds = {
        name: getattr(bound, name)
        for bound in field.metadata
        for name in ("ge", "gt", "le", "lt")
        if hasattr(bound, name)
    }
    return _in_words(field.annotation, bounds)


def _in_words(kind: Any, bounds: dict[str, Any]) -> str:
    if get_origin(kind) in (Union, types.UnionType):
        parts = [_in_words(part, bounds) for part in get_args(kind) if part is not type(None)]
        return "a name or a list of names" if len(parts) > 1 else parts[0]
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(f'"{choice}"' for choice in get_args(kind))
    if get_origin(kind) not in (None, list) and hasattr(kind, "__metadata__"):
        return _in_words(get_args(kind)[0], bounds)
    if get_origin(kind) is list:
        return "a name or a list of names"
    span = _span(bounds)
    words = {
        bool: "true or false",
        float: f"a number{span}",
        int: f"a whole number{span}",
        str: "a text in quotes",
        Path: "a path in quotes",
        SecretStr: "a text in quotes, kept secret",
    }
    return words.get(kind, "a table")


def _span(bounds: dict[str, Any]) -> str:
    if {"ge", "le"} <= set(bounds):
        return f" from {bounds['ge']:g} to {bounds['le']:g}"
    words = {"ge": "from {:g} on", "gt": "above {:g}", "le": "up to {:g}", "lt": "below {:g}"}
    limits = [words[name].format(bound) for name, bound in bounds.items()]
    return f", {' and '.join(limits)}" if limits else ""


def explain_first_mistake(
    model: type[BaseModel], error: ValidationError, layers: Iterable[Layer]
) -> ConfigurationError:
    """Return the first mistake that validation found as an error: its origin, its key, what was expected instead."""
    first = error.errors()[0]
    place, field, owner = _walk(model, tuple(map(str, first["loc"])))
    key, origin = ".".join(place), describe_origin(place, layers)
    if first["type"] == "extra_forbidden":
        word = place[-1]
        elsewhere = [key.name for key in list_keys(model) if key.name.endswith(f".{word}")]
        remedy = f"Did you mean {elsewhere[0]!r}?" if elsewhere else suggest_name(word, list(named_fields(owner)))
        return ConfigurationError(f"Unknown key {key} ({origin}).", remedy=remedy)
    expected = describe_accepted(field) if field is not None else "a table"
    given = first["input"]
    hidden = is_secret(key, given) or isinstance(given, dict) or _marked(model, tuple(map(str, first["loc"])))
    shown = "" if hidden else f", not {_short(given)}"
    return ConfigurationError(f"{key} ({origin}) takes {expected}{shown}.")


def _marked(model: type[BaseModel], place: Place) -> bool:
    """Return whether a place lies in a setting that is never shown."""
    for part in place:
        field = named_fields(model).get(part)
        if field is None:
            continue  # the name of a table among several of one kind
        if HIDDEN in field.metadata:
            return True
        model = _section(field) or _table_kind(field) or model
    return False


def _short(value: object) -> str:
    text = masked(repr(value))
    return text if len(text) <= 60 else f"{text[:57]}..."


def _walk(model: type[BaseModel], loc: Place) -> tuple[Place, FieldInfo | None, type[BaseModel]]:
    """Follow an error's location as far as it names keys; what follows are branches of a union or places in a list."""
    place: Place = ()
    parts = iter(loc)
    for part in parts:
        place = (*place, part)
        field = named_fields(model).get(part)
        if field is None:
            return place, None, model
        inner = _section(field)
        if get_origin(field.annotation) is dict:
            # Tables of one kind, each with a name of its own.
            name = next(parts, None)
            place, inner = (*place, name) if name is not None else place, _table_kind(field)
            if inner is None or name is None:
                return place, None, model
        if inner is None:
            return place, field, model
        model = inner
    return place, None, model


def _table_kind(field: FieldInfo) -> type[BaseModel] | None:
    """Return what each table of a setting is that has any number of them, by names; None for any other setting."""
    return next((kind for kind in get_args(field.annotation) if _is_section(kind)), None)
