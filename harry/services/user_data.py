"""What a user may ask of what is kept, and only of his own: the layer under the door's API, over the host's stores.

Every function takes the user as the door has admitted him, and no question reaches what belongs to another. Lore is
the persona's and so everybody's. Where nothing is kept on disk, lists are empty and searching says why.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import trio

from channels.messages import Exchange
from harry.errors import ConfigurationError
from harry.host.host import Host
from harry.host.shared_memory import SharedMemory
from harry.memory.diary.journal import Journal, JournalEntry
from harry.memory.longterm.forgetting import Everything
from harry.memory.longterm.forgetting_day import DayForgotten
from harry.memory.longterm.service import Found, Item, Kind
from harry.memory.lore.model import Book, Scope
from harry.memory.store import items
from harry.memory.store.erasure import Erasure
from harry.memory.store.opening import NAMESPACE, parse_day
from harry.services import memory as remembering
from harry.services.erasing_elsewhere import erasing_elsewhere

KINDS: tuple[str, ...] = items.KINDS
"""The kinds of memories there are."""

PAGE = 100
"""Memories that are listed at once."""

SETTLED_WITHIN = 10.0
"""Seconds that what is being written down is waited for before everything is erased."""

_NEWEST = f"""
    SELECT seq, {items.COLUMNS} FROM item
    WHERE ns = :user AND valid_to IS NULL AND (:before IS NULL OR seq < :before) AND (:kind IS NULL OR kind = :kind)
        AND (:told IS NULL OR (source = 'told') = :told)
    ORDER BY seq DESC LIMIT :limit
"""  # noqa: S608  (constants)


async def history(host: Host, user: str, limit: int) -> list[Exchange]:
    """Return the newest exchanges as they were heard, oldest first."""
    return await host.store.history(user, limit=limit)


async def thoughts(host: Host, user: str, day: str) -> list[dict[str, Any]]:
    """Return what Harry thought in this user's conversations on a day: `today`, `yesterday` or a date."""
    return await host.store.thoughts(host.config.persona.name, parse_day(day), user=user)


async def days(host: Host, user: str) -> list[str]:
    """Return the days on which he thought something there, oldest first."""
    if host.database is None:
        return []
    query, values = (
        "SELECT DISTINCT day FROM thought WHERE persona = ? AND user = ? ORDER BY day",
        (host.config.persona.name, user),
    )
    rows = await host.database.read(lambda connection: connection.execute(query, values).fetchall())
    return [day for (day,) in rows]


async def journal(host: Host, user: str, day: str | None) -> JournalEntry | None:
    """Return the journal of a day, or the newest there is."""
    if host.database is None:
        return None
    kept = Journal(host.database, host.config.persona.name, user)
    return await (kept.read_newest() if day is None else kept.read(parse_day(day)))


async def search(host: Host, user: str, words: str, kind: Kind | None, count: int) -> Sequence[Found]:
    """Find what bears most on some words, best first."""
    answer = await _memory(host).memory.search(words, namespace=user, kinds=(kind,) if kind else None, count=count)
    return answer.found


async def memories(host: Host, user: str, kind: Kind | None, after: int) -> list[tuple[int, Item]]:
    """Return the next memories in order, with their numbers."""
    return await _memory(host).memory.list_items(user, kind=kind, after=after)


async def newest(
    host: Host, user: str, kind: Kind | None, before: int | None, *, told: bool | None
) -> list[tuple[int, Item]]:
    """Give the memories that hold, newest first, before a number, with theirs.

    `told`: only what Harry was told to remember (True), or only what was merely said (False).
    """
    _memory(host)
    values = {"user": user, "kind": kind, "before": before, "told": told, "limit": PAGE}
    assert host.database is not None  # noqa: S101  there is a memory
    rows = await host.database.read(lambda connection: connection.execute(_NEWEST, values).fetchall())
    return [(row[0], items.read_row(row[1:])) for row in rows]


async def memory(host: Host, user: str, identity: str) -> Item | None:
    """One memory by its id."""
    return await _memory(host).memory.get(user, identity)


async def forget_everything(host: Host, user: str) -> Erasure:
    """Erase everything of a user, on disk, in Redis and in the conversations that run. His tokens stay good.

    Raises `ConfigurationError` where nothing is kept, `StoreError`.
    """
    sessions = host.sessions_of(user)
    for session in sessions:
        session.conductor.cut("stop")
    with trio.move_on_after(SETTLED_WITHIN):  # what is being written down would come after the erasure
        for session in sessions:
            await session.conductor.wait_quiet()
    erasure = await remembering.erase(
        host.config_of(user), user, elsewhere=erasing_elsewhere(host.config), tokens=False
    )
    for session in host.sessions_of(user):
        session.forget(Everything())
    if host.memory is not None:
        host.memory.memory.notice()
    if host.reminding is not None:
        host.reminding.look()
    return erasure


async def forget(host: Host, user: str, identity: str) -> int:
    """Delete a memory and all that told or repeated it, also from the conversations that go on.

    Returns how many memories are gone. Raises `ConfigurationError` if there is none.
    """
    _memory(host)
    forgotten = await host.forget(user, identity)
    if not forgotten.items:
        raise remembering.unknown(user, identity)
    return len(forgotten.items)


async def forget_day(host: Host, user: str, day: str) -> DayForgotten:
    """Delete what was said on a day (`today`, `yesterday` or a date), and what was thought and made of it.

    Raises `ConfigurationError` for what is no day, or where nothing is kept.
    """
    _memory(host)
    gone = await host.forget_day(user, parse_day(day))
    if host.memory is not None:
        host.memory.memory.notice()
    return gone


async def lore(host: Host) -> Sequence[Book]:
    """Return the persona's books."""
    if host.memory is None:
        return []
    _, books = await host.memory.lore.load(Scope(NAMESPACE, host.config.persona.name))
    return books


def _memory(host: Host) -> SharedMemory:
    if host.memory is None:
        raise ConfigurationError("Nothing is remembered here.", remedy='Set memory.store = "sqlite".')
    return host.memory
