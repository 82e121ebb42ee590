"""When a conversation is over, what is recalled of it until then, and that no crash on the way loses anything."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from channels.messages import Exchange, Source, TurnRecord
from channels.turn import new_id
from harry.errors import StoreError
from harry.memory.conversations.recent import recall_earlier
from harry.memory.conversations.rotation import MAX_TURNS, Rotation
from harry.memory.conversations.summary import MAX_SUMMARY_CHARACTERS, extract
from harry.memory.conversations.window import Row, bound_tokens, count_exchange, fit_budget, merge_amended
from harry.memory.diary.stream import SocDays
from harry.memory.longterm.service import LongTermMemory
from harry.memory.store.database import Database

BERLIN = ZoneInfo("Europe/Berlin")
MINUTE, HOUR = 60.0, 3600.0


def berlin(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp()


NOON = berlin("2026-03-04 12:00")


class Clock:
    def __init__(self, now: float = NOON) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def turn(at: float, said: str = "hello", heard: str = " Good day.", *, user: str = "ann", **other: Any) -> TurnRecord:
    name = str(other.pop("id", new_id(at)))
    return TurnRecord(
        name, user, "kitchen", "home", Source.VOICE, at, at + 5, said, heard, heard, False, "natural", **other
    )


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[Database]:
    tables = await Database.open(path / "harry.db", zone=BERLIN)
    try:
        yield tables
    finally:
        await tables.aclose()


@pytest.fixture
async def tables(tmp_path: Path) -> AsyncIterator[Database]:
    async with opened(tmp_path) as each:
        yield each


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def rotation(tables: Database, clock: Clock) -> Rotation:
    return Rotation(tables, wall=clock)


def said(exchanges: list[Exchange]) -> list[str]:
    return [each.said for each in exchanges]


async def test_what_is_forgotten_while_a_summary_is_written_does_not_come_back_with_it(tables, clock):
    memory = LongTermMemory(tables)
    await tables.write([turn(NOON, "My sister collects xylophones.", id="t1"), turn(NOON + 9, "It rained.", id="t2")])

    async def summarise(exchanges: list[Exchange]) -> str:
        assert (await memory.forget("ann", ["t1/said"])).turns == {"t1"}
        return "They spoke of xylophones."

    clock.now = NOON + 2 * HOUR
    (conversation,) = await Rotation(tables, wall=clock, summarise=summarise).rotate("ann")
    assert conversation.author == "extract"
    assert "rained" in (conversation.summary or "")
    assert "xylophone" not in (conversation.summary or "")
    assert not [item for _, item in await memory.list_items("ann") if "xylophone" in item.text]


# The recent conversation


async def test_what_was_said_within_half_an_hour_is_recalled_and_not_rotated(tables, rotation, clock):
    await tables.write([turn(NOON, "one"), turn(NOON + 29 * MINUTE, "two")])
    clock.now = NOON + 58 * MINUTE
    assert await rotation.rotate("ann") == []
    assert said(await rotation.recall_recent("ann")) == ["one", "two"]


async def test_recent_turns_are_cut_to_the_budget_from_the_oldest(tables, rotation):
    await tables.write([turn(NOON + n, f"{n}") for n in range(20)])
    one = count_exchange(Exchange("", "10", " Good day.", False))
    assert said(await rotation.recall_recent("ann", budget=3 * one)) == ["17", "18", "19"]
    assert await rotation.recall_recent("ann", budget=one - 1) == []
    assert await rotation.recall_recent("ann", budget=0) == []


async def test_the_minds_own_tokenizer_counts_where_there_is_one(tables, rotation):
    await tables.write([turn(NOON + n, f"{n}") for n in range(9)])
    words = lambda text: len(text.split())  # noqa: E731
    assert len(await rotation.recall_recent("ann", budget=22, count=words)) == 2


async def test_nobody_recalls_what_another_said(tables, rotation):
    await tables.write([turn(NOON, "mine"), turn(NOON, "yours", user="bob")])
    assert said(await rotation.recall_recent("ann")) == ["mine"]
    assert said(await rotation.recall_recent("bob")) == ["yours"]
    assert await rotation.recall_recent("eve") == []


async def test_an_amended_turn_is_recalled_once_as_what_amends_it(tables, rotation):
    first = turn(NOON, "I would", id="1")
    await tables.write([first, turn(NOON + 1, "two", id="2"), turn(NOON + 2, "I would like tea", amends="1", id="3")])
    assert said(await rotation.recall_recent("ann")) == ["I would like tea", "two"]


@given(st.text())
def test_the_upper_bound_is_never_below_the_bytes_a_tokenizer_could_spend_a_token_on(text):
    assert bound_tokens(text) > len(text.encode("utf-8", "surrogatepass"))


@given(st.lists(st.tuples(st.text(max_size=20), st.text(max_size=20)), max_size=20), st.integers(-5, 500))
def test_what_is_recalled_is_the_longest_end_that_fits(pairs, budget):
    exchanges = [Exchange(str(n), *pair, False) for n, pair in enumerate(pairs)]
    taken = fit_budget(exchanges, budget)
    assert taken == exchanges[len(exchanges) - len(taken) :]
    assert sum(map(count_exchange, taken)) <= max(budget, 0)
    if len(taken) < len(exchanges):
        assert sum(map(count_exchange, taken)) + count_exchange(exchanges[-len(taken) - 1]) > budget


def test_an_amendment_of_what_is_out_of_sight_stands_by_itself():
    assert said(merge_amended([Row(5, "5", "mended", "", False, "1")])) == ["mended"]


# Rotation


async def test_after_half_an_hour_of_silence_the_conversation_is_a_dated_one_with_a_summary(tables, rotation, clock):
    await tables.write([turn(NOON, "I planted tulips today."), turn(NOON + MINUTE, "They are red.")])
    clock.now = NOON + MINUTE + 5 + 30 * MINUTE + 1
    (conversation,) = await rotation.rotate("ann")
    assert (conversation.day, conversation.number, conversation.turns) == ("2026-03-04", 1, 2)
    assert (conversation.started_at, conversation.ended_at) == (NOON, NOON + MINUTE + 5)
    assert "tulips" in (conversation.summary or "")
    assert conversation.author == "extract"
    assert await rotation.recall_recent("ann") == []
    assert said(await rotation.read_exchanges(conversation)) == ["I planted tulips today.", "They are red."]
    assert await rotation.list_conversations("ann") == [conversation]
    assert await rotation.list_conversations("ann", day="2026-03-05") == []
    assert await rotation.rotate("ann") == [], "it was rotated twice"


async def test_a_new_local_day_ends_a_conversation_however_lively(tables, rotation, clock):
    late = berlin("2026-03-04 23:58")
    await tables.write([turn(late + n * MINUTE, f"{n}") for n in range(5)])
    clock.now = late + 5 * MINUTE
    (conversation,) = await rotation.rotate("ann")
    assert (conversation.day, conversation.turns) == ("2026-03-04", 2)
    assert said(await rotation.recall_recent("ann")) == ["2", "3", "4"]


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])
async def test_a_day_of_23_or_25_hours_is_one_day(tables, rotation, clock, day):
    night = berlin(f"{day} 01:50")
    await tables.write([turn(night + n * 20 * MINUTE, f"{n}") for n in range(9)])
    clock.now = berlin(f"{day} 23:59")
    (conversation,) = await rotation.rotate("ann")
    assert (conversation.day, conversation.turns) == (day, 9)


async def test_a_clock_set_back_over_midnight_makes_no_third_day_and_loses_nothing(tables, rotation, clock):
    midnight = berlin("2026-03-05 00:00")
    await tables.write([turn(midnight + MINUTE, "after"), turn(midnight - 5 * MINUTE, "before"), turn(NOON, "noon")])
    clock.now = midnight + 10 * HOUR
    rotated = await rotation.rotate("ann")
    assert [(each.day, each.number) for each in rotated] == [("2026-03-05", 1), ("2026-03-04", 1)]
    assert sum(each.turns for each in rotated) == 3


async def test_several_conversations_of_a_day_are_numbered_and_come_oldest_first(tables, rotation, clock):
    await tables.write([turn(NOON + n * HOUR, f"{n}") for n in range(4)])
    clock.now = NOON + 10 * HOUR
    assert [each.number for each in await rotation.rotate("ann")] == [1, 2, 3, 4]
    assert [each.number for each in await rotation.list_conversations("ann", limit=2)] == [3, 4]


async def test_a_conversation_without_end_is_rotated_in_parts(tables, rotation, clock):
    await tables.write([turn(NOON + n, f"{n}") for n in range(MAX_TURNS + 1)])
    clock.now = NOON + MINUTE
    (part,) = await rotation.rotate("ann")
    assert part.turns == MAX_TURNS
    assert said(await rotation.recall_recent("ann")) == [f"{MAX_TURNS}"]


async def test_a_turn_with_an_impossible_time_is_kept_and_rotated(tables, rotation, clock):
    await tables.write([turn(1e300, "when was that?"), turn(NOON, "now")])
    clock.now = NOON + HOUR
    assert [each.turns for each in await rotation.rotate("ann")] == [1, 1]


# Summaries


async def test_the_mind_writes_the_summary_where_there_is_one(tables, clock):
    heard: list[list[str]] = []

    async def summarise(exchanges):
        heard.append(said(exchanges))
        return "  They spoke of tulips. "

    await tables.write([turn(NOON, "tulips")])
    clock.now = NOON + HOUR
    (conversation,) = await Rotation(tables, wall=clock, summarise=summarise).rotate("ann")
    assert (conversation.summary, conversation.author) == ("They spoke of tulips.", "mind")
    assert heard == [["tulips"]]


@pytest.mark.parametrize("how", ["raises", "hangs", "says nothing"])
async def test_a_mind_that_cannot_summarise_holds_nothing_up(tables, clock, how):
    async def summarise(_):
        if how == "raises":
            raise RuntimeError("no mind today")
        if how == "hangs":
            await trio.sleep_forever()
        return " \n"

    await tables.write([turn(NOON, "Tulips are red.")])
    clock.now = NOON + HOUR
    (conversation,) = await Rotation(tables, wall=clock, summarise=summarise, patience=0.01).rotate("ann")
    assert (conversation.author, conversation.summary) == ("extract", "Tulips are red. Good day.")


async def test_turns_stay_recent_until_the_summary_is_written(tables, clock):
    recalled = []

    async def summarise(_):
        recalled.extend(said(await rotation.recall_recent("ann")))
        recalled.append(len(await rotation.list_conversations("ann")))
        return "summary"

    rotation = Rotation(tables, wall=clock, summarise=summarise)
    await tables.write([turn(NOON, "tulips")])
    clock.now = NOON + HOUR
    await rotation.rotate("ann")
    assert recalled == ["tulips", 0]


async def test_what_is_said_while_the_summary_is_written_belongs_to_the_next_conversation(tables, clock):
    async def summarise(_):
        await tables.write([turn(clock.now, "late")])
        return "summary"

    rotation = Rotation(tables, wall=clock, summarise=summarise)
    await tables.write([turn(NOON, "early")])
    clock.now = NOON + HOUR
    (conversation,) = await rotation.rotate("ann")
    assert conversation.turns == 1
    assert said(await rotation.recall_recent("ann")) == ["late"]


@given(st.lists(st.tuples(st.text(max_size=300), st.text(max_size=300)), max_size=30))
def test_an_extract_is_made_of_what_was_said_and_is_never_long_nor_empty(pairs):
    exchanges = [Exchange("", *pair, False) for pair in pairs]
    summary = extract(exchanges)
    assert 0 < len(summary) <= MAX_SUMMARY_CHARACTERS
    assert summary == extract(exchanges)
    everything = " ".join(" ".join(pair) for pair in pairs).split()
    assert summary == "Nothing was said." or all(any(word in each for each in everything) for word in summary.split())


# The task


async def test_the_task_rotates_when_a_turn_was_noticed_and_the_time_has_come(tables, rotation, clock):
    rotated = []
    seen = trio.Event()

    def on_rotated(conversation):
        rotated.append(conversation.day)
        seen.set()

    async with trio.open_nursery() as nursery:

        async def keep() -> None:
            await rotation.run(lambda: ["ann"], on_rotated=on_rotated, on_failure=StoreError)

        nursery.start_soon(keep)
        await tables.write([turn(NOON)])
        clock.now = NOON + HOUR
        rotation.notice()
        with trio.fail_after(20):
            await seen.wait()
        nursery.cancel_scope.cancel()
    assert rotated == ["2026-03-04"]


async def test_it_looks_again_when_the_silence_or_the_day_will_be_over(tables, rotation, clock):
    await tables.write([turn(NOON)])
    assert await rotation._time_left("ann") == pytest.approx(5 + 30 * MINUTE, abs=2)
    clock.now = berlin("2026-03-04 23:50")
    await tables.write([turn(clock.now)])
    assert await rotation._time_left("ann") == pytest.approx(10 * MINUTE, abs=2)


# Crashes


POINTS = ("counted out", "summarised", "let go")


async def test_a_cancelled_rotation_is_taken_up_where_it_was(tables, clock):
    class Stop(Exception):  # noqa: N818
        pass

    def stop_at(point: str):
        def reached(at: str) -> None:
            if at == point:
                raise Stop

        return reached

    await tables.write([turn(NOON, "a"), turn(NOON + HOUR, "b"), turn(NOON + 2 * HOUR, "c")])
    clock.now = NOON + 9 * HOUR
    for point in POINTS:
        with pytest.raises(Stop):
            await Rotation(tables, wall=clock, on_step=stop_at(point)).rotate("ann")
    await Rotation(tables, wall=clock).rotate("ann")
    rotation = Rotation(tables, wall=clock)
    found = await rotation.list_conversations("ann")
    assert [said(await rotation.read_exchanges(each)) for each in found] == [["a"], ["b"], ["c"]]
    assert [each.number for each in found] == [1, 2, 3]


async def live(folder: Path, life: int, point: str) -> None:
    """Write turns and rotate them until killed at `point`, or from outside. This is the child."""
    async with opened(folder) as tables:
        clock = Clock(NOON + life * 5 * HOUR)

        def reached(at: str) -> None:
            if at == point and random.random() < 0.3:
                os.kill(os.getpid(), signal.SIGKILL)

        rotation = Rotation(tables, wall=clock, on_step=reached)
        for count in range(10_000):
            name = f"{life:05d}-{count:05d}"
            await tables.write([turn(clock.now, f"{name} was said", id=name)])
            os.write(1, f"{name}\n".encode())
            clock.now += random.choice([10.0, 2 * HOUR])
            await rotation.rotate("ann")


def one_life(folder: Path, life: int, point: str) -> list[str]:
    with subprocess.Popen(
        [sys.executable, __file__, str(folder), str(life), point], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        lines = []
        for line in child.stdout:
            lines.append(line)
            if not point and len(lines) > random.randint(1, 40):
                child.kill()
        assert b"Traceback" not in child.stderr.read()
    return [line.decode().strip() for line in lines if line.endswith(b"\n")]


async def kill_again_and_again(folder: Path, lives: int) -> int:
    acknowledged: list[str] = []
    for life in range(lives):
        acknowledged += one_life(folder, life, ("", *POINTS)[life % 4])
    async with opened(folder) as tables:
        rotation = Rotation(tables, wall=Clock(NOON + (lives + 1) * 5 * HOUR + 10_000 * HOUR))
        await rotation.rotate("ann")
        assert await rotation.recall_recent("ann") == []
        conversations = await rotation.list_conversations("ann", limit=1_000_000)
        kept = [each.turn for one in conversations for each in await rotation.read_exchanges(one)]
        assert all(one.summary for one in conversations)
        assert sum(one.turns for one in conversations) == len(kept)
    assert len(kept) == len(set(kept)), "a turn is in two conversations"
    assert set(acknowledged) <= set(kept), "an acknowledged turn is gone"
    return len(acknowledged)


async def test_eight_lives_ended_by_kill_nine_at_each_step_lose_no_turn_and_double_none(tmp_path):
    assert await kill_again_and_again(tmp_path, 8) > 0


@pytest.mark.acceptance
@pytest.mark.timeout(3600)
async def test_five_hundred_lives_ended_by_kill_nine_at_each_step_lose_no_turn_and_double_none(tmp_path):
    assert await kill_again_and_again(tmp_path, 500) > 500


# The stream of consciousness by days


@pytest.fixture
def soc(tables: Database, clock: Clock) -> SocDays:
    return SocDays(tables, "Harry", user="ann", zone=BERLIN, wall=clock)


def texts(entries) -> list[str]:
    return [each.text for each in entries]


async def test_today_is_yesterday_while_today_is_empty(soc, clock):
    assert await soc.read_today() == []
    await soc.append("of the fourth")
    clock.now += 24 * HOUR
    assert texts(await soc.read_today()) == ["of the fourth"]
    await soc.append("of the fifth")
    assert texts(await soc.read_today()) == ["of the fifth"]
    assert texts(await soc.read_yesterday()) == ["of the fourth"]
    clock.now += 48 * HOUR
    assert await soc.read_today() == [], "the day before yesterday is not yesterday"


async def test_entries_have_their_time_and_number_and_the_same_id_changes_nothing(soc, clock):
    assert await soc.append("one", entry="e") == 1
    clock.now += 1
    assert await soc.append("two", entry="e") == 1
    (entry,) = await soc.read_day("2026-03-04")
    assert (entry.sequence, entry.at, entry.text, entry.day) == (1, NOON, "one", "2026-03-04")


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])
async def test_yesterday_and_today_are_right_in_the_nights_of_23_and_25_hours(soc, clock, day):
    clock.now = berlin(f"{day} 00:00")
    following = (datetime.fromisoformat(day) + timedelta(days=1)).date().isoformat()
    while clock.now < berlin(f"{following} 00:00"):
        await soc.append("x")
        clock.now += HOUR
    assert len(await soc.read_day(day)) == (23 if day == "2026-03-29" else 25)
    assert await soc.list_days() == [day]
    clock.now = berlin(f"{following} 00:30")
    assert len(await soc.read_yesterday()) == len(await soc.read_day(day))


async def test_a_stretch_of_days_holds_both_ends_and_the_newest_at_most(soc, clock):
    for _ in range(5):
        await soc.append(f"{datetime.fromtimestamp(clock.now, BERLIN).day}")
        clock.now += 24 * HOUR
    assert texts(await soc.read_range("2026-03-05", "2026-03-07")) == ["5", "6", "7"]
    assert texts(await soc.read_range("2026-03-01", "2026-12-31", limit=2)) == ["7", "8"]
    for first, last in [("2026-03-07", "2026-03-05"), ("yesterday", "2026-03-05"), ("", "")]:
        with pytest.raises(ValueError, match=r".+"):
            await soc.read_range(first, last)


async def test_one_personas_stream_is_not_anothers(tables, soc, clock):
    await soc.append("mine")
    eve = SocDays(tables, "Eve", user="ann", zone=BERLIN, wall=clock)
    assert await eve.read_today() == []


async def test_what_a_mind_summed_up_is_found_and_gone_with_each_turn_it_was_made_of(tables, clock):
    async def summarise(_: object) -> str:
        return "We planned the tulip garden."

    let_go: list[tuple[str, frozenset[str]]] = []
    rotation = Rotation(tables, wall=clock, summarise=summarise, on_let_go=lambda *told: let_go.append(told))
    memory = LongTermMemory(tables)
    await tables.write([turn(NOON, "Where do they go?", id="one"), turn(NOON + MINUTE, "By the wall.", id="two")])
    clock.now = NOON + HOUR
    await rotation.rotate("ann")
    assert let_go == [("ann", frozenset({"one", "two"}))]
    (found,) = (await memory.search("tulip garden", namespace="ann", kinds=["note"])).found
    assert (found.item.text, found.item.at) == ("We planned the tulip garden.", NOON + MINUTE + 5)
    await memory.delete("ann", ["two/said"])
    assert (await memory.search("tulip garden", namespace="ann", kinds=["note"])).found == ()
    assert [each.summary for each in await rotation.list_conversations("ann")] == [""]


async def test_a_summary_that_is_deleted_is_told_no_more(tables, clock):
    async def summarise(_: object) -> str:
        return "We planned the tulip garden."

    rotation, memory = Rotation(tables, wall=clock, summarise=summarise), LongTermMemory(tables)
    await tables.write([turn(NOON, "Where do they go?", id="one"), turn(NOON + MINUTE, "By the wall.", id="two")])
    clock.now = NOON + HOUR
    await rotation.rotate("ann")
    assert await recall_earlier(rotation, "ann", wall=clock)
    assert await memory.delete("ann", ["one/summary"]) == 1
    assert await recall_earlier(rotation, "ann", wall=clock) == {}


if __name__ == "__main__":
    trio.run(live, Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
