"""What minds may cost in a day: held to, kept, told."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
import trio

from actors.protocols import Message, Request, Role, TextDelta, TextPart, Usage
from harry.cli.options import Call
from harry.config.sections import Budget as BudgetLimits
from harry.config.sections import EngineBudget
from harry.errors import BudgetReached, StoreError
from harry.host.budget import BUDGET_FILE, DAYS_KEPT, Budget, Ledger, Limit, Spent, tokens_of
from harry.mind.fallback.relay import SPENT, Link, Relay
from tests.mind.test_relay import ASKED, Mind, answer, text

DAY = 86_400.0
NOON = 1_800_000_000.0


def asked(letters: int = 400, most: int = 100) -> Request:
    return Request((Message(Role.USER, (TextPart("x" * letters),)),), max_tokens=most)


async def reply(budget: Budget, name: str = "far", *, usage: Usage | None = None, local: bool = False) -> None:
    async with budget.spending(name, asked(), local=local) as take:
        take(TextDelta("y" * 40))
        if usage is not None:
            take(usage)


async def test_what_a_reply_took_is_kept_by_day_and_engine(tmp_path: Path) -> None:
    path = tmp_path / "new" / BUDGET_FILE
    budget = Budget(Ledger(path), Limit(), wall=lambda: NOON)
    await reply(budget, usage=Usage(100, 20, 0.5))
    await reply(budget, usage=Usage(100, 20, 0.25))
    await reply(budget, "near", usage=Usage(7, 3), local=True)
    (day,) = [row[0] for row in sqlite3.connect(path).execute("SELECT DISTINCT day FROM spent")]
    assert Ledger(path).of(day) == [Spent("far", False, 2, 240, 0.75), Spent("near", True, 1, 10, 0.0)]
    assert path.stat().st_mode & 0o777 == 0o600


async def test_a_reply_that_might_not_fit_is_not_begun_and_tomorrow_is_another_day() -> None:
    now = [NOON]
    budget = Budget(Ledger(None), Limit(tokens=500), wall=lambda: now[0])
    await reply(budget, usage=Usage(150, 150))
    with pytest.raises(BudgetReached, match=r"300 of 500 tokens") as caught:
        await reply(budget)
    assert caught.value.first
    with pytest.raises(BudgetReached) as caught:
        await reply(budget)
    assert not caught.value.first
    now[0] += DAY
    await reply(budget, usage=Usage(150, 150))


async def test_replies_at_the_same_time_do_not_exceed_it_together() -> None:
    budget = Budget(Ledger(None), Limit(tokens=500), wall=lambda: NOON)
    async with budget.spending("far", asked(), local=False), budget.spending("far", asked(), local=False):
        with pytest.raises(BudgetReached):
            await reply(budget)
    await reply(budget)


async def test_money_is_held_to_by_what_a_token_has_cost_so_far() -> None:
    budget = Budget(Ledger(None), Limit(money=1.0), wall=lambda: NOON)
    await reply(budget, usage=Usage(100, 100, 0.9))
    with pytest.raises(BudgetReached, match=r"0\.90 of 1\.00"):
        await reply(budget)


async def test_an_engine_has_a_limit_of_its_own_and_this_computer_has_none_unless_it_has_one() -> None:
    each = {"far": Limit(tokens=300), "slow": Limit(tokens=10)}
    budget = Budget(Ledger(None), Limit(tokens=10_000), each, wall=lambda: NOON)
    await reply(budget, usage=Usage(100, 100))
    with pytest.raises(BudgetReached, match="of far"):
        await reply(budget)
    await reply(budget, "other")
    with pytest.raises(BudgetReached, match="of slow"):
        await reply(budget, "slow", local=True)
    none_left = Budget(Ledger(None), Limit(tokens=0, money=0.0), wall=lambda: NOON)
    await reply(none_left, "near", local=True)
    with pytest.raises(BudgetReached):
        await reply(none_left)


async def test_a_reply_that_was_cut_is_reckoned_by_its_length(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / BUDGET_FILE)
    budget = Budget(ledger, Limit(), wall=lambda: NOON)
    with trio.CancelScope() as turn:
        async with budget.spending("far", asked(), local=False) as take:
            take(TextDelta("y" * 40))
            turn.cancel()
            await trio.sleep_forever()
    (day,) = [row[0] for row in sqlite3.connect(tmp_path / BUDGET_FILE).execute("SELECT day FROM spent")]
    assert ledger.of(day)[0].tokens == tokens_of(asked()) + 10


async def test_a_disk_that_fails_ends_no_turn_and_frees_no_money(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(day: str, spent: Spent) -> list[Spent]:
        raise StoreError("The disk is full.")

    ledger = Ledger(tmp_path / BUDGET_FILE)
    budget = Budget(ledger, Limit(tokens=500), wall=lambda: NOON)
    monkeypatch.setattr(ledger, "add", full)
    await reply(budget, usage=Usage(150, 150))
    with pytest.raises(BudgetReached, match="300 of 500"):
        await reply(budget)


def test_old_days_are_forgotten() -> None:
    ledger = Ledger(None)
    for number in range(DAYS_KEPT + 10):
        ledger.add(f"day {number:04}", Spent("far", tokens=1))
    assert not ledger.of("day 0009")
    assert ledger.of("day 0010")


async def test_the_next_mind_says_once_that_the_budget_is_spent() -> None:
    class Meter(Budget):
        pass

    minds = [Mind("far", "No."), Mind("near", "Hello.")]
    minds[1].local = True  # type: ignore[attr-defined]

    def link(mind: Mind) -> Link:
        async def load() -> Mind:
            return mind

        return Link(mind.name, load)

    chain = Relay([link(mind) for mind in minds], Meter(Ledger(None), Limit(tokens=0), wall=lambda: NOON))
    assert [text(await answer(chain)) for _ in range(3)] == [f"{SPENT}Hello.", "Hello.", "Hello."]
    assert minds[1].asked == [ASKED] * 3
    assert not minds[0].asked


def test_the_limits_come_from_the_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARRY_HOME", str(tmp_path))
    config = Call().configuration(["budget.money=2.5", "budget.engine.openrouter.tokens=1000"])
    assert config.budget.money == 2.5
    assert config.budget.engine["openrouter"].tokens == 1000


async def test_other_limits_hold_at_once_and_what_was_spent_today_counts() -> None:
    budget = Budget(Ledger(None), Limit(), wall=lambda: NOON)
    await reply(budget, usage=Usage(150, 150))
    budget.hold_to(BudgetLimits(tokens=400))
    with pytest.raises(BudgetReached, match="300 of 400 tokens"):
        await reply(budget)
    budget.hold_to(BudgetLimits(engine={"far": EngineBudget(tokens=350)}))
    with pytest.raises(BudgetReached, match="of far"):
        await reply(budget)
    budget.hold_to(BudgetLimits())
    await reply(budget)
