"""The dense index: signs first, then true products, and nothing left of what was forgotten."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from harry.errors import EngineUnavailable
from harry.memory.search import embedding
from harry.memory.search.embedding import Embedder, combine_vectors
from harry.memory.search.vectors import DIMENSIONS, Vectors, _wide, count_to_rescore, find_nearest


def unit(rows: int, seed: int = 1) -> np.ndarray:
    found = np.random.default_rng(seed).standard_normal((rows, DIMENSIONS)).astype(np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def held(vectors: np.ndarray) -> Vectors:
    return Vectors([vector.astype(np.float16).tobytes() for vector in vectors])


@given(arrays(np.float16, (3, 4), elements=st.floats(-1, 1, width=16)))
def test_widening_by_bits_is_numpys_widening(narrow):
    assert (_wide(narrow) == narrow.astype(np.float32)).all()


def test_a_distance_is_the_count_of_signs_that_differ():
    vectors = unit(50)
    distances = held(vectors).count_differences(vectors[7])
    expected = ((vectors.astype(np.float16) < 0) != (vectors[7].astype(np.float16) < 0)).sum(axis=1)
    assert distances.tolist() == expected.tolist()
    assert distances[7] == 0


def test_products_are_cosines():
    vectors = unit(20)
    assert np.allclose(
        held(vectors).compute_cosines(np.array([3, 9]), vectors[0]), vectors[[3, 9]] @ vectors[0], atol=1e-3
    )


def test_the_scan_over_signs_keeps_the_ten_nearest():
    topics = unit(200, seed=2)
    vectors = topics[np.arange(20_000) % 200] + unit(20_000, seed=3)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    index = held(vectors)
    kept = 0
    for number in range(20):
        question = vectors[number * 37] + 0.5 * unit(1, seed=number + 10)[0]
        question /= np.linalg.norm(question)
        truly = set(np.argsort(-(vectors @ question))[:10].tolist())
        kept += len(truly & set(find_nearest(index.count_differences(question), count_to_rescore(20_000)).tolist()))
    assert kept >= 0.95 * 200


def test_a_row_without_a_vector_is_never_near():
    vectors = unit(5)
    index = Vectors([vectors[0].astype(np.float16).tobytes(), None, None])
    assert find_nearest(index.count_differences(vectors[0]), 3).tolist() == [0]
    assert np.isnan(index.compute_cosines(np.array([1]), vectors[0])[0])


def test_a_forgotten_vector_is_wiped():
    vectors = unit(3)
    index = held(vectors)
    index.forget(1)
    assert 1 not in find_nearest(index.count_differences(vectors[1]), 3).tolist()
    assert not index._v[1].any()
    assert not index._bits[:, 1].any()


def test_nothing_is_near_in_an_empty_index():
    assert find_nearest(Vectors([]).count_differences(unit(1)[0]), 10).tolist() == []


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    try:
        return Embedder.load()
    except EngineUnavailable:
        pytest.skip("the model is not installed")


def test_the_model_gives_the_vectors_it_is_known_for(embedder):
    found = embedder.encode(["This is a test."])
    assert found.shape == (1, 384)
    assert np.linalg.norm(found[0]) == pytest.approx(1, abs=1e-5)


def test_what_means_the_same_lies_nearer_than_what_does_not(embedder):
    cat, kitten, tax = embedder.encode(["A kitten sleeps on the sofa.", "The little cat naps.", "Taxes rose again."])
    assert cat @ kitten > cat @ tax + 0.3


def test_products_of_whole_numbers_give_nearly_the_vectors_of_the_model_as_it_was(embedder, monkeypatch):
    texts = ["A kitten sleeps on the sofa.", "Taxes rose again.", "When did Ann go?"]
    monkeypatch.setattr(embedding, "quantize_products", lambda _: None)
    plain = Embedder.load().encode(texts)
    fast = embedder.encode(texts)
    assert ((plain * fast).sum(axis=1) > 0.98).all()
    assert not np.allclose(plain, fast, atol=1e-6), "the graph was not changed"


def test_many_texts_get_the_same_vectors_as_one_by_one(embedder):
    texts = [f"sentence number {number}" for number in range(9)]
    assert np.allclose(embedder.encode_many(texts), embedder.encode(texts), atol=1e-6)


@pytest.mark.parametrize("text", ["", "\x00", "\U0001f600" * 500, "word " * 5000, "\u4e2d" * 2000])
def test_any_text_has_a_vector(embedder, text):
    assert np.isfinite(embedder.encode([text])).all()


def test_a_turns_vector_lies_between_that_of_its_words_and_that_with_the_turn_before():
    one, other = unit(2)
    both = np.frombuffer(combine_vectors(one, other), np.float16).astype(np.float32)
    assert both @ one == pytest.approx(both @ other, abs=2e-3)
    assert np.linalg.norm(both) == pytest.approx(1, abs=2e-3)
