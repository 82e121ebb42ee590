"""The morning's ritual and the journal: once a day, right on the very first one, the same after any crash."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from datetime import time as clock_time
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from actors.protocols import Request
from actors.thinker import Reflection
from channels.messages import Exchange, Source, TurnRecord
from harry.config.sections import Thinker
from harry.errors import EngineUnavailable
from harry.inner_life.daily import Rituals
from harry.inner_life.rate_limit import Allowance
from harry.inner_life.service import SUMMED_UP, InnerLife
from harry.inner_life.state import StateOfMind
from harry.memory.diary.journal import Journal
from harry.memory.diary.stream import SocDays
from harry.memory.longterm.service import LongTermMemory
from harry.memory.shared_state.live_state import SqliteLiveState
from harry.memory.store.database import Database
from tests.cli.test_cli import harry

BERLIN = ZoneInfo("Europe/Berlin")
MORNING = datetime(2026, 3, 28, 8, tzinfo=BERLIN)


class World:
    """A file, a clock, and a mind that says what it is given to say."""

    def __init__(self, tables: Database) -> None:
        self.tables = tables
        self.now = MORNING
        self.says = '{"pass": false, "thought": "A new day.", "entry": "We spoke of tea.", "tags": ["tea"]}'
        self.asked: list[Request] = []
        self.live = SqliteLiveState(tables, wall=self.wall)
        self.soc = SocDays(tables, "Harry", user="ann", zone=BERLIN, wall=self.wall)
        self.journal = Journal(tables, "Harry", "ann", zone=BERLIN, wall=self.wall)
        self.rituals = Rituals(
            tables, self.soc, self.journal, self.live, "ann", "Harry", "You are Harry.", self.ask, BERLIN, self.wall
        )

    def wall(self) -> float:
        return self.now.timestamp()

    async def ask(self, request: Request) -> str:
        self.asked.append(request)
        if not self.says:
            raise EngineUnavailable("nobody thinks here")
        return self.says

    async def turn(self, identity: str, said: str, heard: str) -> None:
        at = self.wall()
        await self.tables.write(
            [TurnRecord(identity, "ann", "s", "harry", Source.VOICE, at, at + 1, said, heard, heard, False, "finished")]
        )

    async def thoughts(self) -> list[str]:
        return [entry.text for entry in await self.soc.read_day(self.rituals.today)]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    tables = await Database.open(tmp_path / "harry.db", zone=BERLIN)
    yield World(tables)
    await tables.aclose()


async def test_the_very_first_morning_needs_no_yesterday_and_no_mind(world):
    assert await world.rituals.wake_up()
    assert await world.thoughts() == ["This is my first day with ann. I do not know much yet."]
    assert world.asked == []


async def test_a_second_start_on_the_same_day_does_nothing(world):
    await world.rituals.wake_up()
    assert not await world.rituals.wake_up()
    assert len(await world.thoughts()) == 1


async def test_a_morning_reads_yesterday_writes_the_missing_journal_and_resets_the_short_term(world):
    await world.rituals.wake_up()
    await world.turn("t1", "Is the tea hot?", "It is.")
    await world.soc.append("I like tea.")
    await world.live.append("ann", "short_term", "They spoke of tea.")
    world.now += timedelta(days=1)
    assert await world.rituals.wake_up()
    entry = await world.journal.read("2026-03-28")
    assert entry is not None
    assert (entry.text, entry.tags) == ("We spoke of tea.", ("tea",))
    assert await world.thoughts() == ["A new day."]
    assert await world.live.load("ann", "short_term") is None
    told = [part.text for message in world.asked[-1].messages for part in message.parts]
    assert '"I like tea."' in told[1]
    assert '"We spoke of tea."' in told[1]


async def test_a_journal_is_not_written_twice_nor_over_what_a_person_wrote(world):
    await world.turn("t1", "Is the tea hot?", "It is.")
    await world.journal.write("My own words.")
    assert await world.rituals.write_journal(world.rituals.today) is None
    assert (await world.journal.read_newest()).text == "My own words."


async def test_what_is_forgotten_while_the_journal_is_written_does_not_come_back_with_it(world):
    await world.turn("t1", "My sister collects xylophones.", "How nice.")
    await world.turn("t2", "It rained all day.", "I see.")
    world.says = '{"entry": "We spoke of xylophones.", "tags": ["xylophones"], "sentiment": "glad of xylophones"}'
    ask = world.ask

    async def forgetting(request: Request) -> str:
        await LongTermMemory(world.tables).forget("ann", ["t1/said"])
        return await ask(request)

    entry = await replace(world.rituals, ask=forgetting).write_journal(world.rituals.today)
    assert entry is not None
    assert "rained" in entry.text
    assert "xylophone" not in str(entry)


async def test_what_comes_while_the_journal_is_written_does_not_spoil_it(world):
    await world.turn("t1", "Is the tea hot?", "It is.")
    ask = world.ask

    async def talking(request: Request) -> str:
        await world.turn("t2", "Thank you.", "Not at all.")
        return await ask(request)

    entry = await replace(world.rituals, ask=talking).write_journal(world.rituals.today)
    assert entry is not None
    assert entry.text == "We spoke of tea."


async def test_a_day_on_which_nothing_happened_has_no_journal(world):
    assert await world.rituals.write_journal("2026-03-27") is None


async def test_without_a_mind_plain_words_stand_in(world):
    world.says = ""
    await world.turn("t1", "Is the tea hot?", "It is hot and strong.")
    world.now += timedelta(days=1)
    await world.rituals.wake_up()
    entry = await world.journal.read("2026-03-28")
    assert entry is not None
    assert "tea hot" in entry.text
    assert (await world.thoughts())[0].startswith("A new morning. In my journal of 2026-03-28 stands:")


@pytest.mark.parametrize("answer", ["", "no json", '{"pass": true}', '{"thought": 3}', "{" * 9_000, '{"entry": null}'])
async def test_whatever_a_mind_answers_there_is_a_first_thought_and_a_journal(world, answer):
    await world.soc.append("I like tea.")
    world.says = answer
    world.now += timedelta(days=1)
    assert await world.rituals.wake_up()
    assert len(await world.thoughts()) == 1
    assert (await world.journal.read("2026-03-28")).text


class CrashError(Exception):
    pass


@pytest.mark.parametrize("step", ["delete", "append", "save"])
async def test_a_crash_before_or_after_any_step_leaves_one_thought_and_one_journal(world, monkeypatch, step):
    await world.soc.append("I like tea.")
    world.now += timedelta(days=1)
    owner = world.soc if step == "append" else world.live
    for after in (False, True):
        whole = getattr(type(owner), step)

        async def crashing(self, *words, whole=whole, after=after, **named):
            if after:
                await whole(self, *words, **named)
            raise CrashError

        monkeypatch.setattr(type(owner), step, crashing)
        with pytest.raises(CrashError):
            await world.rituals.wake_up()
        monkeypatch.setattr(type(owner), step, whole)
    await world.rituals.wake_up()
    assert await world.thoughts() == ["A new day."]
    assert not await world.rituals.wake_up()
    assert (await world.journal.read("2026-03-28")).text == "We spoke of tea."


async def test_a_day_is_the_local_one_also_when_the_clocks_change(world):
    world.now = datetime(2026, 3, 29, 0, 30, tzinfo=BERLIN)  # the day that has 23 hours
    await world.turn("t1", "Early?", "Early.")
    world.now = datetime(2026, 3, 29, 23, 30, tzinfo=BERLIN)
    await world.turn("t2", "Late?", "Late.")
    world.now = datetime(2026, 3, 30, 0, 30, tzinfo=BERLIN)
    await world.turn("t3", "Tomorrow?", "Tomorrow.")
    world.says = ""
    entry = await world.rituals.write_journal("2026-03-29")
    assert "Early" in entry.text
    assert "Late" in entry.text
    assert "Tomorrow" not in entry.text


async def test_mood_and_goal_are_kept_and_told_to_the_next_prompt(world):
    state = StateOfMind("ann", world.live)
    await state.load()
    assert state.told() == ()
    await state.change(Reflection("A thought.", mood="calm", held_thought="Ask about the tea."))
    await state.change(Reflection(goal="Listen more."))
    later = StateOfMind("ann", world.live)
    await later.load()
    assert later.told() == (
        ("mood", "calm"),
        ("goal", "Listen more."),
        ("held thought", "Ask about the tea."),
    )
    other = StateOfMind("bob", world.live)
    await other.load()
    assert other.told() == ()


async def test_what_another_process_deleted_is_in_mind_no_more(world):
    state, stale = StateOfMind("ann", world.live), list[bool]()
    state.on_stale = lambda: stale.append(True)
    await state.load()
    await state.change(Reflection(mood="calm", held_thought="Ask about the tea."))
    await world.live.delete("ann", "held_thought")
    state.renew()
    assert (state.told(), state.loaded, stale) == ((), False, [True])
    await state.load()
    assert state.told() == (("mood", "calm"),)


def test_a_harry_that_starts_has_woken_up_once(tmp_path):
    started = (
        "run",
        "--mic",
        "none",
        "--speaker",
        "none",
        "--until-quiet",
        "1",
        "--set",
        "engines.language_model=scripted",
    )
    for _ in range(2):
        done = harry(tmp_path, *started, given="hello\n")
        assert done.returncode == 0, done.stderr
    said = harry(tmp_path, "soc").stdout.splitlines()
    assert [line for line in said if "first day" in line] == said[:1]


async def test_a_conversation_is_summed_up_by_a_mind_that_can_and_else_not(world):
    life = InnerLife(
        state=StateOfMind("ann"), rituals=world.rituals, allowance=None, journal_at=None, thinking="",
        thoughts=world.thoughts,
    )  # fmt: skip
    world.says = 'Here: {"summary": "They planned\\na garden."}'
    exchanges = [Exchange(str(n), f"said {n}", "Good.", False) for n in range(SUMMED_UP + 5)]
    assert await life.summarise(exchanges) == "They planned a garden."
    (asked,) = world.asked
    assert asked.purpose == "summary"
    told = str(asked.messages)
    assert "said 5 " in told
    assert "said 4 " not in told
    assert "ann" not in told, "whose conversation it is is told to nobody"
    for nothing in ("", "no object", '{"summary": 3}'):
        world.says = nothing
        assert await life.summarise(exchanges) == ""


async def test_other_settings_of_thinking_hold_at_once_and_the_thoughts_of_today_count_on(world):
    life = InnerLife(
        state=StateOfMind("ann"), rituals=world.rituals, allowance=Allowance(5, 0.0), journal_at=None, thinking="",
        thoughts=world.thoughts,
    )  # fmt: skip
    noon = datetime(2026, 3, 4, 12, 0).astimezone()
    for _ in range(2):
        assert life._allowance.allows(noon)
        life._allowance.spent(noon)
    life.settle(Thinker(a_day=2, apart=0.0, quiet_hours="", journal_at="20:00"))
    assert not life._allowance.allows(noon)
    assert life._journal_at == clock_time(20, 0)
    life.settle(Thinker(a_day=3, apart=0.0, quiet_hours="11:00-13:00", journal_at=""))
    assert not life._allowance.allows(noon)
    assert life._allowance.allows(noon.replace(hour=14))
    assert life._journal_at is None
    life.settle(Thinker(enabled=False))
    assert life._allowance is None
