"""What minds, ears and voices may cost in a day, and have cost: kept by local day, held to before each use.

A reply is begun only if all it may take still fits, so that the limit holds. What leaves nothing and costs nothing, a
mind on this computer, is counted and not held back, unless it has a limit of its own. One reply that was cut short is
reckoned by its length.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import structlog
import trio

from actors.protocols import Delta, Request, TextDelta, TextPart, ToolCall, ToolResult, Usage
from harry.config.loading import Config
from harry.config.sections import Budget as BudgetLimits
from harry.errors import BudgetReached, StoreError
from harry.memory.store.connection import errors_of
from harry.memory.store.data_folder import prepare_folder
from harry.memory.store.records import local_day

BUDGET_FILE = "spending.sqlite3"

CHARACTERS = 4
"""Characters of a token, where nobody counted them."""

DAYS_KEPT = 400

_WITHIN = 2.0  # seconds that writing down may take
_SCHEMA = """CREATE TABLE IF NOT EXISTS spent (
    day TEXT NOT NULL, engine TEXT NOT NULL, local INTEGER NOT NULL, replies INTEGER NOT NULL, tokens INTEGER NOT NULL,
    money REAL NOT NULL, PRIMARY KEY (day, engine)) WITHOUT ROWID"""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Limit:
    """What may be spent in a day; None: as much as there is."""

    money: float | None = None
    tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Spent:
    """What one engine took in a day."""

    engine: str
    local: bool = False
    replies: int = 0
    tokens: int = 0
    money: float = 0.0


@dataclass(frozen=True, slots=True)
class _Reserved:
    """What something that goes on may take; `money` is None where only a token's price so far tells."""

    name: str
    tokens: int
    money: float | None = None
    local: bool = field(kw_only=True)


class Ledger:
    """The file in which is written down what was spent. Blocking; a connection for all threads. Raises `StoreError`."""

    def __init__(self, path: Path | None) -> None:
        self._path = path or Path(":memory:")
        self._lock = threading.Lock()
        with errors_of(self._path):
            if path is not None:
                prepare_folder(path.parent)
                path.touch(mode=0o600)
            self._connection = sqlite3.connect(self._path, timeout=5, isolation_level=None, check_same_thread=False)
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = FULL")
            self._connection.execute(_SCHEMA)

    def add(self, day: str, spent: Spent) -> list[Spent]:
        """Add to a day, durably; returns that day's whole, by engine."""
        row = (day, spent.engine, spent.local, spent.replies, spent.tokens, spent.money)
        with self._lock, errors_of(self._path):
            self._connection.execute(
                "INSERT INTO spent VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (day, engine) DO UPDATE SET"
                " local = excluded.local, replies = replies + excluded.replies, tokens = tokens + excluded.tokens,"
                " money = money + excluded.money",
                row,
            )
            self._connection.execute(
                "DELETE FROM spent WHERE day IN (SELECT DISTINCT day FROM spent ORDER BY day DESC LIMIT -1 OFFSET ?)",
                (DAYS_KEPT,),
            )
            return self._of(day)

    def of(self, day: str) -> list[Spent]:
        """Return what was spent on a day, by engine."""
        with self._lock, errors_of(self._path):
            return self._of(day)

    def _of(self, day: str) -> list[Spent]:
        rows = self._connection.execute(
            "SELECT engine, local, replies, tokens, money FROM spent WHERE day = ? ORDER BY engine", (day,)
        )
        return [Spent(engine, bool(local), *rest) for engine, local, *rest in rows]

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._connection.close()


