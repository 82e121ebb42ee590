"""The arithmetic between text and sound: nothing is lost, nothing runs backwards, nothing leaves the chunk."""
# ruff: noqa: RUF001, RUF003  phonemes are written in the phonetic alphabet

from __future__ import annotations

from itertools import accumulate, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harry.voice.sentences import MAX_SENTENCE_LETTERS, split_sentences
from harry.voice.silence import choose_pause, find_sounding_span
from harry.voice.word_times import SOUNDLESS, find_word_ends, split_words, spread_ends

RATE = 22_050
PROSE = st.text(alphabet="abc XYZ019.,;:!?…\"' \n\t—[]é你🙂", max_size=400)
PHONEMES = st.lists(st.sampled_from("abdktʃˈː ,."), max_size=30)


@given(PROSE)
def test_the_words_of_a_text_joined_are_the_text(text: str) -> None:
    words = split_words(text)
    assert "".join(words) == text
    assert all(word.strip() for word in words) or len(words) == 1


def test_white_space_goes_with_the_next_word_and_at_the_end_with_the_last() -> None:
    assert split_words("  Well,  then \n") == ["  Well,", "  then \n"]
    assert split_words(" \n") == [" \n"]
    assert split_words("") == []


@given(PROSE)
def test_the_sentences_of_a_text_joined_are_the_text_and_none_is_too_long(text: str) -> None:
    cut = split_sentences(text)
    assert "".join(cut) == text
    assert all(0 < len(sentence) <= MAX_SENTENCE_LETTERS for sentence in cut)


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("One. Two! Three? Four", ["One.", " Two!", " Three?", " Four"]),
        (
            "Dr. Smith met J. Doe, e.g. on Monday. Then he left.",
            [
                "Dr. Smith met J. Doe, e.g. on Monday.",
                " Then he left.",
            ],
        ),
        ("So do I. Good.", ["So do I.", " Good."]),
        ("No. Never.", ["No.", " Never."]),
        ("It is 3.5 now.", ["It is 3.5 now."]),
        ("She said: 'Stop!' Then", ["She said: 'Stop!'", " Then"]),
        ("a line\n\nanother", ["a line", "\n\nanother"]),
        ("", []),
    ],
)
def test_a_text_is_cut_after_its_sentences_only(text: str, cut: list[str]) -> None:
    assert split_sentences(text) == cut


