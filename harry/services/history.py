"""What was said, by days: which there are, a day's or a search's turns, and all of it to take away.

It is taken away as Markdown, for people, or as JSON Lines, which `harry import` reads. A turn that a later one amends
is left out: what amends it holds its words as well.
"""

from __future__ import annotations

import json
import sqlite3
from bisect import bisect_right
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from harry.config.loading import Config
from harry.errors import ConfigurationError
from harry.host.host import Host
from harry.memory.conversations.exports import HARRY_VERSION
from harry.memory.store.database import Database
from harry.memory.store.opening import locate_store, parse_day
from harry.memory.store.records import day_bounds

TOGETHER = 500
"""Turns that are read at once."""

_SPEAKER = "(SELECT speaker FROM item WHERE t.seq < 0 AND ns = t.user AND item.id = t.id || '/{part}')"
_COLUMNS = (
    "seq, id, session, source, started_at, ended_at, said, heard, interrupted, reason, amends, "
    f"{_SPEAKER.format(part='said')}, {_SPEAKER.format(part='heard')}"
)
_FOUND = f"""
    SELECT {_COLUMNS} FROM turn AS t
    WHERE user = :user AND (:before IS NULL OR seq < :before) AND (:after IS NULL OR seq > :after)
        AND (:first IS NULL OR seq BETWEEN :first AND :last)
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
    """A turn as it is kept. `sequence` is its number in the store; times are seconds since the epoch.

    `speaker` and `answerer` are known of what was imported: it was held between others.
    """

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
    speaker: str | None = None
    answerer: str | None = None


async def turns(
    host: Host, user: str, limit: int, before: int | None = None, *, day: str = "", words: str = ""
) -> list[KeptTurn]:
    """Give the newest turns, newest first; `before` a sequence number, on a `day`, with `words` in them.

    Raises `ConfigurationError` for what is no day.
    """
    return await _read(host.database, user, limit, Wanted(day, words), newest_first=True, before=before)


async def days(host: Host, user: str) -> list[tuple[str, int]]:
    """Give the local days on which something was said, newest first, and how many turns each has."""
    if host.database is None:
        return []
    return await host.database.read(lambda connection: connection.execute(_DAYS, (user,)).fetchall())


async def markdown(host: Host, user: str, *, day: str = "", words: str = "") -> AsyncIterator[str]:
    """Write the conversation as Markdown, piece by piece, as `write_markdown` does."""
    async for piece in write_markdown(host.database, host.config.persona.name, user, Wanted(day=day, words=words)):
        yield piece


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be taken away: of a `day`, with `words` in it, or with a number from `first` to `last`; else all."""

    day: str = ""
    words: str = ""
    first: int | None = None
    last: int | None = None


async def export(
    config: Config, write: Callable[[str], object], *, lines: bool, conversation: str | None = None, day: str = ""
) -> None:
    """Hand the configured user's turns to `write`, as JSON Lines or Markdown. Raises `ConfigurationError`."""
    database = await Database.open(locate_store(config))
    try:
        user = config.user.name
        wanted = await find_conversation(database, user, conversation) if conversation is not None else Wanted()
        written = write_lines if lines else write_markdown
        async for piece in written(database, config.persona.name, user, replace(wanted, day=day)):
            write(piece)
    finally:
        await database.aclose()


async def find_conversation(database: Database, user: str, identity: str) -> Wanted:
    """Find the turns of a conversation by its id, which is that of its first turn. Raises `ConfigurationError`."""

    def work(connection: sqlite3.Connection) -> tuple[int, int] | None:
        query = "SELECT first, last FROM conversation WHERE user = ? AND id = ?"
        found: tuple[int, int] | None = connection.execute(query, (user, identity)).fetchone()
        return found

    found = await database.read(work)
    if found is None:
        raise ConfigurationError(
            f"There is no conversation {identity!r} that is over.",
            remedy="`harry export --format jsonl` names the conversation of every turn.",
        )
    return Wanted(first=found[0], last=found[1])


