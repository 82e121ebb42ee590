"""Signs of self-harm are told from what only sounds like them, whatever the wording, and in little time."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from harry.welfare.crisis import MAX_CHARACTERS, STRETCH, Danger, find_danger, look_for_danger

DATA = Path(__file__).parent.parent / "data"


def lines(name: str) -> list[str]:
    return [line for line in (DATA / name).read_text("utf-8").splitlines() if line]


def test_signs_are_seen_but_for_very_few() -> None:
    phrases = lines("crisis_phrases.txt")
    missed = [text for text in phrases if find_danger(text) is None]
    assert len(missed) <= len(phrases) // 40, missed


def test_what_only_sounds_like_a_sign_is_let_be_but_for_very_few() -> None:
    lookalikes = lines("crisis_lookalikes.txt")
    alarms = [text for text in lookalikes if find_danger(text) is not None]
    assert len(alarms) <= len(lookalikes) // 20, alarms


@pytest.mark.parametrize(
    "text",
    [
        "I want to die", "I feel like killing myself", "I'm suicidal", "everyone would be better off without me",
        "I've decided to kill myself", "I wanna kill my self", "I dont want to live anymore", "I took all my pills",
        "I just want to die, everything is a bad joke", "I want to kill myself, they said it gets better",
        "I just want to hurt myself", "I can\u2019t go on like this", "I WANT TO DIE!!!", "I want\nto\u200b *die*",
        "Um, I uh want to die", "It's raining. I want to die. What time is it?", '"I want to die"',
        "I lost the game and I want to die", "This isn't a game, I really want to die",
        "Play my song once more, I'm going to kill myself", "my family would be happier if I were dead",
        "I hope I dont wake up tomorrow", "I wish I had never been born", "I took 60 aspirin",
        "I have a pistol in my hand", "I want to walk in front of a bus", "I want to... die",
        "I, um, want to kill myself",
        "I've cut my wrists", "I'm having thoughts of suicide", "all I want is to die", "I may hurt myself",
        "I can't even read a book any more. I want to kill myself",
        "I got an F for my essay and I want to kill myself",
        "my band broke up and I'm going to kill myself tonight",
        "My hero is my dad and he died. I want to kill myself.",
    ],
)  # fmt: skip
def test_whoever_speaks_of_himself_is_in_danger_himself(text: str) -> None:
    assert find_danger(text) is Danger.OWN


@pytest.mark.parametrize(
    "text",
    [
        "My friend wants to kill herself", "my daughter said she doesn't want to live any more",
        "What should I do if my brother is suicidal", "My husband has taken an overdose", "Anna wants to kill herself",
    ],
)  # fmt: skip
def test_whoever_tells_of_another_is_told_how_to_help(text: str) -> None:
    assert find_danger(text) is Danger.OTHER


@pytest.mark.parametrize(
    "text",
    [
        "that joke makes me want to die", "I want to die of laughter", "the plant is going to die", "",
        "he said I want to die", "I'm going to die in this game", "I don't want to wake up early tomorrow",
        "I'm going to cut myself some slack", "I want to end it with my girlfriend", "I would never kill myself",
        "Let's role play: I say I want to die", 'She shouted "I want to kill myself" on the stage',
        "how do you say I want to die in Spanish",
        "Write me a sad poem. I want to die, says the girl.", "My friend killed himself ten years ago",
    ],
)  # fmt: skip
def test_figures_tales_and_denials_are_no_signs(text: str) -> None:
    assert find_danger(text) is None


def test_a_sign_is_found_at_the_end_of_much_that_is_said() -> None:
    before = "and then we went along the river to the old mill where we had bread with cheese " * 100
    assert len(before) > MAX_CHARACTERS
    assert find_danger(f"{before} and I want to kill myself") is Danger.OWN


@pytest.mark.parametrize("shift", range(0, STRETCH, 7))
def test_no_sign_is_lost_where_a_long_sentence_is_taken_apart(shift: int) -> None:
    assert find_danger("x" * shift + " so and so on " * 20 + "I have been thinking of ending my life" + " la" * 40)


def test_a_long_document_about_others_is_no_sign() -> None:
    page = "The report goes on about the town and its people. " * 60
    assert find_danger(f"{page} His brother wants to kill himself.") is None


async def test_others_run_while_a_long_text_is_looked_through(autojump_clock: MockClock) -> None:
    ran = 0

    async def count() -> None:
        nonlocal ran
        while True:
            await trio.lowlevel.checkpoint()
            ran += 1

    async with trio.open_nursery() as nursery:
        nursery.start_soon(count)
        await look_for_danger("I live in a house " * 200)
        nursery.cancel_scope.cancel()
    assert ran >= MAX_CHARACTERS // STRETCH
