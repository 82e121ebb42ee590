"""Conversations that were held elsewhere, put into the store as of their dates, and taken out again whole.

They get numbers below zero, made of their time: so they stand before everything that Harry heard himself, in the order
in which they happened, whichever was imported first, and are never taken for the recent conversation. Each knows its
import by its session. What memory finds is made of them in the same transaction.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import tzinfo

from channels.messages import Exchange, Source
from harry.memory.conversations.rotation import MAX_TURNS
from harry.memory.conversations.summary import extract
from harry.memory.store.items import Item, clean, delete, forget_origins, name_turn_items, put, trim_changes
from harry.memory.store.opening import NAMESPACE
from harry.memory.store.records import local_day
from harry.memory.text.surrogates import repair_surrogates

MAX_TEXT_CHARACTERS = 1_000_000
"""Characters of what was said or answered in one turn that are kept."""

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_ROOM = 2 * MAX_TURNS + 96  # numbers that begin at a second: two items for each turn of the longest conversation
_EPOCH = _ROOM * 2**32  # the number of the year 2106: all times lie before it
_NEVER = 2**32 - 2**24  # the last second that is taken as it is: there is room behind it


@dataclass(frozen=True, slots=True)
class PastTurn:
    """What somebody said and what was answered; either may be "". `key` tells it from all others of its format.

    Times are seconds since the epoch. `speaker` and `answerer` are the names in the file.
    """

    key: str
    started_at: float
    ended_at: float
    said: str
    heard: str
    speaker: str
    answerer: str
    id: str = ""


@dataclass(frozen=True, slots=True)
class PastConversation:
    """A conversation that was held elsewhere: its turns in order, and what it is called."""

    title: str
    turns: tuple[PastTurn, ...]


@dataclass(frozen=True, slots=True)
class ImportRow:
    """An import as it is kept. Times are of the first and the last turn, seconds since the epoch."""

    session: str
    turns: int
    first: float
    last: float


@dataclass(frozen=True, slots=True)
class PastImport:
    """An import that goes on: whose conversations, its `session`, and where they were held, such as "ChatGPT"."""

    user: str
    session: str
    origin: str
    zone: tzinfo | None = None


def keep_past(connection: sqlite3.Connection, into: PastImport, conversation: PastConversation) -> int:
    """Keep the turns that are not there yet, in the open transaction; return how many those are."""
    named = {turn.id: turn for turn in (_named(turn, into) for turn in conversation.turns)}
    known = _known(connection, into.user, named.values())
    kept = 0
    for part in _parts([turn for turn in named.values() if turn.id not in known], into.zone):
        _keep_part(connection, into, conversation.title, part)
        kept += len(part)
    if kept:
        trim_changes(connection)
    return kept


def count_fresh(connection: sqlite3.Connection, into: PastImport, conversation: PastConversation) -> int:
    """Count the turns of a conversation that are not there yet."""
    named = {turn.id: turn for turn in (_named(turn, into) for turn in conversation.turns)}
    return len(named.keys() - _known(connection, into.user, named.values()))


def list_imports(connection: sqlite3.Connection, user: str) -> list[ImportRow]:
    """List the imports of a user, the oldest first."""
    rows = connection.execute(
        "SELECT session, count(*), min(started_at), max(started_at) FROM turn"
        " WHERE user = ? AND seq < 0 AND source = ? GROUP BY session ORDER BY session",
        (user, Source.IMPORTED),
    ).fetchall()
    return [ImportRow(*row) for row in rows]


def undo_some(connection: sqlite3.Connection, user: str, session: str, most: int) -> int:
    """Delete up to `most` turns of an import with all that was made of them; return how many, 0 at the end."""
    connection.execute("PRAGMA secure_delete = ON")
    found = connection.execute(
        "SELECT seq, id FROM turn WHERE user = ? AND session = ? AND seq < 0 LIMIT ?", (user, session, most)
    ).fetchall()
    turns = [turn for _, turn in found]
    items = [item for turn in turns for item in name_turn_items(turn)]
    gone = delete(connection, user, items)
    # Of what was derived, such as a journal entry, the words stand elsewhere too.
    forget_origins(connection, user, set(gone) - set(items))
    # A conversation has the number at which its room begins.
    places = {seq - seq % _ROOM for seq, _ in found}
    connection.executemany("DELETE FROM conversation WHERE seq = ? AND user = ?", [(place, user) for place in places])
    connection.executemany("DELETE FROM turn WHERE id = ?", [(turn,) for turn in turns])
    trim_changes(connection)
    return len(turns)


def _named(turn: PastTurn, into: PastImport) -> PastTurn:
    """Give a turn its id, the same one each time it is read: a time may be missing in the file, and is then guessed."""
    digest = hashlib.sha256("\0".join((into.user, into.origin, turn.key)).encode("utf-8", "surrogatepass")).digest()
    number = int.from_bytes(digest[:10])  # a ULID of the year 1970, so that it is never taken for a new turn
    return replace(turn, id="".join(_CROCKFORD[number >> shift & 31] for shift in range(125, -5, -5)))


def _known(connection: sqlite3.Connection, user: str, turns: Collection[PastTurn]) -> set[str]:
    """Return the ids of turns that are kept already: as they were imported, or as Harry heard them himself."""
    ids = {name: turn.id for turn in turns for name in (turn.key, turn.id)}
    known: set[str] = set()
    names = [repair_surrogates(name) for name in ids]
    for first in range(0, len(names), 500):
        some = names[first : first + 500]
        places = ", ".join("?" * len(some))
        found = connection.execute(f"SELECT id FROM turn WHERE id IN ({places}) AND user = ?", (*some, user))  # noqa: S608
        known.update(ids[name] for (name,) in found)
    return known


def _parts(turns: Sequence[PastTurn], zone: tzinfo | None) -> Iterator[list[PastTurn]]:
    """Divide a conversation where a day begins, and where it is too long for one."""
    part: list[PastTurn] = []
    for turn in turns:
        if part and (_day(turn, zone) != _day(part[0], zone) or len(part) == MAX_TURNS):
            yield part
            part = []
        part.append(turn)
    if part:
        yield part


def _keep_part(connection: sqlite3.Connection, into: PastImport, title: str, part: Sequence[PastTurn]) -> None:
    base = _free_place(connection, part[0].started_at)
    for place, turn in enumerate(part):
        said, heard = (repair_surrogates(text)[:MAX_TEXT_CHARACTERS] for text in (turn.said, turn.heard))
        seq = base + place
        connection.execute(
            "INSERT INTO turn (seq, id, user, session, namespace, source, started_at, ended_at, said, spoken, heard,"
            " interrupted, reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 'imported')",
            (seq, turn.id, into.user, into.session, NAMESPACE, Source.IMPORTED, turn.started_at, turn.ended_at,
             said, heard, heard),
        )  # fmt: skip
        for number, item in enumerate(_items(replace(turn, said=said, heard=heard), into, title)):
            put(connection, clean(item), seq=base + 2 * place + number)
    day = _day(part[0], into.zone)
    (number,) = connection.execute(
        "SELECT coalesce(max(number), 0) + 1 FROM conversation WHERE user = ? AND day = ?", (into.user, day)
    ).fetchone()
    summary = extract(
        [Exchange(turn.id, turn.said[:20_000], turn.heard[:20_000], interrupted=False) for turn in part[:200]]
    )
    told = repair_surrogates(f"With {into.origin}, imported. {title + ': ' if title else ''}{summary}")
    connection.execute(
        "INSERT INTO conversation"
        " (seq, id, user, day, number, first, last, turns, started_at, ended_at, summary, author)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'extract')",
        (base, part[0].id, into.user, day, number, base, base + len(part) - 1, len(part), part[0].started_at,
         max(turn.ended_at for turn in part), told),
    )  # fmt: skip


def _items(turn: PastTurn, into: PastImport, title: str) -> Iterator[Item]:
    said, heard = name_turn_items(turn.id)
    heading = (f"{into.origin}: {title}" if title else into.origin)[:300]
    if turn.said.strip():
        speaker = turn.speaker or into.user
        yield Item(said, turn.said, into.user, "memory", speaker, turn.started_at, heading, into.session)
    if turn.heard.strip():
        yield Item(heard, turn.heard, into.user, "memory", turn.answerer, turn.ended_at, heading, into.session)


def _free_place(connection: sqlite3.Connection, at: float) -> int:
    """Find numbers for a conversation that began at a time: those of its second, else of the next that is free."""
    base = min(max(int(at), 0), _NEVER) * _ROOM - _EPOCH
    while True:
        for (taken,) in connection.execute(
            "SELECT seq FROM conversation WHERE seq >= ? AND seq < 0 ORDER BY seq", (base,)
        ):
            if taken != base:
                break
            base += _ROOM
        # Where a conversation was forgotten, a turn or an item of it may be left.
        left = connection.execute(
            "SELECT EXISTS (SELECT 1 FROM turn WHERE seq BETWEEN ?1 AND ?2)"
            " OR EXISTS (SELECT 1 FROM item WHERE seq BETWEEN ?1 AND ?2)",
            (base, base + _ROOM - 1),
        ).fetchone()[0]
        if not left:
            return base
        base += _ROOM


def _day(turn: PastTurn, zone: tzinfo | None) -> str:
    try:
        return local_day(turn.started_at, zone)
    except ValueError:
        return "1970-01-01"
