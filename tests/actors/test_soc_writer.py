"""The SOC writer: order, one commit for many, nothing acknowledged before its commit, nothing dropped on bad days."""

from __future__ import annotations

import errno
import math
import os
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from copy import copy
from pathlib import Path
from typing import Any

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock, wait_all_tasks_blocked

from actors.soc_writer import MAX_BATCH_RECORDS, STUCK_SECONDS, NotKeptError, Receipt, Record, SocWriter
from channels import backoff
from channels.messages import Outcome, Source, Thought, ToolUse, TurnRecord
from harry.errors import StoreError
from harry.memory.store import spill as spill_module
from harry.memory.store.in_memory import InMemoryStore
from harry.memory.store.spill import FileSpill, MemorySpill
from harry.memory.store.sqlite_store import SqliteStore


def thought(name: str, text: str = "", *, at: float = 0.0) -> Thought:
    return Thought(name, "ann", "kitchen", "home", "harry", at, text or name)


def turn(name: str) -> TurnRecord:
    return TurnRecord(
        name, "ann", "kitchen", "home", Source.TYPED, 0.0, 1.0, "hello", "hi", "hi", False, "done", "older",
        (ToolUse("c", "time", "{}", Outcome.FINISHED, "noon"),),
    )  # fmt: skip


def names(count: int, start: int = 0) -> list[str]:
    return [f"{n:05}" for n in range(start, start + count)]


class FickleStore(InMemoryStore):
    """Fails while `error` is set, and holds each commit back while `open` is not set."""

    def __init__(self) -> None:
        super().__init__()
        self.error: Exception | None = None
        self.open = trio.Event()
        self.open.set()
        self.attempts: list[float] = []
        self.batches: list[list[str]] = []

    async def write(self, records: Sequence[Record]) -> list[int]:
        self.attempts.append(trio.current_time())
        await self.open.wait()
        if self.error is not None:
            raise copy(self.error)
        numbers = await super().write(records)
        self.batches.append([each.id for each in records if isinstance(each, Thought)])
        return numbers

    def let_pass(self, wanted: bool) -> None:
        """Let commits through, or hold back those that come."""
        if wanted:
            self.open.set()
        elif self.open.is_set():
            self.open = trio.Event()

    @property
    def kept(self) -> list[str]:
        """The ids of the thoughts in the order of their sequence numbers."""
        return [each.id for _, _, each in sorted(self._thoughts.values(), key=lambda kept: kept[0])]


class LastingSpill(MemorySpill):
    """Stands for a file: outlives its writer, and can fail."""

    durable = True
    error: Exception | None = None
    most = 0

    async def append(self, records: Sequence[Record]) -> None:
        if self.error is not None:
            raise self.error
        await super().append(records)
        self.most = max(self.most, self.waiting)


FAILURE = StoreError("The disk is full.", remedy="Free some space.")


class World:
    """A writer with everything around it."""

    def __init__(self, writer: Callable[..., SocWriter] = SocWriter, **options: object) -> None:
        self.store = FickleStore()
        self.spill = LastingSpill()
        self.said: list[str] = []
        self.numbers: list[int] = []
        self.writer = writer(
            self.store,
            self.spill,
            failure=StoreError,
            on_kept=lambda _, sequence: self.numbers.append(sequence),
            on_trouble=self.said.append,
            on_recovered=lambda: self.said.append("recovered"),
            **options,
        )

    def submit(self, wanted: Sequence[str]) -> list[Receipt]:
        return [self.writer.submit(thought(name)) for name in wanted]


@pytest.fixture
async def world() -> World:
    return World()


async def test_entries_are_kept_in_order_and_their_senders_told_the_numbers(world, nursery, autojump_clock):
    await nursery.start(world.writer.run)
    receipts = world.submit(names(200))
    assert [await receipt.wait_committed() for receipt in receipts] == list(range(1, 201))
    assert world.store.kept == names(200)
    assert world.numbers == list(range(1, 201))


