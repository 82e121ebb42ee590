"""What a person tells of himself without a language model: taken in, not refused; his name."""

from __future__ import annotations

import pytest

from actors.protocols import EngineTraits
from channels.messages import Source, Utterance
from harry.mind.absent import SENTENCE
from harry.reflexes.acknowledging import tells_something
from harry.reflexes.own_name import asks_for_own_name, told_name
from harry.reflexes.without_a_mind import NOTED, WithoutAMind

NONE = EngineTraits(small=True, light=True)


@pytest.mark.parametrize(
    "text",
    [
        "I'm allergic to peanuts.",
        "My husband's birthday is the 4th of March",
        "No, my sister moved, she lives in Bergen now",
        "We went to the market with Anna and bought apples.",
    ],
)
def test_what_somebody_tells_of_himself_and_his_is_taken_in(text: str) -> None:
    assert tells_something(text, ("Harry",))


@pytest.mark.parametrize(
    "text",
    [
        "You are useless", "split 87 pounds between 4 people", "tell me about the news", "The sky is blue.",
        "Wake my son at eight", "Water my plants at six", "Buy my groceries tomorrow", "Order my usual pizza",
        "Change my name to Bob", "Stop recording my voice", "Off the record, my pin is 1234", "I took all my pills",
        "What is my dog called", "buy milk", "I want to go to Rome", "Is my sister there?", "fuck off", "",
    ],
)  # fmt: skip
def test_wishes_questions_and_what_is_about_harry_or_the_world_are_not(text: str) -> None:
    assert not tells_something(text, ("Harry",))


@pytest.mark.parametrize(("keeps", "said"), [(True, NOTED), (False, SENTENCE)])
def test_he_says_that_he_will_remember_only_where_it_is_kept(keeps: bool, said: str) -> None:
    told = Utterance("u", "I'm allergic to peanuts.", Source.TYPED)
    assert WithoutAMind(("Harry",)).answer(told, NONE, keeps=keeps) == said


@pytest.mark.parametrize(
    "text",
    [
        "tell me my name",
        "do you know my name",
        "What is my name?",
        "Harry, what's my name",
        "who am I?",
        "do you know what my name is",
    ],
)
def test_a_question_for_ones_own_name_is_known(text: str) -> None:
    assert asks_for_own_name(text, ("Harry",))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("My name is Margaret.", "Margaret"), ("Call me Peggy", "Peggy"), ("I'm called Bob", "Bob"),
        ("my name is peter", "Peter"), ("My name is actually Bob", "Bob"), ("He said call me Ishmael", None),
        ("Did I say my name is Bob?", None), ("Nobody thinks my name is Bob", None),
        ("Forget that my name is Bob", None), ("My name is I don't know", None), ("Call me A taxi", None),
        ("My name is not Bob", None), ("My dog's name is Rex", None), ("Call me a taxi", None),
    ],
)  # fmt: skip
def test_a_name_is_taken_from_who_gives_his_own(text: str, name: str | None) -> None:
    assert told_name(text) == name


def test_british_english_is_english() -> None:
    without = WithoutAMind(("Harry",), language="en-GB")
    assert without.answer(Utterance("u", "I'm allergic to peanuts.", Source.TYPED), NONE, keeps=True) == NOTED
