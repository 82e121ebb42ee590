"""What a person tells of himself without a language model: taken in, not refused; his name; words of despair."""

from __future__ import annotations

import pytest

from actors.protocols import EngineTraits
from channels.messages import Source, Utterance
from harry.mind.absent import SENTENCE
from harry.reflexes.acknowledging import tells_something
from harry.reflexes.distress import REPLY, is_distress
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


@pytest.mark.parametrize(
    "text",
    [
        "I want to die", "I feel like killing myself", "I don't want to live any more", "I'm suicidal",
        "there's no reason to live", "everyone would be better off without me", "I'm thinking about ending my life",
        "I've decided to kill myself", "I keep thinking about killing myself", "I'm thinking about suicide",
        "I really really want to die", "I wanna kill my self", "I'd rather be dead", "I dont want to live anymore",
        "I took all my pills", "I want to commit suicide", "I want to die because I feel so bored and empty",
        "I just want to die, everything is a bad joke", "I want to kill myself, they said it gets better",
        "I just want to hurt myself", "I can\u2019t go on like this",
    ],
)  # fmt: skip
def test_despair_is_met_with_care(text: str) -> None:
    assert is_distress(text)
    assert WithoutAMind(("Harry",)).answer(Utterance("u", text, Source.VOICE), NONE) == REPLY


@pytest.mark.parametrize(
    "text",
    [
        "that joke makes me want to die", "I could kill for a coffee", "I want to die of laughter", "my phone died",
        "the plant is going to die", "I was dying to meet you", "how do I kill a process", "he said I want to die",
        "I'm going to die in this game", "I don't want to wake up early tomorrow", "I don't want to live in Berlin",
        "I'm going to cut myself some slack", "I want to end it with my girlfriend", "I will die one day",
    ],
)  # fmt: skip
def test_what_only_sounds_like_it_is_not(text: str) -> None:
    assert not is_distress(text)


def test_british_english_is_english() -> None:
    without = WithoutAMind(("Harry",), language="en-GB")
    assert without.answer(Utterance("u", "I want to kill myself", Source.TYPED), NONE) == REPLY
    assert without.answer(Utterance("u", "I'm allergic to peanuts.", Source.TYPED), NONE, keeps=True) == NOTED
