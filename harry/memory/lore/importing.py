"""Read a lorebook from a file of any of the usual kinds: a JSON book, a card as JSON or PNG, a world, a NovelAI book.

A file comes from a stranger: its size is capped before it is read, an entry that cannot be read is left out alone, and
nothing in it is followed or fetched. Every refusal is a `ConfigurationError` in a sentence.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

from pydantic import BaseModel

from harry.config.cards import extract_card
from harry.errors import ConfigurationError
from harry.files.json_text import parse_json
from harry.files.png_text import PNG
from harry.memory.lore.activation import Budget, judge
from harry.memory.lore.formats import NovelBook, NovelEntry, V3Book, V3Entry, World, WorldEntry, to_v3, validate_as
from harry.memory.lore.mending import LeftOut, from_agnai, from_risu, is_agnai, is_risu, is_world, take_entries
from harry.memory.lore.model import Book, Reason, Verdict, refuse_entry, refuse_too_large
from harry.memory.lore.patterns import BadPatternError, Pattern, parse_literal
from harry.memory.lore.rules import LoreIndex
from harry.memory.text.surrogates import repair_surrogates

MAX_JSON_BYTES = 8_000_000
"""Bytes of JSON that are read."""

MAX_PICTURE_BYTES = 32_000_000
"""Bytes of a PNG that are read."""

_MEND = "Export it again from the program that made it."
_CARDS = ("chara_card_v2", "chara_card_v3")


@dataclass(frozen=True, slots=True)
class ImportedBook:
    """A book from a file, what kind of file it was, and what a person should know about it."""

    book: Book
    kind: str
    notes: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()


def read_book(path: Path) -> ImportedBook:
    """Read the lorebook in a file; blocking. Raises `ConfigurationError`."""
    content = _content(path)
    if content.startswith(PNG):
        content = extract_card(content, str(path), largest=MAX_JSON_BYTES)
    elif content.startswith(b"PK\x03\x04"):
        _refuse(path, "is an archive.", "Unpack it, and import its card.json.")
    elif len(content) > MAX_JSON_BYTES:
        _refuse(path, f"is larger than {MAX_JSON_BYTES // 1_000_000} MB.", "Part it into several books.")
    found = _book(_json(content, path), path)
    found = _without_too_large(found)
    book = found.book if found.book.name.strip() else replace(found.book, name=path.stem)
    refuse_too_large([book])
    return replace(found, book=book, notes=(*found.notes, *_warnings(book)))


def explain_silent(book: Book) -> list[Verdict]:
    """Return the entries that can never fire, each with the reason."""
    verdicts = judge(LoreIndex([book]), [], [], budget=Budget(10**9, lambda text: 0, 10**9), explain=True)
    never = (Reason.DISABLED, Reason.EMPTY, Reason.BAD_PATTERN, Reason.NO_USABLE_KEY, Reason.DECORATOR)
    return [verdict for verdict in verdicts if not verdict.fires and verdict.reason in never]


def _without_too_large(found: ImportedBook) -> ImportedBook:
    """Leave out what is larger than an entry may be; a book of nothing else is refused."""
    kept, left = [], list(found.left_out)
    first: ConfigurationError | None = None
    for at, entry in enumerate(found.book.entries, 1):
        try:
            refuse_entry(entry)
        except ConfigurationError as error:
            first = first or error
            left.append(LeftOut(f"number {at}", entry.title[:40], str(error)))
        else:
            kept.append(entry)
    if first is not None and not kept:
        raise first
    return replace(found, book=replace(found.book, entries=tuple(kept)), left_out=tuple(left))


def serialize_book(book: Book) -> str:
    """Write a book as `lorebook_v3` JSON."""
    return json.dumps(to_v3(book), ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def _refuse(path: Path, why: str, remedy: str = _MEND) -> NoReturn:
    raise ConfigurationError(f"{path} {why}", remedy=remedy)


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_PICTURE_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}.", remedy="Name another file.") from error
    if len(content) > MAX_PICTURE_BYTES:
        _refuse(path, f"is larger than {MAX_PICTURE_BYTES // 1_000_000} MB.", "Part it into several books.")
    return content


def _json(content: bytes, path: Path) -> Any:
    def no_constant(name: str) -> NoReturn:
        raise ValueError(f"{name} is no number of JSON")

    try:
        return _whole(parse_json(content.decode("utf-8-sig"), parse_constant=no_constant))
    except UnicodeDecodeError:
        _refuse(path, "is not text in UTF-8.")
    except json.JSONDecodeError as error:
        _refuse(path, f"is not whole JSON: {error.msg}, line {error.lineno} column {error.colno}.")
    except ValueError as error:
        _refuse(path, f"is not JSON that can be read: {str(error).partition(';')[0]}.")


def _whole(value: Any) -> Any:
    """Repair every text in a JSON value: JSON can hold halves of surrogate pairs, which no file can."""
    if isinstance(value, str):
        return repair_surrogates(value)
    if isinstance(value, list):
        return [_whole(inner) for inner in value]
    if isinstance(value, dict):
        return {repair_surrogates(key): _whole(inner) for key, inner in value.items()}
    return value


def _book(given: Any, path: Path) -> ImportedBook:
    if not isinstance(given, dict):
        _refuse(path, "holds no lorebook.")
    spec = given.get("spec")
    if spec == "lorebook_v3":
        return _taken(given.get("data"), path, "a V3 lorebook", _newer(given))
    if spec in _CARDS:
        return _in_card(given, path)
    if isinstance(given.get("data"), list) and (given.get("type") == "risu" or any(map(is_risu, given["data"][:1]))):
        return _taken({**given, "entries": given["data"], "data": None}, path)
    if isinstance(given.get("entries"), dict | list):
        return _taken(given, path)
    return _refuse(
        path, "holds no lorebook.",
        "Harry reads V3 lorebooks, V2 and V3 cards, and the books of SillyTavern, NovelAI, Agnai and Risu.",
    )  # fmt: skip


def _taken(given: Any, path: Path, kind: str = "", notes: tuple[str, ...] = ()) -> ImportedBook:
    """Take a book, entry by entry; what its entries are called tells which program it is of."""
    entries = given.get("entries") if isinstance(given, dict) else None
    if not isinstance(entries, dict | list):
        # What is wrong is said as for any other field.
        return ImportedBook(validate_as(V3Book, given, str(path)).to_book(), kind)
    each = list(entries.values()) if isinstance(entries, dict) else entries
    model: type[BaseModel]
    book: type[V3Book | World | NovelBook]
    if kind:
        model, book, found = V3Entry, V3Book, kind
    elif any(map(is_agnai, each)):
        entries = _each(entries, from_agnai, is_agnai)
        model, book, found = V3Entry, V3Book, "an Agnai book"
    elif any(map(is_risu, each)):
        entries = _each(entries, from_risu, is_risu)
        model, book, found = V3Entry, V3Book, "a Risu lorebook"
    elif any(map(is_world, each)) or (isinstance(entries, dict) and not any(map(_is_v3, each))):
        model, book, found = WorldEntry, World, "a SillyTavern world"
    elif "lorebookVersion" in given or any(map(_from_novelai, each[:1])):
        model, book, found = NovelEntry, NovelBook, "a NovelAI lorebook"
    else:
        model, book, found = V3Entry, V3Book, "a lorebook"
    try:
        taken, left = take_entries(entries, model)
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error.message}", remedy=error.remedy) from None
    kept: Any = {str(at): entry for at, entry in enumerate(taken)} if book is World else taken
    made = validate_as(book, {**given, "entries": kept}, str(path)).to_book()
    return ImportedBook(made, found, notes, tuple(left))


def _each(
    entries: dict[str, Any] | list[Any],
    convert: Callable[[Mapping[str, Any]], dict[str, Any]],
    wanted: Callable[[Any], bool],
) -> dict[str, Any] | list[Any]:
    if isinstance(entries, dict):
        return {name: convert(entry) if wanted(entry) else entry for name, entry in entries.items()}
    return [convert(entry) if wanted(entry) else entry for entry in entries]


def _is_v3(entry: Any) -> bool:
    return isinstance(entry, dict) and "keys" in entry


def _in_card(given: Mapping[str, Any], path: Path) -> ImportedBook:
    data = given.get("data")
    book = data.get("character_book") if isinstance(data, dict) else None
    if not isinstance(data, dict) or book is None:
        _refuse(path, "is a card without a lorebook.", "Choose a card that has one.")
    kind = f"the lorebook of a {'V3' if given.get('spec') == _CARDS[1] else 'V2'} card"
    found = _taken(book, path, kind, _newer(given))
    name = data.get("name")
    if not found.book.name.strip() and isinstance(name, str):
        found = replace(found, book=replace(found.book, name=name))
    return found


def _from_novelai(entry: Any) -> bool:
    return isinstance(entry, dict) and "text" in entry and "content" not in entry


def _newer(given: Mapping[str, Any]) -> tuple[str, ...]:
    try:
        newer = float(given.get("spec_version", 0)) > 3
    except (TypeError, ValueError):
        newer = False
    return ("It was made for a newer specification; what that added is kept, but not obeyed.",) if newer else ()


def _warnings(book: Book) -> list[str]:
    bad = sum(_has_bad_pattern(entry.keys, everywhere=entry.use_regex) for entry in book.entries)
    if not bad:
        return []
    return [f"{bad} {'entry has' if bad == 1 else 'entries have'} a pattern that cannot be run and never matches."]


def _has_bad_pattern(keys: tuple[str, ...], *, everywhere: bool) -> bool:
    for key in keys:
        if key.strip() and (everywhere or parse_literal(key)):
            try:
                Pattern(key)
            except BadPatternError:
                return True
    return False
