"""Small talk without a language model, and what reaches the smallest one: small talk, if it is switched on, no more."""

from __future__ import annotations

from typing import Any

import pytest

from actors.protocols import EngineTraits
from channels.messages import Source, Utterance
from harry.mind.absent import SENTENCE
from harry.reflexes.small_talk import small_talk_of
from harry.reflexes.without_a_mind import PICTURES, TOO_SMALL, WithoutAMind

ABSENT = EngineTraits(small=True, toolless=True, light=True)
SMALLEST = EngineTraits(small=True, toolless=True, embedded=True)
CAPABLE = EngineTraits()


def said(text: str, *pictures: str) -> Utterance:
    return Utterance("u", text, Source.TYPED, pictures=pictures)


def answer(traits: EngineTraits, text: str, *pictures: str, talks: bool = False, **now: Any) -> str | None:
    return WithoutAMind(("Harry",), talks=talks).answer(said(text, *pictures), traits, **now)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Good morning, Harry!", "greeting"), ("hello", "greeting"), ("Harry?", "greeting"),
        ("Hi Harry, how are you today?", "how_are_you"), ("what's up", "how_are_you"),
        ("Thanks a lot, that was really helpful.", "thanks"), ("cheers mate", "thanks"),
        ("Good night, sleep well.", "goodbye"), ("See you tomorrow, Harry.", "goodbye"),
        ("You're a really good listener.", "compliment"), ("I'm so tired today.", "mood_bad"),
        ("It was a lovely day.", "mood_good"), ("Tell me a joke, please.", "joke"),
        ("Could you tell me a bedtime story about a fox?", "story"), ("Sorry about that.", "apology"),
        ("Happy birthday, Harry!", "wishes"), ("Do you ever sleep?", "about_harry"), ("Let's talk a bit.", "talk"),
    ],
)  # fmt: skip
def test_everyday_small_talk_is_known(text: str, kind: str) -> None:
    assert small_talk_of().kind(text, ("Harry",)) == kind


@pytest.mark.parametrize(
    "text",
    [
        "What is the capital of France?", "How do I get to the station?", "Good morning America was on television.",
        "How are you supposed to bake a cake?", "Thank you for the music is a song by whom?", "Who wrote Hamlet?",
        "I'm tired of this government, who should I vote for?", "Tell me about the French revolution.",
        "Hello is a song by Adele, isn't it?", "What's up with the stock market?", "Write me a poem in French.",
        "My sister is so tired today.", "Tell my wife a joke about taxes in 1850.", "", "   ", "?!", "x" * 10_000,
    ],
)  # fmt: skip
def test_nothing_else_is_taken_for_it(text: str) -> None:
    assert small_talk_of().kind(text, ("Harry",)) is None


def test_replies_take_turns() -> None:
    talk = small_talk_of()
    replies = [talk.reply("hello", number=number) for number in range(3)]
    assert len(set(replies)) == 3


def test_a_capable_mind_is_asked_everything() -> None:
    for text in ("hello", "What is the capital of France?"):
        assert answer(CAPABLE, text) is None


def test_without_a_mind_small_talk_is_answered_and_the_rest_gets_one_honest_sentence() -> None:
    assert answer(ABSENT, "hello") in ("Hello. It's good to hear you.", "Hello there.", "Hi. I'm here.")
    assert answer(ABSENT, "What is the capital of France?") == SENTENCE
    assert answer(ABSENT, "what is this?", "data:image/png;base64,x") == PICTURES
    assert answer(ABSENT, "hello", talks=True) is not None


def test_where_a_mind_has_failed_it_is_not_said_that_there_is_none() -> None:
    assert answer(ABSENT, "What is the capital of France?", in_trouble=True) is None
    assert answer(ABSENT, "what is this?", "data:image/png;base64,x", in_trouble=True) is None
    assert answer(ABSENT, "hello", in_trouble=True) is not None


def test_the_smallest_mind_gets_small_talk_if_it_is_switched_on_and_nothing_else() -> None:
    assert answer(SMALLEST, "hello", talks=True) is None
    assert answer(SMALLEST, "What is the capital of France?", talks=True) == TOO_SMALL
    assert answer(SMALLEST, "hello") is not None
