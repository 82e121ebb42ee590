"""The long runs: every figure that is promised, with full counts. `make acceptance` runs and prints them."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harry.bench import barge_in, turn, voice
from harry.bench.figures import describe_surroundings
from tests import mutants

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(3600)]


@pytest.fixture
def show(capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest) -> Iterator[dict[str, Any]]:
    """Figures put in here are printed at the end of the test."""
    figures: dict[str, Any] = {}
    yield figures
    with capsys.disabled():
        print(f"\n{request.node.name}: {json.dumps({**figures, **describe_surroundings()})}")


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
def test_people_who_read_are_answered_in_time_and_silence_him_at_once(
    show: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HARRY_HOME", str(tmp_path))
    show.update(voice.run(20))
    assert show["unanswered"] == 0
    assert show["end_of_speech_to_sound_ms"]["p50"] <= 1300
    assert show["stale_samples"] == 0
    show["interrupted"] = over_him = voice.run(30, pause=2.0)
    assert over_him["first_voice_to_silence_ms"]["p50"] <= 130
    assert over_him["first_voice_to_silence_ms"]["p95"] <= 220
    assert over_him["stale_samples"] == 0


QUESTIONS = (
    "What time is it in Tokyo?", "Can you tell me a story about a lighthouse?", "How far away is the moon?",
    "Who wrote the first novel?", "What should I cook tonight?", "Why is the sky blue in the morning?",
    "Could you explain how a sail works?", "Where do swallows go in winter?", "When does the next train leave?",
    "How many people live in Iceland?", "Do you know a good song for a long walk?", "Is there life on other planets?",
    "What is the difference between a lake and a pond?", "Would you read me a poem about the sea?",
    "How do I get a stain out of wool?", "What was the name of that old movie?", "Which river is the longest one?",
    "Can you help me write a letter to my aunt?", "What did we talk about yesterday?",
    "How long does it take to boil an egg?",
)  # fmt: skip


@pytest.mark.embedded
def test_twenty_recorded_questions_are_answered_in_time(
    show: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HARRY_HOME", str(tmp_path / "home"))
    flite = shutil.which("flite")
    if flite is None:
        pytest.skip("flite records the questions; apt-get install flite")
    for number, question in enumerate(QUESTIONS):
        recording = tmp_path / f"{number:02}.wav"
        subprocess.run(
            [flite, "-voice", ("slt", "rms", "awb")[number % 3], "-t", question, "-o", recording], check=True
        )
    show.update(voice.run(len(QUESTIONS), folder=tmp_path))
    assert show["unanswered"] == 0
    assert show["end_of_speech_to_sound_ms"]["p50"] <= 800
    assert show["end_of_speech_to_sound_ms"]["p95"] <= 1300
    assert show["stale_samples"] == 0


def test_every_mutant_is_killed(capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        assert mutants.main() == 0
