"""The long runs: every figure that is promised, with full counts. `make acceptance` runs and prints them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from harry.bench import barge_in, turn, voice
from harry.bench.figures import surroundings
from tests import mutants

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(3600)]


@pytest.fixture
def show(capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest) -> Iterator[dict[str, Any]]:
    """Figures put in here are printed at the end of the test."""
    figures: dict[str, Any] = {}
    yield figures
    with capsys.disabled():
        print(f"\n{request.node.name}: {json.dumps({**figures, **surroundings()})}")


def test_ten_thousand_interruptions_leave_nothing_stale_and_nothing_behind(show: dict[str, Any]) -> None:
    show.update(barge_in.run(10_000))
    assert show["interruptions"] == 10_000
    assert show["stale_samples"] == 0
    assert show["leaked_tasks"] == 0
    assert show["heard_not_prefix_of_spoken"] == 0
    assert show["cut_ms"]["p99"] <= 1
    assert show["turn_over_ms"]["p99"] <= 5


def test_a_turn_costs_little_beyond_its_engines(show: dict[str, Any]) -> None:
    show.update(turn.run(1000))
    assert show["end_of_speech_to_gate_ms"]["p50"] <= 5
    assert show["end_of_speech_to_gate_ms"]["p99"] <= 20


@pytest.mark.embedded
@pytest.mark.recordings
def test_twenty_recorded_questions_are_answered_in_time_and_interruptions_silence_at_once(
    show: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setenv("HARRY_HOME", str(tmp_path))
    show.update(voice.run(20))
    assert show["unanswered"] == 0
    assert show["end_of_speech_to_sound_ms"]["p50"] <= 1300
    assert show["first_voice_to_silence_ms"]["max"] <= 450
    assert show["stale_samples"] == 0


def test_every_mutant_is_killed(capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        assert mutants.main() == 0
