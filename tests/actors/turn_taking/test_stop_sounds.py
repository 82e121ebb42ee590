"""Stop phrases by sound: texts as the real speech recognition wrote them of spoken stop phrases, and of other words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.text.phrases import load_phrases
from actors.turn_taking.floor import Decision, Floor, HarrySide
from actors.turn_taking.stop_sounds import EXPECTED, StopWords, may_be_stop, sounds_like_stop

ENGLISH = load_phrases()
NAMES = ("Harry",)
WINDOW = 0.032


@pytest.mark.parametrize(
    ("text", "confidence"),
    [("Step,", 0.38), ("Harry's top.", 0.79), ("Harry Stabb.", 0.46), ("Quite please.", 0.69), ("Shot up.", 0.5)],
)
def test_these_were_stop_phrases_by_their_sound(text: str, confidence: float) -> None:
    assert sounds_like_stop(text, confidence, ENGLISH, NAMES)


@pytest.mark.parametrize(
    ("text", "confidence"),
    [
        ("Top.", 0.6),
        ("Shop.", 0.57),
        ("Step.", 0.78),
        ("Stock market.", 0.4),
        ("What about the bus stop?", 0.76),
        ("The shop is shut.", 0.6),
        ("What?", 0.5),
        ("Quite please.", 0.9),
        ("Mm-hmm.", 0.5),
        ("", 0.0),
    ],
)
def test_these_were_none(text: str, confidence: float) -> None:
    assert not sounds_like_stop(text, confidence, ENGLISH, NAMES)


@pytest.mark.parametrize("text", ["Sirrep!,", "Equally.", "It up.", "Hes.", "Thorodon.", "Then that were mild."])
def test_other_words_are_looked_for_in_what_may_have_been_one(text: str) -> None:
    assert may_be_stop(text, 0.5, ENGLISH, NAMES)


@pytest.mark.parametrize(
    "text", ["Stop.", "Uh huh.", "Yeah.", "um", "Shop.", "What is the tallest mountain in Europe?", ""]
)
def test_and_not_in_what_needs_none(text: str) -> None:
    assert not may_be_stop(text, 0.6, ENGLISH, NAMES)


def test_words_of_stop_phrases_are_expected_in_their_order() -> None:
    words = StopWords(ENGLISH, NAMES)
    for before, word in (
        ("", "stop"),
        ("", "harry"),
        ("harry", "stop"),
        ("stop", ""),
        ("stop", "harry"),
        ("be", "quiet"),
    ):
        assert words.follows(before, word) == EXPECTED, (before, word)
    assert words.follows("stop", "market") == words.follows("", "shop") == 0.0
    assert words.begins("hold", "o") == EXPECTED
    assert words.begins("hold", "x") == 0.0


@given(st.text(max_size=200), st.floats(0, 1))
def test_any_text_can_be_asked(text: str, confidence: float) -> None:
    assert sounds_like_stop(text, confidence, ENGLISH, NAMES) in {True, False}


def over_harry(
    text: str, confidence: float, *, seconds: float = 0.5, asked: bool = False
) -> tuple[list[Decision], bool]:
    """Say something over Harry's voice; returns what was decided, and whether the utterance is dropped."""
    floor, harry, decided = Floor(), HarrySide(has_floor=True, asked=asked), list[Decision]()
    voiced, silent = round(seconds / WINDOW), 4
    for number in range(voiced + silent):
        at = number * WINDOW
        decided += floor.window(0.95 if number < voiced else 0.02, at, at + WINDOW, harry)
    until, now = voiced * WINDOW, (voiced + silent) * WINDOW
    if Decision.CUT in decided:
        harry = HarrySide(has_floor=False)
    decided += floor.words(text, until, now, harry, confidence)
    return decided, floor.excused


def test_what_sounds_like_stop_stops_him_and_is_not_answered() -> None:
    decided, dropped = over_harry("Harry's top.", 0.79)
    assert Decision.STOP in decided
    assert dropped


def test_what_cut_him_before_its_words_were_known_is_not_answered_either() -> None:
    decided, dropped = over_harry("Harry's top.", 0.79, seconds=1.0)
    assert Decision.CUT in decided
    assert dropped


def test_words_of_their_own_cut_him_and_are_answered() -> None:
    for text in ("Top.", "What about the bus stop?"):
        decided, dropped = over_harry(text, 0.8, seconds=0.25 * len(text.split()))
        assert Decision.CUT in decided
        assert not dropped


def test_after_a_question_of_his_it_is_an_answer() -> None:
    decided, dropped = over_harry("Step.", 0.4, asked=True)
    assert Decision.STOP not in decided
    assert not dropped


def test_a_longer_voice_is_no_mere_stop() -> None:
    assert Decision.STOP not in over_harry("Harry's top.", 0.79, seconds=2.0)[0]