async def test_a_thousand_entries_take_few_commits(world, nursery, autojump_clock):
    await nursery.start(world.writer.run)
    for receipt in world.submit(names(1000)):
        await receipt.wait_committed()
    assert len(world.store.batches) == math.ceil(1000 / MAX_BATCH_RECORDS)
    assert max(map(len, world.store.batches)) == MAX_BATCH_RECORDS


async def test_a_single_entry_waits_for_no_others(world, nursery, autojump_clock):
    await nursery.start(world.writer.run)
    start = trio.current_time()
    await world.submit(["alone"])[0].wait_committed()
    assert trio.current_time() == start


# Acknowledgement


async def nothing_is_acknowledged_before_its_commit(world: World, nursery: trio.Nursery) -> None:
    world.store.let_pass(False)
    await nursery.start(world.writer.run)
    (receipt,) = world.submit(["a"])
    await wait_all_tasks_blocked()
    assert world.store.attempts, "the commit has not even begun"
    assert (receipt.settled, world.numbers) == (False, [])
    world.store.error = FAILURE
    world.store.let_pass(True)
    await trio.sleep(60)
    assert (receipt.settled, world.numbers) == (False, [])
    world.store.error = None
    assert await receipt.wait_committed() == 1
    assert world.numbers == [1]


async def test_an_entry_is_acknowledged_after_its_commit_and_not_before(world, nursery, autojump_clock):
    await nothing_is_acknowledged_before_its_commit(world, nursery)


class EarlyAtTheCommit(SocWriter):
    async def _write(self, records: list[Record]) -> list[tuple[list[Record], list[int]]]:
        for number, record in enumerate(records, start=1):
            self._acknowledge(record, number)
        return await super()._write(records)


class EarlyWhenSpilled(SocWriter):
    async def _move_to_spill(self) -> None:
        waiting = list(self._queue)
        await super()._move_to_spill()
        for number, record in enumerate(waiting, start=1):
            self._acknowledge(record, number)


@pytest.mark.parametrize("mutant", [EarlyAtTheCommit, EarlyWhenSpilled])
async def test_a_writer_that_acknowledges_early_is_caught(mutant, nursery, autojump_clock):
    with pytest.raises(AssertionError):
        await nothing_is_acknowledged_before_its_commit(World(mutant), nursery)
    nursery.cancel_scope.cancel()


async def test_the_same_entry_twice_is_one_entry_with_one_receipt(world, nursery, autojump_clock):
    first, second = world.submit(["a", "a"])
    assert first is second
    await nursery.start(world.writer.run)
    assert await first.wait_committed() == 1
    assert await world.submit(["a"])[0].wait_committed() == 1
    assert world.store.kept == ["a"]


async def test_a_turn_and_a_thought_may_bear_the_same_id(world, nursery, autojump_clock):
    both = [world.writer.submit(turn("same")), world.writer.submit(thought("same"))]
    await nursery.start(world.writer.run)
    assert [await receipt.wait_committed() for receipt in both] == [1, 1]
    assert len(await world.store.history("ann", limit=9)) == len(world.store.kept) == 1


async def test_an_entry_that_never_can_be_kept_is_refused_alone(world, nursery, autojump_clock):
    good, bad = thought("good"), thought("bad", at=math.nan)
    receipts = [world.writer.submit(each) for each in (good, bad, thought("also good"))]
    await nursery.start(world.writer.run)
    assert [await receipts[0].wait_committed(), await receipts[2].wait_committed()] == [1, 2]
    with pytest.raises(ValueError, match="not a finite number"):
        await receipts[1].wait_committed()
    assert (world.said, world.writer.waiting) == ([], 0)


# Bad days


async def test_trouble_is_told_once_and_recovery_once(world, nursery, autojump_clock):
    await nursery.start(world.writer.run)
    for _ in range(2):
        world.said.clear()
        world.store.error = FAILURE
        (receipt,) = world.submit([f"{trio.current_time()}"])
        await trio.sleep(60)
        assert world.said == ["The disk is full. Free some space."]
        world.store.error = None
        await receipt.wait_committed()
        await wait_all_tasks_blocked()
        assert world.said[1:] == ["recovered"]