@pytest.mark.timeout(10)
@pytest.mark.parametrize("unit", ["a", "word ", ". ", "?!", "7", "你", "\n", " \n", '."', "A. ", "and so on, "])
def test_a_hundred_kilobytes_without_an_end_are_cut_into_what_can_be_said_at_once(unit: str) -> None:
    # A search that is quadratic for such a text takes a minute; this one some hundredths of a second.
    text = unit * (100_000 // len(unit))
    cut = split_sentences(text)
    assert "".join(cut) == text
    assert max(map(len, cut)) <= MAX_SENTENCE_LETTERS


def test_a_long_sentence_is_cut_at_a_clause_rather_than_a_word_and_at_a_word_rather_than_within() -> None:
    clauses = split_sentences("some words and more, " * 40)
    assert all(sentence.endswith(",") for sentence in clauses[:-1])
    words = split_sentences("word " * 200)
    assert all(sentence.endswith("word") for sentence in words[:-1])


def test_digits_count_for_more_because_they_are_read_out_at_length() -> None:
    assert max(map(len, split_sentences("1" * 1000))) <= MAX_SENTENCE_LETTERS // 5


@given(st.lists(PHONEMES, min_size=1, max_size=8), PHONEMES, st.data())
def test_word_ends_never_decrease_and_stay_within_the_sound(
    alone: list[list[str]], spoken: list[str], data: st.DataObject
) -> None:
    lengths = data.draw(st.lists(st.integers(0, 3000), min_size=len(spoken), max_size=len(spoken)))
    ends = list(accumulate(lengths))
    times = find_word_ends(alone, spoken, ends)
    assert len(times) == len(alone)
    assert all(earlier <= later for earlier, later in pairwise(times))
    assert all(0 <= time <= (ends[-1] if ends else 0) for time in times)
    sounds = [end for phoneme, end in zip(spoken, ends, strict=True) if phoneme not in SOUNDLESS]
    assert times[-1] == (sounds[-1] if sounds else 0)


WORDS = st.lists(st.text(alphabet="abdktmnzʃɑɪə", min_size=1, max_size=6), min_size=1, max_size=8)


@given(WORDS, st.sampled_from(["", " ", ", "]))
def test_where_the_sentence_sounds_like_its_words_each_word_ends_with_its_own_last_sound(
    words: list[str], between: str
) -> None:
    spoken = list(between.join(words))
    ends = [100 * (place + 1) for place in range(len(spoken))]
    lengths = [len(word) for word in words]
    expected = [100 * (sum(lengths[: at + 1]) + at * len(between)) for at in range(len(words))]
    assert find_word_ends([list(word) for word in words], spoken, ends) == expected


def hundreds(row: str) -> list[int]:
    return [100 * (place + 1) for place in range(len(row))]


def test_words_that_melt_into_one_another_end_where_their_own_sounds_end() -> None:
    # "the of a": espeak says "ðɪʲ əvə"; alone the words are "ðə", "ʌv" and "eɪ" or "ə".
    row = "ðɪ əvə"
    assert find_word_ends([list("ðə"), list("əv"), list("ə")], list(row), hundreds(row)) == [200, 500, 600]


def test_a_number_of_several_spoken_words_ends_with_the_last_of_them() -> None:
    row = "twenti faɪv aplz."
    assert find_word_ends([list("twenti faɪv"), list("aplz.")], list(row), hundreds(row)) == [1100, 1600]


def test_a_word_that_is_said_quite_differently_ends_at_a_gap_of_the_voice() -> None:
    row = "kal naɪnwʌn tu mi"
    assert find_word_ends([list("kal"), list("ooo"), list("tu"), list("mi")], list(row), hundreds(row)) == [
        300,
        1100,
        1400,
        1700,
    ]


def test_two_words_said_quite_differently_part_at_the_gap_between_them() -> None:
    row = "kal naɪnwʌn tu"
    assert find_word_ends([list("kal"), list("ooo"), list("eee")], list(row), hundreds(row)) == [300, 1100, 1400]


def test_where_there_is_no_gap_either_two_such_words_share_the_sound() -> None:
    assert find_word_ends([list("oo"), list("ee")], list("ktktktkt"), hundreds("ktktktkt")) == [400, 800]


def test_the_last_word_ends_with_the_last_sound_even_where_the_voice_says_more_than_was_expected() -> None:
    assert find_word_ends([list("kal"), list("mi")], list("kal mi tu."), hundreds("kal mi tu.")) == [300, 900]


def test_a_mark_standing_alone_takes_no_time() -> None:
    row = "el; no"
    assert find_word_ends([list("el"), [], list("no")], list(row), hundreds(row)) == [200, 200, 600]


def test_without_any_sound_every_word_ends_at_once() -> None:
    assert find_word_ends([["."], []], [".", " "], [100, 200]) == [0, 0]


@given(st.integers(1, 200), st.integers(0, 100_000))
def test_even_ends_share_the_sound_out_to_the_last_sample(count: int, samples: int) -> None:
    ends = spread_ends(count, samples)
    assert len(ends) == count
    assert ends[-1] == samples
    assert ends == sorted(ends)


@given(st.integers(0, RATE), st.integers(1, RATE), st.integers(0, RATE), st.floats(0.0, 0.3))
def test_silence_around_a_voice_is_trimmed_and_no_voice_with_it(
    before: int, voiced: int, after: int, tail: float
) -> None:
    voice = np.where(np.arange(voiced) % 2, 0.5, -0.5).astype(np.float32)
    sound = np.concatenate([np.zeros(before, np.float32), voice, np.zeros(after, np.float32)])
    start, stop = find_sounding_span(sound, RATE, tail)
    frame = RATE // 200
    lead = int(0.010 * RATE)
    assert max(0, before - lead - frame) <= start <= max(0, before - lead)
    assert before + voiced <= stop <= before + voiced + int(tail * RATE) + frame
    assert stop <= len(sound)


def test_sound_without_any_sound_keeps_nothing() -> None:
    assert find_sounding_span(np.zeros(1000, np.float32), RATE, 0.1) == (0, 0)
    assert find_sounding_span(np.zeros(0, np.float32), RATE, 0.1) == (0, 0)


def test_the_voice_rests_after_a_sentence_less_after_a_clause_and_hardly_where_it_goes_on() -> None:
    assert choose_pause('He said "no."  ') > choose_pause(" and then,") > choose_pause("Let me look at")
