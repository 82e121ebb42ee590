"""A loudspeaker that goes away while Harry runs: told once, waited for, and nothing of what he says is lost."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from channels.clock import AudioClock
from channels.events import EventStream
from channels.gate import Gate
from channels.messages import Source, Utterance
from channels.turn import Turn
from harry.audio.choice import open_loudspeaker
from harry.errors import DeviceError
from harry.playing import keep_playing
from tests.soundcard import a_card

pytest_plugins = ["tests.soundcard"]

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
            gate.pull(block)
            self.heard += block
            gate.advance()
        raise DeviceError("A fake card has gone.")


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
        assert await slot.played()
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
            for name, value in card.environment.items():
                monkeypatch.setenv(name, value)
            loudspeaker = (await open_loudspeaker("default", events.clock)).device
            assert loudspeaker is not None
            gate = Gate(loudspeaker.rate)
            gate.attach(loudspeaker)
            await nursery.start(partial(keep_playing, loudspeaker, gate, events))
            card.daemon.terminate()
            assert not (await told.__anext__()).fields.get("over")
        with a_card(back) as card:
            for name, value in card.environment.items():
                monkeypatch.setenv(name, value)
            with trio.fail_after(30):
                assert (await told.__anext__()).fields["over"]
            nursery.cancel_scope.cancel()