async def test_a_failing_store_is_tried_again_at_growing_intervals_up_to_five_seconds(
    nursery, autojump_clock, monkeypatch
):
    monkeypatch.setattr(backoff.random, "uniform", lambda _, longest: longest)
    world = World()
    await nursery.start(world.writer.run)
    world.store.error = FAILURE
    world.submit(["a"])
    await trio.sleep(30)
    pauses = [later - earlier for earlier, later in zip(world.store.attempts, world.store.attempts[1:], strict=False)]
    assert pauses[:8] == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0])


async def test_while_the_store_fails_entries_go_to_the_spill_and_from_there_into_the_store(
    world, nursery, autojump_clock
):
    await nursery.start(world.writer.run)
    world.store.error = FAILURE
    receipts = world.submit(names(100))
    await trio.sleep(1)
    receipts += world.submit(names(100, 100))
    await wait_all_tasks_blocked()
    assert world.spill.waiting == 200
    world.store.error = None
    receipts += world.submit(names(100, 200))
    assert [await receipt.wait_committed() for receipt in receipts] == list(range(1, 301))
    assert world.store.kept == names(300)
    await wait_all_tasks_blocked()
    assert world.writer.waiting == 0


async def test_what_the_memory_has_no_room_for_goes_to_the_spill_while_a_commit_takes_long(nursery, autojump_clock):
    world = World(capacity=50)
    await nursery.start(world.writer.run)
    world.store.let_pass(False)
    receipts = world.submit(names(50))
    await wait_all_tasks_blocked()
    assert world.spill.waiting == 0
    receipts += world.submit(names(50, 50))
    await wait_all_tasks_blocked()
    assert world.spill.waiting == 100
    receipts += world.submit(names(10, 100))
    world.store.let_pass(True)
    assert [await receipt.wait_committed() for receipt in receipts] == list(range(1, 111))
    assert world.store.kept == names(110)
    assert len(world.numbers) == 110


async def test_without_store_or_spill_entries_wait_in_memory_up_to_the_limit_and_none_is_dropped(
    nursery, autojump_clock
):
    world = World(capacity=5, limit=20)
    world.store.error = world.spill.error = FAILURE
    await nursery.start(world.writer.run)
    receipts = world.submit(names(20))
    (refused,) = world.submit(["too many"])
    await trio.sleep(60)
    assert not any(receipt.settled for receipt in receipts)
    with pytest.raises(NotKeptError, match="20 entries wait already"):
        await refused.wait_committed()
    world.store.error = world.spill.error = None
    assert [await receipt.wait_committed() for receipt in receipts] == list(range(1, 21))


async def test_an_unexpected_error_is_met_as_a_failure_and_tells_no_words(world, nursery, autojump_clock):
    world.store.error = RuntimeError("a defect, with what somebody said")
    receipts = world.submit(names(100))
    await nursery.start(world.writer.run)
    await trio.sleep(20)
    assert not any(receipt.settled for receipt in receipts)
    assert world.spill.waiting == 100
    [told] = world.said
    assert "RuntimeError" in told
    assert "somebody" not in told
    receipts += world.submit(names(10, 100))
    world.store.error = None
    assert [await receipt.wait_committed() for receipt in receipts] == list(range(1, 111))


async def test_a_store_that_hangs_counts_as_failing_and_what_waits_is_laid_on_the_spill(world, nursery, autojump_clock):
    world.store.let_pass(False)
    receipts = world.submit(names(10))
    await nursery.start(world.writer.run)
    await trio.sleep(STUCK_SECONDS - 1)
    assert not world.said
    await trio.sleep(2)
    assert len(world.said) == 1
    assert world.spill.waiting == 10
    world.store.let_pass(True)
    assert [await receipt.wait_committed() for receipt in receipts] == list(range(1, 11))


# The end


async def end(world: World, *, wait: float = 0.0) -> float:
    """Run the writer, cancel it after `wait` seconds, and return how long it then took to end."""
    with trio.move_on_after(wait) as scope:
        await world.writer.run()
    return trio.current_time() - scope.deadline


