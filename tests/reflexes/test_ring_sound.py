"""A ring is a turn: it sounds through the gate again and again, its sentence is heard once, and a cut silences it."""

from __future__ import annotations

import numpy as np
import pytest
import trio
from trio.testing import MockClock

from channels.messages import Ring
from harry.audio.ring_sound import FIGURES, ring_sound
from harry.errors import EngineError
from harry.host.ring_places import RingPlace
from harry.voice.silent import Silent
from tests.support.virtual_session import house

WORDS = "Your pasta timer is up."


def test_each_kind_has_a_sound_of_its_own_that_neither_clicks_nor_overflows() -> None:
    sounds = {kind: np.frombuffer(ring_sound(kind, 24_000), np.int16) for kind in FIGURES}
    for sound in sounds.values():
        assert 8_000 < np.abs(sound).max() < 12_000
        assert abs(int(sound[0])) < 100
        assert abs(int(sound[-1])) < 100
        assert 0.5 < len(sound) / 24_000 < 1.5
    assert len({sound.tobytes() for sound in sounds.values()}) == len(FIGURES)


async def test_it_rings_for_its_time_and_its_sentence_is_heard_once(autojump_clock: MockClock) -> None:
    async with house() as home:
        began = trio.current_time()
        rung = await RingPlace(home.session).ring(WORDS, Ring("timer", 20.0))
        assert (rung.heard, rung.end) == (True, "finished")
        assert 20 <= trio.current_time() - began < 26
        [heard] = home.happened("heard")
        assert heard.fields["text"] == WORDS
        assert home.loud_until() > 19


async def test_a_stop_silences_it_at_once_and_other_words_are_told_apart(autojump_clock: MockClock) -> None:
    async with house() as home:
        for reason, end in (("stop", "stop"), ("barge_in", "cut")):
            async with trio.open_nursery() as nursery:

                async def ring(end: str = end) -> None:
                    assert (await RingPlace(home.session).ring(WORDS, Ring("alarm", 600.0))).end == end

                nursery.start_soon(ring)
                await trio.sleep(10)
                home.session.conductor.cut(reason)
                at = home.session.clock.now()
            await trio.sleep(5)
            assert home.loud_until() <= at + 0.05


async def test_a_ring_that_is_cancelled_falls_silent(autojump_clock: MockClock) -> None:
    async with house() as home:
        with trio.move_on_after(5):
            await RingPlace(home.session).ring(WORDS, Ring("timer", 60.0))
        assert not home.session.conductor.busy
        await trio.sleep(5)
        assert home.loud_until() < 5.1


async def test_where_nothing_sounds_it_is_shown_once(autojump_clock: MockClock) -> None:
    async with house(loudspeaker=False, voice=Silent("silent")) as home:
        rung = await RingPlace(home.session).ring(WORDS, Ring("timer", 60.0))
        assert (rung.heard, rung.end) == (True, "finished")
        assert home.session.clock.now() < 1
        assert not home.session.attended()


class Broken(Silent):
    """A voice that fails, as engines should or as they should not."""

    def __init__(self, error: Exception) -> None:
        super().__init__("broken")
        self.error = error

    async def speak(self, text: str, emit: object) -> None:
        await trio.lowlevel.checkpoint()
        raise self.error


class Hung(Silent):
    """A voice that never comes to an end."""

    async def speak(self, text: str, emit: object) -> None:
        await trio.sleep_forever()


class OutOfUse(Silent):
    """A voice that hung so often that nobody gets it any more."""

    retired = True


@pytest.mark.parametrize(
    "voice", [Broken(EngineError("Broken.")), Broken(KeyError("a voice")), Hung("hung"), OutOfUse("retired")]
)
async def test_a_voice_that_fails_does_not_keep_it_from_ringing(autojump_clock: MockClock, voice: Silent) -> None:
    async with house(voice=voice) as home:
        began = trio.current_time()
        rung = await RingPlace(home.session).ring(WORDS, Ring("timer", 15.0))
        assert (rung.heard, rung.end) == (True, "finished")
        assert home.loud_until() > 14
        assert trio.current_time() - began < 30
