"""Webhooks that go out, to a real server: told once each and in order, again while it is away, and counted if lost."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from channels.signals import Signal
from harry.net import egress, webhook_posting
from harry.net.egress import read_notes
from harry.net.webhook_posting import ATTEMPTS, MAX_WAITING, PAUSES, Message, Receiver
from harry.net.webhook_signature import ID, SIGNATURE, Inspector
from tests.support.webhook_receiver import receiving

SECRET = "a secret that is long enough"


@pytest.fixture(autouse=True)
def _as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(webhook_posting, "PAUSES", (0.01,) * (ATTEMPTS - 1))
    yield
    egress.configure(local_only=False)


def message(number: int) -> Message:
    return Message.of(f"id-{number}", {"type": "mute", "data": {"number": number}})


class Watched(Receiver):
    """A receiver of which one can wait until it is done with a message."""

    def __init__(self, name: str, url: str, secret: str = "") -> None:
        super().__init__(name, url, secret)
        self.done = Signal()

    async def _deliver(self, message: Message) -> None:
        await super()._deliver(message)
        self.done.notify()


@asynccontextmanager
async def running(receiver: Watched) -> AsyncIterator[Watched]:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(receiver.run)
        yield receiver
        nursery.cancel_scope.cancel()


async def settled(receiver: Watched, count: int) -> None:
    """Wait until so many were sent or lost."""
    with trio.fail_after(20):
        while receiver.sent + receiver.lost < count:
            await receiver.done.wait()


async def test_each_is_told_once_in_order_and_signed() -> None:
    async with receiving() as server, running(Watched("log", server.url, SECRET)) as receiver:
        for number in range(5):
            receiver.put(message(number))
        told = await server.wait_for(5)
        await settled(receiver, 5)
    assert [each.json()["data"]["number"] for each in told] == [0, 1, 2, 3, 4]
    assert (receiver.sent, receiver.lost, receiver.trouble) == (5, 0, "")
    inspector = Inspector()
    for each in told:
        assert each.headers["content-type"] == "application/json"
        inspector.check(SECRET, each.headers, each.body, time.time())


async def test_without_a_secret_nothing_is_signed() -> None:
    async with receiving() as server, running(Watched("log", server.url)) as receiver:
        receiver.put(message(0))
        [told] = await server.wait_for(1)
    assert SIGNATURE not in told.headers


async def test_a_server_that_is_in_trouble_is_told_the_same_again_and_the_order_stays() -> None:
    async with receiving(500, 429, 503) as server, running(Watched("log", server.url, SECRET)) as receiver:
        receiver.put(message(0))
        receiver.put(message(1))
        told = await server.wait_for(5)
        await settled(receiver, 2)
    assert [each.headers[ID] for each in told] == ["id-0"] * 4 + ["id-1"]
    assert (receiver.sent, receiver.lost, receiver.trouble) == (2, 0, "")


@pytest.mark.parametrize("status", [301, 400, 401, 404, 410])
async def test_what_a_server_refuses_for_good_is_lost_at_once_and_the_next_is_told(status: int) -> None:
    async with receiving(status) as server, running(Watched("log", server.url)) as receiver:
        receiver.put(message(0))
        await settled(receiver, 1)
        assert (receiver.sent, receiver.lost) == (0, 1)
        assert f"answers with status {status}" in receiver.trouble
        receiver.put(message(1))
        await settled(receiver, 2)
    assert (receiver.sent, receiver.lost, receiver.trouble) == (1, 1, "")
    assert len(server.told) == 2


async def test_what_nobody_takes_is_tried_so_often_and_then_counted_as_lost() -> None:
    async with receiving() as server:
        port = server.port
    async with running(Watched("log", f"http://127.0.0.1:{port}/", SECRET)) as receiver:
        receiver.put(message(0))
        await settled(receiver, 1)
    assert (receiver.sent, receiver.lost) == (0, 1)
    assert "cannot be reached" in receiver.trouble


async def test_a_server_that_takes_the_connection_and_never_answers_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(webhook_posting, "ANSWER_WITHIN", 0.2)
    async with receiving(*[0] * ATTEMPTS) as server, running(Watched("log", server.url)) as receiver:
        receiver.put(message(0))
        await settled(receiver, 1)
    assert (receiver.sent, receiver.lost) == (0, 1)
    assert "does not answer" in receiver.trouble


async def test_a_full_queue_loses_the_oldest_and_nobody_waits() -> None:
    async with receiving(0) as server, running(Watched("log", server.url)) as receiver:
        receiver.put(message(0))
        await server.wait_for(1)  # and is not answered
        for number in range(1, MAX_WAITING + 20):
            receiver.put(message(number))
        assert receiver.waiting == MAX_WAITING
        assert receiver.lost == 20
    assert receiver._waiting[1].identity == "id-21"


async def test_an_address_that_is_changed_holds_from_the_next_attempt_on() -> None:
    async with receiving() as before, receiving() as after, running(Watched("log", before.url)) as receiver:
        receiver.put(message(0))
        await settled(receiver, 1)
        receiver.url = after.url
        receiver.put(message(1))
        await settled(receiver, 2)
    assert [len(before.told), len(after.told)] == [1, 1]


async def test_nothing_leaves_where_nothing_may_and_that_is_counted() -> None:
    egress.configure(local_only=True)
    async with running(Watched("log", "http://example.org/hook")) as receiver:
        receiver.put(message(0))
        await settled(receiver, 1)
    assert (receiver.sent, receiver.lost) == (0, 1)
    assert "local_only" in receiver.trouble


async def test_what_leaves_is_noted_with_its_host_and_its_name_and_not_what(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(egress, "is_loopback", lambda url: False)
    egress.configure(local_only=False, folder=tmp_path)
    async with receiving() as server, running(Watched("log", server.url)) as receiver:
        receiver.put(message(0))
        await settled(receiver, 1)
    [noted] = list(read_notes(tmp_path))
    assert (noted["purpose"], noted["host"]) == ("webhook log", f"127.0.0.1:{server.port}")
    assert noted["sent"] > 0


def test_a_message_is_given_up_within_minutes() -> None:
    assert len(PAUSES) == ATTEMPTS - 1
    assert sum(PAUSES) + ATTEMPTS * webhook_posting.ANSWER_WITHIN < 300
