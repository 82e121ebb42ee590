"""How much sound goes out before it is heard: little where the way to the client is steady, more where it is not."""

from __future__ import annotations

from typing import Any

import pytest
import trio
from trio.testing import MockClock

from channels.clock import AudioClock
from channels.gate import Gate
from channels.messages import SAMPLE_BYTES, Source, Utterance
from channels.turn import Turn
from harry.web.realtime.audio_device import BLOCK, RemoteAudioDevice
from harry.web.realtime.send_ahead import KNOWN_FROM, LEAST, MOST, SendAhead
from harry.web.realtime.settings import RATE
from tests.support.realtime_clients import LONG, harry
from tests.web.realtime.test_resume import line


def measured(*trips: float) -> SendAhead:
    ahead = SendAhead()
    for trip in trips:
        ahead.note_trip(trip)
    return ahead


def test_a_way_that_is_not_known_yet_has_all_that_may_be_sent_ahead() -> None:
    assert SendAhead().seconds == MOST
    assert measured(*[0.01] * (KNOWN_FROM - 1)).seconds == MOST
    assert measured(*[0.01] * KNOWN_FROM).seconds == LEAST


def test_a_long_way_that_is_steady_has_as_little_as_a_short_one() -> None:
    assert measured(*[0.3] * KNOWN_FROM).seconds == pytest.approx(LEAST)


def test_what_a_way_varies_by_is_sent_ahead_as_well_up_to_the_most() -> None:
    assert measured(0.06, 0.08, 0.05, 0.07).seconds == pytest.approx(LEAST + 0.03)
    assert measured(0.06, 0.08, 0.05, 3.0).seconds == MOST


def test_a_process_that_is_late_sends_more_ahead_until_it_was_on_time_for_a_while() -> None:
    ahead = measured(*[0.01] * KNOWN_FROM)
    ahead.note_late(0.05)
    assert ahead.seconds == pytest.approx(LEAST + 0.05)
    for _ in range(150):
        ahead.note_late(0.0)
    assert LEAST + 0.02 < ahead.seconds < LEAST + 0.03


def test_another_way_is_not_known() -> None:
    ahead = measured(*[0.01] * KNOWN_FROM)
    ahead.forget()
    assert ahead.seconds == MOST


@pytest.mark.parametrize(("trips", "early"), [([], MOST), ([0.01] * KNOWN_FROM, LEAST)], ids=["unknown", "steady"])
async def test_that_much_goes_out_at_once_and_the_rest_at_the_pace_of_hearing(
    trips: list[float], early: float, autojump_clock: MockClock
) -> None:
    sent = 0

    def told(_: object, pcm: bytes) -> None:
        nonlocal sent
        sent += len(pcm) // SAMPLE_BYTES

    card = RemoteAudioDevice(
        AudioClock(), lambda pcm: [pcm], told=told, flushed=lambda paused: True, waits=lambda: False
    )
    for trip in trips:
        card.ahead.note_trip(trip)
    gate = Gate(RATE)
    async with trio.open_nursery() as nursery:
        slot = gate.admit(Turn(Utterance("u", "Go on.", Source.TYPED), "user", "session", "user"))
        gate.open(slot)
        nursery.start_soon(slot.write, bytes(RATE * SAMPLE_BYTES // 2))
        await trio.testing.wait_all_tasks_blocked()
        await nursery.start(card.play, gate)
        began = trio.current_time()
        for passed in (0.0, 0.1, 0.2):
            await trio.sleep_until(began + passed + BLOCK / 4)
            assert sent / RATE == pytest.approx(passed + early, abs=BLOCK * 1.1)
        nursery.cancel_scope.cancel()


async def test_the_way_to_a_client_is_known_before_he_is_answered() -> None:
    async with harry(replies=[LONG]) as door, line(door) as client:
        await client.until("session.created")
        await client.say("Tell me a story.")
        await client.send("response.create")
        await client.until("response.done")
        [session] = door.host.sessions.values()
        card: Any = session.loudspeaker
        assert card.ahead.known
