"""The knowledge base as a running Harry asks it: at once, from memory, up to date, and never held up by anybody."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trio

from harry.compat.lore import constant_entries, get_key_matches, kb_entries, load_knowledgebase
from harry.engines.worker_threads import WorkerThreads
from harry.errors import StoreError
from harry.memory.lore.activation import Moment
from harry.memory.lore.model import Book, Entry, Fired, Reason, Scope
from harry.memory.lore.rules import LoreIndex
from harry.memory.lore.service import CHECKED_EVERY, KnowledgeBase
from harry.memory.lore.store import LoreStore
from harry.memory.store.database import Database
from tests.support.lore_in_memory import LoreInMemory

ADA = Scope("ada", "Harry")


def entry(*keys: str, content: str = "", **fields: Any) -> Entry:
    return Entry(keys=keys, content=content or f"about {keys[0]}", **fields)


def book(*entries: Entry, **fields: Any) -> Book:
    return Book("book", entries, **fields)


def base(*entries: Entry, **options: Any) -> KnowledgeBase:
    return KnowledgeBase(LoreInMemory([book(*entries)]), ADA, **options)


def texts(fired: list[Fired]) -> list[str]:
    return [each.text for each in fired]


@pytest.fixture
def in_threads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which work went to a thread."""
    seen: list[str] = []
    run = WorkerThreads.run

    async def watched(self: WorkerThreads, work: Callable[..., Any], *args: Any, **options: Any) -> Any:
        seen.append(work.__name__)
        return await run(self, work, *args, **options)

    monkeypatch.setattr(WorkerThreads, "run", watched)
    return seen


async def test_what_was_said_fires_entries_with_their_reason(autojump_clock):
    knowledge = base(
        entry("dragon", content="@@depth 2\nIt sleeps.", insertion_order=2),
        entry("all", content="Autumn.", constant=True),
    )
    dragon, autumn = await knowledge.fire(["A dragon?", "Yes."], 100)
    assert (dragon.text, dragon.depth, dragon.constant) == ("It sleeps.", 2, False)
    assert dragon.why == "key 'dragon' found in the text 1 before the newest"
    assert (autumn.text, autumn.constant, autumn.why) == ("Autumn.", True, "it is constant")


async def test_a_growing_transcript_fires_what_the_whole_one_does(autojump_clock):
    knowledge = base(entry("art"), entry("artist"), entry("the art"), entry("new york"))
    said = "the artist, the art of New York"
    for end in range(len(said) + 1):
        fresh = base(entry("art"), entry("artist"), entry("the art"), entry("new york"))
        assert await knowledge.fire(["before", said[:end]], 100) == await fresh.fire(["before", said[:end]], 100)
    assert texts(await knowledge.fire([said], 100)) == ["about art", "about artist", "about the art", "about new york"]


async def test_tokens_are_counted_by_the_models_tokenizer_where_there_is_one(autojump_clock):
    def count(text: str) -> int:
        return 7

    knowledge = base(entry("a1"), entry("b1"), count=count)
    assert [each.tokens for each in await knowledge.fire(["a1 b1"], 13)] == [7]
    assert len(await knowledge.fire(["a1 b1"], 14)) == 2


async def test_what_the_conversation_remembers_is_asked(autojump_clock):
    knowledge = base(entry("dragon", content="@@dont_activate_after_match\nonce"))
    first = await knowledge.fire(["dragon"], 100)
    assert texts(first) == ["once"]
    moment = Moment(fired_before={each.entry.number for each in first})
    assert await knowledge.fire(["dragon"], 100, moment=moment) == []


async def test_no_texts_fire_what_is_constant_only(autojump_clock):
    knowledge = base(entry("dragon"), entry("x", constant=True))
    assert texts(await knowledge.fire([], 100)) == ["about x"]
    assert await base().fire(["anything"], 100) == []


async def test_an_explanation_names_every_entry(autojump_clock):
    knowledge = base(entry("dragon"), entry("knight"), entry("gold", enabled=False))
    verdicts = await knowledge.explain(["a dragon with gold"], 100)
    assert [(verdict.entry.number, verdict.reason) for verdict in verdicts] == [
        (1, Reason.KEY),
        (2, Reason.NO_KEY),
        (3, Reason.DISABLED),
    ]


# Up to date


async def test_a_change_is_picked_up_by_a_running_harry(autojump_clock):
    source = LoreInMemory([book(entry("dragon"))])
    knowledge = KnowledgeBase(source, ADA)
    async with trio.open_nursery() as nursery:
        await nursery.start(knowledge.run)
        assert texts(await knowledge.fire(["a dragon and a knight"], 100)) == ["about dragon"]
        source.change([book(entry("knight"))])
        await trio.sleep(2 * CHECKED_EVERY)
        await knowledge.fire(["a"], 100)  # the next partial transcript asks, and sets the look off
        await trio.sleep(2 * CHECKED_EVERY)
        assert texts(await knowledge.fire(["a dragon and a knight"], 100)) == ["about knight"]
        nursery.cancel_scope.cancel()


