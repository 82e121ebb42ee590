"""A sound card that goes away while Harry runs: told once, waited for, and nothing of what he says is lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from channels.clock import AudioClock
from channels.events import EventStream
from channels.gate import Gate
from channels.messages import FRAME_SAMPLES, Frame, Source, Utterance
from channels.turn import Turn
from harry.audio.choice import open_loudspeaker, open_microphone
from harry.errors import DeviceError
from harry.session.device_recovery import OPENS_WITHIN, KeptMicrophone, SteadySink, keep_playing
from tests.support.virtual_soundcard import Card, a_card

pytest_plugins = ["tests.support.virtual_soundcard"]

RATE = 16_000


@dataclass
class Unplugged:
    """Fails in turn with each of `fails` (seconds it plays before, None: it cannot even be opened), then plays on."""

    fails: list[float | None]
    returns: bool = True
    description: str = "a fake card"
    rate: int = RATE
    heard: bytearray = field(default_factory=bytearray)

    def flush(self) -> int:
        return 0

    def pending(self) -> int:
        return 0

    async def play(self, gate: Gate, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        lasts = self.fails.pop(0) if self.fails else float("inf")
        if lasts is None:
            raise DeviceError("A fake card is gone.")
        task_status.started()
        block = bytearray(RATE // 100 * 2)
        for _ in range(round(min(lasts, 3600) * 100)):
            await trio.sleep(0.01)
            gate.pull(memoryview(block))
            self.heard += block
            gate.advance()
        raise DeviceError("A fake card has gone.")


def find(card: Card, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have this process find that sound server."""
    for name, value in card.environment.items():
        monkeypatch.setenv(name, value)


def a_stream() -> EventStream:
    clock = AudioClock()
    clock.start()
    return EventStream(clock)


async def test_a_card_that_goes_and_comes_is_told_once_each_and_no_sample_is_lost(autojump_clock: MockClock) -> None:
    card, events, gate = Unplugged([0.5, None, None]), a_stream(), Gate(RATE)
    told = events.listen(100)
    gate.attach(card)
    pcm = b"\x01\x02" * RATE
    async with trio.open_nursery() as nursery:
        await nursery.start(keep_playing, card, gate, events)
        slot = gate.admit(Turn(Utterance("u", "", Source.TYPED), "user", "session", "default"))
        await slot.write(pcm)
        slot.finish()
        assert await slot.wait_played()
        nursery.cancel_scope.cancel()
    assert bytes(card.heard).strip(b"\x00") == pcm
    assert [(each.event, each.fields.get("over", False)) for each in told.take_waiting()] == [
        ("degraded", False),
        ("degraded", True),
    ]


@pytest.mark.parametrize(("fails", "returns"), [([None], True), ([0.1], False)], ids=["at the start", "no card"])
async def test_what_cannot_come_back_ends_it(
    autojump_clock: MockClock, fails: list[float | None], returns: bool
) -> None:
    with pytest.raises(DeviceError):
        await keep_playing(Unplugged(fails, returns), Gate(RATE), a_stream())


@pytest.mark.soundcard
async def test_a_sound_server_that_ends_and_starts_again_is_played_to_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = a_stream()
    told = events.listen(100)
    gone, back = tmp_path / "first", tmp_path / "second"
    gone.mkdir(), back.mkdir()
    async with trio.open_nursery() as nursery:
        with a_card(gone) as card:
            find(card, monkeypatch)
            loudspeaker = (await open_loudspeaker("default", events.clock)).device
            assert loudspeaker is not None
            gate = Gate(loudspeaker.rate)
            gate.attach(loudspeaker)
            await nursery.start(partial(keep_playing, loudspeaker, gate, events))
            card.daemon.terminate()
            assert not (await told.__anext__()).fields.get("over")
        with a_card(back) as card:
            find(card, monkeypatch)
            with trio.fail_after(30):
                assert (await told.__anext__()).fields["over"]
            nursery.cancel_scope.cancel()