async def test_what_waits_at_the_end_is_written_last(world, autojump_clock):
    receipts = world.submit(names(300))
    await end(world)
    assert [await receipt.wait_committed() for receipt in receipts] == list(range(1, 301))
    assert world.spill.waiting == 0


async def test_a_hanging_store_holds_up_the_end_by_two_seconds_at_most_and_nothing_is_lost(world, autojump_clock):
    world.store.let_pass(False)
    receipts = world.submit(names(100))
    assert await end(world, wait=1) <= 2
    for receipt in receipts:
        with pytest.raises(NotKeptError, match="waits on disk") as caught:
            await receipt.wait_committed()
        assert caught.value.spilled
    assert world.spill.waiting == 100


async def test_what_was_spilled_is_replayed_once_in_the_next_life(world, nursery, autojump_clock):
    world.store.error = FAILURE
    world.submit(names(100))
    await end(world, wait=1)
    assert world.spill.waiting == 100
    kept: list[str] = []
    world.store.error = None
    following = SocWriter(
        world.store, world.spill, failure=StoreError, on_kept=lambda record, _: kept.append(record.text)
    )
    receipt = following.submit(thought("new"))
    await nursery.start(following.run)
    assert await receipt.wait_committed() == 101
    assert kept == [*names(100), "new"] == world.store.kept
    await wait_all_tasks_blocked()
    assert world.spill.waiting == 0


async def test_when_all_fails_at_the_end_the_senders_are_told_that_it_is_lost(world, autojump_clock):
    world.store.error = world.spill.error = FAILURE
    (receipt,) = world.submit(["a"])
    await end(world, wait=1)
    with pytest.raises(NotKeptError, match="lost") as caught:
        await receipt.wait_committed()
    assert not caught.value.spilled


async def test_a_defect_at_the_end_loses_nothing_and_leaves_no_sender_waiting(world, autojump_clock):
    world.store.let_pass(False)
    (receipt,) = world.submit(["a"])

    async def fail_at_the_end() -> None:
        async with trio.open_nursery() as nursery:
            await nursery.start(world.writer.run)
            await wait_all_tasks_blocked()
            world.store.error = RuntimeError("a defect")
            nursery.cancel_scope.cancel()
            world.store.let_pass(True)

    await fail_at_the_end()
    with pytest.raises(NotKeptError, match="waits on disk"):
        await receipt.wait_committed()
    assert world.spill.waiting == 1


async def test_after_the_end_an_entry_is_refused_and_not_swallowed(world, autojump_clock):
    await end(world)
    (receipt,) = world.submit(["late"])
    with pytest.raises(NotKeptError, match="the writer has ended"):
        await receipt.wait_committed()


async def test_a_spill_in_memory_does_not_pretend_to_be_kept(autojump_clock):
    store = FickleStore()
    store.error = FAILURE
    writer = SocWriter(store, MemorySpill(), failure=StoreError)
    receipt = writer.submit(thought("a"))
    with trio.move_on_after(1):
        await writer.run()
    with pytest.raises(NotKeptError, match="lost"):
        await receipt.wait_committed()


class BadDays(World):
    """A world whose writer is run again whenever its run ends, and in which anything may happen at any moment."""

    def __init__(self, capacity: int) -> None:
        super().__init__(capacity=capacity)
        self.receipts: dict[str, Receipt] = {}
        self.life = trio.CancelScope()

    async def supervise(self) -> None:
        while True:
            self.life = trio.CancelScope()
            with suppress(ExceptionGroup, RuntimeError), self.life:
                await self.writer.run()
            await trio.sleep(0.5)

    async def happen(self, step: str, value: Any) -> None:
        if step == "submit":
            wanted = names(value, len(self.receipts))
            self.receipts.update(zip(wanted, self.submit(wanted), strict=True))
        elif step == "wait":
            await trio.sleep(value)
        elif step == "store":
            self.store.error = value
        elif step == "spill":
            self.spill.error = value
        elif step == "commits":
            self.store.let_pass(value)
        else:
            self.life.cancel()

    async def heal(self) -> None:
        self.store.error = self.spill.error = None
        self.store.let_pass(True)
        await trio.sleep(20)  # the longest pause, and the time until the next run
        await self.happen("submit", 1)
        await self.receipts[max(self.receipts)].wait_committed()

    async def check(self) -> None:
        kept = self.store.kept
        assert kept == sorted(set(kept)), "out of order, or twice"
        assert self.writer.waiting == 0
        for name, receipt in self.receipts.items():
            spilled = False
            number = None
            try:
                number = await receipt.wait_committed()
            except NotKeptError as error:
                spilled = error.spilled
            assert number is None or kept[number - 1] == name
            assert name in kept or not spilled


