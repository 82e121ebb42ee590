"""What counts as the same word, what as a whole one, and that a growing transcript is searched like a whole one."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harry.memory.lore import matching as lore_matching
from harry.memory.lore.matching import MAX_SEARCHED_CHARACTERS, Hits, KeyIndex
from harry.memory.lore.normalization import can_be_found, find_original_place, fold


def found(text: str, *keys: str, exact: bool = False) -> list[str]:
    index = KeyIndex()
    numbers = {key: index.add(key, exact=exact) for key in keys}
    index.finish()
    hits = index.find(text)
    return [key for key, number in numbers.items() if number in hits]


def test_a_key_is_found_as_a_whole_word_only():
    assert found("Let us start the art class", "art", "star", "class") == ["art", "class"]
    assert found("artist, smart; art_form art2", "art") == []
    assert found("(art)", "art") == ["art"]
    assert found("art", "art") == ["art"]
    assert found("the dragon's lair", "dragon") == ["dragon"]


def test_case_counts_only_where_it_is_asked_for():
    assert found("WHO SAID THAT?", "said", "AI") == ["said"]
    assert found("The AI said so", "AI", exact=True) == ["AI"]
    assert found("the ai said so", "AI", exact=True) == []
    assert found("STRASSE und ΣΊΣΥΦΟΣ", "Straße", "σίσυφος") == ["Straße", "σίσυφος"]


def test_the_same_letters_are_the_same_however_they_are_encoded():
    composed, decomposed = "caf\u00e9", "cafe\u0301"
    assert found(f"a {decomposed} here", composed) == [composed]
    assert found(f"a {composed} here", decomposed) == [decomposed]
    assert found(f"a {decomposed} here", "cafe") == []
    assert found("\uff24\uff32\uff21\uff27\uff2f\uff2e and of\ufb01ce", "dragon", "office") == ["dragon", "office"]
    assert found("dra\u00adgon", "dragon") == ["dragon"]
    assert found("don\u2019t", "don't") == ["don't"]
    assert found("\u0149deft", "'ndeft") == ["'ndeft"]


def test_a_mark_belongs_to_its_letter():
    # There is no composed q with a tilde: the mark stays a character of its own.
    assert found("q\u0303", "q") == []
    # Not even where keys are found anywhere: a tone mark makes another word.
    assert found("\u0e01\u0e32\u0e48", "\u0e01\u0e32") == []


def test_scripts_without_spaces_are_searched_anywhere():
    assert found("我昨天看见一条龙在飞", "龙") == ["龙"]
    assert found("京都タワーに行った", "京都", "タワー") == ["京都", "タワー"]
    assert found("ฉันเห็นมังกรบิน", "มังกร") == ["มังกร"]
    assert found("드래곤은 산다", "드래곤") == ["드래곤"]
    assert found("我喜欢Python吗", "python", "喜欢") == ["python", "喜欢"]
    assert found("我喜欢Pythonista吗", "python") == []


def test_a_phrase_is_found_across_any_white_space():
    assert found("in New\n  York today", "new york") == ["new york"]
    assert found("in Newyork today", "new york") == []


@pytest.mark.parametrize("key", ["", "   ", "\n", "...", "?!", "-", "\u0301", "\u200d", "\x00"])
def test_an_empty_key_and_one_of_punctuation_are_never_found(key):
    index = KeyIndex()
    assert index.add(key, exact=False) is None
    index.finish()
    assert index.find("Well... really?! - yes \u0301 \x00") == {}
    assert not can_be_found(fold(key))


def test_keys_with_symbols_are_found():
    assert found("I write C++ and c#; \N{DRAGON} costs 5 €", "C++", "C#", "\N{DRAGON}", "€") == [
        "C++",
        "C#",
        "\N{DRAGON}",
        "€",
    ]


def test_keys_that_mean_the_same_share_a_number():
    index = KeyIndex()
    assert index.add("Dragon", exact=False) == index.add("  dragon ", exact=False)
    assert index.add("Dragon", exact=True) != index.add("dragon", exact=True)


def test_a_hit_names_the_character_of_the_text_as_it_was_written():
    text = "\ufb01rst  CAFE\u0301 then dragon"
    index = KeyIndex()
    number = index.add("dragon", exact=False)
    index.finish()
    place = index.find(text)[number]
    assert text[find_original_place(text, place) :] == "dragon"


def test_of_a_long_text_the_end_is_searched():
    assert found("dragon " + "x " * MAX_SEARCHED_CHARACTERS, "dragon") == []
    assert found("x " * MAX_SEARCHED_CHARACTERS + "dragon", "dragon") == ["dragon"]


# Against a reference that knows no automaton


LETTERS = "abé"
WORDS = st.text(LETTERS, min_size=1, max_size=4)
TEXTS = st.lists(st.tuples(WORDS, st.sampled_from([" ", "  ", "-", "'", ", ", ""])), max_size=20).map(
    lambda parts: "".join(word + between for word, between in parts)
)
KEYS = st.lists(st.one_of(WORDS, st.tuples(WORDS, WORDS).map(" ".join)), min_size=1, max_size=12)


def naive(text: str, key: str) -> bool:
    tidy = re.sub(r"\s+", " ", text.lower())
    return re.search(rf"(?<!\w){re.escape(key.lower())}(?!\w)", tidy) is not None


@given(TEXTS, KEYS)
@example("ab ab", ["b", "ab ab", "ab"])
def test_the_automaton_finds_what_a_naive_search_for_whole_words_finds(text, keys):
    assert found(text, *keys) == [key for key in dict.fromkeys(keys) if naive(text, key)]


@given(TEXTS, KEYS)
def test_many_small_automata_find_what_one_finds(text, keys):
    before = lore_matching.SHARD_CHARACTERS
    together = found(text, *keys)
    lore_matching.SHARD_CHARACTERS = 1
    try:
        assert found(text, *keys) == together
    finally:
        lore_matching.SHARD_CHARACTERS = before


ANYTHING = st.text(
    st.sampled_from(
        "abAé \u0301\u0308\u200d\u00b4\ufb01ß\u0130\u1100\u1161가龙\n\t'\u2019.\u00a0\u3000\ufeff\U0001f409"
    ),
    max_size=30,
)


@given(st.lists(ANYTHING, max_size=8), st.lists(ANYTHING, min_size=1, max_size=8), st.booleans())
@example(["a ", "\u0301b"], ["a", "b"], False)
@example(["a \u00b4", "b"], ["a \u0301b"], False)
@example(["ar", "t", "ist ", "art"], ["art"], False)
def test_searching_a_growing_text_finds_what_searching_it_whole_finds(pieces, keys, exact):
    index = KeyIndex()
    for at, key in enumerate(keys):
        index.add(key, exact=exact and at % 2 == 0)
    index.finish()
    growing = index.start_growing()
    text = ""
    for piece in pieces:
        text += piece
        hits: Hits = growing.find(text)
        assert hits == index.find(text)


@given(st.lists(ANYTHING, min_size=1, max_size=8), st.lists(ANYTHING, min_size=1, max_size=8))
def test_a_transcript_that_changes_its_mind_is_searched_anew(texts, keys):
    index = KeyIndex()
    for key in keys:
        index.add(key, exact=False)
    index.finish()
    growing = index.start_growing()
    for text in texts:
        assert growing.find(text) == index.find(text)


def test_a_growing_text_looks_again_only_at_its_last_word():
    index = KeyIndex()
    index.add("dragon", exact=False)
    index.finish()
    growing = index.start_growing()
    growing.find("the red dragon sle")
    assert growing.settled == "the red dragon "


@given(ANYTHING)
def test_folding_twice_changes_nothing_more_for_keys(text):
    assert fold(fold(text)).strip() == fold(text).strip()
