"""Lore: what Harry knows by keyword. An entry is a piece of text that joins the prompt when its keys are spoken of.

The fields are those of a Character Card V3 lorebook, so that books made elsewhere mean here what they meant there. An
entry's content is data: it is handed on as it stands and never interpreted, except for its `@@` decorators.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias

from harry.errors import ConfigurationError

Number: TypeAlias = int | float
Count: TypeAlias = Callable[[str], int]
"""Counts the tokens of a text."""

# What a book may hold. Beyond these it is refused: an index of all keys stands in memory.
MAX_ENTRIES = 50_000
"""Entries in all books of a persona."""
MAX_KEYS = 200
"""Keys of one entry, of each sort."""
MAX_KEY_CHARACTERS = 1_000
"""Characters of one key or pattern."""
MAX_KEYS_CHARACTERS = 2_000_000
"""Characters of all keys of a persona together."""
MAX_CONTENT_CHARACTERS = 100_000
"""Characters of one entry's content."""

SCAN_DEPTH = 4
"""How many of the newest texts a book looks at that does not say it itself."""
MAX_SCAN_DEPTH = 100
"""How many of the newest texts are ever looked at."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a book. `number` is the store's, 0 before it was kept; `extra` holds fields no specification names.

    `secondary_keys` count when `selective` is set. `priority` decides what stays when there is too much (None:
    `insertion_order` does); `insertion_order` is the place in the prompt, lower earlier.
    """

    keys: tuple[str, ...] = ()
    content: str = ""
    secondary_keys: tuple[str, ...] = ()
    enabled: bool = True
    constant: bool = False
    selective: bool = False
    use_regex: bool = False
    case_sensitive: bool | None = None
    insertion_order: Number = 100
    priority: Number | None = None
    id: str | int | None = None
    name: str | None = None
    comment: str | None = None
    extensions: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
    number: int = 0

    @property
    def title(self) -> str:
        """What a person calls it: its comment, name or first key, else how it begins."""
        return self.comment or self.name or next(filter(str.strip, self.keys), "") or self.content.strip()[:40]

    @property
    def worth(self) -> tuple[Number, Number]:
        """What is compared when not everything has room; more stays."""
        return (self.insertion_order if self.priority is None else self.priority), self.insertion_order


@dataclass(frozen=True, slots=True)
class Book:
    """Entries that belong together. `scan_depth` counts texts, `token_budget` tokens; None: nothing was said."""

    name: str
    entries: tuple[Entry, ...] = ()
    description: str | None = None
    scan_depth: int | None = None
    token_budget: int | None = None
    recursive_scanning: bool | None = None
    extensions: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
    number: int = 0


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose books these are."""

    namespace: str
    persona: str


class Reason(StrEnum):
    """Why an entry fires, or does not."""

    CONSTANT = "constant"
    KEY = "key"
    PATTERN = "pattern"
    DECORATOR = "decorator"
    DISABLED = "disabled"
    EMPTY = "empty"
    NO_KEY = "no key"
    NO_USABLE_KEY = "no usable key"
    BAD_PATTERN = "bad pattern"
    TIMED_OUT = "timed out"
    SECONDARY = "secondary keys"
    EXCLUDED = "excluded"
    TOO_EARLY = "too early"
    SPENT = "spent"
    OVER_BUDGET = "over budget"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an entry fires, and why in a sentence. `text` is its content as it joins the prompt; `depth` as below."""

    entry: Entry
    book: str
    fires: bool
    reason: Reason
    why: str
    text: str = ""
    tokens: int = 0
    depth: int | None = None


@dataclass(frozen=True, slots=True)
class Fired:
    """An entry for the prompt. `depth` is how many messages from the newest it wants to stand (None: no wish)."""

    entry: Entry
    why: str
    text: str
    tokens: int
    constant: bool = False
    depth: int | None = None


def bound_tokens(text: str) -> int:
    """Count tokens cautiously where no tokenizer is at hand: two letters to a token, other signs one for each byte.

    English needs about half of that in every common vocabulary. Only runs of letters of no language can need more.
    """
    letters = len(_LETTERS.findall(text))
    rest = len(_SIGNS.sub("", text).encode())
    return letters + rest


_LETTERS = re.compile(r"[A-Za-z]{1,2}")
_SIGNS = re.compile(r"[A-Za-z ]+")


def refuse_too_large(books: Sequence[Book]) -> None:
    """Raise `ConfigurationError` when one persona's books are more than can be held ready."""
    entries = [entry for book in books for entry in book.entries]
    if len(entries) > MAX_ENTRIES:
        raise ConfigurationError(
            f"That would be {len(entries)} entries; a persona can have {MAX_ENTRIES}.", remedy="Leave some books out."
        )
    for entry in entries:
        refuse_entry(entry)
    keys = sum(len(key) for entry in entries for key in (*entry.keys, *entry.secondary_keys))
    if keys > MAX_KEYS_CHARACTERS:
        raise ConfigurationError(
            f"All keys together would have {keys} characters; {MAX_KEYS_CHARACTERS} are the most.",
            remedy="Leave some books out.",
        )


def refuse_entry(entry: Entry) -> None:
    """Raise `ConfigurationError` for an entry that is larger than one may be."""
    keys = (*entry.keys, *entry.secondary_keys)
    if max(len(entry.keys), len(entry.secondary_keys)) > MAX_KEYS:
        raise ConfigurationError(f"The entry {entry.title[:40]!r} has more than {MAX_KEYS} keys.")
    if any(len(key) > MAX_KEY_CHARACTERS for key in keys):
        raise ConfigurationError(
            f"The entry {entry.title[:40]!r} has a key of more than {MAX_KEY_CHARACTERS} characters."
        )
    if len(entry.content) > MAX_CONTENT_CHARACTERS:
        raise ConfigurationError(
            f"The entry {entry.title[:40]!r} has more than {MAX_CONTENT_CHARACTERS} characters of content."
        )
