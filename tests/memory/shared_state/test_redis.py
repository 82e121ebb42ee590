"""Sharing by Redis, with a real server and all that can befall it: nothing said is lost, nothing comes twice."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import trio
from redis.backoff import NoBackoff

from channels.messages import Source, Thought, TurnRecord
from channels.turn import new_id
from harry.errors import ConfigurationError, StoreError
from harry.memory.shared_state import live_state
from harry.memory.shared_state import redis_client as redis_link
from harry.memory.shared_state import redis_sync as redis_share
from harry.memory.shared_state.live_state import Change, SqliteLiveState
from harry.memory.shared_state.redis_client import RedisLink, describe_server, open_link
from harry.memory.shared_state.redis_keys import CONVERSATION, SOC, escape, stream_key, variable_key
from harry.memory.shared_state.redis_store import erase_keys
from harry.memory.shared_state.redis_sync import SharedLiveState, erase_shared
from harry.memory.store.database import Database
from tests.support.redis_server import RedisServer, redis_server  # noqa: F401  (a fixture)


@pytest.fixture
def server(redis_server: RedisServer) -> RedisServer:  # noqa: F811
    return redis_server


class Troubles(list[str]):
    """What a user was told, `back` when it was over; and a way to wait for it."""

    def __init__(self) -> None:
        super().__init__()
        self._changed = trio.Event()

    def tell(self, message: str = "back") -> None:
        self.append(message)
        self._changed.set()
        self._changed = trio.Event()

    async def until(self, count: int) -> None:
        with trio.fail_after(30):
            while len(self) < count:
                await self._changed.wait()


@dataclass
class Harry:
    """One Harry on one file."""

    tables: Database
    link: RedisLink
    live: SharedLiveState
    own: SqliteLiveState
    troubles: Troubles

    async def shared(self) -> None:
        """Wait until all was shared, however often Redis has to be asked."""
        with trio.fail_after(30):
            while True:
                try:
                    return await self.live.share()
                except StoreError:
                    await trio.sleep(0.05)


@asynccontextmanager
async def harry(file: Path, url: str) -> AsyncIterator[Harry]:
    tables = await Database.open(file)
    async with open_link(url) as link:
        troubles = Troubles()
        live = await SharedLiveState.open(
            tables, link, on_trouble=troubles.tell, on_recovered=troubles.tell, read_within=5
        )
        yield Harry(tables, link, live, SqliteLiveState(tables), troubles)
    await tables.aclose()


def turn(name: str, *, said: str = "hello", user: str = "ann") -> TurnRecord:
    return TurnRecord(name, user, "kitchen", "home", Source.VOICE, 1.0, 2.5, said, " Good.", " Good", False, "natural")


def thought(name: str, text: str = "a thought", *, user: str = "ann") -> Thought:
    return Thought(name, user, "kitchen", "home", "Harry", 1000.0, text)


def in_stream(server: RedisServer, user: str = "ann", kind: str = CONVERSATION) -> list[str]:
    words = server.ask("--json", "XRANGE", stream_key(user, kind), "-", "+")
    return [dict(zip(fields[::2], fields[1::2], strict=True))["id"] for _, fields in json.loads(words)]


async def told(true: Callable[[], bool]) -> None:
    with trio.fail_after(20):
        while not true():  # noqa: ASYNC110  (what the task did shows only in the server)
            await trio.sleep(0.01)


# Where things lie


async def test_keys_are_as_other_programs_know_them(tmp_path, server):
    async with harry(tmp_path / "db", server.url) as one:
        await one.live.save("Maggie", "mood", "calm")
        await one.live.append("Maggie", "short_term", "first")
        await one.live.share()
    assert server.ask("GET", "user:Maggie:mood") == "calm"
    assert server.ask("LRANGE", "user:Maggie:short_term", "0", "-1") == "first"


async def test_what_another_program_wrote_is_read(tmp_path, server):
    server.ask("SET", "user:Maggie:mood", "glad")
    server.ask("RPUSH", "user:Maggie:list", "a", "b")
    server.ask("HSET", "user:Maggie:hash", "a", "b")
    async with harry(tmp_path / "db", server.url) as one:
        await one.live.share()
        assert await one.live.load("Maggie", "mood") == "glad"
        assert await one.live.entries("Maggie", "list") == ["a", "b"]
        assert await one.live.load("Maggie", "hash") is None
        await one.live.append("Maggie", "hash", "c")
        await one.live.share()
        assert await one.live.load("Maggie", "hash") == "c"


def test_names_that_part_a_key_are_escaped():
    assert variable_key("a:b", "c") != variable_key("a", "b:c")
    assert escape("Maggie Ü") == "Maggie Ü"
    assert escape("a%3Ab") != escape("a:b")
    assert variable_key("ann", CONVERSATION) != stream_key("ann", CONVERSATION)


def test_a_place_tells_no_password():
    assert describe_server("redis://harry:secret@example.org:6380/2") == "example.org:6380/2"


@pytest.mark.parametrize("url", ["http://localhost", "localhost:6379", "redis://localhost:port", ""])
async def test_what_is_no_address_is_refused_without_telling_it(url):
    with pytest.raises(ConfigurationError, match=r"redis\.url") as refused:
        async with open_link(url):
            pass
    assert "secret" not in str(refused.value)


# Two Harrys


async def test_two_harrys_share_state_and_history(tmp_path, server):
    async with harry(tmp_path / "one", server.url) as one, harry(tmp_path / "two", server.url) as two:
        await one.live.save("ann", "mood", "calm")
        await one.tables.write([turn("1", said="to one")])
        await one.live.share()
        await two.tables.write([turn("2", said="to two")])
        await two.live.append("ann", "mood", "glad")
        await two.live.share()
        for each in (one, two):
            assert await each.live.entries("ann", "mood") == ["calm", "glad"]
            assert [exchange.said for exchange in await each.live.history("ann", limit=9)] == ["to one", "to two"]


async def test_one_reads_his_own_write_before_it_was_shared(tmp_path, server):
    async with harry(tmp_path / "one", server.url) as one:
        await one.live.save("ann", "mood", "calm")
        await one.live.share()
        await one.live.save("ann", "mood", "glad")
        assert server.ask("GET", "user:ann:mood") == "calm"
        assert await one.live.load("ann", "mood") == "glad"


async def test_the_task_shares_what_is_kept_and_flushes_at_the_end(tmp_path, server):
    async with harry(tmp_path / "one", server.url) as one, trio.open_nursery() as nursery:
        await nursery.start(one.live.run)
        await one.live.save("ann", "mood", "calm")
        await told(lambda: one.live._shared["state"] == 1)
        await one.own.save("ann", "mood", "last")
        nursery.cancel_scope.cancel()
    assert server.ask("GET", "user:ann:mood") == "last"


async def test_what_another_process_writes_into_the_file_is_shared_too(tmp_path, server, monkeypatch):
    monkeypatch.setattr(redis_share, "TICK", 0.01)
    async with harry(tmp_path / "one", server.url) as one, trio.open_nursery() as nursery:
        await nursery.start(one.live.run)
        beside = await Database.open(tmp_path / "one")
        await beside.write([thought("t")])
        await beside.aclose()
        await told(lambda: one.live._shared["thought"] == 1)
        nursery.cancel_scope.cancel()
    assert in_stream(server, kind=SOC) == ["t"]


async def test_two_processes_on_one_file_share_each_entry_once(tmp_path, server):
    async with harry(tmp_path / "one", server.url) as one, harry(tmp_path / "one", server.url) as beside:
        for number in range(30):
            await one.tables.write([turn(f"{number:02d}")])
            await one.own.append("ann", "log", f"{number}")
            async with trio.open_nursery() as nursery:
                nursery.start_soon(one.live.share)
                nursery.start_soon(beside.live.share)
        assert await one.live.entries("ann", "log") == [f"{number}" for number in range(30)]
    assert in_stream(server) == [f"{number:02d}" for number in range(30)]


async def test_a_copy_of_the_file_is_another_harry_and_shares_only_what_it_adds(tmp_path, server):
    async with harry(tmp_path / "one", server.url) as one:
        await one.live.append("ann", "log", "old")
        await one.live.share()
    shutil.copy(tmp_path / "one", tmp_path / "copy")
    async with harry(tmp_path / "copy", server.url) as copy, harry(tmp_path / "one", server.url) as one:
        await copy.live.append("ann", "log", "of the copy")
        await copy.live.share()
        await one.live.append("ann", "log", "of the first")
        await one.live.share()
        assert await one.live.entries("ann", "log") == ["old", "of the copy", "of the first"]


async def test_erasing_a_user_takes_every_key_of_his_and_no_other(tmp_path, server):
    async with harry(tmp_path / "one", server.url) as one:
        for user in ("ann", "anna"):
            await one.tables.write([turn(f"turn of {user}", user=user), thought(f"thought of {user}", user=user)])
            await one.live.save(user, "mood", "calm")
        await one.live.share()
        await one.live.erase("ann")
        await one.live.share()
        left = server.ask("KEYS", "*").splitlines()
        assert sorted(left) == ["harry:marks", *sorted(f"user:anna:{each}" for each in ("mood", CONVERSATION, SOC))]
        assert await one.own.read_changes(0, limit=9) == [Change(2, "save", "anna", "mood", "calm")], (
            "the name was kept"
        )
        assert await erase_keys(one.link, "anna") == 3
        assert await erase_keys(one.link, "anna") == 0


async def test_erasing_beside_a_running_harry_is_done_at_once_or_when_redis_is_back(tmp_path, server):
    async with harry(tmp_path / "one", server.url) as one:
        await one.live.save("ann", "mood", "calm")
        await one.live.share()
        assert await erase_shared(one.tables, server.url, "ann") == 1
        assert server.ask("KEYS", "user:*") == ""
        await one.live.save("ann", "mood", "calm")
        await one.live.share()
        server.ask("SAVE")
        server.kill()
        with pytest.raises(StoreError, match="cannot be reached"):
            await erase_shared(one.tables, server.url, "ann")
        server.start()
        assert server.ask("KEYS", "user:*") == "user:ann:mood"
        await one.shared()
        assert server.ask("KEYS", "user:*") == ""
        assert await one.own.read_changes(0, limit=9) == []


async def test_a_write_that_was_on_its_way_does_not_bring_an_erased_user_back(tmp_path, server):
    async with harry(tmp_path / "one", server.url) as daemon, harry(tmp_path / "one", server.url) as command:
        await daemon.tables.write([turn("before")])
        await daemon.live.share()
        await daemon.tables.write([turn("secret")])

        publish = daemon.live._redis.publish

        async def late(*args: object) -> int:
            # The records were read; before they are sent, the command erases everything.
            daemon.live._redis.publish = publish
            await command.tables.transaction(lambda each: each.execute("DELETE FROM turn WHERE user = 'ann'"))
            await command.live.erase("ann")
            await command.live.share()
            return await publish(*args)

        daemon.live._redis.publish = late
        await daemon.live.share()
    assert server.ask("KEYS", "user:*") == ""


async def test_a_variable_that_lost_its_oldest_texts_still_takes_the_place_of_what_was_there(
    tmp_path, server, monkeypatch
):
    monkeypatch.setattr(live_state, "MAX_TEXTS", 3)
    server.ask("RPUSH", "user:ann:log", "of another time")
    async with harry(tmp_path / "one", server.url) as one:
        await one.live.save("ann", "log", "0")
        for number in range(1, 5):
            await one.live.append("ann", "log", f"{number}")
        await one.live.share()
    assert server.ask("LRANGE", "user:ann:log", "0", "-1").splitlines() == ["2", "3", "4"]


# What can befall the server


async def test_down_at_the_start_harry_goes_on_and_shares_everything_once_it_is_there(tmp_path, server):
    server.kill()
    async with harry(tmp_path / "one", server.url) as one, trio.open_nursery() as nursery:
        await nursery.start(one.live.run)
        await one.live.save("ann", "mood", "calm")
        await one.live.append("ann", "mood", "glad")
        await one.tables.write([turn("1"), thought("t")])
        assert await one.live.entries("ann", "mood") == ["calm", "glad"]
        assert [each.turn for each in await one.live.history("ann", limit=9)] == ["1"]
        await one.troubles.until(1)
        assert "cannot be reached" in one.troubles[0]
        server.start()
        await one.troubles.until(2)
        assert one.troubles[1:] == ["back"], "it was told more than once"
        nursery.cancel_scope.cancel()
    assert server.ask("LRANGE", "user:ann:mood", "0", "-1").splitlines() == ["calm", "glad"]
    assert in_stream(server) == ["1"]
    assert in_stream(server, kind=SOC) == ["t"]


async def test_a_server_that_lost_everything_is_told_everything_again(tmp_path, server):
    async with harry(tmp_path / "one", server.url) as one:
        await one.live.save("ann", "mood", "calm")
        await one.live.append("ann", "mood", "glad")
        await one.tables.write([turn("1"), turn("2")])
        await one.live.share()
        server.kill()
        server.start()
        # Its first answer shows the loss: what is known here is given instead.
        assert await one.live.entries("ann", "mood") == ["calm", "glad"]
        await one.shared()
        assert await one.live.entries("ann", "mood") == ["calm", "glad"]
    assert server.ask("LRANGE", "user:ann:mood", "0", "-1").splitlines() == ["calm", "glad"]
    assert in_stream(server) == ["1", "2"]


async def test_a_server_that_lost_the_newest_gets_these_and_nothing_twice(tmp_path, server):
    async with harry(tmp_path / "one", server.url) as one:
        await one.live.append("ann", "log", "kept")
        await one.tables.write([turn("kept")])
        await one.live.share()
        server.ask("SAVE")
        await one.live.append("ann", "log", "lost")
        await one.tables.write([turn("lost")])
        await one.live.share()
        server.kill()
        server.start()
        await one.shared()
        assert await one.live.entries("ann", "log") == ["kept", "lost"]
    assert in_stream(server) == ["kept", "lost"]


async def test_killed_again_and_again_while_writing_it_gets_each_entry_once(tmp_path, server):
    server.kill()
    server.start("--appendonly", "yes", "--appendfsync", "always")
    async with harry(tmp_path / "one", server.url) as one, trio.open_nursery() as nursery:
        await nursery.start(one.live.run)
        for number in range(60):
            await one.live.append("ann", "log", f"{number}")
            await one.tables.write([turn(f"{number:02d}")])
            one.live.wake()
            if number % 20 == 10:
                server.kill()
                server.start("--appendonly", "yes", "--appendfsync", "always")
        await one.shared()
        nursery.cancel_scope.cancel()
    assert server.ask("LRANGE", "user:ann:log", "0", "-1").splitlines() == [f"{number}" for number in range(60)]
    assert in_stream(server) == [f"{number:02d}" for number in range(60)]


async def test_a_stalled_server_holds_no_read_and_no_write_up(tmp_path, server):
    async with harry(tmp_path / "one", server.url) as one:
        await one.live.save("ann", "mood", "calm")
        await one.live.share()
        one.live._read_within = 0.05
        with server.stalled():
            await one.live.save("ann", "mood", "glad")
            assert await one.live.load("ann", "mood") == "glad"
            assert await one.live.load("ann", "goal") is None
            assert not one.live.is_up, "the next read would wait again"
            with pytest.raises(StoreError, match="did not answer within"):
                await one.live.share()
        await one.shared()
        assert one.live.is_up
    assert server.ask("GET", "user:ann:mood") == "glad"


async def test_a_server_that_takes_no_writes_is_read_and_written_later(tmp_path, server):
    async with harry(tmp_path / "one", server.url) as one:
        await one.live.save("ann", "mood", "calm")
        await one.live.share()
        server.ask("REPLICAOF", "127.0.0.1", "1")
        await one.live.save("ann", "mood", "glad")
        with pytest.raises(StoreError, match="takes no writes"):
            await one.live.share()
        assert await one.live.load("ann", "mood") == "glad"
        server.ask("REPLICAOF", "NO", "ONE")
        await one.shared()
    assert server.ask("GET", "user:ann:mood") == "glad"


async def test_a_server_without_memory_loses_nothing_and_gets_it_later(tmp_path, server):
    async with harry(tmp_path / "one", server.url) as one:
        await one.live.save("ann", "mood", "calm")
        await one.live.share()
        server.ask("CONFIG", "SET", "maxmemory", "1")
        await one.live.append("ann", "mood", "glad")
        await one.tables.write([turn("1")])
        with pytest.raises(StoreError, match="no memory left"):
            await one.live.share()
        assert await one.live.entries("ann", "mood") == ["calm", "glad"]
        assert server.ask("GET", "user:ann:mood") == "calm", "half an append was done"
        server.ask("CONFIG", "SET", "maxmemory", "0")
        await one.shared()
        assert server.ask("LRANGE", "user:ann:mood", "0", "-1").splitlines() == ["calm", "glad"]
    assert in_stream(server) == ["1"]


async def test_a_server_that_loads_is_waited_for(tmp_path, server):
    for first in range(0, 10_000, 500):
        server.ask("MSET", *(word for number in range(first, first + 500) for word in (f"k{number}", "v")))
    server.ask("SAVE")
    server.kill()
    # A fifth of a millisecond for each key, and a look at its clients every thousand bytes: two seconds in all.
    slowly = ("--key-load-delay", "200", "--loading-process-events-interval-bytes", "1024")
    server.start(*slowly, until=b"Server initialized")
    async with harry(tmp_path / "one", server.url) as one, trio.open_nursery() as nursery:
        await nursery.start(one.live.run)
        await one.live.save("ann", "mood", "calm")
        await one.troubles.until(1)
        assert "loading" in one.troubles[0]
        assert await one.live.load("ann", "mood") == "calm"
        await one.troubles.until(2)
        nursery.cancel_scope.cancel()
    assert server.ask("GET", "user:ann:mood") == "calm"


async def test_a_wrong_password_is_said_and_holds_nothing_up(tmp_path, server):
    server.ask("CONFIG", "SET", "requirepass", "secret")
    async with harry(tmp_path / "one", f"redis://:wrong@127.0.0.1:{server.port}/0") as one:
        await one.live.save("ann", "mood", "calm")
        with pytest.raises(StoreError, match=r"refuses the name or password|could not do its work") as refused:
            await one.live.share()
        assert "wrong@" not in str(refused.value)
        assert await one.live.load("ann", "mood") == "calm"


async def test_calls_cancelled_in_the_middle_poison_nothing(tmp_path, server):
    async with open_link(server.url) as link:
        for number in range(50):
            await link.call("SET", f"key{number}", f"{number}")
        wrong = 0
        for number in range(150):
            with trio.move_on_after(random.uniform(0, 0.002)):
                await link.call("GET", f"key{number % 50}")
            wrong += await link.call("GET", f"key{number % 50}") != f"{number % 50}"
        assert wrong == 0


async def test_a_link_that_closes_amid_a_call_leaves_no_connection_open(server, monkeypatch):
    # A call that lost its connection opens another at once.
    monkeypatch.setattr(redis_link, "ExponentialWithJitterBackoff", lambda **_: NoBackoff())
    for _ in range(20):
        async with open_link(server.url) as link:
            await link.call("PING")
            with trio.move_on_after(random.uniform(0, 0.001)):
                while True:
                    await link.call("PING")
    assert server.ask("CLIENT", "LIST").count("\n") == 0, "another client than the one that asks is there"


async def test_a_task_started_elsewhere_may_call_too(server):
    async with trio.open_nursery() as outer, open_link(server.url) as link:
        answers = []

        async def ask() -> None:
            answers.append(await link.call("PING"))

        send, receive = trio.open_memory_channel[object](1)

        async def elsewhere() -> None:
            async for _ in receive:
                await ask()

        outer.start_soon(elsewhere)
        await send.send(None)
        await send.aclose()
        await told(lambda: bool(answers))
    assert answers == ["PONG"]


async def test_what_a_stranger_put_into_a_stream_is_passed_over(tmp_path, server):
    server.ask("XADD", stream_key("ann", CONVERSATION), "*", "data", "{half a line")
    server.ask("XADD", stream_key("ann", CONVERSATION), "*", "something", "else")
    async with harry(tmp_path / "one", server.url) as one:
        await one.tables.write([turn("1")])
        await one.live.share()
        assert [exchange.turn for exchange in await one.live.history("ann", limit=9)] == ["1"]


# kill -9


async def live(folder: Path, url: str, life: int) -> None:
    """Write and share until killed. This is the child."""
    async with harry(folder / "db", url) as one, trio.open_nursery() as nursery:
        await nursery.start(one.live.run)
        for count in range(100_000):
            name = new_id()
            await one.live.append("ann", "log", name)
            await one.tables.write([turn(name)])
            one.live.wake()
            os.write(1, f"{life} {count} {name}\n".encode())


async def kill_again_and_again(folder: Path, server: RedisServer, lives: int) -> int:
    acknowledged: list[str] = []
    for life in range(lives):
        command = [sys.executable, "-m", "tests.memory.shared_state.test_redis", str(folder), server.url, str(life)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:  # noqa: ASYNC220
            assert child.stdout is not None
            lines = [next(child.stdout, b"") for _ in range(random.randint(1, 60))]
            if life % 3 == 1:
                server.kill()  # it comes back without anything
                server.start()
            child.kill()
            lines += child.stdout
            assert child.stderr is not None
            assert b"Traceback" not in child.stderr.read()
        acknowledged += [line.split()[2].decode() for line in lines if line.endswith(b"\n")]
    async with harry(folder / "db", server.url) as one:
        await one.shared()
        kept = await one.own.entries("ann", "log")
        # A variable keeps the newest texts: whatever was acknowledged after the oldest of them is among them.
        first = next(number for number, name in enumerate(acknowledged) if name in set(kept))
        assert set(acknowledged[first:]) <= set(kept), "an acknowledged append is gone"
        log = server.ask("LRANGE", "user:ann:log", "0", "-1").splitlines()
        assert log == kept[-len(log) :] == kept, "Redis does not hold what the file holds, once and in order"
        shared = in_stream(server)
        assert len(shared) == len(set(shared)), "a turn was shared twice"
        assert set(acknowledged) <= set(shared), "an acknowledged turn was not shared"
    return len(acknowledged)


async def test_lives_ended_by_kill_nine_share_every_acknowledged_entry_once(tmp_path, server):
    assert await kill_again_and_again(tmp_path, server, 6) > 0


@pytest.mark.acceptance
@pytest.mark.timeout(3600)
async def test_a_hundred_lives_ended_by_kill_nine_share_every_acknowledged_entry_once(tmp_path, server):
    assert await kill_again_and_again(tmp_path, server, 100) > 1000  # a stream holds 10,000


if __name__ == "__main__":
    trio.run(live, Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
