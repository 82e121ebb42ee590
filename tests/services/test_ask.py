"""`harry ask`: what is written of a turn, and that words which are no turn end it."""

from __future__ import annotations

import trio
from trio.testing import MockClock

from harry.services.ask import write_reply
from tests.support.virtual_session import house, says


async def test_a_reply_is_written_until_it_is_kept(autojump_clock: MockClock) -> None:
    written: list[str] = []
    async with house(mind=says("One two three.")) as home:
        told = home.session.events.listen(4096, lossless=True)
        with trio.fail_after(60):
            await write_reply(told, home.session.answer_typed("hello"), written.append)
    assert "".join(written).strip() == "One two three."


async def test_a_stop_phrase_is_no_turn_and_nothing_is_waited_for(autojump_clock: MockClock) -> None:
    async with house() as home:
        told = home.session.events.listen(4096, lossless=True)
        turn = home.session.answer_typed("Harry, stop.")
        assert turn is None
        with trio.fail_after(1):
            await write_reply(told, turn, lambda text: None)
