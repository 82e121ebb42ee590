"""Dictation: what is said piece by piece is waited for, and everything else is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.text.phrases import load_phrases
from actors.turn_taking.dictation import is_dictating
from actors.turn_taking.endpointing import DICTATION, Endpointing, Sign

ENGLISH = load_phrases()
WINDOW = 0.032


@pytest.mark.parametrize(
    "pieces",
    [
        "My phone number is 555.| My phone number is 555-014.",
        "The code for the door is 4.| The code for the door is 4, 7.| The code for the door is 4. 7. 1.",
        "It's zero four one.| It's zero four one, six six.",
        "My last name is Smythe, that is S.| My last name is Smythe, that is S-M.",
        "How do you say the word G, N?| How do you say the word G, N, O, M?",
        "The password is tango.| The password is tango seven.",
        "The serial number is A B.| The serial number is A B 3.",
        "My address is Anna.| My address is Anna dot Smith.| My address is Anna dot Smith at example.",
        "My last name is Smythe.| My surname is Miller.",
        "I live at 12.| I live at 12 Baker Street.",
        "My birthday is the 4th.| My birthday is the fourth of July.| My birthday is the fourth of July nineteen.",
        "Remind me.| Remind me in 20 minutes.| Remind me to call the dentist.",
        "Set a timer.| Set a timer for 25.| Wake me up.| Set an alarm.",
    ],
)
def test_the_pieces_of_a_dictation_are_no_end(pieces: str) -> None:
    for text in pieces.split("|"):
        assert is_dictating(text, ENGLISH), text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Yes.",
        "Two.",
        "Thirty two.",
        "At 7 a.m.",
        "Set an alarm for 7:30.",
        "Wake me at seven.",
        "Set a timer for five minutes.",
        "Remind me in ten minutes to check the oven.",
        "Remind me tomorrow at eight to call the dentist.",
        "Remind me who wrote that book.",
        "Did you set a timer?",
        "What's seven times eight?",
        "How much is five plus seven?",
        "What's 3 x 4?",
        "Say a number between 1 and 3.",
        "It was built in 1990.",
        "Plan B.",
        "Tell me about the U.S.A.",
        "Who is on T V?",
        "I live in London.",
        "I was born on the fourth of July 1976.",
        "My address is anna.smith@example.com.",
        "My number is 0171 552 9803.",
        "I forgot my password.",
    ],
)
def test_what_is_whole_is_no_dictation(text: str) -> None:
    assert not is_dictating(text, ENGLISH)


@given(st.text(max_size=500))
def test_any_text_can_be_asked(text: str) -> None:
    assert is_dictating(text, ENGLISH) in {True, False}


def hear(machine: Endpointing, *texts: str, gap: float, ear: float | None = 0.9) -> float | None:
    """Let pieces be said with gaps of silence between; returns after how much silence it stopped, None for within."""
    at = 0.0
    for number, text in enumerate(texts, start=1):
        for _ in range(20):
            machine.hear(0.95, at, at + WINDOW)
            at += WINDOW
        ceased, read = at, False
        while at - ceased < (3.0 if number == len(texts) else gap):
            sign = machine.hear(0.02, at, at + WINDOW)
            at += WINDOW
            if sign is not Sign.STOPPED and not read and at - ceased > 0.25:
                read, sign = True, machine.words(text, ceased, at, ear)
            if sign is Sign.STOPPED:
                return at - ceased if number == len(texts) else None
    return None


@pytest.mark.parametrize("by_words", [True, False])
def test_a_dictation_is_waited_for_however_finished_its_pieces_sound(by_words: bool) -> None:
    machine = Endpointing(patience=0.7, by_words=by_words)
    took = hear(machine, "The code is 4.", "The code is 4, 7.", "The code is 4, 7, 1.", gap=0.8)
    assert took is not None
    assert DICTATION <= took < 1.7


def test_once_somebody_paused_in_a_dictation_his_whole_wish_is_waited_for_as_long() -> None:
    whole = "Remind me in 20 minutes to take the cake"
    took = hear(Endpointing(), "Remind me.", f"{whole}.", f"{whole} out of the oven.", gap=0.8)
    assert took is not None
    assert 0.85 < took < 1.1


@pytest.mark.parametrize("answer", ["Yes.", "No.", "Two.", "Okay.", "It was built in 1990."])
def test_an_answer_of_a_word_is_not_waited_for(answer: str) -> None:
    took = hear(Endpointing(), answer, gap=0.8)
    assert took is not None
    assert took <= 0.45


def test_after_a_wrong_cut_the_words_before_count_and_the_pause_is_allowed_for() -> None:
    machine = Endpointing(speaking=True, _paused=True)
    machine.words("Nine.", 0.0, 0.0, 0.9)
    assert machine.needed < 0.5
    machine.words("Nine.", 0.0, 0.0, 0.9, before="My code is four seven one.", misjudged=0.5)
    assert machine.needed >= DICTATION
    machine.words("and then he left.", 0.0, 0.0, 0.9, before="He came in,", misjudged=0.8)
    assert 0.8 < machine.needed < 1.1
