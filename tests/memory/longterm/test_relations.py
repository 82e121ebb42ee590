"""What is asked and what was told meet by the everyday relation that both speak of, whatever their words."""

from __future__ import annotations

import pytest

from harry.memory.longterm.relations import asked_in, relations, told_in
from tests.memory.longterm.test_answers import told


def names(frames: tuple) -> set[str]:
    return {frame.relation.name for frame in frames}


PAIRS = [
    ("What city does my sister call home?", "My sister Ada moved to Oslo last spring."),
    ("Where did I leave the car?", "I parked on level 3, near the lift."),
    ("When should I congratulate Tom?", "Tom's birthday is the 4th of May."),
    ("Who do I report to?", "My boss is Karen."),
    ("How do I like my coffee?", "I take my coffee black."),
    ("What food should I keep away from my father?", "Dad can't eat gluten."),
    ("How can I phone Hannah?", "Hannah's new number is 0171 555 23."),
    ("Who bought my motorbike?", "I sold my motorbike to a man called Eric."),
    ("Where do I do yoga?", "My yoga class is at the church hall."),
    ("Which herb can't I stand?", "I hate coriander."),
]


@pytest.mark.parametrize(("question", "statement"), PAIRS)
def test_a_fact_is_found_by_its_relation(question: str, statement: str) -> None:
    fact = told(question, "Our neighbour has a green door.", statement, "It rained all day.")
    assert fact is not None
    assert fact.text == statement


@pytest.mark.parametrize(
    ("question", "statement"),
    [
        ("Where does my brother live?", "My sister Ada moved to Oslo last spring."),
        ("Who is my father's boss?", "My boss is Karen."),
        ("How do I like my coffee?", "I prefer tea to coffee."),
        ("Where did I leave the car?", "My car's registration is KX62 ABN."),
        ("Where did Tobias study?", "My old school friend Tobias lives in Vienna."),
        ("How much do I owe Pavel?", "Pavel owes me fifty euros."),
        ("What's my PIN?", "The house alarm code is 9021."),
        ("What is my blood pressure?", "I take two tablets for blood pressure every morning."),
        ("What does my father eat?", "Dad can't eat gluten."),
        ("How much does the cleaner charge?", "The electrician charges fifty an hour."),
        ("What's my job?", "I used to be a lifeguard."),
        ("What's the name of the hotel?", "The campsite is called Pinewood."),
        ("Where was my wife born?", "My wife comes from Peru."),
        ("Where did my husband and I meet?", "I'm seeing Carmen at the Blue Anchor on Sunday."),
    ],
)
def test_what_is_only_near_to_the_question_is_unknown(question: str, statement: str) -> None:
    assert told(question, statement) is None


def test_everything_that_somebody_must_avoid_is_told_and_not_one_thing_alone() -> None:
    fact = told("What shouldn't I eat?", "I'm allergic to walnuts.", "Dad can't eat gluten.", "I can't eat celery.")
    assert fact is not None
    assert fact.text == "I'm allergic to walnuts, and I can't eat celery"


def test_two_statements_that_answer_alike_in_other_ways_leave_it_unknown() -> None:
    assert told("How do I get into the safe?", "The code is 1234.", "The password is marble.") is None


def test_every_relation_can_be_asked_for_and_told() -> None:
    for relation in relations():
        assert relation.kinds, relation.name
        assert relation.asks.pattern, relation.name
        assert relation.tells.pattern, relation.name
    assert len({relation.name for relation in relations()}) == len(relations())


def test_words_between_the_words_of_a_phrase_are_not_taken_for_it() -> None:
    (frame,) = [each for each in asked_in("How does my sister take her tea?") if each.relation.name == "manner"]
    assert "sister" not in frame.words


def test_what_is_done_without_is_told_as_such() -> None:
    assert "intolerance" in names(told_in("Dad can't eat gluten."))
    assert "intolerance" not in names(told_in("Dad eats bread."))
