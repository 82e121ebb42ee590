"""The judge of told facts takes any right answer, marks another fact as wrong, and honesty as not knowing."""

from __future__ import annotations

import pytest

from harry.bench.facts import judged


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        ("You told me yesterday that Ada moved to Oslo.", "right"),
        ("You told me yesterday that Ada moved to Bergen.", "wrong"),
        ("You told me that Ada moved from Bergen to Oslo.", "wrong"),
        ("I don't know: you haven't told me.", "unknown"),
        ("I can't answer that: it needs a language model, and there is none here.", "unknown"),
        ("Good evening!", "wrong"),
    ],
)
def test_an_answer_is_judged_by_what_it_tells(answer: str, verdict: str) -> None:
    assert judged(answer, {"all": ["oslo"], "none": ["bergen"]}) == verdict
