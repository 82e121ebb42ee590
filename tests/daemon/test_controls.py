"""What the commands at the control socket do to the room."""

from __future__ import annotations

from typing import cast

import pytest
from trio.testing import MockClock

from harry.daemon.controls import RoomControls
from harry.errors import HarryError
from harry.host.host import Host
from harry.session.announcements import Announcements
from tests.support.virtual_session import House, house


def commands_of(home: House) -> RoomControls:
    # No command that is tried here asks for what sessions share.
    return RoomControls(cast("Host", None), home.session, Announcements(home.session), lambda: None)


async def test_nobody_is_told_that_harry_listens_while_the_microphone_is_shut(autojump_clock: MockClock) -> None:
    async with house() as home:
        commands = commands_of(home).controls.commands
        commands["mute"]({})
        with pytest.raises(HarryError, match="microphone is shut"):
            commands["wake"]({})
        commands["unmute"]({})
        commands["wake"]({})