class Budget:
    """The daily limits, for all minds together and for each. `wall` is seconds since the epoch."""

    def __init__(
        self,
        ledger: Ledger,
        limit: Limit,
        each: Mapping[str, Limit] | None = None,
        *,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._ledger = ledger
        self._limit = limit
        self._each = dict(each or {})
        self._wall = wall
        self._day = ""
        self._spent: dict[str, Spent] = {}
        self._reserved: dict[int, _Reserved] = {}
        self._told: set[str] = set()
        self._known_rate: dict[str, float] = {}
        self._numbers = 0

    def hold_to(self, limits: BudgetLimits) -> None:
        """Hold what is used from now on to other limits; what was spent today counts."""
        self._limit, self._each = Limit(limits.money, limits.tokens), _each_limit(limits)

    async def today(self) -> tuple[str, list[Spent]]:
        """Return the local day, and what each engine took in it so far."""
        await self._today()
        return self._day, [self._spent[name] for name in sorted(self._spent)]

    @asynccontextmanager
    async def spending(self, name: str, request: Request, *, local: bool) -> AsyncIterator[Callable[[Delta], None]]:
        """Watch over one reply. Raises `BudgetReached` where it might take more than is left."""
        await self._today()
        prompt = tokens_of(request)
        count = _Count(prompt)
        with self._reserving(_Reserved(name, prompt + request.max_tokens, local=local)):
            try:
                yield count.take
            finally:
                tokens, money = count.whole(self._rate(name))
                await self._write(Spent(name, local, 1, tokens, money))

    @asynccontextmanager
    async def charging(self, name: str, *, tokens: int, money: float, local: bool) -> AsyncIterator[None]:
        """Watch over one use of an ear or a voice, which is charged whole, also where it is cut. Raises as `spending`.

        One on this computer that costs nothing and has no limit of its own is not written down.
        """
        if local and not money and name not in self._each:
            yield
            return
        await self._today()
        with self._reserving(_Reserved(name, tokens, money, local=local)):
            try:
                yield
            finally:
                await self._write(Spent(name, local, 1, tokens, money))

    @contextmanager
    def _reserving(self, wanted: _Reserved) -> Iterator[None]:
        self._hold(wanted)
        self._numbers += 1
        number = self._numbers
        self._reserved[number] = wanted
        try:
            yield
        finally:
            del self._reserved[number]

    def _hold(self, wanted: _Reserved) -> None:
        name, reserved = wanted.name, self._reserved.values()
        own = self._each.get(name, Limit())
        mine = [self._spent[name]] if name in self._spent else []
        all_of_them = [engine for engine in self._spent.values() if not engine.local]
        checks = [(own, mine, [other for other in reserved if other.name == name], f"of {name}")]
        if not wanted.local:
            waiting = [other for other in reserved if not other.local]
            checks.append((self._limit, all_of_them, waiting, "of all that is asked elsewhere"))
        for limit, spent, held, whose in checks:
            self._check(limit, spent, [*held, wanted], whose)

    def _check(self, limit: Limit, spent: list[Spent], held: list[_Reserved], whose: str) -> None:
        tokens = sum(engine.tokens for engine in spent)
        money = sum(engine.money for engine in spent)
        if limit.tokens is not None and tokens + sum(other.tokens for other in held) > limit.tokens:
            raise self._reached(f"Today's budget {whose} is reached ({tokens} of {limit.tokens} tokens are spent).")
        more = sum(other.tokens * self._rate(other.name) if other.money is None else other.money for other in held)
        if limit.money is not None and (money >= limit.money or money + more > limit.money):
            raise self._reached(f"Today's budget {whose} is reached ({money:.2f} of {limit.money:.2f} is spent).")

    def _rate(self, name: str) -> float:
        """Return what a token of an engine costs, by what is known of it."""
        spent = self._spent.get(name)
        if spent is not None and spent.money > 0 and spent.tokens:
            self._known_rate[name] = spent.money / spent.tokens
        return self._known_rate.get(name, 0.0)

    def _reached(self, sentence: str) -> BudgetReached:
        key = sentence.partition("(")[0]
        first = key not in self._told
        self._told.add(key)
        if first:
            log.warning("a budget is reached", cause=sentence)
        return BudgetReached(sentence, remedy="It begins anew at midnight. Raise it in [budget].", first=first)

    async def _today(self) -> None:
        day = local_day(self._wall())
        if day != self._day:
            whole: list[Spent] = []
            try:
                whole = await trio.to_thread.run_sync(self._ledger.of, day)
            except StoreError as error:
                log.warning("what minds cost today cannot be read", cause=str(error))
            self._day, self._spent = day, {engine.engine: engine for engine in whole}
            self._told.clear()

    async def _write(self, spent: Spent) -> None:
        """Write down what was taken. A disk that fails or hangs ends no turn: then it is counted in memory."""
        name = spent.engine
        day = local_day(self._wall())
        try:
            with trio.move_on_after(_WITHIN, shield=True):
                whole = await trio.to_thread.run_sync(self._ledger.add, day, spent, abandon_on_cancel=True)
                self._day, self._spent = day, {engine.engine: engine for engine in whole}
                return
        except StoreError as error:
            log.warning("what a reply cost could not be written down", engine=name, cause=str(error))
        else:
            log.warning("what a reply cost is not written down yet", engine=name)
        before = self._spent.get(name, Spent(name, spent.local))
        self._spent[name] = Spent(
            name,
            spent.local,
            before.replies + spent.replies,
            before.tokens + spent.tokens,
            before.money + spent.money,
        )


class _Count:
    """What one reply took: as the server tells, else by its length."""

    def __init__(self, prompt: int) -> None:
        self._prompt = prompt
        self._length = 0
        self._usage: Usage | None = None

    def take(self, delta: Delta) -> None:
        if isinstance(delta, Usage):
            # Some servers tell it again and again, each time the whole.
            self._usage = delta
        elif isinstance(delta, TextDelta):
            self._length += len(delta.text)
        elif isinstance(delta, ToolCall):
            self._length += len(delta.name) + len(delta.arguments)

    def whole(self, rate: float) -> tuple[int, float]:
        """Tokens and money; `rate` is what a token costs where nobody says."""
        if self._usage is None:
            tokens = self._prompt + self._length // CHARACTERS
            return tokens, tokens * rate
        tokens = self._usage.prompt_tokens + self._usage.completion_tokens
        return tokens, self._usage.cost if self._usage.cost is not None else 0.0


def tokens_of(request: Request) -> int:
    """Reckon the tokens of a prompt."""
    parts = [part for message in request.messages for part in message.parts]
    characters = sum(len(part.text) for part in parts if isinstance(part, TextPart | ToolResult))
    return characters // CHARACTERS + 8 * len(request.messages)


def open_ledger(config: Config) -> Ledger:
    """Open what was spent; blocking. With a memory that keeps nothing, it is forgotten at the end."""
    return Ledger(None if config.memory.store == "memory" else config.data_folder / BUDGET_FILE)


async def opened_budget(config: Config) -> Budget:
    """Make the budget that the configuration sets. Where its file cannot be used, what is spent is kept in memory."""
    try:
        ledger = await trio.to_thread.run_sync(open_ledger, config)
    except StoreError as error:
        log.warning("what minds cost is not kept", cause=str(error))
        ledger = Ledger(None)
    return Budget(ledger, Limit(config.budget.money, config.budget.tokens), _each_limit(config.budget))


def _each_limit(limits: BudgetLimits) -> dict[str, Limit]:
    return {name: Limit(own.money, own.tokens) for name, own in limits.engine.items()}


def limits_told(limits: BudgetLimits) -> dict[str, str]:
    """Tell each limit in words, by whose it is."""

    def told(money: float | None, tokens: int | None) -> str:
        bounds = ((money, "money"), (tokens, "tokens"))
        return ", ".join(f"{bound:g} {what}" for bound, what in bounds if bound is not None) or "none"

    return {
        "all elsewhere": told(limits.money, limits.tokens),
        **{name: told(own.money, own.tokens) for name, own in limits.engine.items()},
    }
