"""How items are found: the words of a text, their weights, the order of what was found, and how it is told."""

from __future__ import annotations

import gc
import json
import sqlite3
import weakref
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harry.errors import EngineUnavailable
from harry.memory.search.bm25 import Postings, weigh_rarity
from harry.memory.search.embedding import Embedder
from harry.memory.search.index import SearchIndex
from harry.memory.search.ranking import Question, rank
from harry.memory.search.wordpiece import WordPiece
from harry.memory.store.items import Item, clean, put
from harry.memory.store.migrations.registry import migrate
from harry.memory.text.analysis import (
    STOP_WORDS,
    asks,
    asks_when,
    find_named,
    format_age,
    format_indexed,
    hash_query_terms,
    hash_term,
    hash_terms,
    split_words,
)
from harry.memory.text.irregular_verbs import BASE
from tests.support.golden_conversation import FOLDER, conversation, questions, recall

MAY = datetime(2023, 5, 8, 13, 56, tzinfo=UTC).timestamp()
DAY = 86_400.0

# The text


def test_the_index_text_holds_the_date_in_words_and_the_speaker():
    assert format_indexed("I ran a race.", speaker="Ann", at=MAY, zone=UTC) == "[8 May 2023] Ann: I ran a race."
    assert format_indexed("I ran a race.") == "I ran a race."
    assert format_indexed("A passage.", heading="Book > One") == "Book > One: A passage."


@pytest.mark.parametrize("at", [1e300, -1e300, 1e18])
def test_a_time_that_no_calendar_has_leaves_the_date_out(at):
    assert format_indexed("words", at=at) == "words"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("cafés", "CAFE"),
        ("Caroline's", "caroline"),
        ("Ann\N{RIGHT SINGLE QUOTATION MARK}s", "ann"),
        ("running", "runs"),
        ("went", "go"),
        ("bought", "buying"),
        ("\N{LATIN SMALL LIGATURE FI}sh", "fish"),
        ("STRASSE", "stra\N{LATIN SMALL LETTER SHARP S}e"),
    ],
)
def test_forms_of_a_word_are_one_term(one, other):
    assert [hash_term(word) for word in split_words(one)] == [hash_term(word) for word in split_words(other)]


def test_each_character_of_a_text_without_spaces_is_a_word():
    assert split_words("\u6771\u4eac tower") == ["\u6771", "\u4eac", "tower"]


def test_every_irregular_form_meets_its_base():
    assert all(hash_term(form) == hash_term(base) for form, base in BASE.items())


@given(st.text())
def test_any_text_has_terms(text):
    assert len(hash_terms(text)) == len(split_words(text))
    assert len(hash_query_terms(text)) == len(set(hash_query_terms(text).tolist()))


def test_a_question_is_asked_by_the_words_that_tell_something():
    assert hash_query_terms("When did Caroline go to the party?").tolist() == [
        hash_term("caroline"),
        hash_term("go"),
        hash_term("party"),
    ]
    assert hash_query_terms("who are you").tolist() == [hash_term("who"), hash_term("are"), hash_term("you")], (
        "nothing was left to ask"
    )
    assert all(split_words(word) == [word] for word in STOP_WORDS), "a stop word that no text can contain"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("Do you?", True), ("Do you? Yes.", False), ('He said "why?"', True), ("\uff1f", True), ("", False)],
)
def test_what_ends_with_a_question_mark_asks(text, expected):
    assert asks(text) is expected


def test_a_question_after_a_time_is_known():
    assert asks_when("When did she leave?")
    assert asks_when("In what year was it?")
    assert not asks_when("What did she whenever?")


def test_a_speaker_is_named_by_any_of_the_names_and_by_i():
    speakers = ["Ann Lee", "Bob", "you"]
    assert find_named("What does ann like?", speakers, "you") == {"Ann Lee"}
    assert find_named("Does Bob know Lee?", speakers, "you") == {"Ann Lee", "Bob"}
    assert find_named("What did I say?", speakers, "you") == {"you"}
    assert find_named("What do you like about bobsleighs?", speakers, "you") == set()


@pytest.mark.parametrize(
    ("passed", "said"),
    [
        (0, "just now"),
        (59, "just now"),
        (60, "1 minute ago"),
        (3599, "59 minutes ago"),
        (2 * 3600, "2 hours ago"),
        (DAY, "yesterday"),
        (3 * DAY, "3 days ago"),
        (7 * DAY, "1 week ago"),
        (22 * DAY, "3 weeks ago"),
        (40 * DAY, "1 month ago"),
        (364 * DAY, "11 months ago"),
        (800 * DAY, "2 years ago"),
        (-30, "just now"),
        (-DAY, "in the future"),
    ],
)
def test_how_long_ago_is_said_as_people_say_it(passed, said):
    assert format_age(MAY, MAY + passed) == said


def test_what_has_no_time_was_some_time_ago():
    assert format_age(None, MAY) == "some time ago"


