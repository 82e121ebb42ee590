"""Real PortAudio and real SDL on a virtual sound card: what goes in is heard, what is spoken comes out, a cut holds."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import trio

from actors.protocols import Loudspeaker, Microphone
from channels.clock import AudioClock
from channels.gate import Gate, Slot
from channels.messages import FRAME_SAMPLES, Frame, Source, Utterance
from channels.turn import Turn
from harry.audio.choice import open_loudspeaker, open_microphone
from tests.soundcard import RATE, Card, Sound, babble, likeness

pytest_plugins = ["tests.soundcard"]
pytestmark = pytest.mark.soundcard


def started() -> AudioClock:
    clock = AudioClock()
    clock.start()
    return clock


def a_turn() -> Turn:
    return Turn(Utterance("u", "", Source.TYPED), "user", "session", "default")


def pcm_of(sound: Sound) -> bytes:
    return (sound * 32767).astype("<i2").tobytes()


class Ear:
    """Hears frames and lets a test wait for more of them."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self._came = trio.Event()

    def hear(self, frame: Frame) -> None:
        self.frames.append(frame)
        self._came.set()
        self._came = trio.Event()

    async def more(self, seconds: float) -> None:
        until = len(self.frames) + int(seconds * RATE / FRAME_SAMPLES)
        while len(self.frames) < until:
            await self._came.wait()

    @property
    def sound(self) -> Sound:
        pcm = b"".join(frame.pcm for frame in self.frames)
        return (np.frombuffer(pcm, "<i2") / 32768).astype(np.float32)


async def a_microphone(wanted: str, clock: AudioClock) -> Microphone:
    choice = await open_microphone(wanted, clock)
    assert choice.notes == []
    assert choice.device is not None
    return choice.device


async def a_loudspeaker(wanted: str) -> Loudspeaker:
    choice = await open_loudspeaker(wanted, started())
    assert choice.notes == []
    assert choice.device is not None
    return choice.device


@pytest.mark.parametrize("system", ["default", "pygame"])
async def test_what_is_said_before_the_microphone_is_heard(system: str, soundcard: Card) -> None:
    clock = started()
    microphone = await a_microphone(system, clock)
    assert ("PortAudio" if system == "default" else "pygame") in microphone.description
    ear = Ear()
    said = babble(1, 2)
    async with trio.open_nursery() as nursery:
        await nursery.start(microphone.capture, ear.hear)
        await ear.more(0.1)
        await soundcard.speak(said)
        await ear.more(1)
        nursery.cancel_scope.cancel()
    assert np.median(likeness(said, ear.sound)) > 0.9
    starts = [frame.start for frame in ear.frames]
    assert all(after > before for before, after in itertools.pairwise(starts))
    # The count of samples keeps to the session's clock.
    assert abs(starts[-1] / RATE - clock.now()) < 1


@pytest.mark.parametrize("system", ["default", "pygame"])
async def test_what_is_spoken_comes_out_of_the_loudspeaker(system: str, soundcard: Card) -> None:
    loudspeaker = await a_loudspeaker(system)
    gate = Gate(loudspeaker.rate)
    gate.attach(loudspeaker)
    async with soundcard.recording() as recording, trio.open_nursery() as nursery:
        await nursery.start(loudspeaker.play, gate)
        slot = gate.admit(a_turn())
        await slot.write(pcm_of(babble(2, 2, loudspeaker.rate)))
        slot.finish()
        assert await slot.played()
        assert slot.samples_heard == 2 * loudspeaker.rate
        await recording.more(1)
        nursery.cancel_scope.cancel()
    assert np.median(likeness(babble(2, 2), recording.sound)) > 0.9


@pytest.mark.parametrize("system", ["default", "pygame"])
async def test_nothing_of_a_closed_slot_sounds_but_what_the_card_held(system: str, soundcard: Card) -> None:
    loudspeaker = await a_loudspeaker(system)
    gate = Gate(loudspeaker.rate)
    gate.attach(loudspeaker)
    cut, next_one = babble(3, 4), babble(4, 1)
    async with soundcard.recording() as recording, trio.open_nursery() as nursery:
        await nursery.start(loudspeaker.play, gate)
        first = gate.admit(a_turn())
        nursery.start_soon(write_all, first, pcm_of(babble(3, 4, loudspeaker.rate)))
        await first.sounded.wait()
        await recording.more(1.5)
        held = gate.close(first)
        assert 0 <= held <= loudspeaker.pending() < loudspeaker.rate / 4
        second = gate.admit(a_turn())
        await second.write(pcm_of(babble(4, 1, loudspeaker.rate)))
        second.finish()
        assert await second.played()
        await recording.more(1)
        nursery.cancel_scope.cancel()
    heard = first.samples_heard / loudspeaker.rate
    assert 0.5 < heard < 3.5
    pieces = likeness(cut, recording.sound)
    whole = int(heard / 0.25)
    assert np.median(pieces[:whole]) > 0.9
    # The piece in which the cut fell may be half there; after it there is nothing.
    assert pieces[whole + 1 :].max() < 0.3
    assert np.median(likeness(next_one, recording.sound)) > 0.9


async def write_all(slot: Slot, pcm: bytes) -> None:
    await slot.write(pcm)


@pytest.mark.parametrize("system", ["default", "pygame"])
async def test_a_device_can_be_opened_again(system: str, soundcard: Card) -> None:
    microphone = await a_microphone(system, started())
    for _ in range(2):
        ear = Ear()
        async with trio.open_nursery() as nursery:
            await nursery.start(microphone.capture, ear.hear)
            await ear.more(0.2)
            nursery.cancel_scope.cancel()
