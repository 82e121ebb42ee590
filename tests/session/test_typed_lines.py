"""What is typed is heeded as if it were spoken: "stop" stops, "go on" says the rest, "off the record" keeps nothing."""

from __future__ import annotations

import trio
from trio.testing import MockClock

from harry.memory.store.in_memory import InMemoryStore
from tests.support.realtime_clients import Client, conversing, harry
from tests.support.virtual_session import House, house, says

LONG = "One two three. Four five six. Seven eight nine."


async def _settle(home: House) -> None:
    await trio.sleep(20)
    await home.session.conductor.wait_idle()


async def test_a_typed_stop_silences_and_asks_no_mind(autojump_clock: MockClock) -> None:
    mind = says(LONG)
    async with house(mind=mind) as home:
        home.session.answer_typed("Tell me.")
        await trio.sleep(1.0)
        assert home.session.answer_typed("Stop, Harry.") is None
        await _settle(home)
        assert len(mind.requests) == 1
        assert [each.fields["reason"] for each in home.happened("interrupted")] == ["stop"]
        [heard] = home.happened("heard")
        assert LONG.startswith(str(heard.fields["text"]))


async def test_what_follows_a_typed_stop_is_answered(autojump_clock: MockClock) -> None:
    mind = says(LONG)
    async with house(mind=mind) as home:
        home.session.answer_typed("Tell me.")
        await trio.sleep(1.0)
        assert home.session.answer_typed("Stop. What is the time there?") is not None
        await _settle(home)
        assert mind.requests[-1].messages[-1].parts[0].text == "What is the time there?"


async def test_a_typed_go_on_says_the_rest(autojump_clock: MockClock) -> None:
    mind = says(LONG)
    async with house(mind=mind) as home:
        home.session.answer_typed("Tell me.")
        await trio.sleep(1.0)
        home.session.answer_typed("stop")
        await trio.sleep(1.0)
        home.session.answer_typed("Go on.")
        await _settle(home)
        first, rest = [each.fields["text"] for each in home.happened("heard")]
    assert len(mind.requests) == 1
    assert f"{first} {rest}".split() == LONG.split()


async def test_what_is_typed_off_the_record_is_kept_nowhere(autojump_clock: MockClock) -> None:
    store = InMemoryStore()
    async with house(mind=says("One."), store=store) as home:
        home.session.answer_typed("The first.")
        await _settle(home)
        home.session.answer_typed("Off the record, please.")
        await _settle(home)
        home.session.answer_typed("My secret.")
        await _settle(home)
        home.session.answer_typed("Back on the record.")
        await _settle(home)
        home.session.answer_typed("The last.")
        await _settle(home)
        said = [each.fields["text"] for each in home.happened("heard")]
    assert said == ["One.", "Off the record.", "One.", "On the record again.", "One."]
    kept = [each.said for each in await store.history("you", limit=10)]
    assert "My secret." not in kept
    assert kept[0] == "The first."
    assert kept[-1] == "The last."


async def test_a_realtime_client_that_writes_goes_off_the_record() -> None:
    async def talk(client: Client) -> None:
        await client.until("session.created")
        await client.connection.session.update(session={"type": "realtime", "output_modalities": ["text"]})
        for text in ("Off the record, please.", "My secret."):
            await client.connection.conversation.item.create(
                item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
            )
            await client.connection.response.create()
            await client.until("response.done")

    async with harry(replies=["One."]) as door:
        await conversing(door, talk)
        assert not await door.host.store.history("ann", limit=10)
