"""What was said, by days: which there are, a day's or a search's turns, and all of it as Markdown to take away.

A turn that a later one amends is left out: what amends it holds its words as well.
"""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from harry.host.host import Host
from harry.memory.store.opening import parse_day
from harry.memory.store.records import day_bounds

TOGETHER = 500
"""Turns that are read at once."""

_COLUMNS = "seq, id, session, source, started_at, ended_at, said, heard, interrupted, reason, amends"
_FOUND = f"""
    SELECT {_COLUMNS} FROM turn AS t
    WHERE user = :user AND (:before IS NULL OR seq < :before) AND (:after IS NULL OR seq > :after)
        AND (:begin IS NULL OR started_at >= :begin) AND (:end IS NULL OR started_at < :end)
        AND (:words IS NULL OR said LIKE :words ESCAPE '!' OR heard LIKE :words ESCAPE '!')
        AND NOT EXISTS (SELECT 1 FROM turn AS l WHERE l.amends = t.id AND l.user = t.user AND l.seq > t.seq)
    ORDER BY seq {{order}} LIMIT :limit
"""  # noqa: S608  (constants)
_DAYS = """
    SELECT date(started_at, 'unixepoch', 'localtime') AS day, count(*) FROM turn
    WHERE user = ? GROUP BY day ORDER BY day DESC
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


async def turns(
    host: Host, user: str, limit: int, before: int | None = None, *, day: str = "", words: str = ""
) -> list[KeptTurn]:
    """Give the newest turns, newest first; `before` a sequence number, on a `day`, with `words` in them.

    Raises `ConfigurationError` for what is no day.
    """
    return await _read(host, user, limit, newest_first=True, before=before, day=day, words=words)


async def days(host: Host, user: str) -> list[tuple[str, int]]:
    """Give the local days on which something was said, newest first, and how many turns each has."""
    if host.database is None:
        return []
    return await host.database.read(lambda connection: connection.execute(_DAYS, (user,)).fetchall())


async def markdown(host: Host, user: str, *, day: str = "", words: str = "") -> AsyncIterator[str]:
    """Write the conversation as Markdown, oldest first, piece by piece: a heading a day, the time before each turn."""
    persona, after, heading = host.config.persona.name, 0, ""
    yield f"# Conversations with {persona}\n"
    while found := await _read(host, user, TOGETHER, newest_first=False, after=after, day=day, words=words):
        for exchange in found:
            at = datetime.fromtimestamp(exchange.started_at, tz=UTC).astimezone()
            if (on := f"{at:%A}, {at.day} {at:%B %Y}") != heading:
                heading = on
                yield f"\n## {on}\n"
            yield _turn(exchange, f"{at:%H:%M}", persona)
        after = found[-1].sequence


def _turn(turn: KeptTurn, at: str, persona: str) -> str:
    said = f"\n**{at}, you:** {_plain(turn.said)}\n" if turn.said.strip() else ""
    cut = " *(interrupted)*" if turn.interrupted else ""
    heard = f"\n**{'' if said else f'{at}, '}{persona}:** {_plain(turn.heard)}{cut}\n" if turn.heard.strip() else ""
    return said + heard


def _plain(text: str) -> str:
    """Keep a text from being read as Markdown."""
    return "".join(f"\\{word}" if word in "\\`*_[]<>#" else word for word in " ".join(text.split()))


async def _read(
    host: Host,
    user: str,
    limit: int,
    *,
    newest_first: bool,
    before: int | None = None,
    after: int | None = None,
    day: str = "",
    words: str = "",
) -> list[KeptTurn]:
    if host.database is None:
        return []
    begin, end = day_bounds(parse_day(day)) if day else (None, None)
    values = {
        "user": user, "before": before, "after": after, "begin": begin, "end": end, "limit": limit,
        "words": f"%{_escaped(words)}%" if words else None,
    }  # fmt: skip
    query = _FOUND.format(order="DESC" if newest_first else "ASC")

    def work(connection: sqlite3.Connection) -> list[tuple[object, ...]]:
        return connection.execute(query, values).fetchall()

    found = [KeptTurn(*row) for row in await host.database.read(work)]  # type: ignore[arg-type]  # as the schema has it
    return [replace(exchange, interrupted=bool(exchange.interrupted)) for exchange in found]


def _escaped(words: str) -> str:
    return "".join(f"!{word}" if word in "!%_" else word for word in words)
