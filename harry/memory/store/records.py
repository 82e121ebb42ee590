"""How a record is made fit to be kept, in the same way by every store: clean text, its local day, its line of JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields, replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from datetime import time as clock_time
from typing import Any, TypeAlias

from channels.messages import Outcome, Source, Thought, ToolUse, TurnRecord
from harry.memory.text.surrogates import repair_surrogates

Record: TypeAlias = TurnRecord | Thought

MAX_TEXT_CHARACTERS = 100_000_000
"""Characters a text may have. SQLite itself ends at a thousand million bytes."""


def local_day(at: float, zone: tzinfo | None = None) -> str:
    """Return the calendar day (YYYY-MM-DD) of `at`, seconds since the epoch, in `zone` (None: the system's).

    Raises `ValueError` outside the years 1 to 9999.
    """
    try:
        return datetime.fromtimestamp(at, tz=UTC).astimezone(zone).date().isoformat()
    except (OverflowError, OSError) as error:
        raise ValueError(f"{at!r} is not a time that has a day") from error


def day_bounds(day: str, zone: tzinfo | None = None) -> tuple[float, float]:
    """Return the first second of a local day (YYYY-MM-DD) and of the next: 23 or 25 hours where the clocks change."""
    first = date.fromisoformat(day)
    midnights = (datetime.combine(each, clock_time()) for each in (first, first + timedelta(days=1)))
    begin, end = (
        (each.replace(tzinfo=zone) if zone is not None else each.astimezone()).timestamp() for each in midnights
    )
    return begin, end


def clean(record: Record) -> Record:
    """Return the record as it can be kept: halves of surrogate pairs, which no file can hold, become U+FFFD.

    Raises `ValueError` for a record that can never be kept: a time that is not finite, a text of more than
    `MAX_TEXT_CHARACTERS`.
    """
    repaired: dict[str, Any] = {}
    for field in fields(record):
        value = getattr(record, field.name)
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"{field.name} is not a finite number")
        if isinstance(value, str):
            if len(value) > MAX_TEXT_CHARACTERS:
                raise ValueError(f"{field.name} is longer than {MAX_TEXT_CHARACTERS} characters")
            good = repair_surrogates(value)
            if good is not value:
                repaired[field.name] = good
    return replace(record, **repaired) if repaired else record


def serialize_tools(tools: Sequence[ToolUse]) -> str:
    """Write the tools a turn used as JSON; "" for none."""
    return json.dumps([asdict(use) for use in tools]) if tools else ""


def parse_tools(text: str) -> tuple[ToolUse, ...]:
    """Read what `serialize_tools` wrote. Raises `ValueError` for anything else."""
    return build_tools(json.loads(text)) if text else ()


def build_tools(uses: Iterable[Mapping[str, Any]]) -> tuple[ToolUse, ...]:
    """Build the tools from their fields."""
    return tuple(ToolUse(**{**use, "outcome": Outcome(use["outcome"])}) for use in uses)


def serialize_record(record: Record) -> bytes:
    """Write a record as one line of JSON, with its line end."""
    # ASCII escapes carry everything a string can hold, line ends and halves of surrogate pairs included.
    kind = "turn" if isinstance(record, TurnRecord) else "thought"
    return json.dumps({"kind": kind, **asdict(record)}).encode("ascii") + b"\n"


def parse_record(line: bytes) -> Record:
    """Read what `serialize_record` wrote.

    Raises `ValueError`, `TypeError`, `KeyError` or `AttributeError` for what is no record.
    """
    values = json.loads(line)
    if values.pop("kind") == "thought":
        return Thought(**values)
    uses = build_tools(values.pop("tools", ()))
    return TurnRecord(**{**values, "source": Source(values["source"]), "tools": uses})
