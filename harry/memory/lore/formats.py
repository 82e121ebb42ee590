"""The lorebook formats of the world, checked field by field: Character Card V3, SillyTavern worlds, NovelAI.

Whatever a format holds beyond what Harry knows is kept: fields of a V3 book where they stood (`extra`), those of the
others under their program's name in `extensions`. A field of the wrong kind refuses the file, with its place.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from harry.errors import ConfigurationError
from harry.memory.lore.model import Book, Entry, Number

_Number = Annotated[Number, Field(ge=-1e12, le=1e12, allow_inf_nan=False)]
_Id = Annotated[int, Field(ge=-(2**63), lt=2**63)] | str | None


class _Lenient(BaseModel):
    """Keeps what it does not know; a null counts as left out."""

    model_config = ConfigDict(extra="allow", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, given: Any) -> Any:
        if isinstance(given, dict):
            return {key: value for key, value in given.items() if value is not None or key not in cls.model_fields}
        return given

    @property
    def rest(self) -> dict[str, Any]:
        """What it does not know."""
        return dict(self.model_extra or {})


class V3Entry(_Lenient):
    """An entry of a `lorebook_v3`, or of the `character_book` in a card."""

    keys: list[str] = []
    content: str = ""
    extensions: dict[str, Any] = {}
    enabled: bool = True
    insertion_order: _Number = 100
    case_sensitive: bool | None = None
    use_regex: bool = False
    constant: bool = False
    name: str | None = None
    priority: _Number | None = None
    id: _Id = None
    comment: str | None = None
    selective: bool = False
    secondary_keys: list[str] = []

    @field_validator("secondary_keys", mode="before")
    @classmethod
    def _of_a_line(cls, given: Any) -> Any:
        return [key.strip() for key in given.split(",") if key.strip()] if isinstance(given, str) else given

    def to_entry(self) -> Entry:
        """Convert to Harry's own model."""
        known = {name: getattr(self, name) for name in V3Entry.model_fields}
        known.update(keys=tuple(self.keys), secondary_keys=tuple(self.secondary_keys), extra=self.rest)
        return Entry(**known)


class V3Book(_Lenient):
    """A `lorebook_v3`, or the `character_book` in a card."""

    entries: list[V3Entry]
    name: str = ""
    description: str | None = None
    scan_depth: _Number | None = None
    token_budget: _Number | None = None
    recursive_scanning: bool | None = None
    extensions: dict[str, Any] = {}

    def to_book(self) -> Book:
        """Convert to Harry's own model."""
        return Book(
            name=self.name,
            entries=tuple(entry.to_entry() for entry in self.entries),
            description=self.description,
            scan_depth=None if self.scan_depth is None else max(0, int(self.scan_depth)),
            token_budget=None if self.token_budget is None else max(0, int(self.token_budget)),
            recursive_scanning=self.recursive_scanning,
            extensions=self.extensions,
            extra=self.rest,
        )


class WorldEntry(_Lenient):
    """An entry of a SillyTavern world file."""

    key: list[str] = []
    keysecondary: list[str] = []
    comment: str | None = None
    content: str = ""
    constant: bool = False
    selective: bool = False
    order: _Number = 100
    disable: bool = False
    caseSensitive: bool | None = None  # noqa: N815  (the field's name)
    uid: _Id = None
    extensions: dict[str, Any] = {}

    def to_entry(self) -> Entry:
        """Convert to Harry's own model."""
        return Entry(
            keys=tuple(self.key),
            content=self.content,
            secondary_keys=tuple(self.keysecondary),
            enabled=not self.disable,
            constant=self.constant,
            selective=self.selective,
            case_sensitive=self.caseSensitive,
            insertion_order=self.order,
            id=self.uid,
            comment=self.comment,
            extensions={**self.extensions, "sillytavern": self.rest},
        )


class World(_Lenient):
    """A SillyTavern world file, whose entries stand under their numbers."""

    entries: dict[str, WorldEntry]
    name: str = ""
    extensions: dict[str, Any] = {}

    def to_book(self) -> Book:
        """Convert to Harry's own model."""
        entries = tuple(entry.to_entry() for entry in self.entries.values())
        return Book(name=self.name, entries=entries, extensions={**self.extensions, "sillytavern": self.rest})


class NovelEntry(_Lenient):
    """An entry of a NovelAI lorebook. `forceActivation` is what V3 calls constant."""

    text: str = ""
    keys: list[str] = []
    displayName: str | None = None  # noqa: N815  (the field's name)
    enabled: bool = True
    forceActivation: bool = False  # noqa: N815  (as above)
    id: _Id = None
    contextConfig: dict[str, Any] = {}  # noqa: N815  (as above)
    category: str | None = None

    def to_entry(self, disabled: frozenset[str]) -> Entry:
        """Convert to Harry's own model. `disabled` are the categories that are switched off."""
        priority = self.contextConfig.get("budgetPriority")
        number = priority if isinstance(priority, int) and abs(priority) <= 10**12 else 400
        kept = {**self.rest, "contextConfig": self.contextConfig, "category": self.category}
        return Entry(
            keys=tuple(self.keys),
            content=self.text,
            enabled=self.enabled and self.category not in disabled,
            constant=self.forceActivation,
            insertion_order=number,
            priority=number,
            id=self.id,
            comment=self.displayName,
            extensions={"novelai": kept},
        )


class NovelCategory(_Lenient):
    """A category of a NovelAI lorebook."""

    id: str = ""
    enabled: bool = True


class NovelBook(_Lenient):
    """A NovelAI `.lorebook`."""

    entries: list[NovelEntry]
    categories: list[NovelCategory] = []

    def to_book(self) -> Book:
        """Convert to Harry's own model."""
        disabled = frozenset(category.id for category in self.categories if category.id and not category.enabled)
        categories = [category.model_dump() for category in self.categories]
        return Book(
            name="",
            entries=tuple(entry.to_entry(disabled) for entry in self.entries),
            extensions={"novelai": {**self.rest, "categories": categories}},
        )


M = TypeVar("M", bound=_Lenient)


def validate_as(kind: type[M], given: object, name: str) -> M:
    """Check a format's data. Raises `ConfigurationError` that names the first entry and field at fault."""
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = " ".join(f"number {part + 1}" if isinstance(part, int) else str(part) for part in first["loc"])
        raise ConfigurationError(
            f"{name} is not a lorebook as it should be: {place or 'the whole'}: {first['msg']}.",
            remedy="Mend it in the program that made it.",
        ) from None


def to_v3(book: Book) -> dict[str, Any]:
    """Write a book as stand-alone `lorebook_v3`."""
    entries = [_entry_to_v3(entry) for entry in book.entries]
    known = {
        "name": book.name,
        "description": book.description,
        "scan_depth": book.scan_depth,
        "token_budget": book.token_budget,
        "recursive_scanning": book.recursive_scanning,
    }
    data = {**book.extra, **_said(known), "extensions": dict(book.extensions), "entries": entries}
    return {"spec": "lorebook_v3", "data": data}


def _entry_to_v3(entry: Entry) -> dict[str, Any]:
    optional = {name: getattr(entry, name) for name in ("case_sensitive", "priority", "id", "name", "comment")}
    return {
        **entry.extra,
        "keys": list(entry.keys),
        "content": entry.content,
        "extensions": dict(entry.extensions),
        "enabled": entry.enabled,
        "insertion_order": entry.insertion_order,
        "use_regex": entry.use_regex,
        "constant": entry.constant,
        "selective": entry.selective,
        "secondary_keys": list(entry.secondary_keys),
        **_said(optional),
    }


def _said(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
