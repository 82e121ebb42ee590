"""The endpointing bench: the sweep by hand-made numbers, the set, the turn model, and a small real run."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harry.bench.endpoint import run, score_policies, score_silence_only
from harry.bench.endpoint_set import DEVELOPED_ON, HELD_OUT, TURNS
from harry.errors import EngineError
from harry.mind.llamacpp.turn_detector import TurnWords, TurnWordsSettings
from tests.support.recorded_speech import embedded

NO_SOUND = np.zeros(0, np.float32)


def test_a_perfect_detector_cuts_off_nobody_and_waits_for_the_least_delay() -> None:
    points = score_policies([(0.1, (1.0, 2.0)), (0.2, (0.5,))], [0.9, 0.8])
    assert points == {
        "false_cut_offs_at_300_ms": 0.0,
        "false_cut_offs_at_600_ms": 0.0,
        "dead_air_ms_at_5_percent": 200,
        "dead_air_ms_at_10_percent": 200,
    }


def test_one_that_knows_nothing_is_as_good_as_silence_alone() -> None:
    lengths = [(0.25,), (0.42,), (0.72,), (1.12,)]
    assert score_policies([(0.5, each) for each in lengths], [0.5, 0.5]) == score_silence_only(lengths)
    assert score_silence_only(lengths) == {
        "false_cut_offs_at_300_ms": 75.0,
        "false_cut_offs_at_600_ms": 50.0,
        "dead_air_ms_at_5_percent": 1150,
        "dead_air_ms_at_10_percent": 1150,
    }


def test_a_pause_that_lasts_longer_than_any_timeout_leaves_no_policy_at_five_percent() -> None:
    assert score_silence_only([(5.0,)])["dead_air_ms_at_5_percent"] is None


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.tuples(st.floats(0, 1), st.lists(st.floats(0.2, 5), min_size=1, max_size=3)), min_size=1, max_size=6),
    st.lists(st.floats(0, 1), min_size=1, max_size=6),
)
def test_knowing_something_is_never_worse_than_silence_alone(
    holds: list[tuple[float, list[float]]], ends: list[float]
) -> None:
    known, alone = score_policies(holds, ends), score_silence_only([each for _, each in holds])
    for shared in ("false_cut_offs_at_300_ms", "false_cut_offs_at_600_ms"):
        assert known[shared] <= alone[shared] + 0.1  # type: ignore[operator]


def test_the_set_is_whole_and_its_pauses_are_between_words() -> None:
    assert sorted(TURNS) == sorted((*DEVELOPED_ON, *HELD_OUT))
    assert len(set(TURNS)) == 120
    for turn in TURNS:
        parts = turn.split("|")
        assert all(any(map(str.isalnum, part)) for part in parts), turn
        assert turn.rstrip()[-1] in ".?", turn


@pytest.mark.embedded
async def test_the_turn_model_tells_a_whole_sentence_from_half_of_one() -> None:
    engine = embedded_model()
    whole = await engine.likelihood("Can you remind me to call my sister when I get home?", NO_SOUND)
    half = await engine.likelihood("Can you remind me to call my sister and.", NO_SOUND)
    assert whole > 0.4 > 0.1 > half
    assert await engine.likelihood(" ... ", NO_SOUND) == 0.5
    assert 0.0 <= await engine.likelihood("word " * 10_000, NO_SOUND) <= 1.0


async def test_an_answer_without_likelihoods_is_the_engines_error() -> None:
    class Mumbling:
        def handle_completions(self, request: dict[str, Any]) -> Any:
            return '{"choices": []}'

    engine = TurnWords("turn-words", TurnWordsSettings(), Mumbling())
    with pytest.raises(EngineError, match="without likelihoods"):
        await engine.likelihood("I need milk", NO_SOUND)


def embedded_model() -> Any:
    embedded("language_model", "smollm2")
    return TurnWords.load("turn-words", TurnWordsSettings(deadline=60))


@pytest.mark.acceptance
@pytest.mark.embedded
@pytest.mark.recordings
def test_harry_seldom_takes_a_pause_for_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    figures = run(len(TURNS))
    with capsys.disabled():
        print(f"\n{figures}")
    both, alone = figures["words_and_turn_model"], figures["silence_only"]
    # The set is spoken anew each time, a little differently.
    assert both["false_cut_offs_at_300_ms"] <= 30.0
    assert both["dead_air_ms_at_5_percent"] <= 1000
    assert both["false_cut_offs_at_300_ms"] <= 0.6 * alone["false_cut_offs_at_300_ms"]
