"""What the commands at the control socket do to the room."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import cast

import pytest
import trio
from trio.testing import MockClock

from channels.signals import Signal
from harry.config.loading import Config, RunOptions
from harry.daemon import looking_after
from harry.daemon.controls import RoomControls
from harry.daemon.service_manager import ServiceManager
from harry.errors import HarryError
from harry.host.announcers import Announcers
from harry.host.host import Host
from harry.host.store_watch import OUT_OF_REACH
from tests.support.virtual_session import FakeEar, House, house, says


def commands_of(home: House) -> RoomControls:
    # No command that is tried here asks for what sessions share.
    return RoomControls(cast("Host", None), home.session, lambda: None)


async def test_nobody_is_told_that_harry_listens_while_the_microphone_is_shut(autojump_clock: MockClock) -> None:
    async with house() as home:
        commands = commands_of(home).controls.commands
        commands["mute"]({})
        with pytest.raises(HarryError, match="microphone is shut"):
            commands["wake"]({})
        commands["unmute"]({})
        commands["wake"]({})


@asynccontextmanager
async def looked_after(home: House, says_by: list[Callable[[str], object]]) -> AsyncIterator[None]:
    announcers = Announcers(lambda user: home.session, Signal())
    host = SimpleNamespace(
        store_watch=SimpleNamespace(speak_through=says_by.append),
        store=SimpleNamespace(durable=False),
        announcers=announcers,
    )
    async with (
        trio.open_nursery() as nursery,
        looking_after.looked_after(Config(), RunOptions(), cast("Host", host), home.session, manager=ServiceManager()),
    ):
        nursery.start_soon(announcers.run)
        yield
        nursery.cancel_scope.cancel()


async def test_a_trouble_with_the_store_is_told_in_a_gap_and_over_nobody(autojump_clock: MockClock) -> None:
    says_by: list[Callable[[str], object]] = []
    async with house(ear=FakeEar("What is it?"), mind=says("one two three.")) as home, looked_after(home, says_by):
        await home.voice(0.5)
        says_by[0](OUT_OF_REACH)
        await home.voice(1.0)
        await home.silence(20)
        assert [event.fields["text"] for event in home.happened("heard")] == ["one two three.", OUT_OF_REACH]
        assert not home.happened("interrupted")
