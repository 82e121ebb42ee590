"""Several conversations in one process, which never see one another's things."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from actors.protocols import Delta, Request, TextDelta, Tool
from channels.messages import Exchange, Thought, TurnRecord
from channels.turn import new_id
from harry.config.loading import Config
from harry.config.sections import Memory
from harry.engines.engine_set import Engines
from harry.engines.lease import EnginePool
from harry.errors import EngineUnavailable, StoreError, TooManySessions
from harry.host.host import Host
from harry.host.hosting import hosting
from harry.host.shared_tools import Toolkit
from harry.host.spill_files import SpillPool
from harry.host.storage import Storage
from harry.memory.store.database import Database
from harry.memory.store.in_memory import InMemoryStore
from harry.memory.store.spill import FileSpill
from harry.session.session import Session
from harry.tools.toolbox import Offer
from tests.support.virtual_session import FakeMind


def last_words(request: Request) -> str:
    return str(request.messages[-1].parts[-1].text)


def echoing() -> FakeMind:
    async def answer(request: Request, emit: Callable[[Delta], Awaitable[None]]) -> None:
        await emit(TextDelta(f"You said {last_words(request)}"))

    return FakeMind(answer)


def config_in(folder: Path | None = None, **values: Any) -> Config:
    config = Config(**values)
    if folder is not None:
        config._data_folder = folder
    return config


@asynccontextmanager
async def host_of(
    mind: FakeMind, *, most: int = 4, store: Any = None, config: Config | None = None
) -> AsyncIterator[Host]:
    engines = Engines(language_model=EnginePool("language_model", mind))
    async with hosting(config or config_in(), engines, Storage.of(store or InMemoryStore()), most=most) as host:
        yield host


async def said(session: Session, line: str) -> None:
    turn = session.answer_typed(line)
    assert turn is not None
    await turn.over.wait()
    await session.conductor.wait_idle()


async def until(true: Callable[[], bool]) -> None:
    with trio.fail_after(30):
        while not true():  # noqa: ASYNC110  (a file tells nobody)
            await trio.sleep(0.01)


def left(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.glob("unwritten*"))


def everything(requests: Sequence[Request]) -> str:
    return " ".join(str(request.messages) for request in requests)


async def test_three_users_at_once_never_see_one_another_s_things(autojump_clock: MockClock) -> None:
    mind = echoing()
    secrets = {"ann": "the heron", "ben": "the otter", "eve": "the lynx"}
    async with host_of(mind) as host:
        told: dict[str, list[str]] = {}

        async def converse(user: str) -> None:
            async with host.open(user=user) as session:
                listening = session.events.listen()
                session.think(f"{user} loves {secrets[user]}")
                await trio.sleep(1)
                for round_ in range(3):
                    await said(session, f"{secrets[user]} {round_}")
                    await trio.sleep(1)
                told[user] = [str(event.to_dict()) for event in listening.take_waiting()]
                assert [each.said for each in session.conductor.history] == [f"{secrets[user]} {n}" for n in range(3)]

        async with trio.open_nursery() as nursery:
            for user in secrets:
                nursery.start_soon(converse, user)
        assert not host.sessions
        assert host.users() == ["ann", "ben", "eve", "you"]

        for user, secret in secrets.items():
            others = [each for each in secrets.values() if each != secret]
            asked = [request for request in mind.requests if secret in last_words(request)]
            assert len(asked) == 3
            assert secret in everything(asked)
            for other in others:
                assert other not in everything(asked)
                assert other not in " ".join(told[user])
            # The past comes back to its owner alone.
            async with host.open(user=user) as session:
                assert {each.said.rsplit(" ", 1)[0] for each in session.conductor.history} == {secret}


async def test_a_prompt_holds_the_thoughts_of_this_user_s_conversations_only(autojump_clock: MockClock) -> None:
    mind = echoing()
    async with host_of(mind) as host:
        async with host.open(user="ann") as session:
            session.think("ann is planning a surprise")
            await trio.sleep(1)
        async with host.open(user="ben") as session:
            await said(session, "hello")
        assert "surprise" not in everything(mind.requests)
        async with host.open(user="ann") as session:
            await said(session, "hello")
        assert "surprise" in everything(mind.requests)


async def test_there_are_no_more_sessions_than_there_may_be(autojump_clock: MockClock) -> None:
    async with host_of(echoing(), most=2) as host:
        async with host.open(user="ann"), host.open(user="ben"):
            assert host.free == 0
            with pytest.raises(TooManySessions):
                async with host.open(user="eve"):
                    raise AssertionError("there was no room")
        assert host.free == 2
        async with host.open(user="eve") as session:
            assert list(host.sessions) == [session.identity.session]


async def test_a_session_that_ends_early_or_fails_gives_its_place_back(autojump_clock: MockClock) -> None:
    async with host_of(echoing(), most=1) as host:
        for _ in range(3):
            with pytest.RaisesGroup(ValueError):
                async with host.open(user="ann"):
                    raise ValueError("the client broke")
            with trio.move_on_after(0.1):
                async with host.open(user="ann"):
                    await trio.sleep_forever()
        assert (host.free, host.sessions) == (1, {})


async def test_who_waits_for_quiet_in_a_session_that_ends_waits_no_longer(autojump_clock: MockClock) -> None:
    async with host_of(echoing()) as host, trio.open_nursery() as nursery:
        async with host.open(user="ann") as session:
            nursery.start_soon(session.wait_quiet, 3600.0)
            await trio.testing.wait_all_tasks_blocked()
        with trio.fail_after(1):
            await trio.testing.wait_all_tasks_blocked()


async def test_what_a_client_always_means_is_always_meant(autojump_clock: MockClock) -> None:
    async with (
        host_of(echoing()) as host,
        host.open(user="ann", settings=replace(host.settings("ann"), always_meant=True)) as session,
    ):
        assert session.attention.is_open(1e9)


async def test_a_house_without_a_mind_does_not_open(autojump_clock: MockClock) -> None:
    with pytest.raises(EngineUnavailable, match="no mind"):
        async with hosting(config_in(), Engines(), Storage.of(InMemoryStore())):
            raise AssertionError("it opened")


# On disk


class Breakable:
    """A store whose disk can be broken."""

    durable = True

    def __init__(self, store: Database) -> None:
        self.store = store
        self.broken = False

    async def write(self, records: Sequence[TurnRecord | Thought]) -> list[int]:
        await trio.lowlevel.checkpoint()
        if self.broken:
            raise StoreError("the disk is broken")
        return await self.store.write(records)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)


async def test_three_users_on_one_disk_have_each_their_own_past(tmp_path: Path) -> None:
    mind = echoing()
    store = await Database.open(tmp_path / "harry.sqlite3")
    config = config_in(tmp_path, memory=Memory(history_turns=5))
    async with host_of(mind, store=store, config=config) as host:

        async def converse(user: str) -> None:
            async with host.open(user=user) as session:
                for number in range(5):
                    await said(session, f"{user} says {number}")

        async with trio.open_nursery() as nursery:
            for user in ("ann", "ben", "eve"):
                nursery.start_soon(converse, user)
        for user in ("ann", "ben", "eve"):
            assert [each.said for each in await store.history(user, limit=9)] == [f"{user} says {n}" for n in range(5)]
            assert all(user in last_words(each) for each in mind.requests if f"{user} says" in everything([each]))
    await store.aclose()


async def test_what_sessions_could_not_write_is_brought_in_once_the_disk_works(tmp_path: Path) -> None:
    disk = await Database.open(tmp_path / "harry.sqlite3")
    store = Breakable(disk)
    config = config_in(tmp_path)
    async with host_of(echoing(), store=store, config=config, most=3) as host:
        store.broken = True
        async with host.open(user="ann") as one, host.open(user="ben") as other:
            one.think("ann's")
            other.think("ben's")
            # Each waits in a file of its own.
            await until(lambda: left(tmp_path) == ["unwritten-1.jsonl", "unwritten.jsonl"])
        assert host.free == 1
        store.broken = False
        await until(lambda: host.free == 3)
    assert not left(tmp_path)
    assert await disk.days("Harry")
    for user in ("ann", "ben"):
        day = (await disk.days("Harry"))[0]
        assert [each["text"] for each in await disk.thoughts("Harry", day, user=user)] == [f"{user}'s"]
    await disk.aclose()


async def test_what_an_earlier_life_left_is_brought_in_at_the_start(tmp_path: Path) -> None:
    def thought(text: str) -> Thought:
        return Thought(new_id(), "ann", "session", "harry", "Harry", 0.0, text)

    await FileSpill(tmp_path / "unwritten-7.jsonl").append([thought("seventh")])
    await FileSpill(tmp_path / "unwritten.jsonl").append([thought("first")])
    store = await Database.open(tmp_path / "harry.sqlite3")
    async with host_of(echoing(), store=store, config=config_in(tmp_path), most=2) as host, host.open(user="ben"):
        await until(lambda: not left(tmp_path))
    day = (await store.days("Harry"))[0]
    assert {each["text"] for each in await store.thoughts("Harry", day, user="ann")} == {"first", "seventh"}
    await store.aclose()


async def test_a_file_that_is_not_brought_in_yet_is_given_to_nobody(tmp_path: Path) -> None:
    await FileSpill(tmp_path / "unwritten-1.jsonl").append([Thought(new_id(), "ann", "s", "harry", "Harry", 0.0, "x")])
    spill_pool = SpillPool(InMemoryStore(), tmp_path, 3)
    assert spill_pool.free == 2
    with spill_pool.acquire() as first, spill_pool.acquire() as second:
        assert [first.path.name, second.path.name] == ["unwritten.jsonl", "unwritten-2.jsonl"]  # type: ignore[attr-defined]


async def test_a_conversation_that_is_over_is_told_in_short_and_no_longer_word_by_word(tmp_path: Path) -> None:
    store = await Database.open(tmp_path / "harry.sqlite3")
    mind, summed_up = echoing(), list[str]()

    async def summarise(exchanges: Sequence[Exchange]) -> str:
        summed_up.extend(each.said for each in exchanges)
        return "We spoke of herons."

    config = config_in(tmp_path)
    engines = Engines(language_model=EnginePool("language_model", mind))
    async with (
        hosting(config, engines, Storage.of(store), most=2, summarise=summarise) as host,
        host.open(user="ann") as session,
    ):
        await said(session, "the heron is back")
        await until(lambda: session.writer.waiting == 0)
        assert host.database is not None
        await host.database.transaction(
            lambda each: each.execute("UPDATE turn SET started_at = started_at - 7200, ended_at = ended_at - 7200")
        )
        assert host.background_jobs is not None
        host.background_jobs.notice()
        await until(lambda: not session.conductor.history)
        await said(session, "and now?")
        assert summed_up == ["the heron is back"]
        prompt = str(mind.requests[-1].messages)
        assert not [each for each in mind.requests[-1].messages if str(each.parts[0].text) == "the heron is back"]
        assert "Conversation 2 hours ago, in short: We spoke of herons." in prompt
        await until(lambda: session.writer.waiting == 0)
        async with host.open(user="ann") as later:
            assert [each.said for each in later.conductor.history] == ["and now?"]
    await store.aclose()


async def test_the_owner_s_tools_are_not_another_user_s(autojump_clock: MockClock) -> None:
    async def nothing(_: Mapping[str, Any]) -> str:
        return ""

    kit = Toolkit([Offer(Tool("get_image", ""), nothing), Offer(Tool("shared", ""), nothing)], (), frozenset(),
                  frozenset({"shared"}))  # fmt: skip
    async with host_of(echoing()) as host:
        host.toolkit = kit
        async with host.open(user="you") as mine, host.open(user="ben") as others:
            assert {"get_image", "shared"} <= set(mine.tools.offers)
            assert "get_image" not in others.tools.offers
            assert "shared" in others.tools.offers
