"""Long-term memory: keeping texts of six kinds under ids of any form, finding them by words and meaning, deleting them.

A memory belongs to a user (`username`, else the configured one), and is given as `{"id", "kind", "speaker", "message",
"time", "score"}`: `message` verbatim, `time` ISO 8601 with its offset, or None. What bears most on the question comes
first. Every function raises `harry.errors.StoreError` where the store cannot be used, and `ValueError` for a text that
can never be kept.
"""

# ruff: noqa: A002, PT028  # the parameter and the functions have the names that older programs use

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from harry.compat.portal import make_synchronous, port
from harry.compat.services import Services, portal
from harry.memory.longterm.service import Found
from harry.memory.store.items import KINDS, Item, Kind
from harry.memory.text.analysis import format_age

COUNT = 5
"""Memories that a search gives."""


@port(portal)
async def search(
    services: Services, text: str, username: str | None = None, *, count: int = COUNT
) -> list[dict[str, Any]]:
    """Find the memories that bear most on a text."""
    return await _found(services, text, username, "memory", count)


@port(portal)
async def memory_search(services: Services, query: str, username: str | None = None, *, count: int = COUNT) -> str:
    """Find memories and word them: a line `Memory from 3 weeks ago: text` for each; "" where nothing was found."""
    return _word("Memory", await _search(services, query, username, "memory", count))


@port(portal)
async def journal_search(services: Services, query: str, username: str | None = None, *, count: int = COUNT) -> str:
    """Find journal entries and word them: a line `Journal from 3 weeks ago: text` for each."""
    return _word("Journal", await _search(services, query, username, "journal", count))


@port(portal)
async def booksearch(
    services: Services, text: str, username: str | None = None, *, count: int = COUNT
) -> list[dict[str, Any]]:
    """Find passages of books, as `search` finds memories."""
    return await _found(services, text, username, "book", count)


@port(portal)
async def notesearch(
    services: Services, text: str, username: str | None = None, *, count: int = COUNT
) -> list[dict[str, Any]]:
    """Find notes, as `search` finds memories."""
    return await _found(services, text, username, "note", count)


@port(portal)
async def testsearch(
    services: Services, text: str, username: str | None = None, *, count: int = COUNT
) -> list[dict[str, Any]]:
    """Find what was kept for tests; no other search ever gives it."""
    return await _found(services, text, username, "test", count)


@port(portal)
async def upsert(
    services: Services,
    text: str,
    id: str | int,
    username: str | None = None,
    *,
    kind: Kind = "memory",
) -> bool:
    """Keep a text under an id of any form; what stood there before gives way. True: it is on disk."""
    return await _upsert(services, text, id, username, kind)


@port(portal)
async def journal_upsert(services: Services, text: str, id: str | int, username: str | None = None) -> bool:
    """Keep a journal entry under an id."""
    return await _upsert(services, text, id, username, "journal")


@port(portal)
async def book_upsert(services: Services, text: str, id: str | int, username: str | None = None) -> bool:
    """Keep a passage of a book under an id."""
    return await _upsert(services, text, id, username, "book")


@port(portal)
async def notes_upsert(services: Services, text: str, id: str | int, username: str | None = None) -> bool:
    """Keep a note under an id."""
    return await _upsert(services, text, id, username, "note")


@port(portal)
async def test_upsert(services: Services, text: str, id: str | int, username: str | None = None) -> bool:
    """Keep something for tests under an id."""
    return await _upsert(services, text, id, username, "test")


@port(portal)
async def delete_vector_by_id(
    services: Services,
    id: str | int,
    index_name: str | None = None,
    username: str | None = None,
) -> bool:
    """Delete a text, its vector, and all that was derived from it; False where the user has none of that id.

    `index_name` may say of which kind it must be, by the kind's own name.
    """
    user = services.user(username)
    if index_name is not None:
        if index_name not in KINDS:
            raise ValueError(f"there is no kind {index_name!r}; the kinds are {', '.join(KINDS)}")
        item = await services.memory.get(user, str(id))
        if item is None or item.kind != index_name:
            return False
    return await services.memory.delete(user, [str(id)]) > 0


async def _upsert(services: Services, text: str, identity: str | int, username: str | None, kind: Kind) -> bool:
    user = services.user(username)
    await services.memory.upsert([Item(str(identity), text, user, kind, at=time.time())])
    services.embed_soon(user)
    return True


async def _search(services: Services, text: str, username: str | None, kind: Kind, count: int) -> tuple[Found, ...]:
    if not text.strip() or count < 1:
        return ()
    return (await services.memory.search(text, namespace=services.user(username), kinds=[kind], count=count)).found


async def _found(services: Services, text: str, username: str | None, kind: Kind, count: int) -> list[dict[str, Any]]:
    return [_memory(hit) for hit in await _search(services, text, username, kind, count)]


def _memory(found: Found) -> dict[str, Any]:
    item = found.item
    return {
        "id": item.id,
        "kind": item.kind,
        "speaker": item.speaker,
        "message": item.text,
        "time": None if item.at is None else datetime.fromtimestamp(item.at, tz=UTC).astimezone().isoformat(),
        "score": found.score,
    }


def _word(what: str, found: tuple[Found, ...]) -> str:
    now = time.time()
    return "\n".join(f"{what} from {format_age(hit.item.at, now)}: {hit.item.text}" for hit in found)


search_sync = make_synchronous(search)
memory_search_sync = make_synchronous(memory_search)
journal_search_sync = make_synchronous(journal_search)
booksearch_sync = make_synchronous(booksearch)
notesearch_sync = make_synchronous(notesearch)
testsearch_sync = make_synchronous(testsearch)
upsert_sync = make_synchronous(upsert)
journal_upsert_sync = make_synchronous(journal_upsert)
book_upsert_sync = make_synchronous(book_upsert)
notes_upsert_sync = make_synchronous(notes_upsert)
test_upsert_sync = make_synchronous(test_upsert)
delete_vector_by_id_sync = make_synchronous(delete_vector_by_id)