@given(st.floats(0, 4e9), st.floats(0, 4e9))
def test_a_longer_time_is_never_said_to_be_shorter(one, other):
    def days(said: str) -> float:
        if said in ("just now", "yesterday"):
            return {"just now": 0.0, "yesterday": 1.0}[said]
        count, unit, _ = said.split()
        sizes = {"minute": 1 / 1440, "hour": 1 / 24, "day": 1, "week": 7, "month": 30.4, "year": 365.2}
        return int(count) * sizes[unit.rstrip("s")]

    less, more = sorted((one, other))
    assert days(format_age(0.0, less)) <= days(format_age(0.0, more)) + 1e-9


# The weights


def postings(*texts: str, follows: bool = True) -> Postings:
    rows = [hash_terms(text) for text in texts]
    lengths = np.array([len(row) for row in rows], np.int64)
    after = np.array([follows and number > 0 for number in range(len(rows))], bool)
    return Postings(np.concatenate(rows), lengths, after, np.empty(0, np.uint32))


def test_an_index_that_was_replaced_is_gone_without_a_collection() -> None:
    index = postings("a kitten", "a tax form")
    index.add(hash_term("kitten"), 1.0, np.zeros(2, np.float32))
    held = weakref.ref(index.term.__wrapped__.__self__)  # type: ignore[attr-defined]
    gc.disable()
    try:
        del index
        assert held() is None
    finally:
        gc.enable()


def weight(index: Postings, word: str) -> dict[int, float]:
    rows, weights = index.term(hash_term(word))
    return dict(zip(rows.tolist(), weights.tolist(), strict=True))


def test_a_row_scores_for_its_own_words_and_less_for_those_before_it():
    found = weight(postings("a cat sat", "so what", "a dog barked"), "cat")
    assert set(found) == {0, 1}
    assert found[0] > 2 * found[1] > 0


def test_words_before_count_only_where_a_row_follows():
    assert set(weight(postings("a cat sat", "so what", follows=False), "cat")) == {0}


def test_weights_are_those_of_bm25_over_both_fields():
    index = postings("cat cat dog", "cat bird")
    lengths = {0: 3, 1: 5}
    for row, frequency in {0: 2.0, 1: 1 + 2 * 0.35}.items():
        norm = 1.2 * (0.25 + 0.75 * lengths[row] / 4)
        assert weight(index, "cat")[row] == pytest.approx(frequency * 2.2 / (frequency + norm))


@settings(max_examples=50)
@given(st.lists(st.lists(st.sampled_from("abcdef"), max_size=6), min_size=1, max_size=30), st.data())
def test_adding_up_terms_is_the_same_by_rows_and_by_columns(rows, data):
    index = postings(*[" ".join(f"{each}{each}" for each in row) for row in rows])
    word = hash_term(data.draw(st.sampled_from(["aa", "bb", "zz"])))
    scores = np.zeros(len(rows), np.float32)
    index.add(word, 2.0, scores)
    found, weights = index.term(word)
    expected = np.zeros(len(rows), np.float32)
    expected[found] = weights * 2
    assert np.allclose(scores, expected)
    assert len(set(found.tolist())) == len(found)
    assert index.rows_with(word) == len(found)


def test_a_word_that_half_of_the_rows_hold_weighs_nothing_and_a_rare_one_much():
    assert weigh_rarity(1000, 600) == pytest.approx(1e-6)
    assert weigh_rarity(1000, 1) > weigh_rarity(1000, 10) > weigh_rarity(1000, 100) > 0
    assert weigh_rarity(3, 2) > 1, "in a small store a word that two rows hold says something"


# The order


def index_of(items: list[Item], vectors: dict[str, bytes] | None = None, kind: str = "memory") -> SearchIndex:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection)
    for item in items:
        seq = put(connection, clean(item))
        if vectors and item.id in vectors:
            connection.execute("INSERT INTO vec VALUES (?, 'all-MiniLM-L6-v2-int8', ?)", (seq, vectors[item.id]))
    index = SearchIndex(items[0].namespace if items else "u", kind)
    index.read(connection)
    connection.close()
    return index


def talk(*lines: str, kind: str = "memory") -> list[Item]:
    items = []
    for number, line in enumerate(lines):
        speaker, _, text = line.partition(": ")
        items.append(Item(str(number), text, "u", kind, speaker, MAY + 30 * number))  # type: ignore[arg-type]
    return items


FILLER = [
    f"{'Ann' if number % 2 else 'Bob'}: There was {word} in the {place} again."
    for number, (word, place) in enumerate(
        (word, place)
        for place in ("kitchen", "office", "garden", "cellar")
        for word in ("rain", "soup", "ink", "tea", "paint")
    )
]


def first(question: str, *lines: str, kind: str = "memory") -> int:
    return rank(Question.read(question), [index_of(talk(*lines, kind=kind), kind=kind)], 5)[0].seq - 1


