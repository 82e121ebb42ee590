"""Events for tests that care for some of the fields only."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any

from channels.event_types import BY_NAME, AnyEvent

_NOTHING: dict[str, Any] = {
    "str": "",
    "bool": False,
    "int": 0,
    "float": 0.0,
    "Mapping[str, float]": {},
    "str | None": None,
}


def sample(name: str, turn: str | None = None, **values: Any) -> AnyEvent:
    """Return an event of that name with these fields; the others are empty."""
    kind = BY_NAME[name]
    wanted = {each.name: _NOTHING[str(each.type)] for each in fields(kind) if each.default is MISSING}
    if turn is not None:
        values["turn"] = turn
    made: AnyEvent = kind(**{**wanted, **values})
    return made
