"""The bench of whole sessions measures what it says: in virtual time, and beside what the peers' programs do."""

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import trio
from trio.testing import MockClock

from actors.protocols import Samples
from channels.clock import AudioClock
from channels.messages import EAR_RATE, FRAME_SAMPLES
from harry.bench import duplex, sessions
from harry.bench.duplex import SILENT, TICK, VOICED, DuplexCard, Instant, Notes, Nothing, Reply, User
from harry.hearing.energy import Energy, EnergySettings
from tests.support.paths import ROOT

BENCHMARKS = ROOT / "benchmarks"
SCRIPT = sessions.Script([VOICED] * 20, talk=1.6, reply=3.0)


def loaded(path: str) -> ModuleType:
    """A module of the folder of the peers, which is no package."""
    name = f"benchmarks_{Path(path).stem}"
    spec = importlib.util.spec_from_file_location(name, BENCHMARKS / path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def conversed(n: int, seconds: float, detector: Any = None) -> dict[str, Any]:
    found: dict[str, Any] = trio.run(
        sessions.converse,
        n,
        seconds,
        SCRIPT,
        detector or Energy("energy", EnergySettings()),
        clock=MockClock(autojump_threshold=0),
    )
    return found


def test_every_interruption_of_two_conversations_is_heard_and_nothing_stale_sounds() -> None:
    found = conversed(2, 20.0)
    assert found["interruptions"] >= 10
    assert found["lost"] == found["unanswered"] == found["stale_samples"] == found["tasks_left"] == 0
    # In virtual time only the script takes any: a voice is declared when its last window is full, at the next buffer.
    longest = sessions.VOICED_WINDOWS * FRAME_SAMPLES / EAR_RATE + TICK
    assert 0 < found["first_voice_to_cut_ms"]["max"] <= longest * 1000
    assert found["vad_to_cut_ms"]["max"] < 1
    assert found["end_of_speech_to_first_chunk_ms"]["max"] < 1
    assert found["tasks_per_session"] > 1


def test_voices_begin_at_every_place_in_a_window() -> None:
    notes = Notes()
    user = User(notes, [VOICED], 1.0)
    spoken = []
    for number in range(1000):
        tick = number * TICK
        if user.buffer(tick) is VOICED:
            spoken.append(number)
            now = Instant(at=tick, cpu=0.0)
            notes.replies.append(Reply(now, now))
    # Five windows are eight buffers.
    assert len({number % 8 for number in spoken}) >= 6


class DeafStream:
    def probability(self, window: Samples) -> float:
        return 0.0


class Deaf(Energy):
    def open_stream(self) -> Any:
        return DeafStream()


def test_utterances_that_nobody_answers_are_counted() -> None:
    found = conversed(1, 14.0, Deaf("deaf", EnergySettings()))
    assert found["replies"] == 0
    assert found["unanswered"] == 2


class Stubborn(Nothing):
    """A gate that goes on with reply 1 whatever happens."""

    def pull(self, into: memoryview) -> int:
        into[:] = b"\1\0" * (len(into) // 2)
        return len(into) // 2


async def test_samples_of_a_cut_reply_are_counted_by_what_they_are(autojump_clock: MockClock) -> None:
    notes = Notes()
    clock = AudioClock()
    card = DuplexCard(clock, notes, User(notes, [VOICED], 100.0))
    async with trio.open_nursery() as nursery:
        await nursery.start(card.play, Stubborn(notes, 100.0))
        began = trio.current_time()
        card.go(began, began + 1.0)
        await trio.sleep(0.5 - TICK / 2)
        notes.first_chunk(notes.begin_reply())
        assert notes.stale_samples == 0
        assert card.flush() == pytest.approx(duplex.RATE * TICK / 2, abs=1)
        await card.done.wait()
        nursery.cancel_scope.cancel()
    assert notes.stale_samples == 25 * round(duplex.RATE * TICK)


def test_a_picture_has_a_line_for_each_interruption_and_red_for_what_sounds_after_the_cut() -> None:
    picture = loaded("picture.py")
    each = {
        "harry": [[20.0, 41.0, 41.0]],
        "livekit": [[0.1, 1.0, 1.0]],
        "pipecat": [[0.1, 60.0, 110.0], [0.1, None, None]],
    }
    runs = [{"case": case, "who": who, "each_ms": times} for case in ("brisk", "many") for who, times in each.items()]
    drawn = picture.draw(runs)
    lines = [colour for _, colour in re.findall(r"<path d=\"M([^\"]+)\" stroke=\"(#\w+)\"", drawn)]
    assert lines.count(picture.BEFORE) == 2 * 4
    assert lines.count(picture.STALE) == 2
    assert "1 never cut; 1 sounded after the cut" in drawn
    assert picture.draw([{**run, "each_ms": []} for run in runs]) == ""


async def test_when_the_last_stale_sample_has_sounded_is_told(autojump_clock: MockClock) -> None:
    notes = Notes()
    notes.first_chunk(notes.begin_reply())
    notes.voice_came(trio.current_time())
    await trio.sleep(0.03)
    notes.voice_declared()
    await trio.sleep(0.01)
    notes.note_silence()
    assert notes.interruptions[0].times() == pytest.approx([30, 40, 40])
    notes.stale(480, trio.current_time() + 0.02)
    assert notes.interruptions[0].times() == pytest.approx([30, 40, 60])


def test_an_interruption_without_a_cut_stays_open() -> None:
    async def scenario() -> Notes:
        notes = Notes()
        notes.first_chunk(notes.begin_reply())
        notes.voice_came(trio.current_time())
        notes.voice_declared()
        return notes

    notes = trio.run(scenario)
    assert [each.cut for each in notes.interruptions] == [None]
    assert notes.interruptions[0].times()[1:] == [None, None]


def test_what_card_and_user_cost_alone_is_measured_with_the_same_script() -> None:
    assert trio.run(sessions._harness, 1, 20.0, SCRIPT, clock=MockClock(autojump_threshold=0)) > 0


def test_the_peers_meet_the_same_user_and_give_the_same_figures() -> None:
    peers = loaded("peers/conversation.py")
    assert (peers.TICK, peers.RATE, peers.GIVE_UP, peers.WARM_UP) == (
        TICK,
        duplex.RATE,
        duplex.GIVE_UP,
        sessions.WARM_UP,
    )
    assert (peers.VOICED, peers.SILENT) == (VOICED, SILENT)
    assert sessions.REPLY.split() == peers.WORDS
    assert set(peers.figures([])) <= set(conversed(1, 2.0))


def test_an_energy_window_with_a_little_voice_is_voiced() -> None:
    # The peers' windows are whole buffers; Harry's may begin in silence, and must not wait for the next one.
    window = np.zeros(FRAME_SAMPLES, np.float32)
    window[-64:] = np.frombuffer(VOICED, np.int16)[:64] / np.float32(32768)
    assert Energy("energy", EnergySettings()).open_stream().probability(window) == 1.0


def runs_of(*cpu: tuple[float, float, float]) -> list[dict[str, Any]]:
    return [
        {"round": number, "case": "one", "who": who, "cpu_s_per_session_minute": value, "load": 0.5}
        for number, values in enumerate(cpu)
        for who, value in zip(("harry", "livekit", "pipecat"), values, strict=True)
    ]


def test_the_report_takes_its_ratios_within_a_round_and_says_where_harry_is_behind() -> None:
    report = loaded("report.py")
    # In the third round the machine was three times as slow, for all of them.
    page = report.write_report(runs_of((1.0, 2.0, 0.5), (1.0, 2.0, 0.5), (3.0, 6.0, 1.5)))
    assert "| CPU seconds per session-minute, harness included | 1.00 | 2.00 | 0.50 | 0.50 | 2.00 |" in page
    behind = page.partition("## Where Harry is behind")[2].partition("## ")[0]
    assert "CPU seconds per session-minute, harness included: 2.00 times pipecat's" in behind
    assert "livekit's" not in behind


def test_the_report_tells_a_run_that_failed() -> None:
    report = loaded("report.py")
    page = report.write_report([{"round": 0, "case": "many", "who": "pipecat", "failed": "did not end"}])
    assert "pipecat in many, round 1: did not end" in page
