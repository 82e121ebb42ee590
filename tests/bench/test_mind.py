"""What Harry adds to a mind's time, and what becomes of a cut: measured against a server of a set pace."""

from __future__ import annotations

import pytest

from harry.bench.mind import run


def test_a_mind_is_measured_and_keeps_its_word() -> None:
    figures = run(12, embedded=False)
    assert figures["descriptors_leaked"] == 0
    assert figures["words_repeated"] == 0
    assert figures["words_missing"] == 0
    assert figures["first_token_to_first_piece_ms"]["p50"] < 500
    assert figures["cut_to_end_at_server_ms"]["p50"] < 500
    assert figures["speech_after_missed_deadline_ms"]["p50"] < 2000


@pytest.mark.acceptance
@pytest.mark.embedded
@pytest.mark.timeout(600)
def test_the_figures_of_the_mind() -> None:
    figures = run(1000)
    assert figures["first_token_to_first_piece_ms"]["p50"] <= 3
    assert figures["cut_to_end_at_server_ms"]["p99"] <= 20
    assert figures["descriptors_leaked"] == 0
    assert figures["speech_after_missed_deadline_ms"]["max"] <= 300
    assert figures["handed_on"] == 200
    assert figures["words_repeated"] == 0
    assert figures["words_missing"] == 0
    assert figures["prompt_tokens"] >= 1400
    assert figures["warm_of_cold"] <= 0.5