steps = st.one_of(
    st.tuples(st.just("submit"), st.integers(1, 30)),
    st.tuples(st.just("wait"), st.sampled_from([0.0, 0.05, 1.0])),
    st.tuples(st.just("store"), st.sampled_from([None, FAILURE, RuntimeError("a defect")])),
    st.tuples(st.just("spill"), st.sampled_from([None, FAILURE])),
    st.tuples(st.just("commits"), st.booleans()),
    st.tuples(st.just("end"), st.none()),
)


@settings(max_examples=200, deadline=None)
@given(script=st.lists(steps, max_size=25), capacity=st.integers(1, 40))
def test_whatever_happens_each_entry_is_kept_once_in_order_with_the_number_its_sender_was_told(script, capacity):
    async def scenario() -> None:
        world = BadDays(capacity)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(world.supervise)
            for step, value in script:
                await world.happen(step, value)
            with trio.fail_after(60):
                await world.heal()
                await wait_all_tasks_blocked()
                await world.check()
            nursery.cancel_scope.cancel()

    trio.run(scenario, clock=MockClock(autojump_threshold=0))


# The spill on disk


any_text = st.text(st.characters(codec=None, categories=None), max_size=30)


@settings(max_examples=50, deadline=None)
@given(texts=st.lists(any_text, max_size=12), taken=st.integers(0, 5))
def test_the_spill_gives_back_what_it_took_in_order_in_this_life_and_the_next(tmp_path_factory, texts, taken):
    async def scenario() -> None:
        path = tmp_path_factory.mktemp("spill") / "spill.jsonl"
        records: list[Record] = [thought(f"{n}", text) for n, text in enumerate(texts)]
        records.append(turn("t"))
        spill = FileSpill(path)
        await spill.append(records)
        assert spill.waiting == len(records)
        assert await spill.oldest(100) == records
        await spill.forget(taken)
        assert await spill.oldest(3) == records[taken:][:3]
        await spill.append([thought("last")])
        assert (await spill.oldest(100))[-1] == thought("last")
        following = FileSpill(path)
        await following.load()
        assert (await following.oldest(100))[-1] == thought("last")
        await following.forget(following.waiting)
        assert (following.waiting, path.exists()) == (0, False)

    trio.run(scenario)


async def test_the_spill_is_its_owners_alone_and_lies_there_only_while_it_is_needed(tmp_path):
    spill = FileSpill(tmp_path / "spill.jsonl")
    await spill.load()
    assert list(tmp_path.iterdir()) == []
    await spill.append([thought("a")])
    assert spill.path.stat().st_mode & 0o777 == 0o600
    await spill.forget(1)
    assert list(tmp_path.iterdir()) == []


async def test_half_a_line_left_by_a_crash_is_cut_off(tmp_path):
    path = tmp_path / "spill.jsonl"
    await FileSpill(path).append([thought("a"), thought("b")])
    path.write_bytes(path.read_bytes() + b'{"kind": "thought", "id": "tor')
    spill = FileSpill(path)
    await spill.load()
    assert spill.waiting == 2
    await spill.append([thought("c")])
    assert await spill.oldest(9) == [thought("a"), thought("b"), thought("c")]


