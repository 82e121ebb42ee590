"""When a conversation is over: on a new local day or after half an hour of silence its turns become a dated one.

Three steps, each of which may be the last before a crash, and any of which may be taken again: the turns are counted
out (a row without a summary), the summary is made, and one commit writes it and so lets the turns go from the recent
conversation. Nothing is let go before; nothing is ever deleted here.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from datetime import time as clock_time
from typing import Any, NamedTuple, NoReturn, TypeAlias

import structlog
import trio

from channels.messages import Exchange
from channels.signals import Latch
from harry.memory.conversations.summary import extract
from harry.memory.conversations.window import DEFAULT_BUDGET_TOKENS, Count, Row, bound_tokens, fit_budget, merge_amended
from harry.memory.store import items
from harry.memory.store.database import Database
from harry.memory.store.records import local_day

Summarise: TypeAlias = Callable[[Sequence[Exchange]], Awaitable[str]]
"""Writes a summary of a conversation; may fail or take too long."""

SILENCE_SECONDS = 30 * 60.0
"""Seconds of silence that end a conversation."""

SUMMARY_SECONDS = 60.0
"""Seconds a mind may take for a summary; after that the extracted one is written."""

MAX_TURNS = 2000
"""Turns of one conversation; a longer one is rotated in parts."""

MAX_RECENT_TURNS = 500
"""Turns that are looked at for the recent conversation, whatever the budget."""

MAX_SUMMARY_CHARACTERS = 4000
"""Characters of a summary that are kept."""

SETTLES, SETTLED_WITHIN = 2.0, 30.0
"""Seconds without a turn before it is looked whether something is over, and seconds after which it is in any case."""

_MAX_NAP_SECONDS = 300.0  # seconds after which the wall clock is looked at again: it may have jumped

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Conversation:
    """A rotated conversation: the `number`th of a user's local `day` (YYYY-MM-DD). Times in seconds since the epoch.

    `summary` is None while it is still to be written; `author` is then None, afterwards `mind` or `extract`.
    """

    id: str
    user: str
    day: str
    number: int
    first: int
    last: int
    turns: int
    started_at: float
    ended_at: float
    summary: str | None
    author: str | None


class _Times(NamedTuple):
    seq: int
    id: str
    started_at: float
    ended_at: float


_COLUMNS = "id, user, day, number, first, last, turns, started_at, ended_at, summary, author"
# What was imported has numbers below zero.
_LET_GO = "max(coalesce((SELECT max(last) FROM conversation WHERE user = :user AND summary IS NOT NULL), 0), 0)"


def _ignore(_: str) -> None:
    pass


class Rotation:
    """Rotates conversations in `tables`. `wall` tells seconds since the epoch, `zone` what a day is.

    `summarise` writes each summary; `extract` does when it fails or returns nothing. `on_step(name)` is called after
    each step (`counted out`, `summarised`, `let go`), `on_let_go(user, turns)` with the ids of turns that belong to the
    recent conversation no more.
    """

    def __init__(
        self,
        tables: Database,
        *,
        summarise: Summarise | None = None,
        zone: tzinfo | None = None,
        wall: Callable[[], float] = time.time,
        silence: float = SILENCE_SECONDS,
        patience: float = SUMMARY_SECONDS,
        on_step: Callable[[str], object] = _ignore,
        on_let_go: Callable[[str, Collection[str]], object] = lambda user, turns: None,
    ) -> None:
        self._tables = tables
        self._summarise = summarise
        self._zone = zone or tables.zone
        self._wall = wall
        self._silence = silence
        self._patience = patience
        self._on_step = on_step
        self._on_let_go = on_let_go
        self._noticed = Latch()

    # The recent conversation.

    async def recall_recent(
        self, user: str, *, budget: int = DEFAULT_BUDGET_TOKENS, count: Count = bound_tokens
    ) -> list[Exchange]:
        """Recall the turns not rotated yet, the newest that fit into `budget` tokens, oldest first."""
        query = f"""
            SELECT seq, id, said, heard, interrupted, amends, tools FROM turn
            WHERE user = :user AND seq > {_LET_GO} ORDER BY seq DESC LIMIT {MAX_RECENT_TURNS}
        """  # noqa: S608 (constants; the user is bound)
        rows = await self._tables.read(lambda connection: connection.execute(query, {"user": user}).fetchall())
        return fit_budget(merge_amended(Row(*row) for row in reversed(rows)), budget, count)

    # Rotated conversations.

    async def list_conversations(self, user: str, *, day: str | None = None, limit: int = 100) -> list[Conversation]:
        """List the newest rotated conversations of a user, of one local day or of all, oldest first."""
        query = f"""
            SELECT {_COLUMNS} FROM conversation
            WHERE user = ? AND summary IS NOT NULL AND (? IS NULL OR day = ?) ORDER BY seq DESC LIMIT ?
        """  # noqa: S608 (constants)
        rows = await self._tables.read(
            lambda connection: connection.execute(query, (user, day, day, max(limit, 0))).fetchall()
        )
        return [Conversation(*row) for row in reversed(rows)]

    async def read_exchanges(self, conversation: Conversation) -> list[Exchange]:
        """Read a conversation's exchanges as they were heard, oldest first."""
        return merge_amended(
            Row(*row) for row in await self._tables.read(lambda connection: _turns(connection, conversation))
        )

    # Rotating.

    async def rotate(self, user: str) -> list[Conversation]:
        """Rotate every conversation of a user that is over, oldest first. Raises `StoreError`.

        May be called at any time, by several processes at once, and again after a crash at any step.
        """
        rotated = []
        while (
            conversation := await self._tables.transaction(lambda connection: self._count_out(connection, user))
        ) is not None:
            self._on_step("counted out")
            exchanges = await self.read_exchanges(conversation)
            summary, author = await self._summary(exchanges)
            self._on_step("summarised")
            turns = [exchange.turn for exchange in exchanges]
            rotated.append(await self._let_go(conversation, exchanges, summary, author))
            self._on_let_go(user, frozenset(turns))
            self._on_step("let go")
        return rotated

    def notice(self) -> None:
        """Announce that a turn was stored, so that `run` recomputes when to rotate."""
        self._noticed.set()

    async def run(
        self,
        users: Callable[[], Iterable[str]],
        *,
        on_rotated: Callable[[Conversation], object] = lambda _: None,
        on_failure: type[Exception] = OSError,
    ) -> NoReturn:
        """Rotate when it is time, until cancelled. A failure of the class `on_failure` is logged and tried again."""
        while True:
            self._noticed.clear()
            nap = _MAX_NAP_SECONDS
            try:
                for user in users():
                    for conversation in await self.rotate(user):
                        on_rotated(conversation)
                    nap = min(nap, await self._time_left(user))
            except on_failure as error:
                log.warning("rotation fails", reason=str(error))
            with trio.move_on_after(max(nap, 1.0)):
                await self._noticed.wait()
                await self._settled()

    async def _settled(self) -> None:
        """Wait until no further turn has been stored for a moment: turn after turn, nothing is over yet."""
        with trio.move_on_after(SETTLED_WITHIN):
            quiet = False
            while not quiet:
                self._noticed.clear()
                with trio.move_on_after(SETTLES) as patience:
                    await self._noticed.wait()
                quiet = patience.cancelled_caught

    async def _time_left(self, user: str) -> float:
        """Return the seconds until the recent conversation is over, if nothing more is said."""
        query = f"SELECT max(ended_at) FROM turn WHERE user = :user AND seq > {_LET_GO}"  # noqa: S608 (a constant)
        ended: float | None = await self._tables.read(
            lambda connection: connection.execute(query, {"user": user}).fetchone()[0]
        )
        if ended is None:
            return _MAX_NAP_SECONDS
        now = self._wall()
        return min(max(ended + self._silence - now, 0.0) + 1.0, _until_midnight(now, self._zone))

    def _count_out(self, connection: sqlite3.Connection, user: str) -> Conversation | None:
        """Record which turns form the oldest finished conversation; one that has no summary yet comes first."""
        unfinished = connection.execute(
            f"SELECT {_COLUMNS} FROM conversation WHERE user = ? AND summary IS NULL ORDER BY seq",  # noqa: S608
            (user,),
        ).fetchone()
        if unfinished is not None:
            return Conversation(*unfinished)
        turns = self._first_over(connection, user)
        if not turns:
            return None
        day = self._day(turns[0].started_at)
        (number,) = connection.execute(
            "SELECT coalesce(max(number), 0) + 1 FROM conversation WHERE user = ? AND day = ?", (user, day)
        ).fetchone()
        conversation = Conversation(
            id=turns[0].id,
            user=user,
            day=day,
            number=number,
            first=turns[0].seq,
            last=turns[-1].seq,
            turns=len(turns),
            started_at=turns[0].started_at,
            ended_at=max(turn.ended_at for turn in turns),
            summary=None,
            author=None,
        )
        connection.execute(
            f"INSERT INTO conversation ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, NULL)",  # noqa: S608
            (conversation.id, user, day, number, conversation.first, conversation.last, conversation.turns,
             conversation.started_at, conversation.ended_at),
        )  # fmt: skip
        return conversation

    def _first_over(self, connection: sqlite3.Connection, user: str) -> list[_Times]:
        query = f"""
            SELECT seq, id, started_at, ended_at FROM turn WHERE user = :user AND seq > {_LET_GO}
            ORDER BY seq LIMIT {MAX_TURNS + 1}
        """  # noqa: S608 (constants)
        turns = [_Times(*row) for row in connection.execute(query, {"user": user})]
        for place in range(1, len(turns)):
            if self._apart(turns[place - 1], turns[place].started_at) or place == MAX_TURNS:
                return turns[:place]
        return turns if turns and self._apart(turns[-1], self._wall()) else []

    def _apart(self, turn: _Times, later: float) -> bool:
        """Return whether what happens `later` belongs to another conversation than the turn."""
        return later - turn.ended_at > self._silence or self._day(later) != self._day(turn.started_at)

    def _day(self, at: float) -> str:
        try:
            return local_day(at, self._zone)
        except ValueError:
            # A clock that was never set: the turn is kept all the same, and needs some day.
            return "1970-01-01"

    async def _summary(self, exchanges: list[Exchange]) -> tuple[str, str]:
        if self._summarise is not None:
            with trio.move_on_after(self._patience):
                try:
                    written = (await self._summarise(exchanges)).strip()[:MAX_SUMMARY_CHARACTERS]
                    if written:
                        return written, "mind"
                except Exception as error:  # noqa: BLE001  a stranger's function: no failure of it may stop the keeping
                    log.warning("a summary could not be written", reason=f"{type(error).__name__}")
        return extract(exchanges), "extract"

    async def _let_go(
        self, conversation: Conversation, exchanges: list[Exchange], summary: str, author: str
    ) -> Conversation:
        def write(connection: sqlite3.Connection) -> Conversation:
            nonlocal summary, author
            rest = merge_amended(Row(*row) for row in _turns(connection, conversation))
            if any(exchange not in rest for exchange in exchanges):
                # Some of it was forgotten while the summary was written: that may tell of it.
                summary, author = extract(rest), "extract"
            # Another process may have been faster: the first summary stands.
            written = connection.execute(
                "UPDATE conversation SET summary = ?, author = ? WHERE id = ? AND summary IS NULL",
                (summary.encode("utf-8", "replace").decode(), author, conversation.id),
            ).rowcount
            if written and author == "mind":
                # One of the conversation's own sentences is found as it was said.
                items.put(connection, items.clean(_item(conversation, summary, [exchange.turn for exchange in rest])))
                items.trim_changes(connection)
            query = f"SELECT {_COLUMNS} FROM conversation WHERE id = ?"  # noqa: S608 (a constant)
            row = connection.execute(query, (conversation.id,)).fetchone()
            return Conversation(*row) if row else conversation  # erased meanwhile

        return await self._tables.transaction(write)


def _item(conversation: Conversation, summary: str, turns: list[str]) -> items.Item:
    """Build the item under which the summary is found; it is deleted with any turn that it was made from."""
    origins = tuple(item for turn in turns for item in items.name_turn_items(turn))
    return items.Item(
        f"{conversation.id}/summary", summary, conversation.user, "note", "", conversation.ended_at,
        heading="summary of a conversation", source="conversations", derived_from=origins,
    )  # fmt: skip


def _turns(connection: sqlite3.Connection, conversation: Conversation) -> list[Any]:
    return connection.execute(
        """
        SELECT seq, id, said, heard, interrupted, amends, tools FROM turn
        WHERE user = ? AND seq BETWEEN ? AND ? ORDER BY seq
        """,
        (conversation.user, conversation.first, conversation.last),
    ).fetchall()


def _until_midnight(now: float, zone: tzinfo | None) -> float:
    """Return the seconds from `now` until the next local day, rounded up."""
    here = datetime.fromtimestamp(now, tz=UTC).astimezone(zone)
    midnight = datetime.combine(here.date() + timedelta(days=1), clock_time(), tzinfo=zone)
    return max(midnight.timestamp() - now, 0.0) + 1.0
