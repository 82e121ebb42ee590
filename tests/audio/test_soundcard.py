"""Sound cards: real PortAudio and real SDL on a virtual one, where a cut must hold; and cards that misbehave."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import trio
import trio.testing

from actors.protocols import Loudspeaker, Microphone
from channels.clock import AudioClock
from channels.gate import Gate, Slot
from channels.messages import FRAME_SAMPLES, Frame, Source, Utterance
from channels.turn import Turn
from harry.audio import soundcard as soundcard_module
from harry.audio.choice import open_loudspeaker, open_microphone
from harry.audio.resampling import Layout
from harry.audio.soundcard import SoundcardLoudspeaker, SoundcardMicrophone
from harry.errors import DeviceError
from tests.support.virtual_soundcard import RATE, Card, Sound, a_card, babble, likeness

pytest_plugins = ["tests.support.virtual_soundcard"]
MONO = Layout(RATE, 1, "int16")

on_the_card = pytest.mark.soundcard


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


@on_the_card
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
        now = clock.now()
        nursery.cancel_scope.cancel()
    assert np.median(likeness(said, ear.sound)) > 0.9
    starts = [frame.start for frame in ear.frames]
    assert all(after > before for before, after in itertools.pairwise(starts))
    # The count of samples keeps to the session's clock.
    assert abs(starts[-1] / RATE - now) < 0.5


@on_the_card
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
        assert await slot.wait_played()
        assert slot.samples_heard == 2 * loudspeaker.rate
        await recording.more(1)
        nursery.cancel_scope.cancel()
    assert np.median(likeness(babble(2, 2), recording.sound)) > 0.9


@on_the_card
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
        assert await second.wait_played()
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


@on_the_card
@pytest.mark.parametrize("system", ["default", "pygame"])
async def test_a_device_can_be_opened_again(system: str, soundcard: Card) -> None:
    microphone = await a_microphone(system, started())
    for _ in range(2):
        ear = Ear()
        async with trio.open_nursery() as nursery:
            await nursery.start(microphone.capture, ear.hear)
            await ear.more(0.2)
            nursery.cancel_scope.cancel()


@on_the_card
async def test_a_portaudio_device_that_disappears_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with a_card(tmp_path) as card:
        for name, value in card.environment.items():
            monkeypatch.setenv(name, value)
        microphone = await a_microphone("default", started())
        ear = Ear()
        with pytest.RaisesGroup(pytest.RaisesExc(DeviceError, match="has gone|no sign of life")):
            async with trio.open_nursery() as nursery:
                await nursery.start(microphone.capture, ear.hear)
                await ear.more(0.2)
                card.daemon.terminate()


# Cards that misbehave


@dataclass
class FakeCard:
    """A stream whose callbacks the test makes."""

    layout: Layout = MONO
    description: str = "a fake card"
    at_start: Callable[[], None] = lambda: None
    stopped: int = 0
    call: Callable[..., None] = lambda _: None
    gone: Callable[[], None] = lambda: None

    def start(self, call: Callable[..., None], gone: Callable[[], None]) -> None:
        self.call, self.gone = call, gone
        self.at_start()

    def stop(self) -> None:
        self.stopped += 1

    def latency(self) -> int:
        return 100


async def test_a_card_that_is_gone_ends_the_capture() -> None:
    card = FakeCard()
    microphone = SoundcardMicrophone(card, started())
    with pytest.RaisesGroup(pytest.RaisesExc(DeviceError, match="a fake card has gone")):
        async with trio.open_nursery() as nursery:
            await nursery.start(microphone.capture, lambda frame: None)
            card.gone()
    assert card.stopped == 1


async def test_a_card_without_a_sign_of_life_ends_the_capture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soundcard_module, "_QUIET", 0.05)
    with pytest.raises(DeviceError, match="has given no sign of life"):
        await SoundcardMicrophone(FakeCard(), started()).capture(lambda frame: None)


async def test_a_card_that_cannot_be_opened_says_why_and_is_let_go() -> None:
    def refuse() -> None:
        raise DeviceError("It is taken.", remedy="Close the others.")

    card = FakeCard(at_start=refuse)
    with pytest.raises(DeviceError) as refusal:
        await SoundcardLoudspeaker(card).play(Gate(RATE))
    assert str(refusal.value) == "It is taken. Close the others."
    assert card.stopped == 1


async def test_a_card_that_hangs_while_it_opens_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soundcard_module, "_CLOSING", 0.05)
    opening, release, closed = threading.Event(), threading.Event(), threading.Event()

    def hang() -> None:
        opening.set()
        release.wait(10)

    card = FakeCard(at_start=hang)
    monkeypatch.setattr(card, "stop", closed.set)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(SoundcardMicrophone(card, started()).capture, lambda frame: None)
        await trio.to_thread.run_sync(opening.wait, 10)
        nursery.cancel_scope.cancel()
    assert not closed.is_set()
    release.set()
    # Once the opening came to its end after all, the card was let go.
    assert await trio.to_thread.run_sync(closed.wait, 10)


async def test_a_busy_session_loses_the_oldest_and_keeps_the_count() -> None:
    card, clock, ear = FakeCard(), started(), Ear()
    microphone = SoundcardMicrophone(card, clock)
    async with trio.open_nursery() as nursery:
        await nursery.start(microphone.capture, ear.hear)
        for tenth in range(30):  # three seconds at once: trio has no chance to look
            card.call(np.full(RATE // 10, tenth, dtype="<i2").tobytes())
        await ear.more(0.9)
        nursery.cancel_scope.cancel()
    assert microphone.dropped == 2 * RATE * 2
    assert ear.sound[0] * 32768 == 20
    assert len(ear.frames) == RATE // FRAME_SAMPLES


async def test_the_count_of_samples_keeps_to_the_clock(autojump_clock: trio.testing.MockClock) -> None:
    """A card that is a second late, then a thousandth slow, is set right before it is a third of a second astray."""
    clock = started()
    microphone = SoundcardMicrophone(FakeCard(), clock)
    positions: list[float] = []
    await trio.sleep(1)
    for _ in range(2_000):
        await trio.sleep(0.5 * 1.001)
        start = microphone._place(RATE // 2 // FRAME_SAMPLES)
        positions.append(clock.now() - start / RATE - 0.5)
    assert max(map(abs, positions)) < 0.35


async def test_what_the_listener_raises_ends_the_capture() -> None:
    def stumble(frame: Frame) -> None:
        raise RuntimeError("stumbled")

    card = FakeCard()
    with pytest.RaisesGroup(pytest.RaisesExc(RuntimeError, match="stumbled")):
        async with trio.open_nursery() as nursery:
            await nursery.start(SoundcardMicrophone(card, started()).capture, stumble)
            card.call(bytes(4096))


def test_a_callback_after_the_end_disturbs_nobody() -> None:
    card = FakeCard()

    async def session() -> None:
        async with trio.open_nursery() as nursery:
            await nursery.start(SoundcardMicrophone(card, started()).capture, lambda frame: None)
            nursery.cancel_scope.cancel()

    trio.run(session)
    card.call(bytes(4096))
    card.gone()


@pytest.mark.parametrize("channels", [1, 2, 6])
async def test_every_channel_of_the_card_speaks(channels: int) -> None:
    card = FakeCard(Layout(RATE, channels, "int16"))
    gate = Gate(RATE)
    slot = gate.admit(a_turn())
    said = np.arange(1, 3001, dtype="<i2")
    await slot.write(said.tobytes())
    async with trio.open_nursery() as nursery:
        await nursery.start(SoundcardLoudspeaker(card).play, gate)
        buffer = bytearray(2 * channels * 4000)
        card.call(memoryview(buffer))
        await slot.sounded.wait()
        nursery.cancel_scope.cancel()
    played = np.frombuffer(buffer, "<i2").reshape(-1, channels)
    assert (played[:3000] == said[:, None]).all()
    assert not played[3000:].any()


async def test_a_card_that_swallows_gets_silence() -> None:
    card = FakeCard()
    gate = Gate(RATE, ahead=20)
    slot = gate.admit(a_turn())
    await slot.write(bytes(2 * 10 * RATE))
    async with trio.open_nursery() as nursery:
        await nursery.start(SoundcardLoudspeaker(card).play, gate)
        buffer = memoryview(bytearray(2 * RATE // 100))
        began = time.monotonic()
        for _ in range(1000):
            card.call(buffer)
        took = time.monotonic() - began
        nursery.cancel_scope.cancel()
    assert 0.45 * RATE < slot.samples_heard < (0.55 + 1.02 * took) * RATE


def test_a_card_that_plays_in_time_is_never_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """An hour of a card that is a thousandth fast and takes a quarter of a second at a time."""
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    pace = soundcard_module._Pace(RATE)
    for _ in range(14_400):
        assert pace.allows(RATE // 4)
        now += 0.25 / 1.001
