"""Entries of books from other programs, one by one: brought into a known shape, or left out with the reason.

Programs write the same things under other names, and hands leave odd values in them: a key that is a number or null, an
order that is empty. What can be meant in one way only is taken so; an entry that cannot be read is left out alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from harry.errors import ConfigurationError

M = TypeVar("M", bound=BaseModel)

_KEY_LISTS = ("keys", "secondary_keys", "key", "keysecondary")
_NUMBERS = ("insertion_order", "priority", "order")
_SWITCHES = (
    "enabled", "constant", "selective", "use_regex", "case_sensitive", "disable", "caseSensitive", "forceActivation",
)  # fmt: skip
_YES_NO = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An entry that was not taken: its place in the book from 1, or its name there; its title, why, and which field."""

    place: str
    title: str
    why: str
    field: str = ""


def from_agnai(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return an entry of Agnai in the names of V3; the weight decides what stays, as a priority does here."""
    known = {"name", "entry", "keywords", "priority", "weight", "enabled"}
    return {
        "name": entry.get("name"), "content": entry.get("entry"), "keys": entry.get("keywords"),
        "priority": entry.get("weight", entry.get("priority")), "enabled": entry.get("enabled"),
        "insertion_order": entry.get("priority"),
        "extensions": {"agnai": {key: value for key, value in entry.items() if key not in known}},
    }  # fmt: skip


def from_risu(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return an entry of Risu in the names of V3; its keys stand in one text, parted by commas."""
    known = {"key", "secondkey", "comment", "content", "insertorder", "alwaysActive", "selective", "useRegex"}
    mode = entry.get("mode")
    return {
        "keys": entry.get("key"), "secondary_keys": entry.get("secondkey"), "comment": entry.get("comment"),
        "content": entry.get("content"), "insertion_order": entry.get("insertorder"),
        "constant": entry.get("alwaysActive") or mode == "constant", "selective": entry.get("selective"),
        "use_regex": entry.get("useRegex"), "enabled": mode != "folder",
        "extensions": {"risu": {key: value for key, value in entry.items() if key not in known}},
    }  # fmt: skip


def is_agnai(entry: Any) -> bool:
    """Return whether an entry has the names of Agnai."""
    return isinstance(entry, dict) and "keywords" in entry and "keys" not in entry


def is_risu(entry: Any) -> bool:
    """Return whether an entry has the names of Risu."""
    return isinstance(entry, dict) and ("insertorder" in entry or "alwaysActive" in entry)


def is_world(entry: Any) -> bool:
    """Return whether an entry has the names of a SillyTavern world."""
    return isinstance(entry, dict) and "key" in entry and "keys" not in entry and not is_risu(entry)


def take_entries(given: Mapping[str, Any] | Sequence[Any], model: type[M]) -> tuple[list[M], list[LeftOut]]:
    """Check entries one by one; `given` holds them in a list or under names.

    Raises `ConfigurationError` where there are some and none can be taken, with the place of the first.
    """
    named = [(str(name), entry) for name, entry in given.items()] if isinstance(given, Mapping) else None
    places = named if named is not None else [(f"number {at}", entry) for at, entry in enumerate(given, 1)]
    taken: list[M] = []
    left: list[LeftOut] = []
    for place, entry in places:
        try:
            taken.append(model.model_validate(_mended(entry)))
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            where = " ".join(f"number {part + 1}" if isinstance(part, int) else str(part) for part in first["loc"])
            left.append(LeftOut(place, _title(entry), first["msg"], f" {where}" if where else ""))
    if left and not taken:
        first_left = left[0]
        raise ConfigurationError(
            f"No entry can be read: entries {first_left.place}{first_left.field}: {first_left.why}.",
            remedy="Mend it in the program that made it.",
        )
    return taken, left


def _mended(entry: Any) -> Any:
    if not isinstance(entry, dict):
        return entry
    made = dict(entry)
    for name in _KEY_LISTS:
        if name in made:
            made[name] = _keys(made[name])
    for name in _NUMBERS:
        made[name] = _number(made[name]) if name in made else None
    for name in _SWITCHES:
        given = made.get(name)
        if isinstance(given, str):
            made[name] = _YES_NO.get(given.strip().lower(), None if not given.strip() else given)
    for name in ("content", "text", "comment", "name", "displayName"):
        if isinstance(made.get(name), int | float) and not isinstance(made.get(name), bool):
            made[name] = str(made[name])
    if not isinstance(made.get("extensions", {}), dict):
        del made["extensions"]
    # A null counts as left out: each field then has its usual value.
    return {name: value for name, value in made.items() if value is not None or name not in _NUMBERS}


def _keys(given: Any) -> Any:
    """Return keys as a list of texts; a text holds several, parted by commas, unless it is one pattern."""
    if isinstance(given, str):
        text = given.strip()
        parts = [text] if text.startswith("/") and text.count("/") > 1 else text.split(",")
        return [part.strip() for part in parts if part.strip()]
    if isinstance(given, int | float) and not isinstance(given, bool):
        return [str(given)]
    if not isinstance(given, list):
        return given
    return [
        str(key) if isinstance(key, int | float) and not isinstance(key, bool) else key
        for key in given
        if key is not None
    ]


def _number(given: Any) -> Any:
    """Return a number that is written as text, and None for an empty text."""
    if not isinstance(given, str):
        return given
    try:
        value = float(given.strip())
    except ValueError:
        return None if not given.strip() else given
    return int(value) if value.is_integer() else value


def _title(entry: Any) -> str:
    if not isinstance(entry, dict):
        return ""
    return next((str(entry[name])[:40] for name in ("comment", "name", "displayName", "title") if entry.get(name)), "")
