"""Of what is found about one thing, each is told once, the newest of what has one value, and nothing that asked."""

from __future__ import annotations

from harry.memory.longterm.retelling import core, retold
from harry.memory.store.items import Item


def told(*texts: str) -> list[str]:
    items = [
        Item(f"t{n}/heard" if text.startswith("(") else f"t{n}/said", text, "ann", "memory", "ann", 1000.0 + n)
        for n, text in enumerate(texts)
    ]
    return [core(item.text) for item in retold(items, lambda text: text.startswith("Set a"))]


def test_what_was_told_three_times_is_told_once() -> None:
    assert told("Remember that I like tea.", "I like tea", "Harry, remember I like tea!") == ["I like tea!"]


def test_the_newest_of_what_has_one_value_is_told_and_what_can_stand_together_stands() -> None:
    assert told("My favourite player is Ronaldo.", "my favourite player is Messi now.") == [
        "my favourite player is Messi now."
    ]
    assert told("The wifi password is a1.", "The alarm code is 7.", "The wifi password is b2.") == [
        "The alarm code is 7.", "The wifi password is b2.",
    ]  # fmt: skip
    assert told("I like tea.", "I like cola.", "My sister is a doctor.", "My sister is in Oslo.") == [
        "I like tea.", "I like cola.", "My sister is a doctor.", "My sister is in Oslo.",
    ]  # fmt: skip


def test_questions_wishes_and_harrys_own_words_are_not_told() -> None:
    assert told("I like tea.", "What do I like?", "Set a timer for tea.", "(You like tea.)") == ["I like tea."]