async def write_markdown(database: Database | None, persona: str, user: str, wanted: Wanted) -> AsyncIterator[str]:
    """Write turns as Markdown, oldest first, piece by piece: a heading a day, the time before each turn."""
    heading = ""
    yield f"# Conversations with {persona}\n"
    async for turn in _every(database, user, wanted):
        at = datetime.fromtimestamp(turn.started_at, tz=UTC).astimezone()
        if (on := f"{at:%A}, {at.day} {at:%B %Y}") != heading:
            heading = on
            yield f"\n## {on}\n"
        yield _turn(turn, f"{at:%H:%M}", persona, user)


async def write_lines(database: Database | None, persona: str, user: str, wanted: Wanted) -> AsyncIterator[str]:
    """Write turns as JSON Lines that `harry import` reads: a head with the version, then a line for each turn."""
    yield json.dumps({"harry": "turns", "version": HARRY_VERSION}) + "\n"
    conversations = await _conversations(database, user)
    starts = [first for first, _, _ in conversations]
    async for turn in _every(database, user, wanted):
        place = bisect_right(starts, turn.sequence) - 1
        held = place >= 0 and turn.sequence <= conversations[place][1]
        line = {
            "id": turn.id,
            "conversation": conversations[place][2] if held else None,
            "session": turn.session,
            "source": turn.source,
            "started_at": _moment(turn.started_at),
            "ended_at": _moment(turn.ended_at),
            "speaker": turn.speaker or user,
            "said": turn.said,
            "answerer": turn.answerer or persona,
            "heard": turn.heard,
            "interrupted": turn.interrupted,
        }
        yield json.dumps(line, ensure_ascii=False) + "\n"


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, tz=UTC).astimezone().isoformat()


async def _conversations(database: Database | None, user: str) -> list[tuple[int, int, str]]:
    if database is None:
        return []
    query = "SELECT first, last, id FROM conversation WHERE user = ? ORDER BY first"
    return await database.read(lambda connection: connection.execute(query, (user,)).fetchall())


async def _every(database: Database | None, user: str, wanted: Wanted) -> AsyncIterator[KeptTurn]:
    after: int | None = None
    while found := await _read(database, user, TOGETHER, wanted, newest_first=False, after=after):
        for turn in found:
            yield turn
        after = found[-1].sequence


def _turn(turn: KeptTurn, at: str, persona: str, user: str) -> str:
    asked = "you" if turn.speaker in (None, "", user) else _plain(str(turn.speaker))
    said = f"\n**{at}, {asked}:** {_plain(turn.said)}\n" if turn.said.strip() else ""
    cut = " *(interrupted)*" if turn.interrupted else ""
    answers = _plain(turn.answerer) if turn.answerer else persona
    heard = f"\n**{'' if said else f'{at}, '}{answers}:** {_plain(turn.heard)}{cut}\n" if turn.heard.strip() else ""
    return said + heard


def _plain(text: str) -> str:
    """Keep a text from being read as Markdown."""
    return "".join(f"\\{word}" if word in "\\`*_[]<>#" else word for word in " ".join(text.split()))


async def _read(
    database: Database | None,
    user: str,
    limit: int,
    wanted: Wanted,
    *,
    newest_first: bool,
    before: int | None = None,
    after: int | None = None,
) -> list[KeptTurn]:
    if database is None:
        return []
    begin, end = day_bounds(parse_day(wanted.day)) if wanted.day else (None, None)
    values = {
        "user": user, "before": before, "after": after, "begin": begin, "end": end, "limit": limit,
        "words": f"%{_escaped(wanted.words)}%" if wanted.words else None,
        "first": wanted.first, "last": wanted.last,
    }  # fmt: skip
    query = _FOUND.format(order="DESC" if newest_first else "ASC")

    def work(connection: sqlite3.Connection) -> list[tuple[object, ...]]:
        return connection.execute(query, values).fetchall()

    found = [KeptTurn(*row) for row in await database.read(work)]  # type: ignore[arg-type]  # as the schema has it
    return [replace(exchange, interrupted=bool(exchange.interrupted)) for exchange in found]


def _escaped(words: str) -> str:
    return "".join(f"!{word}" if word in "!%_" else word for word in words)
