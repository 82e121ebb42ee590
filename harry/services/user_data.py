"""What a user may ask of what is kept, and only of his own: the layer under the door's API, over the host's stores.

Every function takes the user as the door has admitted him, and no question reaches what belongs to another. Lore is
the persona's and so everybody's. Where nothing is kept on disk, lists are empty and searching says why.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from channels.messages import Exchange
from harry.errors import ConfigurationError
from harry.host.host import Host
from harry.host.shared_memory import SharedMemory
from harry.memory.diary.journal import Journal, JournalEntry
from harry.memory.longterm.service import Found, Item, Kind
from harry.memory.lore.model import Book, Scope
from harry.memory.store import items
from harry.memory.store.opening import NAMESPACE, parse_day
from harry.services import memory as remembering

KINDS: tuple[str, ...] = items.KINDS
"""The kinds of memories there are."""

_TURNS = """
    SELECT seq, id, session, source, started_at, ended_at, said, heard, interrupted, reason, amends FROM turn
    WHERE user = ? AND (? IS NULL OR seq < ?) ORDER BY seq DESC LIMIT ?
"""


@dataclass(frozen=True, slots=True)
class KeptTurn:
    """A turn as it is kept. `sequence` is its number in the store; times are seconds since the epoch."""

    sequence: int
    id: str
    session: str
    source: str
    started_at: float
    ended_at: float
    said: str
    heard: str
    interrupted: bool
    reason: str
    amends: str | None


async def history(host: Host, user: str, limit: int) -> list[Exchange]:
    """The newest exchanges as they were heard, oldest first."""
    return await host.store.history(user, limit=limit)


async def turns(host: Host, user: str, limit: int, before: int | None) -> list[KeptTurn]:
    """The newest turns, newest first; `before` a sequence number."""
    if host.database is None:
        return []
    values = (user, before, before, limit)
    rows = await host.database.read(lambda connection: connection.execute(_TURNS, values).fetchall())
    found = [KeptTurn(*row) for row in rows]
    return [replace(each, interrupted=bool(each.interrupted)) for each in found]


async def thoughts(host: Host, user: str, day: str) -> list[dict[str, Any]]:
    """What Harry thought in this user's conversations on a day: `today`, `yesterday` or a date."""
    return await host.store.thoughts(host.config.persona.name, parse_day(day), user=user)


async def days(host: Host, user: str) -> list[str]:
    """The days on which he thought something there, oldest first."""
    if host.database is None:
        return []
    query, values = (
        "SELECT DISTINCT day FROM thought WHERE persona = ? AND user = ? ORDER BY day",
        (host.config.persona.name, user),
    )
    rows = await host.database.read(lambda connection: connection.execute(query, values).fetchall())
    return [day for (day,) in rows]


async def journal(host: Host, user: str, day: str | None) -> JournalEntry | None:
    """The journal of a day, or the newest there is."""
    if host.database is None:
        return None
    kept = Journal(host.database, host.config.persona.name, user)
    return await (kept.read_newest() if day is None else kept.read(parse_day(day)))


async def search(host: Host, user: str, words: str, kind: Kind | None, count: int) -> Sequence[Found]:
    """What bears most on some words, best first."""
    answer = await _memory(host).memory.search(words, namespace=user, kinds=(kind,) if kind else None, count=count)
    return answer.found


async def memories(host: Host, user: str, kind: Kind | None, after: int) -> list[tuple[int, Item]]:
    """The next memories in order, with their numbers."""
    return await _memory(host).memory.list_items(user, kind=kind, after=after)


async def memory(host: Host, user: str, identity: str) -> Item | None:
    """One memory by its id."""
    return await _memory(host).memory.get(user, identity)


async def forget(host: Host, user: str, identity: str) -> int:
    """Delete a memory and what was derived from it, to the last byte. Raises `ConfigurationError` if there is none."""
    _memory(host)
    return await remembering.delete(host.config_of(user), user, identity)


async def lore(host: Host) -> Sequence[Book]:
    """The persona's books."""
    if host.memory is None:
        return []
    _, books = await host.memory.lore.load(Scope(NAMESPACE, host.config.persona.name))
    return books


def _memory(host: Host) -> SharedMemory:
    if host.memory is None:
        raise ConfigurationError("Nothing is remembered here.", remedy='Set memory.store = "sqlite".')
    return host.memory
