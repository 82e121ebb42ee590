"""Attention: for whom words are, by when they were said and how the microphone is used."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.turn_taking.attention import Attention, Meant, Talk

QUESTION = "What time is it?"
CALL = "Harry, what time is it?"


def awake(**settings: object) -> Attention:
    attention = Attention(**settings)  # type: ignore[arg-type]
    attention.start(0.0)
    return attention


@pytest.mark.parametrize(
    ("sentence", "text", "began_at", "meant"),
    [
        ("at the start he is open", QUESTION, 1.0, Meant.MEANT),
        ("words that began in the window are meant", QUESTION, 29.9, Meant.MEANT),
        ("later ones are not", QUESTION, 30.1, Meant.NOT_MEANT),
        ("his name is meant whenever it is called", CALL, 3000.0, Meant.MEANT),
        ("however it was spelled", "Hey Hairy, what time is it?", 3000.0, Meant.MEANT),
        ("talk about him is not", "Harry is late again.", 3000.0, Meant.NOT_MEANT),
        ("nor is somebody in a hurry", "Hurry up!", 3000.0, Meant.NOT_MEANT),
        ("marks are nobody's", "...", 1.0, Meant.NOBODY),
        ("a murmur is nobody's", "Mm-hmm.", 1.0, Meant.NOBODY),
        ("nothing is nobody's", "", 1.0, Meant.NOBODY),
    ],
)
def test_what_is_meant_for_harry(sentence: str, text: str, began_at: float, meant: Meant) -> None:
    assert awake().judge(text, began_at) is meant, sentence


def test_the_window_opens_anew_after_each_turn_and_stays_open_while_one_is_answered() -> None:
    attention = awake(window=10.0)
    attention.begin_turn(5.0)
    assert attention.judge(QUESTION, 100.0) is Meant.MEANT
    attention.end_turn(100.0)
    assert attention.judge(QUESTION, 110.0) is Meant.MEANT
    assert attention.judge(QUESTION, 110.1) is Meant.NOT_MEANT


def test_what_is_not_meant_does_not_keep_the_window_open() -> None:
    attention = awake(window=10.0)
    for at in range(11, 3600, 5):
        assert attention.judge(QUESTION, float(at)) is Meant.NOT_MEANT


def test_a_murmur_after_a_question_is_an_answer() -> None:
    assert awake().judge("Yeah.", 1.0, asked=True) is Meant.MEANT
    assert awake().judge("Yeah.", 100.0, asked=True) is Meant.NOT_MEANT


def test_a_client_that_says_when_he_speaks_is_always_meant() -> None:
    attention = awake(always=True)
    assert attention.judge("Mhm.", 9000.0) is Meant.MEANT
    assert not attention.is_resting(9000.0)


def test_what_a_laugh_was_taken_for_is_nobodys_unless_it_was_said_on_purpose() -> None:
    for text, confidence in (("Ha ha ha.", 1.0), ("Panda, panda, panda.", 1.0), ("The future.", 0.3)):
        assert awake().judge(text, 1.0, confidence=confidence) is Meant.NOBODY
        assert awake(always=True).judge(text, 1.0, confidence=confidence) is Meant.NOBODY
        assert awake(always=True, deliberate=True).judge(text, 1.0, confidence=confidence) is Meant.MEANT
    assert awake().judge("The future.", 1.0, asked=True, confidence=0.3) is Meant.MEANT
    assert awake().judge("Harry, the future.", 1.0, confidence=0.3) is Meant.MEANT


def test_any_wake_phrase_and_the_spotter_open_the_window() -> None:
    attention = awake(wake_phrases=("computer", "wake up now"))
    assert attention.judge("Computer, what time is it?", 100.0) is Meant.MEANT
    assert attention.judge("Wake up now", 100.0) is Meant.MEANT
    assert attention.judge("My computer is slow", 100.0) is Meant.NOT_MEANT
    attention.wake(200.0)
    assert attention.judge(QUESTION, 210.0) is Meant.MEANT


def test_a_muted_harry_hears_nothing_at_all() -> None:
    attention = awake()
    attention.muted = True
    assert not attention.hears(1.0)
    assert not attention.is_open(1.0)
    assert attention.judge(CALL, 1.0) is Meant.NOBODY
    attention.press(1.0)
    assert not attention.hears(1.0)
    attention.muted = False
    assert attention.judge(CALL, 1.0) is Meant.MEANT


def test_a_button_lets_in_what_began_between_two_presses() -> None:
    attention = awake(talk=Talk.TOGGLE)
    assert not attention.hears(1.0)
    assert attention.judge(CALL, 1.0) is Meant.NOT_MEANT
    assert not attention.press(2.0)
    assert attention.hears(2.5)
    assert attention.judge("Mhm.", 2.5) is Meant.MEANT
    assert attention.hears(50.0)
    assert attention.press(60.0), "the utterance ends at once"
    assert not attention.hears(60.1)
    assert attention.judge(QUESTION, 55.0) is Meant.MEANT, "its words come after the press"
    assert attention.judge(QUESTION, 60.5) is Meant.NOT_MEANT
    assert attention.judge(QUESTION, 1.9) is Meant.NOT_MEANT, "it began before the button was pressed"
    assert not attention.press(70.0), "the next press opens it once more"
    assert attention.hears(70.1)


def test_harry_rests_after_a_long_silence_and_a_voice_wakes_him() -> None:
    attention = awake(rest_after=100.0)
    assert not attention.is_resting(100.0)
    assert attention.is_resting(100.1)
    assert attention.hear_voice(200.0), "what came before the voice was noticed is to be heard too"
    assert not attention.is_resting(200.0)
    assert not attention.hear_voice(201.0)
    assert attention.judge(CALL, 200.0) is Meant.MEANT
    assert attention.judge(QUESTION, 200.0) is Meant.NOT_MEANT


def test_he_does_not_rest_while_he_answers_or_the_microphone_was_opened_nor_if_he_never_shall() -> None:
    answering = awake(rest_after=100.0)
    answering.begin_turn(50.0)
    assert not answering.is_resting(1000.0)
    pressed = awake(rest_after=100.0, talk=Talk.TOGGLE)
    pressed.press(50.0)
    assert not pressed.is_resting(1000.0)
    assert not awake(rest_after=None).is_resting(1e9)


def test_who_is_sent_to_rest_while_he_answers_rests_when_he_has_answered() -> None:
    attention = awake(window=30.0)
    attention.begin_turn(50.0)
    attention.rest()
    attention.end_turn(60.0)
    assert attention.is_resting(60.1)
    assert not attention.is_open(60.1)
    attention.begin_turn(70.0)
    attention.end_turn(80.0)
    assert not attention.is_resting(80.1), "a later turn has woken him"
    assert attention.is_open(80.1)


def test_off_the_record_nothing_is_kept() -> None:
    attention = awake()
    assert attention.heed_record_wish("Harry, off the record, please.") is True
    assert not attention.is_recording
    assert attention.heed_record_wish(QUESTION) is None
    assert attention.heed_record_wish("Back on the record.") is False
    assert attention.is_recording


steps = st.lists(
    st.tuples(
        st.sampled_from(["start", "begin_turn", "end_turn", "wake", "press", "hear_voice", "mute", "unmute"]),
        st.floats(0, 100, allow_nan=False),
    ),
    max_size=30,
)


@given(steps, st.sampled_from(Talk), st.text(max_size=40))
def test_whatever_happens_muted_hears_nothing_and_judging_changes_nothing(
    history: list[tuple[str, float]], talk: Talk, text: str
) -> None:
    attention = Attention(talk=talk)
    at = 0.0
    for step, wait in history:
        at += wait
        if step in {"mute", "unmute"}:
            attention.muted = step == "mute"
        else:
            getattr(attention, step)(at)
        first = attention.judge(text, at)
        assert attention.judge(text, at) is first
        assert first in {Meant.NOBODY, Meant.NOT_MEANT, Meant.MEANT}
        if attention.muted:
            assert not attention.hears(at)
            assert first is Meant.NOBODY
        if attention.is_open(at):
            assert not attention.is_resting(at) or attention.rest_after is None


def test_other_lengths_hold_from_now_on_and_who_rests_goes_on_resting() -> None:
    attention = awake(window=10.0, rest_after=60.0)
    attention.end_turn(5.0)
    attention.hold_to(2.0, 20.0, 50.0)
    assert not attention.is_resting(69.0)
    assert attention.is_resting(71.0)
    attention.hold_to(2.0, 300.0, 80.0)
    assert attention.is_resting(81.0)
    attention.wake(100.0)
    assert attention.is_open(101.9)
    assert not attention.is_open(102.1)
    attention.hold_to(2.0, None, 110.0)
    assert not attention.is_resting(1e9)


def test_lengths_that_are_as_they_were_put_off_no_rest() -> None:
    attention = awake(rest_after=60.0)
    attention.hold_to(30.0, 60.0, 50.0)
    assert attention.is_resting(61.0)
