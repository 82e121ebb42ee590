"""Ghosts: what an ear writes where nobody said a word."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.text.phrases import load_phrases
from actors.turn_taking.ghosts import is_ghost

ENGLISH = load_phrases()


@pytest.mark.parametrize(
    "text",
    [
        "Panda, panda, panda.",
        "The the the the.",
        "Ha ha ha.",
        "Hahaha!",
        "Ah, ha ha.",
        "Bwahaha.",
        "I'm, I'm, I'm, I'm.",
        "Oh my, oh my, oh my, oh my.",
        "In the, in the, in the, in the.",
        "Thank you. Thank you. Thank you. Thank you.",
    ],
)
def test_laughter_and_loops_were_never_said(text: str) -> None:
    assert is_ghost(text, 1.0, ENGLISH)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "No, no, no.",
        "Please, please, please.",
        "Seven seven seven.",
        "Help, help, help, help, help!",
        "Stop, stop, stop, stop, stop.",
        "Harry, Harry, Harry, Harry.",
        "New York, New York.",
        "It was a long, long, long time ago.",
        "What does ha ha mean?",
        "Hi.",
        "He.",
    ],
)
def test_what_people_do_repeat_was_said(text: str) -> None:
    assert not is_ghost(text, 1.0, ENGLISH, ("Harry",))


def test_a_word_said_twice_was_said_if_the_ear_is_sure() -> None:
    assert is_ghost("Panda panda.", 0.7, ENGLISH)
    assert not is_ghost("Tuk tuk.", 0.9, ENGLISH)


def test_a_few_words_of_which_the_ear_is_not_sure_were_not_said() -> None:
    assert is_ghost("The future.", 0.3, ENGLISH)
    assert not is_ghost("Stop.", 0.3, ENGLISH)
    assert not is_ghost("What time is it?", 0.4, ENGLISH)
    assert not is_ghost("I went there with my sister once.", 0.4, ENGLISH)
    assert is_ghost("That is a good idea, too.", 0.25, ENGLISH)
    assert not is_ghost("S, M, Y.", 0.25, ENGLISH)


def test_a_sentence_that_ends_in_a_loop_was_not_said() -> None:
    assert is_ghost("Shammah, ah, ah, ah, ah, ah", 0.5, ENGLISH)
    assert is_ghost("The fun fun fun fun f", 0.45, ENGLISH)
    assert is_ghost("22222222222222222", 0.55, ENGLISH)
    assert not is_ghost("My number is two two two two.", 0.9, ENGLISH)


@given(st.text(max_size=300), st.floats(0, 1))
def test_any_text_can_be_asked(text: str, confidence: float) -> None:
    assert is_ghost(text, confidence, ENGLISH) in {True, False}


@pytest.mark.parametrize("text", ["Help!", "Help me.", "I want to die.", "Call an ambulance."])
def test_a_call_for_help_is_heard_however_unsure_the_ear_is(text: str) -> None:
    assert not is_ghost(text, 0.1, ENGLISH)
    assert is_ghost("Mill it.", 0.1, ENGLISH)
