"""What comes nearest to a question that nothing surely answers: by whole sentences, and of the right people."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest

from harry.memory.longterm.answers import aliases_of, read_all
from harry.memory.longterm.nearest import nearest
from harry.memory.longterm.questions import read_question
from harry.memory.search.embedding import Embedder
from harry.memory.store.items import Item


def found(question: str, *told: str, like: Sequence[float] | None = None) -> str | None:
    """What is found among the told; `like` says how like the question each is, else the model does."""
    said = [each for text in told for each in read_all(Item("t/said", text, "ann", "memory", "ann", 1e9))]
    asked = read_question(question)
    assert asked is not None

    def embed(texts: Sequence[str]) -> npt.NDArray[np.float32]:
        assert like is not None
        place = dict(zip(told, like, strict=True))
        angles = np.arccos([place.get(text, place.get(f"{text}.", 1.0)) for text in texts])
        return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)

    near = nearest(asked, question, said, aliases_of(said), embed if like is not None else Embedder.load().encode)
    return near.text if near is not None else None


OWNER, KEY = "Our landlady is Frau Huber.", "The spare key is under the blue pot."


def test_of_what_was_told_the_nearest_is_chosen() -> None:
    assert found("Who owns our flat?", OWNER, KEY, like=[0.6, 0.1]) == OWNER


@pytest.mark.parametrize("like", [(0.2, 0.1), (0.6, 0.58)])
def test_what_is_not_near_enough_or_no_nearer_than_another_is_not_told(like: tuple[float, float]) -> None:
    assert found("Who owns our flat?", OWNER, KEY, like=like) is None


@pytest.mark.parametrize(
    ("question", "told"),
    [
        ("Where does my brother live?", "My sister has settled in Oslo."),
        ("What is the name of my dog?", "My cat goes by Biscuit."),
        ("How old is Ada?", "Ada has moved to Oslo."),
        ("What did I use to play?", "I don't play the cello."),
    ],
)
def test_of_somebody_or_something_else_nothing_is_told_however_near_it_is(question: str, told: str) -> None:
    assert found(question, told, like=[0.9]) is None


@pytest.mark.embedded
def test_the_model_of_meanings_finds_what_shares_no_word() -> None:
    assert found("Who owns our flat?", OWNER, KEY, "I take my coffee black.", "My flight leaves at 6:40.") == OWNER
    assert found("What is the capital of France?", OWNER, KEY) is None
