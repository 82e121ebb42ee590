"""Bystanders: a television in the window of attention is left alone, and somebody who talks with Harry is not."""

from __future__ import annotations

import numpy as np
import pytest

from actors.turn_taking.attention import Attention, Meant
from actors.turn_taking.bystanders import Bystanders, Stance, Voice, measure_level
from channels.messages import EAR_RATE, Speech

NEWS = (
    "Good evening, and welcome to the news at nine.",
    "The government has decided to raise the tax on sugar again.",
    "What do you think about that, Robert?",
    "Well, I would take an umbrella with me.",
    "Would you like to win a new car? Then call us now.",
    "Only today, two shirts for the price of one.",
)
QUESTION = "What is the tallest mountain in Europe?"


def converse(attention: Attention, text: str, at: float, level: float, *, asked: bool = False) -> bool:
    """Let words be judged and, if they are meant, answered within two seconds. Returns whether they were."""
    meant = attention.judge(text, at, asked=asked, level=level) is Meant.MEANT
    attention.take(text, at, asked=asked, level=level)
    if meant:
        attention.begin_turn(at + 1)
        attention.end_turn(at + 3)
    return meant


@pytest.mark.parametrize("louder", [-14.0, 14.0])
@pytest.mark.parametrize("asked", [False, True])
def test_a_television_does_not_keep_up_a_conversation(louder: float, asked: bool) -> None:
    attention = Attention()
    attention.start(0.0)
    assert converse(attention, QUESTION, 2.0, -20.0)
    answered = sum(
        converse(attention, text, 10 + 4.4 * number, -20 + louder, asked=asked) for number, text in enumerate(NEWS * 6)
    )
    assert answered <= 2
    assert not attention.is_open(160.0)


def test_the_voice_that_began_is_answered_while_the_television_goes_on() -> None:
    attention = Attention()
    attention.start(0.0)
    assert converse(attention, QUESTION, 2.0, -20.0)
    for number, text in enumerate(NEWS):
        converse(attention, text, 10 + 8 * number, -34.0)
        assert converse(attention, "I went there once.", 14 + 8 * number, -20 + (-1) ** number * 4)


def test_somebody_else_who_wants_something_is_answered_and_does_not_keep_the_window_open() -> None:
    attention = Attention()
    attention.start(0.0)
    assert converse(attention, QUESTION, 2.0, -20.0)
    assert converse(attention, "And what about Asia?", 20.0, -32.0)
    assert attention.is_open(34.0)
    assert not attention.is_open(36.0)


def test_whoever_calls_him_is_the_voice_that_others_are_compared_with() -> None:
    attention = Attention()
    attention.start(0.0)
    assert converse(attention, QUESTION, 2.0, -20.0)
    assert not converse(attention, "I went there once.", 10.0, -36.0)
    assert converse(attention, "Harry, I went there once.", 20.0, -36.0)
    assert converse(attention, "It was very cold.", 26.0, -36.0)


def test_a_client_that_says_when_he_speaks_has_no_bystanders() -> None:
    attention = Attention(always=True)
    attention.start(0.0)
    assert converse(attention, QUESTION, 2.0, -20.0)
    assert all(converse(attention, text, 10.0 + number, -60.0) for number, text in enumerate(NEWS))


def test_a_level_that_is_not_known_makes_nobody_a_stranger() -> None:
    company = Bystanders()
    assert all(company.take(Voice(text, 1.0)) is Stance.PARTNER for text in NEWS)


def test_the_level_of_a_voice_is_that_of_its_sound() -> None:
    tone = np.sin(np.arange(EAR_RATE) * 0.3) * 0.1 * np.sqrt(2)
    quiet = np.zeros(EAR_RATE // 2)
    for parts, began_at in (((tone,), 2.0), ((quiet, tone, quiet), 2.5), ((tone[:4000], quiet, quiet, quiet), 2.0)):
        pcm = (np.concatenate(parts) * 32767).astype("<i2").tobytes()
        speech = Speech("u", pcm, 2 * EAR_RATE, began_at, began_at + 1, final=True)
        assert measure_level(speech) == pytest.approx(-20.0, abs=0.5)
    assert measure_level(Speech("u", b"", 0, 0.0, 0.0, final=True)) == -120.0
