"""How a record is made fit to be kept, in the same way by every store: clean text, its local day, its line of JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields, replace
from datetime import UTC, datetime, tzinfo
from typing import Any, TypeAlias

from channels.messages import Outcome, Source, Thought, ToolUse, TurnRecord

Record: TypeAlias = TurnRecord | Thought

LONGEST = 100_000_000
"""Characters a text may have. SQLite itself ends at a thousand million bytes."""


def local_day(at: float, zone: tzinfo | None = None) -> str:
    """Tell the calendar day (YYYY-MM-DD) of `at`, seconds since the epoch, in `zone` (None: the system's).

    Raises `ValueError` outside the years 1 to 9999.
    """
    try:
        return datetime.fromtimestamp(at, tz=UTC).astimezone(zone).date().isoformat()
    except (OverflowError, OSError) as error:
        raise ValueError(f"{at!r} is not a time that has a day") from error


def clean(record: Record) -> Record:
    """Make the record what is kept of it: halves of surrogate pairs, which no file can hold, become U+FFFD.

    Raises `ValueError` for a record that can never be kept: a time that is not finite, a text beyond `LONGEST`.
    """
    repaired: dict[str, Any] = {}
    for field in fields(record):
        value = getattr(record, field.name)
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"{field.name} is not a finite number")
        if isinstance(value, str):
            if len(value) > LONGEST:
                raise ValueError(f"{field.name} is longer than {LONGEST} characters")
            whole = _whole(value)
            if whole is not value:
                repaired[field.name] = whole
    return replace(record, **repaired) if repaired else record


def _whole(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def tools_text(tools: Sequence[ToolUse]) -> str:
    """Write the tools a turn used as JSON; "" for none."""
    return json.dumps([asdict(use) for use in tools]) if tools else ""


def tools_of(text: str) -> tuple[ToolUse, ...]:
    """Read what `tools_text` wrote. Raises `ValueError` for anything else."""
    return tools_in(json.loads(text)) if text else ()


def tools_in(uses: Iterable[Mapping[str, Any]]) -> tuple[ToolUse, ...]:
    """Make the tools of their fields."""
    return tuple(ToolUse(**{**use, "outcome": Outcome(use["outcome"])}) for use in uses)


def as_line(record: Record) -> bytes:
    """Write a record as one line of JSON, with its line end."""
    # ASCII escapes carry everything a string can hold, line ends and halves of surrogate pairs included.
    kind = "turn" if isinstance(record, TurnRecord) else "thought"
    return json.dumps({"kind": kind, **asdict(record)}).encode("ascii") + b"\n"


def from_line(line: bytes) -> Record:
    """Read what `as_line` wrote.

    Raises `ValueError`, `TypeError`, `KeyError` or `AttributeError` for what is no record.
    """
    values = json.loads(line)
    if values.pop("kind") == "thought":
        return Thought(**values)
    uses = tools_in(values.pop("tools", ()))
    return TurnRecord(**{**values, "source": Source(values["source"]), "tools": uses})
