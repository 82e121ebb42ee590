"""Memory answers from what was told: other words find it, corrections win, and what was never told is not invented."""

from __future__ import annotations

import json
import re

import pytest

from harry.memory.longterm.answers import ToldFact, fact_of, is_personal, statements_of
from harry.memory.longterm.questions import is_about_what_was_told, read_question
from harry.memory.longterm.statements import read, sentences
from harry.memory.store.items import Item
from tests.support.paths import DATA

FACTS = json.loads((DATA / "memory" / "told_facts.json").read_text("utf-8"))
NEVER = [case["asked"] for case in json.loads((DATA / "memory" / "never_told.json").read_text("utf-8"))]


def kept(*said: str, **by: str) -> dict[int, Item]:
    """Keep sentences as turns of one conversation."""
    rows = {n: Item(f"{n}/said", text, "ann", "memory", "ann", 1e9 + n * 20) for n, text in enumerate(said)}
    for number, text in enumerate(by.values(), start=len(rows)):
        rows[number] = Item(f"{number}/heard", text, "ann", "memory", "Harry", 1e9 + number * 20)
    return rows


def told(question: str, *said: str, **by: str) -> ToldFact | None:
    asked = read_question(question)
    return fact_of(asked, statements_of(kept(*said, **by), "ann")) if asked is not None else None


def lines_of(case: dict) -> list[str]:
    return [case["told"], *case["talk"], *([case["corrected"]] if "corrected" in case else [])]


EVERYTHING = statements_of(kept(*(line for case in FACTS for line in lines_of(case))), "ann")


def test_most_facts_are_found_in_other_words_and_none_is_told_wrongly() -> None:
    assert len(FACTS) >= 60
    missed, wrong = [], []
    for case in FACTS:
        asked = read_question(case["asked"])
        fact = fact_of(asked, EVERYTHING) if asked is not None else None
        if fact is None:
            missed.append(case["asked"])
        elif not all(re.search(each, fact.text, re.IGNORECASE) for each in case["expect"]["all"]) or any(
            re.search(each, fact.text, re.IGNORECASE) for each in case["expect"].get("none", ())
        ):
            wrong.append((case["asked"], fact.text))
    assert not wrong
    assert len(missed) <= len(FACTS) * 0.05, missed


@pytest.mark.parametrize("question", NEVER)
def test_what_was_never_told_is_not_invented_though_words_are_shared(question: str) -> None:
    asked = read_question(question)
    assert asked is not None
    assert fact_of(asked, EVERYTHING) is None
    assert is_about_what_was_told(question)
    assert is_personal(asked, question, EVERYTHING)


def test_only_the_users_own_statements_answer() -> None:
    assert told("Where does my sister live?", heard="Your sister lives in Rome.") is None
    assert told("Where does my sister live?", "Does my sister live in Rome?") is None
    assert told("Where does my sister live?", "I dreamed my sister lives in Rome.") is None
    assert told("Where does my sister live?", "Maybe my sister lives in Rome.") is None
    assert told("Where does my sister live?", "I don't know if my sister lives in Rome.") is None
    assert told("Where does my sister live?", "My sister lives in Rome.") is not None


@pytest.mark.parametrize(
    "corrected",
    [
        "Actually she moved to Bergen.",
        "No, I meant Bergen.",
        "Wait, no, Ada moved to Bergen.",
        "Sorry, she moved to Bergen.",
    ],
)
def test_a_correction_is_told_in_place_of_what_it_corrects(corrected: str) -> None:
    fact = told("Where does my sister live?", "My sister Ada moved to Oslo.", "I miss our walks.", corrected)
    assert fact is not None
    assert "Bergen" in fact.text
    assert "Oslo" not in fact.text + fact.about


def test_a_day_by_itself_corrects_the_day_before_it() -> None:
    fact = told(
        "When is my dentist appointment?", "My dentist appointment is on Thursday.", "My tooth hurts.", "No, Friday."
    )
    assert fact is not None
    assert "Friday" in fact.text + fact.about
    assert "Thursday" not in fact.text + fact.about


