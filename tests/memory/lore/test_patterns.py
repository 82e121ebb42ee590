"""Regular expressions of strangers: what matches, what is refused, and that none takes the time of the others."""

from __future__ import annotations

import pytest

from harry.memory.lore.patterns import MAX_SEARCHED_CHARACTERS, BadPatternError, Pattern, Trials, parse_literal


def test_a_pattern_matches_and_says_where():
    assert Pattern("drag(on|oness)").search("a Dragoness!") == 2
    assert Pattern("drag(on|oness)", case_sensitive=True).search("a Dragoness!") is None
    assert Pattern("dragon").search("nothing") is None


def test_a_key_in_slashes_has_its_own_flags():
    assert Pattern("/dragon/").search("Dragon") is None
    assert Pattern("/dragon/i").search("Dragon") == 0
    assert Pattern("/a.b/s").search("a\nb") == 0
    assert Pattern("/^b/m").search("a\nb") == 2
    assert parse_literal("either/or") is None
    assert parse_literal("//") is None


def test_escapes_of_javascript_are_understood():
    assert Pattern(r"/caf\u00e9/").search("café") == 0
    assert Pattern(r"/\u{1F409}/u").search("a 🐉") == 2
    assert Pattern(r"a\\u0041").search(r"a\u0041") == 0
    assert Pattern(r"/a\/b/").search("a/b") == 0


@pytest.mark.parametrize(
    "source", ["", "(", "[a", "a{2,1}", r"(?<=x)y", r"(\w)\1", "x" * 1_001, "/(/i", "(((a{100}){100}){100})", "\ud800"]
)
def test_a_pattern_that_cannot_be_run_is_refused(source):
    with pytest.raises(BadPatternError):
        Pattern(source)


@pytest.mark.parametrize(
    "source", [r"(a+)+$", r"(a|aa)+$", r"(a|a?)+b", r"(.*a){20}$", r"(x+x+)+y", r"^(([a-z])+.)+[A-Z]([a-z])+$"]
)
def test_a_catastrophic_pattern_takes_no_longer_than_others(source):
    # A backtracking engine would need longer than there is time in the world.
    assert Pattern(source, case_sensitive=True).search("a" * MAX_SEARCHED_CHARACTERS + "!") is None


def test_the_end_of_a_long_text_is_searched():
    text = "dragon" + "x" * MAX_SEARCHED_CHARACTERS + " dragon"
    assert Pattern("dragon").search(text) == len(text) - 6


def test_halves_of_surrogate_pairs_in_a_text_do_no_harm():
    assert Pattern("b").search("a\ud800b") == 2


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 0.001
        return self.now


def test_patterns_that_find_no_time_left_are_not_tried_and_say_so():
    patterns = [Pattern(f"word{number}") for number in range(10)]
    trials = Trials(limit=0.0075, clock=Clock())
    assert trials.find_first(patterns, "word9") is None
    assert not trials.gave_up(patterns[:1])
    assert trials.gave_up(patterns[-1:])


def test_a_pattern_is_tried_once_on_a_text():
    pattern = Pattern("dragon")
    trials = Trials(clock=Clock())
    assert trials.find_first([pattern], "a dragon") == (pattern, 2)
    cost, pattern.cost = pattern.cost, -1.0
    assert cost > 0
    assert trials.find_first([pattern], "a dragon") == (pattern, 2)
    assert pattern.cost == -1.0