async def test_a_line_without_its_end_was_never_promised_however_whole_it_looks(tmp_path):
    path = tmp_path / "spill.jsonl"
    await FileSpill(path).append([thought("a"), thought("b")])
    path.write_bytes(path.read_bytes().removesuffix(b"\n"))
    spill = FileSpill(path)
    await spill.load()
    assert spill.waiting == 1
    await spill.append([thought("c")])
    following = FileSpill(path)
    assert await following.oldest(9) == [thought("a"), thought("c")]


async def test_the_name_of_a_new_spill_is_on_disk_before_anything_is_promised(tmp_path, monkeypatch):
    synced: list[Path] = []
    monkeypatch.setattr(spill_module, "sync_folder", synced.append)
    spill = FileSpill(tmp_path / "spill.jsonl")
    await spill.append([thought("a")])
    assert synced == [tmp_path]
    await spill.append([thought("b")])
    assert synced == [tmp_path]
    await spill.forget(2)
    await spill.append([thought("c")])
    assert synced == [tmp_path] * 2


async def test_a_spill_whose_name_cannot_be_synced_promises_nothing(tmp_path, monkeypatch):
    def fails(folder: Path) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    spill = FileSpill(tmp_path / "spill.jsonl")
    with monkeypatch.context() as patch:
        patch.setattr(spill_module, "sync_folder", fails)
        with pytest.raises(StoreError):
            await spill.append([thought("a")])
    assert spill.waiting == 0
    await spill.append([thought("b")])
    assert await spill.oldest(9) == [thought("b")]


async def test_a_line_that_cannot_be_read_is_laid_aside_and_holds_up_no_other(tmp_path):
    path = tmp_path / "spill.jsonl"
    await FileSpill(path).append([thought("a"), thought("b")])
    first, second = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first + b'{"kind": "thought"}\n\xff\xfe\n[]\n' + second)
    spill = FileSpill(path)
    await spill.load()
    assert await spill.oldest(9) == [thought("a"), thought("b")]
    assert path.with_suffix(".unreadable").read_bytes() == b'{"kind": "thought"}\n\xff\xfe\n[]\n'


async def test_an_append_that_fails_half_way_leaves_nothing_behind(tmp_path, monkeypatch):
    spill = FileSpill(tmp_path / "spill.jsonl")
    await spill.append([thought("a")])

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(StoreError, match=r"The disk is full"):
            await spill.append([thought("b", "x" * 1000)])
    await spill.append([thought("c")])
    assert await spill.oldest(9) == [thought("a"), thought("c")]
    following = FileSpill(spill.path)
    await following.load()
    assert await following.oldest(9) == [thought("a"), thought("c")]
    assert not spill.path.with_suffix(".unreadable").exists()


async def test_a_spill_file_that_somebody_took_away_stops_nothing(tmp_path):
    spill = FileSpill(tmp_path / "spill.jsonl")
    await spill.append([thought("a")])
    spill.path.unlink()
    assert await spill.oldest(9) == []
    assert spill.waiting == 0
    await spill.append([thought("b")])
    assert await spill.oldest(9) == [thought("b")]


async def test_real_store_and_real_spill_survive_a_lock_held_for_long(tmp_path: Path) -> None:
    store = await SqliteStore.open(tmp_path / "harry.db", patience=0.02)
    spill = FileSpill(tmp_path / "spill.jsonl")
    troubled, recovered = trio.Event(), trio.Event()
    writer = SocWriter(
        store, spill, failure=StoreError, on_trouble=lambda _: troubled.set(), on_recovered=recovered.set
    )
    lock = sqlite3.connect(store.path, isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            await nursery.start(writer.run)
            receipts = [writer.submit(thought(name)) for name in names(150)]
            await troubled.wait()
            receipts += [writer.submit(thought(name)) for name in names(150, 150)]
            lock.execute("ROLLBACK")
            lock.close()
            assert [await receipt.wait_committed() for receipt in receipts] == list(range(1, 301))
            await recovered.wait()
            nursery.cancel_scope.cancel()
    (day,) = await store.days("harry")
    assert [entry["text"] for entry in await store.thoughts("harry", day)] == names(300)
    assert not spill.path.exists()
    await store.aclose()