class Counting(LoreInMemory):
    looks = 0

    async def version(self) -> int:
        self.looks += 1
        return await super().version()


async def test_nobody_looks_while_nobody_asks_and_once_a_second_while_somebody_does(autojump_clock):
    source = Counting([book(entry("dragon"))])
    knowledge = KnowledgeBase(source, ADA)
    async with trio.open_nursery() as nursery:
        await nursery.start(knowledge.run)
        await trio.sleep(60)
        assert source.looks == 0
        for _ in range(100):
            await knowledge.fire(["a dragon"], 100)
            await trio.sleep(0.1)
        assert 9 <= source.looks <= 11
        nursery.cancel_scope.cancel()


class Failing(LoreInMemory):
    fails = False
    hangs = False

    async def version(self) -> int:
        if self.fails:
            raise StoreError("The disk failed.")
        if self.hangs:
            await trio.sleep_forever()
        return await super().version()


async def test_a_store_that_fails_leaves_what_is_known_and_is_asked_again(autojump_clock):
    source = Failing([book(entry("dragon"))])
    knowledge = KnowledgeBase(source, ADA)
    async with trio.open_nursery() as nursery:
        await nursery.start(knowledge.run)
        await knowledge.fire([], 100)
        source.fails = True
        source.change([book(entry("knight"))])
        for _ in range(5):
            assert texts(await knowledge.fire(["dragon knight"], 100)) == ["about dragon"]
            await trio.sleep(2 * CHECKED_EVERY)
        source.fails = False
        await knowledge.fire([], 100)
        await trio.sleep(2 * CHECKED_EVERY)
        assert texts(await knowledge.fire(["dragon knight"], 100)) == ["about knight"]
        nursery.cancel_scope.cancel()


async def test_a_store_that_hangs_holds_no_question_up(autojump_clock):
    source = Failing([book(entry("dragon"))])
    knowledge = KnowledgeBase(source, ADA)
    async with trio.open_nursery() as nursery:
        await nursery.start(knowledge.run)
        await knowledge.fire([], 100)
        source.hangs = True
        await trio.sleep(2 * CHECKED_EVERY)
        for _ in range(5):
            with trio.fail_after(CHECKED_EVERY / 1000):
                assert texts(await knowledge.fire(["dragon"], 100)) == ["about dragon"]
            await trio.sleep(CHECKED_EVERY)
        nursery.cancel_scope.cancel()


async def test_the_first_question_says_that_nothing_can_be_read(tmp_path):
    (tmp_path / "harry.sqlite3").write_bytes(b"no database at all" * 100)
    with pytest.raises(StoreError, match="is damaged"):
        await KnowledgeBase(LoreStore(Database(tmp_path / "harry.sqlite3")), ADA).fire(["x"], 100)


async def test_what_another_process_adds_is_found_after_the_next_look(tmp_path):
    mine, other = (LoreStore(Database(tmp_path / "harry.sqlite3")) for _ in range(2))
    knowledge = KnowledgeBase(mine, ADA)
    assert await knowledge.fire(["a dragon"], 100) == []
    number = await other.add(ADA, entry("dragon"), book="notes")
    assert await knowledge.refresh()
    assert not await knowledge.refresh()
    assert texts(await knowledge.fire(["a dragon"], 100)) == ["about dragon"]
    await other.enable(ADA, [number], enabled=False)
    assert await knowledge.refresh()
    assert await knowledge.fire(["a dragon"], 100) == []
    await mine._database.aclose()
    await other._database.aclose()


# Nobody is held up


async def kept(tmp_path: Path, *entries: Entry, **fields: Any) -> tuple[LoreStore, KnowledgeBase]:
    store = LoreStore(Database(tmp_path / "harry.sqlite3"))
    await store.add_book(ADA, book(*entries, **fields))
    return store, KnowledgeBase(store, ADA, pattern_limit=60)


async def test_ten_thousand_keys_are_made_ready_in_a_thread_and_asked_without_one(tmp_path, in_threads):
    store, knowledge = await kept(tmp_path, *(entry(f"key{number} word") for number in range(10_000)))
    assert texts(await knowledge.fire(["say key77 word and key9999 word, not key5 words"], 100)) == [
        "about key77 word",
        "about key9999 word",
    ]
    assert in_threads == ["_build"]
    await store._database.aclose()


