"""Harry's own words, come back through the microphone: only their end is compared, and soon."""

from __future__ import annotations

import pytest

from actors.text.spoken_form import SpokenForm, SpokenForms
from actors.turn_taking import echo_words
from actors.turn_taking.echo_words import MAX_LETTERS, find_unexplained

COUNT = " ".join(map(str, range(1, 160)))


@pytest.mark.parametrize("heard", ["158 159", "one hundred fifty eight one hundred fifty nine", COUNT])
def test_the_end_of_a_long_count_is_known_for_an_echo(heard: str) -> None:
    assert find_unexplained(heard, COUNT) == ""


def test_a_word_of_the_person_behind_a_long_echo_is_returned() -> None:
    assert find_unexplained(f"{COUNT} stop", COUNT) == "stop"


def test_an_echo_is_known_where_most_of_the_text_is_no_letters() -> None:
    assert find_unexplained("the sea is wide", "The sea ... " + "… " * 100 + " is wide.") == ""


def test_what_harry_says_is_read_once_and_only_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []

    class Counting(SpokenForms):
        def next(self, piece: str) -> SpokenForm:
            read.append(len(piece))
            return super().next(piece)

    monkeypatch.setattr(echo_words, "SpokenForms", Counting)
    saying = "He went to the sea, as ever. " * 40
    for heard in ("as", "as ever", "as ever he"):
        find_unexplained(heard, saying)
    find_unexplained("as ever he went to the sea " * 40, saying)
    assert len(read) == 5
    assert max(read) < 2 * MAX_LETTERS
