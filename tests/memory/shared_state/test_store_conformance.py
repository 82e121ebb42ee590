"""What every store of live state and history promises, asked of each in the same words.

A store joins by a function in `STORES` that opens it twice on the same data: where it is written, and where another
Harry reads it; `settle` returns once the second can see what the first wrote.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from channels.messages import Outcome, Source, ToolUse, TurnRecord
from harry.memory.shared_state.live_state import (
    MAX_NAME_CHARACTERS,
    MAX_TEXT_CHARACTERS,
    MAX_TEXTS,
    LiveState,
    SqliteLiveState,
)
from harry.memory.shared_state.redis_client import open_link
from harry.memory.shared_state.redis_sync import SharedLiveState
from harry.memory.store.database import Database
from tests.support.redis_server import RedisServer, redis_server  # noqa: F401  (a fixture)


@dataclass
class Opened:
    """A store as one Harry writes it and another reads it."""

    written: LiveState
    read: LiveState
    keep: Callable[[Sequence[TurnRecord]], Awaitable[object]]
    settle: Callable[[], Awaitable[None]]


@asynccontextmanager
async def sqlite(folder: Path, _: RedisServer) -> AsyncIterator[Opened]:
    async def settle() -> None:
        """Everything is there at once."""

    tables, again = await Database.open(folder / "harry.db"), await Database.open(folder / "harry.db")
    try:
        yield Opened(SqliteLiveState(tables), SqliteLiveState(again), tables.write, settle)
    finally:
        await tables.aclose()
        await again.aclose()


@asynccontextmanager
async def redis(folder: Path, server: RedisServer) -> AsyncIterator[Opened]:
    mine, theirs = await Database.open(folder / "mine.db"), await Database.open(folder / "theirs.db")
    async with open_link(server.url) as link:
        here = await SharedLiveState.open(mine, link, read_within=10)
        there = await SharedLiveState.open(theirs, link, read_within=10)

        async def settle() -> None:
            await here.share()
            await there.share()
            assert there.is_up

        yield Opened(here, there, mine.write, settle)
    await mine.aclose()
    await theirs.aclose()


STORES: dict[str, Callable[[Path, RedisServer], AbstractAsyncContextManager[Opened]]] = {
    "sqlite": sqlite,
    "redis": redis,
}


@pytest.fixture(params=STORES)
def opening(request, tmp_path, redis_server) -> Callable[[], AbstractAsyncContextManager[Opened]]:  # noqa: F811
    return lambda: STORES[request.param](tmp_path, redis_server)


def turn(name: str, *, said: str = "hello", amends: str | None = None, user: str = "ann") -> TurnRecord:
    return TurnRecord(
        name, user, "kitchen", "home", Source.VOICE, 1.0, 2.5, said, " Good day.", " Good", True, "barge_in", amends
    )


async def test_what_was_saved_is_loaded_and_nothing_else(opening):
    async with opening() as store:
        await store.written.save("ann", "mood", "calm")
        await store.settle()
        assert await store.read.load("ann", "mood") == "calm"
        assert await store.read.load("ann", "goal") is None
        assert await store.read.entries("ann", "goal") == []


async def test_saving_again_takes_the_place_of_everything_before(opening):
    async with opening() as store:
        await store.written.save("ann", "mood", "calm")
        await store.written.append("ann", "mood", "and glad")
        await store.settle()
        await store.written.save("ann", "mood", "tired")
        await store.settle()
        assert await store.read.entries("ann", "mood") == ["tired"]


async def test_appending_works_to_nothing_to_what_was_saved_and_to_what_was_appended(opening):
    async with opening() as store:
        await store.written.append("ann", "short_term", "one")
        await store.settle()
        await store.written.append("ann", "short_term", "two\nlines")
        await store.written.save("ann", "mood", "calm")
        await store.settle()
        await store.written.append("ann", "mood", "glad")
        await store.settle()
        assert await store.read.entries("ann", "short_term") == ["one", "two\nlines"]
        assert await store.read.load("ann", "short_term") == "one\ntwo\nlines"
        assert await store.read.entries("ann", "mood") == ["calm", "glad"]


async def test_the_same_entry_appended_again_changes_nothing(opening):
    async with opening() as store:
        for _ in range(3):
            await store.written.append("ann", "short_term", "one", entry="e1")
            await store.settle()
        await store.written.append("ann", "short_term", "one", entry="e2")
        await store.settle()
        assert await store.read.entries("ann", "short_term") == ["one", "one"]


async def test_the_tools_of_a_turn_are_recalled_with_it(opening):
    uses = (
        ToolUse("c1", "set_timer", '{"minutes": 5}', Outcome.FINISHED, "It rings at five. \U0001f514"),
        ToolUse("c2", "send", "{", Outcome.UNKNOWN),
    )
    async with opening() as store:
        await store.keep([replace(turn("t1"), tools=uses), turn("t2")])
        await store.settle()
        assert [each.tools for each in await store.read.history("ann", limit=5)] == [uses, ()]


async def test_what_was_deleted_is_gone_and_can_be_written_anew(opening):
    async with opening() as store:
        await store.written.save("ann", "mood", "calm")
        await store.settle()
        await store.written.delete("ann", "mood")
        await store.written.delete("ann", "never there")
        await store.settle()
        assert await store.read.load("ann", "mood") is None
        await store.written.append("ann", "mood", "glad")
        await store.settle()
        assert await store.read.entries("ann", "mood") == ["glad"]


async def test_no_user_reads_anothers_whatever_the_names(opening):
    names = ["ann", "Ann", "ann:mood", "user", "*", "a?n", "[ann]", "ann%3Amood", "", " ", "\n", "ü" * 300, "\\"]
    async with opening() as store:
        users = [name for name in names if name]
        for user in users:
            await store.written.save(user, "mood", f"of {user!r}")
            await store.written.save("ann", f"mood of {user}", user)
        await store.settle()
        for user in users:
            assert await store.read.load(user, "mood") == f"of {user!r}"
        assert await store.read.load("ann:mood", "x") is None


async def test_an_erased_user_is_gone_and_every_other_stays(opening):
    async with opening() as store:
        for user in ("ann", "an", "a*", "bob"):
            await store.written.save(user, "mood", user)
            await store.written.append(user, "short_term", user)
        await store.settle()
        await store.written.erase("a*")
        await store.written.erase("ann")
        await store.written.save("ann", "mood", "new")
        await store.settle()
        assert await store.read.load("ann", "mood") == "new"
        assert await store.read.load("ann", "short_term") is None
        assert await store.read.load("a*", "mood") is None
        for user in ("an", "bob"):
            assert await store.read.load(user, "mood") == user
            assert await store.read.entries(user, "short_term") == [user]


async def test_a_variable_keeps_the_newest_texts_and_no_more(opening):
    async with opening() as store:
        await store.written.save("ann", "log", "first")
        for number in range(MAX_TEXTS + 5):
            await store.written.append("ann", "log", f"{number}")
        await store.settle()
        entries = await store.read.entries("ann", "log")
        assert entries == [f"{number}" for number in range(5, MAX_TEXTS + 5)]


@pytest.mark.parametrize("text", ["", "a\0b", "\r\n\n", "עברית 🙂\u202e", "'; --", '{"a": 1}', "1", "x" * 900_000])
async def test_texts_come_back_as_they_were(opening, text):
    async with opening() as store:
        await store.written.save("ann", "text", text)
        await store.written.append("ann", "list", text)
        await store.written.append("ann", "list", "end")
        await store.settle()
        assert await store.read.load("ann", "text") == text
        assert await store.read.entries("ann", "list") == [text, "end"]


async def test_half_a_character_becomes_a_mark(opening):
    async with opening() as store:
        await store.written.save("ann", "text", "a\ud800b")
        await store.settle()
        assert await store.read.load("ann", "text") == "a\ufffdb"


async def test_names_and_texts_that_cannot_be_kept_are_refused_and_change_nothing(opening):
    async with opening() as store:
        await store.written.save("ann", "mood", "calm")
        for user, variable, text in [
            ("", "mood", "x"), ("ann", "", "x"), ("a" * (MAX_NAME_CHARACTERS + 1), "mood", "x"), ("ann", "\ud800", "x"),
            ("ann", "mood", "x" * (MAX_TEXT_CHARACTERS + 1)),
        ]:  # fmt: skip
            with pytest.raises(ValueError, match=r".+"):
                await store.written.save(user, variable, text)
            with pytest.raises(ValueError, match=r".+"):
                await store.written.append(user, variable, text)
        await store.settle()
        assert await store.read.load("ann", "mood") == "calm"


async def test_history_is_the_newest_exchanges_of_one_user_oldest_first(opening):
    async with opening() as store:
        await store.keep([turn("1"), turn("2", user="bob"), turn("3", said="three"), turn("4")])
        await store.settle()
        assert [each.turn for each in await store.read.history("ann", limit=2)] == ["3", "4"]
        assert [each.turn for each in await store.read.history("ann", limit=99)] == ["1", "3", "4"]
        assert await store.read.history("ann", limit=0) == []
        assert await store.read.history("eve", limit=9) == []
        (exchange,) = await store.read.history("bob", limit=1)
        assert (exchange.said, exchange.heard, exchange.interrupted) == ("hello", " Good", True)


async def test_an_amended_turn_is_shown_as_the_one_that_amends_it_in_its_old_place(opening):
    async with opening() as store:
        await store.keep([turn("1", said="I would"), turn("2")])
        await store.settle()
        await store.keep([turn("3", said="I would like tea", amends="1")])
        await store.settle()
        assert [each.turn for each in await store.read.history("ann", limit=9)] == ["3", "2"]
        assert [each.turn for each in await store.written.history("ann", limit=9)] == ["3", "2"]