@pytest.mark.parametrize(
    ("entries", "fields", "said"),
    [
        ([entry("/drag.n/")], {}, "dragon"),
        ([entry("dragon")], {"recursive_scanning": True}, "dragon"),
        ([entry("dragon")], {}, "dragon " + "x " * 1_500),
        ([entry("dragon")] * 100, {}, "dragon"),
    ],
    ids=["patterns", "contents that lead on", "a long text", "many entries at once"],
)
async def test_what_may_take_long_goes_to_a_thread(tmp_path, in_threads, entries, fields, said):
    store, knowledge = await kept(tmp_path, *entries, **fields)
    assert len(await knowledge.fire([said], 10_000)) == len(entries)
    assert "work" in in_threads
    await store._database.aclose()


async def test_catastrophic_patterns_hold_nobody_up(tmp_path):
    patterns = [r"/(a+)+$/", r"/(a|aa)+$/", r"/(x+x+)+y/", r"/^(([a-z])+.)+[A-Z]([a-z])+$/"]
    store, knowledge = await kept(tmp_path, *(entry(pattern, "dragon") for pattern in patterns))
    with trio.fail_after(30):
        fired = await knowledge.fire(["a" * 3_000 + "! dragon"], 10_000)
    assert [each.entry.number for each in fired] == [1, 2, 3, 4]
    await store._database.aclose()


async def test_patterns_that_need_too_long_cost_no_plain_key_its_turn(tmp_path):
    patterns = [entry(f"(a|aa)+b{number}", use_regex=True) for number in range(3_000)]
    database = await Database.open(tmp_path / "lore.db")
    try:
        store = LoreStore(database)
        await store.add_book(ADA, book(entry("dragon"), *patterns, entry("castle", constant=True)))
        knowledge = KnowledgeBase(store, ADA, pattern_limit=60.0)
        await knowledge.refresh()
        fired = await knowledge.fire(["aaaa " * 500 + "a dragon"], 1_000, within=0.001)
        assert texts(fired) == ["about dragon", "about castle"]
    finally:
        await database.aclose()


async def test_a_cancelled_question_leaves_at_once_though_its_thread_goes_on(tmp_path):
    store, _ = await kept(tmp_path, entry("/dragon/"))
    begun, go_on = trio.Event(), threading.Event()
    token = trio.lowlevel.current_trio_token()

    def count(text: str) -> int:
        token.run_sync_soon(begun.set)
        go_on.wait(30)
        return 1

    knowledge = KnowledgeBase(store, ADA, count=count, pattern_limit=60)
    ended = trio.Event()

    async def ask() -> None:
        try:
            await knowledge.fire(["dragon"], 100)
        finally:
            ended.set()

    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            await begun.wait()
            nursery.cancel_scope.cancel()
        assert ended.is_set()
        assert not go_on.is_set()
    finally:
        go_on.set()
    await store._database.aclose()


async def test_a_question_is_a_checkpoint(autojump_clock):
    knowledge = base(entry("dragon"))
    await knowledge.fire(["dragon"], 100)
    with trio.testing.assert_checkpoints():
        await knowledge.fire(["dragon"], 100)
    with trio.CancelScope() as scope:
        scope.cancel()
        await knowledge.fire(["dragon"], 100)
    assert scope.cancelled_caught


def test_an_index_is_made_the_same_way_twice():
    entries = (entry("dragon", "wyrm"), entry("/x/"), entry("...", ""))
    first, second = (LoreIndex([book(*entries)]) for _ in range(2))
    assert first.of_key.keys() == second.of_key.keys() == {0, 1}


# Under the names of the seed


async def test_the_seeds_names_give_the_same_answers(autojump_clock):
    knowledge = base(
        entry("dragon", content="It sleeps.", priority=5, comment="Dragon"),
        entry("gold", content="It shines.", enabled=False),
        entry("all", content="Autumn.", constant=True),
        entry("hoard", content="It glitters.", priority=9),
    )
    said = ["the dragon's hoard of gold"]
    loaded = await load_knowledgebase(knowledge)
    assert [category["name"] for category in loaded["categories"]] == ["book"]
    assert [each["enabled"] for each in loaded["entries"]] == [True, False, True, True]
    assert await constant_entries(knowledge) == "Autumn."
    matches = await get_key_matches(knowledge, said)
    assert [(each["key"], each["content"], each["budgetPriority"]) for each in matches] == [
        ("dragon", "It sleeps.", 5),
        ("hoard", "It glitters.", 9),
    ]
    assert [each["key"] for each in await get_key_matches(knowledge, said, max_entries=1)] == ["hoard"]
    assert await kb_entries(knowledge, said) == "It sleeps.\n\nIt glitters."
    assert await kb_entries(knowledge, ["nothing"]) == ""