@dataclass
class Deafened:
    """A microphone that is there for three frames at a time, and cannot be opened in between."""

    returns: bool = True
    description: str = "a fake microphone"
    ended: trio.Event = field(default_factory=trio.Event)
    opened: int = 0

    async def capture(
        self, hear: Callable[[Frame], None], *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        self.opened += 1
        if self.opened % 2 == 0:
            raise DeviceError("The microphone is gone.")
        task_status.started()
        for number in range(3):
            await trio.sleep(0.032)
            hear(Frame(bytes(2 * FRAME_SAMPLES), number * FRAME_SAMPLES))
        raise DeviceError("The microphone has gone.")


async def test_a_microphone_that_goes_and_comes_is_heard_again_and_told_once_each(autojump_clock: MockClock) -> None:
    events, heard = a_stream(), list[Frame]()
    told = events.listen(100)
    microphone = KeptMicrophone(Deafened(), events)
    works: list[bool] = []

    def hear(frame: Frame) -> None:
        heard.append(frame)
        works.append(microphone.works)

    assert not microphone.works
    with trio.move_on_after(5):
        await microphone.capture(hear)
    assert len(heard) == 6
    assert all(works)
    assert not microphone.works
    assert [each.fields["message"] for each in told.take_waiting()] == [
        "The microphone has gone. Harry listens again when it is back.",
        "The microphone is back.",
        "The microphone has gone. Harry listens again when it is back.",
    ]


async def test_a_microphone_that_cannot_come_back_is_the_supervisors_matter(autojump_clock: MockClock) -> None:
    with pytest.raises(DeviceError):
        await KeptMicrophone(Deafened(returns=False), a_stream()).capture(lambda frame: None)


async def test_a_microphone_that_is_not_there_at_the_start_is_told_and_heard_once_it_is(
    autojump_clock: MockClock,
) -> None:
    events, heard = a_stream(), list[Frame]()
    told = events.listen(100)
    with trio.move_on_after(2.5):
        await KeptMicrophone(Deafened(opened=1), events).capture(heard.append)
    assert len(heard) == 3
    assert [each.fields.get("over", False) for each in told.take_waiting()] == [False, True, False]


async def test_a_card_that_hangs_while_it_is_opened_or_stops_by_itself_is_told_and_tried_again(
    autojump_clock: MockClock,
) -> None:
    class Odd(Deafened):
        async def capture(
            self, hear: Callable[[Frame], None], *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
        ) -> None:
            self.opened += 1
            if self.opened == 1:
                await trio.sleep_forever()
            task_status.started()
            hear(Frame(bytes(2 * FRAME_SAMPLES), 0))

    microphone, events, heard = Odd(), a_stream(), list[Frame]()
    told = events.listen(100)
    with trio.move_on_after(OPENS_WITHIN + 3):
        await KeptMicrophone(microphone, events).capture(heard.append)
    assert len(heard) == 1
    assert [str(each.fields["message"]).partition(".")[0] for each in told.take_waiting()] == [
        "The microphone could not be opened in time", "The microphone is back", "The microphone has stopped",
    ]  # fmt: skip


async def test_a_loudspeaker_that_fails_when_it_is_asked_keeps_no_cut_from_its_end(autojump_clock: MockClock) -> None:
    class Silent(Unplugged):
        def flush(self) -> int:
            raise DeviceError("A fake card does not answer.")

        def pending(self) -> Any:
            return "some"

    gate = Gate(RATE)
    gate.attach(SteadySink(Silent([])))
    slot = gate.admit(Turn(Utterance("u", "", Source.TYPED), "user", "session", "default"))
    await slot.write(bytes(200))
    gate.pull(memoryview(bytearray(100)))
    assert gate.close(slot) == 0
    assert slot.closed


@pytest.mark.soundcard
async def test_a_sound_server_that_ends_and_starts_again_is_listened_to_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = a_stream()
    told = events.listen(100)
    gone, back = tmp_path / "first", tmp_path / "second"
    gone.mkdir(), back.mkdir()
    frames, receive = trio.open_memory_channel[Frame](10_000)
    async with trio.open_nursery() as nursery:
        with a_card(gone) as card:
            find(card, monkeypatch)
            microphone = (await open_microphone("default", events.clock)).device
            assert microphone is not None
            nursery.start_soon(KeptMicrophone(microphone, events).capture, frames.send_nowait)
            await receive.receive()
            card.daemon.terminate()
            assert not (await told.__anext__()).fields.get("over")
        with a_card(back) as card:
            find(card, monkeypatch)
            with trio.fail_after(30):
                assert (await told.__anext__()).fields["over"]
                while True:
                    try:
                        receive.receive_nowait()
                    except trio.WouldBlock:
                        break
                await receive.receive()
            nursery.cancel_scope.cancel()
