"""Books made ready: each entry with its keys looked up, its patterns compiled and its decorators read.

A `LoreIndex` is never changed once made, so that any thread may use it while the next one is being built. It is made of
few objects that Python's garbage collector must visit: a full collection holds up every thread, and shall end soon.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harry.memory.lore.decorators import Decorators, split_decorators
from harry.memory.lore.matching import Hits, KeyIndex
from harry.memory.lore.model import MAX_SCAN_DEPTH, SCAN_DEPTH, Book, Entry
from harry.memory.lore.patterns import BadPatternError, Pattern, parse_literal

AND_ANY, NOT_ALL, NOT_ANY, AND_ALL = range(4)
"""What SillyTavern asks of secondary keys. Character Card V3 knows the first alone."""

_NAMES = re.compile(r"\{\{(char|user)\}\}|<(char|bot|user)>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Keys:
    """Keys of which any one will do: the numbers of the plain ones, and the patterns."""

    numbers: tuple[int, ...] = ()
    patterns: tuple[Pattern, ...] = ()
    written: tuple[int | Pattern | None, ...] = ()  # in the order written; None: never found

    def __bool__(self) -> bool:
        return bool(self.written)

    @property
    def usable(self) -> bool:
        """Whether any of them can be found at all."""
        return bool(self.numbers or self.patterns)


NO_KEYS = Keys()


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """When an entry fires. `trouble` is why it never can, if so."""

    entry: Entry
    book: Book
    place: int
    text: str
    asks: Decorators
    depth: int
    keys: Keys
    secondary: Keys
    logic: int
    additional: Keys
    excluded: Keys
    constant: bool
    trouble: str

    @property
    def order(self) -> tuple[float, int]:
        """Its place in the prompt."""
        return self.entry.insertion_order, self.place

    @property
    def cost(self) -> float:
        """Seconds that its patterns took when they were last tried."""
        return sum(pattern.cost for pattern in self.keys.patterns)

    @property
    def always_asked(self) -> bool:
        """Whether it may fire without any plain key in a text."""
        return self.constant or self.asks.activate or self.asks.keep_activate_after_match or bool(self.keys.patterns)

    @property
    def has_patterns(self) -> bool:
        """Whether a pattern must be tried to tell whether it fires."""
        return any(keys.patterns for keys in (self.keys, self.secondary, self.additional, self.excluded))


class LoreIndex:
    """All rules of one persona's books, and the index of their keys. Building it blocks: some 0.1 s for 10,000."""

    def __init__(self, books: Sequence[Book], *, names: Mapping[str, str] | None = None) -> None:
        self.books = tuple(books)
        self.keys = KeyIndex()
        self._names = dict(names or {})
        self.rules = tuple(self._rules())
        self.keys.finish()
        self.of_key = self._places_of_keys()
        self.always = tuple(rule for rule in self.rules if rule.entry.enabled and rule.always_asked)
        self.plainly_always = tuple(rule for rule in self.always if not rule.has_patterns)
        self.patterned = any(rule.has_patterns and rule.entry.enabled for rule in self.rules)
        self.deepest = max((rule.depth for rule in self.rules), default=0)
        self.recursive = any(book.recursive_scanning for book in self.books)
        self._in_content: dict[int, Hits] = {}

    def find_rules(self, hits: Iterable[Hits]) -> list[Rule]:
        """Return the rules with a key among the hits, in order."""
        found = {place for found_keys in hits for number in found_keys for place in self.of_key.get(number, ())}
        return [self.rules[place] for place in sorted(found)]

    def find_in_content(self, rule: Rule) -> Hits:
        """Find the keys in a rule's own text; searched once."""
        hits = self._in_content.get(rule.place)
        if hits is None:
            hits = self._in_content[rule.place] = self.keys.find(rule.text)
        return hits

    def _places_of_keys(self) -> Mapping[int, tuple[int, ...]]:
        places: dict[int, list[int]] = defaultdict(list)
        for rule in self.rules:
            for number in rule.keys.numbers:
                places[number].append(rule.place)
        return {number: tuple(of_number) for number, of_number in places.items()}

    def _rules(self) -> Iterable[Rule]:
        place = 0
        for book in self.books:
            for entry in book.entries:
                yield self._rule(book, entry, place)
                place += 1

    def _rule(self, book: Book, entry: Entry, place: int) -> Rule:
        text, asks = split_decorators(self._named(entry.content))
        all_patterns = entry.use_regex and not _from_sillytavern(entry)
        trouble = ""

        def look_up(keys: Sequence[str], *, patterns: bool) -> Keys:
            nonlocal trouble
            written: list[int | Pattern | None] = []
            for key in keys:
                named = self._named(key)
                try:
                    written.append(self._key(entry, named, pattern=patterns))
                except BadPatternError as error:
                    trouble = str(error) if patterns else trouble
                    written.append(None)
            if not written:
                return NO_KEYS
            return Keys(
                tuple({key: None for key in written if isinstance(key, int)}),
                tuple(key for key in written if isinstance(key, Pattern)),
                tuple(written),
            )

        return Rule(
            entry=entry,
            book=book,
            place=place,
            text=text,
            asks=asks,
            depth=_depth(book, entry, asks),
            keys=look_up(entry.keys, patterns=all_patterns),
            secondary=look_up(() if all_patterns or not entry.selective else entry.secondary_keys, patterns=False),
            logic=_logic(entry),
            additional=look_up(() if all_patterns else asks.additional_keys, patterns=False),
            excluded=look_up(() if all_patterns else asks.exclude_keys, patterns=False),
            constant=entry.constant and not all_patterns,
            trouble=trouble,
        )

    def _key(self, entry: Entry, key: str, *, pattern: bool) -> int | Pattern | None:
        if not key.strip():
            return None
        if pattern or parse_literal(key):
            return Pattern(key, case_sensitive=bool(entry.case_sensitive))
        return self.keys.add(key, exact=bool(entry.case_sensitive))

    def _named(self, text: str) -> str:
        """Replace `{{char}}`, `{{user}}` and their like by the names."""
        if not self._names or ("{{" not in text and "<" not in text):
            return text

        def name(found: re.Match[str]) -> str:
            which = (found[1] or found[2]).lower()
            return self._names.get("user" if which == "user" else "char", found[0])

        return _NAMES.sub(name, text)


def _depth(book: Book, entry: Entry, asks: Decorators) -> int:
    own = asks.scan_depth
    if own is None:
        own = _whole_number(_foreign(entry, "scan_depth", "scanDepth"))
    depth = own if own is not None else book.scan_depth if book.scan_depth is not None else SCAN_DEPTH
    return max(0, min(depth, MAX_SCAN_DEPTH))


def _logic(entry: Entry) -> int:
    found = _whole_number(_foreign(entry, "selectiveLogic", "selectiveLogic"))
    return found if found in (NOT_ALL, NOT_ANY, AND_ALL) else AND_ANY


def _foreign(entry: Entry, embedded: str, world: str) -> Any:
    """Look up a field of SillyTavern, which stands in the extensions of an embedded book, or apart from a world."""
    there = entry.extensions.get("sillytavern")
    if isinstance(there, Mapping) and world in there:
        return there[world]
    return entry.extensions.get(embedded)


def _from_sillytavern(entry: Entry) -> bool:
    # It writes use_regex into every entry of a card, because its keys may be patterns, in slashes.
    return "selectiveLogic" in entry.extensions and "display_index" in entry.extensions


def _whole_number(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
