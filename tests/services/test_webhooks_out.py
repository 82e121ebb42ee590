"""What other servers are told of a conversation: what they want, without its words unless they are to have them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
import trio.testing
from trio.testing import MockClock

from channels.event_types import Muted, ReminderChanged, RestChanged, Woken
from harry.config.webhook_sections import Webhooks
from harry.net.webhook_posting import Receiver
from harry.services.webhooks_out import WebhooksOut
from tests.support.virtual_session import REPLY, FakeEar, House, house, says

ALL = ["turn_ended", "reminder_due", "wake", "mute"]
ADDRESS = "http://127.0.0.1:9/hook"


def wanting(**tables: Any) -> Webhooks:
    return Webhooks.model_validate({"out": {name: {"url": ADDRESS, **table} for name, table in tables.items()}})


@pytest.fixture(autouse=True)
def _unsent(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(self: Receiver) -> None:
        await trio.sleep_forever()

    monkeypatch.setattr(Receiver, "run", never)  # what is put is looked at where it waits


@asynccontextmanager
async def telling(home: House, wanted: Webhooks, owner: str | None = None) -> AsyncIterator[WebhooksOut]:
    hooks = WebhooksOut(owner or home.session.identity.user, wanted, lambda: 1_800_000_000.0)
    async with trio.open_nursery() as nursery:
        await nursery.start(hooks.run)
        hooks.see(home.session)
        await trio.testing.wait_all_tasks_blocked()
        yield hooks
        nursery.cancel_scope.cancel()


async def told(hooks: WebhooksOut, name: str) -> list[dict[str, Any]]:
    await trio.testing.wait_all_tasks_blocked()
    return [json.loads(message.body) for message in hooks._told[name].receiver._waiting]


def ringing(**more: Any) -> ReminderChanged:
    given = {
        "id": "r1", "kind": "timer", "state": "ringing", "here": True, "name": "pasta", "text": "", "left": 0.0,
        "due": "2026-11-28T21:05:00+01:00", "length": 540.0, "paused": False, "days": "", "words": "Pasta!", **more,
    }  # fmt: skip
    return ReminderChanged(**given)


async def test_the_end_of_a_turn_is_told_without_a_word_of_it(autojump_clock: MockClock) -> None:
    async with (
        house(ear=FakeEar("What is the secret?"), mind=says(REPLY)) as home,
        telling(home, wanting(log={"events": ALL})) as hooks,
    ):
        await home.voice(0.5)
        await home.silence(10)
        [ended] = await told(hooks, "log")
        [event] = home.happened("turn_ended")
        assert ended == {
            "type": "turn_ended",
            "timestamp": "2027-01-15T08:00:00.000+00:00",
            "data": {"session": home.session.identity.session, "turn": event.turn, "reason": "finished"},
        }


async def test_words_are_told_to_who_is_to_have_them_and_never_those_off_the_record(autojump_clock: MockClock) -> None:
    heard = FakeEar("What is it?", "Off the record.", "A secret.", "On the record.", "What now?")
    wanted = wanting(words={"events": ["turn_ended"], "words": True}, plain={"events": ["turn_ended"]})
    async with house(ear=heard, mind=says("one two.")) as home, telling(home, wanted) as hooks:
        for _ in range(5):
            await home.voice(0.5)
            await home.silence(10)
        ends = [each["data"] for each in await told(hooks, "words")]
        assert [end.get("said") for end in ends] == ["What is it?", None, None, "On the record.", "What now?"]
        assert ends[0]["heard"] == "one two."
        assert "heard" not in ends[2]
        assert not any({"said", "heard"} & each["data"].keys() for each in await told(hooks, "plain"))


async def test_only_what_a_server_wants_is_told_it(autojump_clock: MockClock) -> None:
    wanted = wanting(mute={"events": ["mute"]}, wake={"events": ["wake"]}, rings={"events": ["reminder_due"]})
    async with house() as home, telling(home, wanted) as hooks:
        for event in (Muted(muted=True), Woken(), ringing(), Muted(muted=False), RestChanged(resting=True)):
            home.session.events.publish(event)
        assert [each["data"]["muted"] for each in await told(hooks, "mute")] == [True, False]
        assert [each["data"]["by"] for each in await told(hooks, "wake")] == ["wake phrase"]
        [ring] = await told(hooks, "rings")
        assert ring["data"] == {
            "session": home.session.identity.session, "id": "r1", "kind": "timer", "due": "2026-11-28T21:05:00+01:00",
        }  # fmt: skip


async def test_one_awakening_is_told_once(autojump_clock: MockClock) -> None:
    async with house() as home, telling(home, wanting(log={"events": ["wake"]})) as hooks:
        home.session.events.publish(Woken())
        home.session.events.publish(RestChanged(resting=False))
        await trio.sleep(30)
        home.session.events.publish(RestChanged(resting=True))
        home.session.events.publish(RestChanged(resting=False))
        assert [each["data"]["by"] for each in await told(hooks, "log")] == ["wake phrase", "voice"]


async def test_what_rings_in_several_conversations_is_told_once_and_again_when_it_is_due_again(
    autojump_clock: MockClock,
) -> None:
    wanted = wanting(log={"events": ["reminder_due"], "words": True})
    async with house() as home, house() as other, telling(home, wanted) as hooks:
        hooks.see(other.session)
        await trio.testing.wait_all_tasks_blocked()
        for session in (home.session, other.session):
            session.events.publish(ringing(here=session is home.session))
        for state in ("set", "stopped", "snoozed"):
            home.session.events.publish(ringing(state=state))
        home.session.events.publish(ringing(due="2026-11-28T21:14:00+01:00"))
        due = await told(hooks, "log")
        assert [each["data"]["due"][11:16] for each in due] == ["21:05", "21:14"]
        assert due[0]["data"]["words"] == "Pasta!"


async def test_nobody_is_told_of_another_user_s_conversations(autojump_clock: MockClock) -> None:
    async with house() as home, telling(home, wanting(log={"events": ALL}), owner="somebody else") as hooks:
        home.session.events.publish(Muted(muted=True))
        assert await told(hooks, "log") == []


async def test_servers_come_and_go_while_harry_runs_and_who_stays_keeps_what_waits(autojump_clock: MockClock) -> None:
    async with house() as home, telling(home, wanting(one={"events": ["mute"]}, two={"events": ["mute"]})) as hooks:
        home.session.events.publish(Muted(muted=True))
        assert len(await told(hooks, "two")) == 1
        elsewhere = wanting(two={"events": ["mute", "wake"], "url": "http://127.0.0.1:8/"}, three={"events": ["mute"]})
        hooks.hold_to(elsewhere)
        home.session.events.publish(Woken())
        home.session.events.publish(Muted(muted=False))
        assert hooks.status().keys() == {"two", "three"}
        assert [each["type"] for each in await told(hooks, "two")] == ["mute", "wake", "mute"]
        assert [each["type"] for each in await told(hooks, "three")] == ["mute"]
        assert hooks._told["two"].receiver.url == "http://127.0.0.1:8/"
        assert hooks.status()["two"] == {"sent": 0, "waiting": 3, "lost": 0, "trouble": ""}


async def test_a_server_that_is_to_have_no_words_any_more_gets_none_that_wait(autojump_clock: MockClock) -> None:
    one = {"events": ["mute"], "words": True}
    async with house() as home, telling(home, wanting(one=one)) as hooks:
        home.session.events.publish(Muted(muted=True))
        assert len(await told(hooks, "one")) == 1
        hooks.hold_to(wanting(one={**one, "words": False}))
        assert hooks.status()["one"]["waiting"] == 0