@pytest.mark.parametrize(
    ("question", "first", "then", "expected"),
    [
        ("What is my favourite colour?", "My favourite colour is blue.", "No, green.", "green"),
        ("Where are my keys?", "My keys are in the drawer.", "No, in the kitchen.", "kitchen"),
        ("Where are my keys?", "My keys are in the drawer.", "My keys aren't in the drawer any more.", "any more"),
        ("Where does my sister live?", "My sister lives in Oslo.", "My sister left Oslo.", "left"),
        ("When is my dentist appointment?", "My dentist appointment is on Monday.",
         "My dentist appointment was cancelled.", "cancelled"),
        ("What car do I drive?", "I drive a red Volvo.", "I sold the Volvo.", "sold"),
    ],
)  # fmt: skip
def test_what_holds_no_more_is_not_told(question: str, first: str, then: str, expected: str) -> None:
    fact = told(question, first, then)
    assert fact is not None
    assert expected in fact.text


@pytest.mark.parametrize("taken_back", ["That was a joke.", "Just kidding.", "I made that up."])
def test_a_joke_is_told_no_more(taken_back: str) -> None:
    assert told("Where does my sister live?", "My sister lives in Oslo.", taken_back) is None


@pytest.mark.parametrize(
    ("question", "first", "then"),
    [
        ("What is my dog called?", "My dog is called Rex.", "My dog is off his food."),
        ("Where does my sister live?", "My sister lives in Oslo.", "My sister cancelled her trip to Oslo."),
        ("Where does my sister live?", "My sister lives in Oslo.", "My sister lost her bag in Oslo."),
        ("Where does my sister live?", "My sister lives in Oslo.", "My sister does not like Oslo."),
        ("Where do I work?", "I work at Siemens.", "I do not work on Fridays."),
        ("Where are my keys?", "My keys are in the drawer.", "No, thanks."),
    ],
)
def test_what_only_sounds_like_an_end_leaves_a_fact_standing(question: str, first: str, then: str) -> None:
    fact = told(question, first, then)
    assert fact is not None
    assert fact.text == first


def test_what_somebodys_friend_or_cat_does_is_not_said_of_him() -> None:
    assert told("Where does my sister live?", "My sister's friend lives in Oslo.") is None
    assert told("Where does my mother live?", "My mother's brother lives in Rome.") is None
    assert told("Where does my mother's brother live?", "My mother's brother lives in Rome.") is not None


def test_a_newer_statement_wins_in_another_conversation_too() -> None:
    fact = told(
        "Where does my sister live?", "My sister lives in Oslo.", "It rained.", "My sister lives in Bergen now."
    )
    assert fact == ToldFact("My sister lives in Bergen now.", fact.at if fact else None)


def test_one_person_is_not_taken_for_another() -> None:
    said = (
        "My sister Ada plays the harp.",
        "My daughter Mila can't eat nuts.",
        "My boss is Mrs Lind.",
        "I take iron daily.",
    )
    assert told("What instrument do I play?", *said) is None
    assert told("What instrument does my brother play?", *said) is None
    assert told("What is my son allergic to?", *said) is None
    assert told("Who is Ada's boss?", *said) is None
    assert told("Which medicine does Ada take?", *said) is None
    assert told("What instrument does Ada play?", *said) is not None


def test_a_question_for_the_one_who_is_asked_is_none_for_memory() -> None:
    assert read_question("What's your favourite colour?") is None
    assert read_question("My sister lives in Oslo.") is None
    assert read_question("Is my sister in Oslo?") is None


@pytest.mark.parametrize(
    "question",
    ["How do I cook rice?", "What should I wear?", "What can I do about a cold?", "How long can I keep eggs?"],
)
def test_advice_is_nothing_that_was_told(question: str) -> None:
    assert not is_about_what_was_told(question)


def test_a_turn_of_several_sentences_is_read_sentence_by_sentence() -> None:
    assert sentences("Hello there. My sister lives in Oslo! Is it late?") == [
        "Hello there.", "My sister lives in Oslo!", "Is it late?",
    ]  # fmt: skip
    assert read("Is it late?") is None


def test_a_clause_that_only_leads_up_to_a_correction_does_not_hide_it() -> None:
    assert sentences("They moved him, Anton is in class 4c now.") == ["They moved him", "Anton is in class 4c now."]
    assert sentences("I got that wrong, Dad is turning seventy-six.") == [
        "I got that wrong, Dad is turning seventy-six."
    ]
    assert sentences("When it rains, the cellar is wet.") == ["When it rains, the cellar is wet."]
    assert sentences("I like Tom, Anna and Sue.") == ["I like Tom, Anna and Sue."]
