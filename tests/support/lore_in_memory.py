"""Lorebooks without a file, for tests under a virtual clock, where no thread may run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import trio

from harry.memory.lore.model import Book, Scope


class LoreInMemory:
    """A `LoreSource` that holds its books in memory."""

    in_memory = True

    def __init__(self, books: Sequence[Book] = ()) -> None:
        self._version = 0
        self.change(books)

    def change(self, books: Sequence[Book]) -> None:
        """Take these books in the place of those there are, for every scope; entries are numbered from 1."""
        number = 0
        self._books = []
        for book in books:
            entries = tuple(replace(entry, number=number + at) for at, entry in enumerate(book.entries, 1))
            number += len(entries)
            self._books.append(replace(book, entries=entries))
        self._version += 1

    async def version(self) -> int:
        """Count the changes."""
        await trio.lowlevel.checkpoint()
        return self._version

    async def load(self, scope: Scope) -> tuple[int, list[Book]]:
        """Give the books."""
        await trio.lowlevel.checkpoint()
        return self._version, list(self._books)