def test_the_turn_with_the_words_comes_first():
    assert first("Who adopted a kitten?", *FILLER, "Bob: I adopted a kitten at last.") == 20


def test_the_answer_is_found_by_the_words_of_the_question_before_it():
    lines = [*FILLER, "Ann: Did you ever visit Norway?", "Bob: Only once, with my cousin, in winter.", *FILLER]
    assert first("Has Bob been to Norway?", *lines) == 21


def test_the_named_speaker_comes_before_the_other_one():
    lines = [*FILLER, "Ann: My guitar is red now.", *FILLER, "Bob: My guitar is red now.", *FILLER]
    assert first("What does Ann's guitar look like?", *lines) == 20
    assert first("What does Bob's guitar look like?", *lines) == 41


def test_a_question_is_rarely_the_answer_but_only_in_conversation():
    lines = [*FILLER, "Ann: Is the harbour old and grey?", *FILLER, "Ann: The harbour is old and grey.", *FILLER]
    assert first("harbour", *lines) == 41
    assert (
        first("old harbour", "Ann: Is the harbour old?", *FILLER, "Ann: Old was it at the harbour.", kind="note") == 0
    )


def test_a_time_is_looked_for_where_a_time_is_asked():
    lines = [*FILLER, "Ann: We climbed the old tower.", *FILLER, "Ann: We climbed the tower yesterday.", *FILLER]
    assert first("When did Ann climb the tower?", *lines) == 41


def test_rows_without_a_vector_yet_are_found_by_their_words():
    items = talk(*FILLER, "Bob: I adopted a kitten at last.")
    rng = np.random.default_rng(1)
    vectors = {item.id: rng.standard_normal(384).astype(np.float16).tobytes() for item in items[:-1]}
    question = Question("kitten", hash_query_terms("kitten"), rng.standard_normal(384).astype(np.float32))
    assert rank(question, [index_of(items, vectors)], 3)[0].seq == 21


@pytest.mark.parametrize("question", ["", " ", "?!", "\x00", "the of and", "\U0001f600", "x" * 10_000, "zebra"])
def test_any_question_has_an_answer_or_none_and_no_error(question):
    for lines in ([], ["Ann: one"], FILLER):
        items = talk(*lines)
        rank(Question.read(question), [index_of(items)] if items else [SearchIndex("u", "memory")], 5)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(max_size=30).filter(str.strip), min_size=1, max_size=20), st.text(max_size=30))
def test_scores_are_finite_and_fall_and_no_row_comes_twice(texts, question):
    hits = rank(Question.read(question), [index_of([Item(str(n), t, "u") for n, t in enumerate(texts)])], 50)
    scores = [hit.score for hit in hits]
    assert np.isfinite(scores).all()
    assert scores == sorted(scores, reverse=True)
    assert len({hit.seq for hit in hits}) == len(hits)


# The golden set


def asked(by_meaning: bool) -> tuple[float, float]:
    items = conversation()
    vectors: dict[str, bytes] = {}
    embedder = None
    if by_meaning:
        try:
            embedder = Embedder.load()
        except EngineUnavailable:
            pytest.skip("the model is not installed")
        texts = [f"{item.speaker}: {item.text}" for item in items]
        vectors = {
            item.id: vector.astype(np.float16).tobytes()
            for item, vector in zip(items, embedder.encode_many(texts), strict=True)
        }
    index = index_of(items, vectors)
    at5, at10 = [], []
    for question in questions():
        if question.evidence:
            vector = embedder.encode([question.text])[0] if embedder else None
            hits = rank(Question.read(question.text, vector), [index], 10)
            found = [items[hit.seq - 1].id for hit in hits]
            at5.append(recall(question, found, 5))
            at10.append(recall(question, found, 10))
    return float(np.mean(at5)), float(np.mean(at10))


def test_by_words_alone_most_of_the_golden_evidence_is_found():
    at5, at10 = asked(by_meaning=False)
    assert at5 >= 0.78
    assert at10 >= 0.84


def test_by_words_and_meaning_more_of_it_is_found():
    at5, at10 = asked(by_meaning=True)
    assert at5 >= 0.80
    assert at10 >= 0.88


def test_the_golden_set_names_turns_that_exist():
    ids = {item.id for item in conversation()}
    assert len(ids) > 200
    assert all(question.evidence <= ids for question in questions())


# The model's pieces


def test_texts_are_cut_into_the_pieces_that_the_model_learnt():
    pieces = WordPiece()
    for text, expected in json.loads((Path(FOLDER) / "wordpiece.json").read_text("utf-8")):
        if "[CLS]" not in text:  # what stands in a text is text here, no mark
            assert pieces.encode(text, 256) == expected, text


@given(st.text(), st.integers(3, 64))
def test_no_text_has_more_pieces_than_allowed(text, limit):
    assert 2 <= len(WordPiece_.encode(text, limit)) <= limit


WordPiece_ = WordPiece()
