"""Find all plain keys in a text at once, and in a growing transcript without starting over.

The keys stand in Aho-Corasick automata (pyahocorasick). Making one holds Python's lock for its whole length, 12 ms for
10,000 keys, which would be heard in the loudspeaker: so no automaton is larger than `SHARD_CHARACTERS`, and a scan
passes through all of them at about a microsecond each for a sentence.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import TypeAlias

import ahocorasick

from harry.memory.lore.normalization import can_be_found, find_last_word, fold, is_whole_word, join_folded

SHARD_CHARACTERS = 32_000
"""Characters of the keys in one automaton."""

MAX_SEARCHED_CHARACTERS = 20_000
"""Characters that are searched of one text: its last ones."""

Hits: TypeAlias = Mapping[int, int]
"""The keys found in a text, each with its first place in the folded text."""

NOTHING: Hits = MappingProxyType({})


class KeyIndex:
    """All plain keys, each with a number of its own. Add every key, `finish`, then search from any thread."""

    def __init__(self) -> None:
        self._alike = _Sort(exact=False)
        self._exact = _Sort(exact=True)
        self._count = 0

    def add(self, key: str, *, exact: bool) -> int | None:
        """Add a key; return its number, the same for equal keys, or None for a key that can never be found."""
        folded = fold(key, exact=exact).strip()
        if not can_be_found(folded):
            return None
        sort = self._exact if exact else self._alike
        number = sort.numbers.setdefault(folded, self._count)
        if number == self._count:
            self._count += 1
        return number

    def finish(self) -> None:
        """Build the automata; blocking."""
        for sort in self._sorts():
            sort.finish()

    def is_exact(self, number: int) -> bool:
        """Return whether the key with this number is case-sensitive."""
        return number in self._exact.known

    def find(self, text: str) -> Hits:
        """Find all keys in the last `MAX_SEARCHED_CHARACTERS` of a text."""
        return self._merged(
            sort.search(fold(text[-MAX_SEARCHED_CHARACTERS:], exact=sort.exact)) for sort in self._sorts()
        )

    def start_growing(self) -> GrowingSearch:
        """Return a search for a growing text."""
        return GrowingSearch(self)

    def _sorts(self) -> list[_Sort]:
        return [sort for sort in (self._alike, self._exact) if sort.numbers]

    @staticmethod
    def _merged(found: Iterable[dict[int, int]]) -> Hits:
        hits: dict[int, int] = {}
        for places in found:
            hits.update(places)
        return hits


class _Sort:
    """The case-sensitive keys, or the others."""

    def __init__(self, *, exact: bool) -> None:
        self.exact = exact
        self.numbers: dict[str, int] = {}
        self.known: frozenset[int] = frozenset()
        self.longest = 0
        self._automata: list[ahocorasick.Automaton] = []

    def finish(self) -> None:
        self.known = frozenset(self.numbers.values())
        self.longest = max(map(len, self.numbers))
        for shard in _shards(self.numbers):
            automaton = ahocorasick.Automaton()
            for key in shard:
                automaton.add_word(key, (self.numbers[key], len(key)))
            automaton.make_automaton()
            self._automata.append(automaton)

    def search(self, folded: str, since: int = 0) -> dict[int, int]:
        """Find the whole words among the keys that end after `since`, and some before it, each at its first place."""
        hits: dict[int, int] = {}
        for automaton in self._automata:
            for last, (number, length) in automaton.iter(folded, max(0, since - self.longest)):
                start = last + 1 - length
                if number not in hits and is_whole_word(folded, start, last + 1):
                    hits[number] = start
        return hits


def _shards(keys: Iterable[str]) -> Iterator[list[str]]:
    shard: list[str] = []
    size = 0
    for key in keys:
        shard.append(key)
        size += len(key)
        if size >= SHARD_CHARACTERS:
            yield shard
            shard, size = [], 0
    if shard:
        yield shard


class GrowingSearch:
    """Searches a transcript as it grows: only the last word, and what is new, is looked at again.

    The last word is never settled, for the next letter may make it a longer one.
    """

    def __init__(self, index: KeyIndex) -> None:
        self._index = index
        self._begin()

    def _begin(self) -> None:
        self.settled = ""
        self._folded = {False: "", True: ""}
        self._hits: dict[bool, dict[int, int]] = {False: {}, True: {}}

    def find(self, text: str) -> Hits:
        """Find all keys in a text, the same ones as `KeyIndex.find`."""
        if len(text) > MAX_SEARCHED_CHARACTERS:
            self._begin()
            return self._index.find(text)
        if not text.startswith(self.settled):
            self._begin()
        cut = find_last_word(text)
        hits: dict[int, int] = {}
        for sort in self._index._sorts():  # noqa: SLF001  (one idea in two classes)
            hits.update(self._advance(sort, text, cut))
        self.settled = text[:cut]
        return hits

    def _advance(self, sort: _Sort, text: str, cut: int) -> dict[int, int]:
        folded = self._folded[sort.exact]
        known = self._hits[sort.exact]
        if cut > len(self.settled):
            longer = join_folded(folded, fold(text[len(self.settled) : cut], exact=sort.exact))
            known.update({key: at for key, at in sort.search(longer, len(folded)).items() if key not in known})
            self._folded[sort.exact] = folded = longer
        whole_text = join_folded(folded, fold(text[cut:], exact=sort.exact))
        return {**sort.search(whole_text, len(folded)), **known}
