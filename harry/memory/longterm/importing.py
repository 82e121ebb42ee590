"""What comes from files into long-term memory: JSON Lines of items, and books and notes in text or Markdown.

A line that cannot be read is told with its number and left out; the others are taken. An id that is missing is made
from what the line says, so that the same file may be read twice. Text that is not UTF-8 is read as Windows-1252.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any, BinaryIO

from harry.errors import ConfigurationError
from harry.files.json_text import TooDeepError, parse_json
from harry.memory.longterm.chunking import split_passages
from harry.memory.store.items import KINDS, Item, Kind, clean

MAX_LINE_BYTES = 64 * 1024 * 1024
"""Bytes of a line."""

BATCH_ITEMS = 1000
"""Items in one commit."""


@dataclass
class ImportReport:
    """The result of reading a file. `wrong` holds (line, reason); `foreign` counts lines that were not UTF-8."""

    taken: int = 0
    again: int = 0
    foreign: int = 0
    wrong: list[tuple[int, str]] = field(default_factory=list)


def decode(raw: bytes) -> tuple[str, bool]:
    """Decode UTF-8, else Windows-1252; return the text and whether it was Windows-1252."""
    try:
        return raw.decode("utf-8"), False
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace"), True


def read_lines(
    file: BinaryIO, report: ImportReport, *, namespace: str, zone: tzinfo | None = None
) -> Iterator[tuple[int, Item]]:
    """Yield (bytes read so far, item) for each valid line; invalid ones go into the report.

    `namespace` serves lines that name none. A time without a zone is local (`zone`, or the system's).
    """
    number = passed = 0
    seen: set[tuple[str, str]] = set()
    while raw := file.readline(MAX_LINE_BYTES):
        number += 1
        passed += len(raw)
        text, foreign = decode(raw.removeprefix(b"\xef\xbb\xbf") if number == 1 else raw)
        if not text.strip():
            continue
        try:
            item = clean(_item(parse_json(text), namespace, zone))
        except TooDeepError as error:
            report.wrong.append((number, str(error)))
        except ValueError as error:
            report.wrong.append((number, _why(error)))
        else:
            report.foreign += foreign
            report.again += (item.namespace, item.id) in seen
            seen.add((item.namespace, item.id))
            report.taken += 1
            yield passed, item


def _why(error: ValueError) -> str:
    return "it is not a whole JSON object" if isinstance(error, json.JSONDecodeError) else str(error)


def _item(line: Any, namespace: str, zone: tzinfo | None) -> Item:
    if not isinstance(line, dict):
        raise ValueError("it is not a JSON object")  # noqa: TRY004  (wrong is what the line says)
    text = line.get("text")
    if not isinstance(text, str):
        raise ValueError("it has no text")  # noqa: TRY004  (as above)
    kind: Any = line.get("kind") or "memory"
    at = parse_time(line.get("time"), zone)
    speaker = _text(line, "speaker")
    whose = _text(line, "namespace") or namespace
    origins = line.get("derived_from") or []
    if not isinstance(origins, list) or not all(isinstance(origin, str) for origin in origins):
        raise ValueError("derived_from is not a list of ids")
    return Item(
        _identity(line.get("id")) or _made_of(whose, str(kind), speaker, str(at), text),
        text,
        whose,
        kind,
        speaker,
        at,
        _text(line, "heading"),
        _text(line, "source"),
        _text(line, "supersedes") or None,
        tuple(origins),
        parse_time(line.get("valid_to"), zone),
    )


def _text(line: dict[str, Any], key: str) -> str:
    value = line.get(key)
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    raise ValueError(f"{key} is not a text")


def _identity(value: Any) -> str:
    """Take an id of any form."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _made_of(*parts: str) -> str:
    return hashlib.blake2b("\x00".join(parts).encode("utf-8", "surrogatepass"), digest_size=13).hexdigest()


def parse_time(value: Any, zone: tzinfo | None = None) -> float | None:
    """Read a time: ISO 8601 (local without a zone), or seconds since the epoch; None and "" are no time.

    Raises `ValueError`.
    """
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError("the time is neither a text nor a number")  # noqa: TRY004  (as above)
    try:
        at = float(value) if not isinstance(value, str) else _of_text(value, zone)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{value!r:.60} is not a time such as 2023-05-08T13:56:00") from error
    if not math.isfinite(at):
        raise ValueError("the time is not a finite number")
    return at


def _of_text(value: str, zone: tzinfo | None) -> float:
    read = datetime.fromisoformat(value.strip())
    return (read if read.tzinfo else read.replace(tzinfo=zone)).timestamp()


def serialize_item(item: Item) -> dict[str, Any]:
    """Return an item as a JSON object that `read_lines` reads back."""
    line = {
        "id": item.id,
        "text": item.text,
        "speaker": item.speaker,
        "time": item.at,
        "kind": item.kind,
        "namespace": item.namespace,
    }
    rest = {
        "heading": item.heading,
        "source": item.source,
        "supersedes": item.supersedes,
        "derived_from": list(item.derived_from),
        "valid_to": item.valid_to,
    }
    return line | {key: value for key, value in rest.items() if value}


def read_document(path: Path, *, namespace: str, kind: Kind) -> list[Item]:
    """Split a text or Markdown file into items. Raises `ConfigurationError` if it cannot be read."""
    try:
        text, _ = decode(path.read_bytes().removeprefix(b"\xef\xbb\xbf"))
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}.") from error
    found = split_passages(text, markdown=path.suffix.lower() in (".md", ".markdown"))
    return [
        Item(f"{path.name}#{number}", passage.text, namespace, kind, heading=passage.heading, source=path.name)
        for number, passage in enumerate(found, start=1)
    ]


def check_kind(kind: str) -> Kind:
    """Check the name of a kind. Raises `ConfigurationError`."""
    for known in KINDS:
        if known == kind:
            return known
    raise ConfigurationError(f"There is no kind {kind!r}.", remedy=f"The kinds are {', '.join(KINDS)}.")
