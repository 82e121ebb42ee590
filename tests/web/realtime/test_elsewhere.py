"""What happens in a person's other conversations reaches the clients that ask for it, and nobody else."""

from __future__ import annotations

import json

import pytest

from tests.support.realtime_clients import harry
from tests.web.realtime.test_resume import line


async def test_a_window_that_asks_hears_another_conversation_from_its_very_first_event() -> None:
    async with harry() as door, line(door, "&harry=1&elsewhere=1") as watching:
        await watching.until("session.created")
        async with line(door) as other:
            created = await other.until("session.created")
            told = await watching.until("harry.elsewhere")
    assert (told["session"], told["place"]) == (created["session"]["id"].removeprefix("sess_"), "window")
    assert told["event"]["event"] == "ready"


@pytest.mark.parametrize("asking", ["&harry=1", "&elsewhere=1", ""])
async def test_a_client_that_does_not_ask_is_told_nothing_of_other_conversations(asking: str) -> None:
    async with harry(replies=["one."]) as door, line(door, asking) as quiet:
        await quiet.until("session.created")
        async with line(door) as other:
            await other.until("session.created")
            await quiet.send("session.update", session={"type": "realtime", "output_modalities": ["text"]})
            kinds = [""]
            while kinds[-1] != "session.updated":
                kinds.append(json.loads(await quiet.socket.get_message())["type"])
            assert "harry.elsewhere" not in kinds
