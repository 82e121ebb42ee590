"""A reply in JSON is read while it grows, however badly it is written."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harry.mind.partial_json import MAX_DEPTH, MAX_OBJECT_CHARACTERS, ReplyReader

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


def read(text: str, length: int = 1) -> tuple[str, dict[str, Any], ReplyReader]:
    reader = ReplyReader()
    spoken = "".join(reader.feed(text[at : at + length]) for at in range(0, len(text), length))
    fields = dict(reader.end())
    assert reader.spoken.startswith(spoken)
    return spoken, fields, reader


@given(st.dictionaries(st.text(max_size=6), VALUES, max_size=5), st.text(max_size=40), st.integers(1, 9), st.booleans())
def test_every_object_comes_out_as_json_would_read_it_however_it_is_cut(
    fields: dict[str, Any], words: str, length: int, plain: bool
) -> None:
    whole = {**fields, "response": words}
    text = json.dumps(whole, ensure_ascii=plain)
    spoken, got, reader = read(text, length)
    expected = json.loads(text)
    assert got == expected
    assert spoken == expected["response"]
    assert reader.complete


@given(st.text(max_size=60), st.integers(0, 200))
def test_of_every_prefix_a_prefix_of_the_words_is_spoken(words: str, cut: int) -> None:
    text = json.dumps({"mood": "calm", "response": words, "goal": "rest"})
    spoken, fields, reader = read(text[:cut])
    assert json.loads(text)["response"].startswith(spoken)
    assert fields.get("response", "") == spoken or not spoken
    assert reader.complete == (cut >= len(text))


@given(st.text(max_size=200), st.integers(1, 20))
def test_whatever_comes_is_read_without_an_error_and_alike_however_it_is_cut(text: str, length: int) -> None:
    assert read("{" + text, length)[:2] == read("{" + text)[:2]
    read(text, length)


@given(st.text("{}[]\",:\\u09dDafn'` \n", max_size=80))
def test_not_even_what_looks_like_json_is_an_error(text: str) -> None:
    read(text)
    read('{"response": "' + text)


def test_speech_begins_before_the_object_ends() -> None:
    reader = ReplyReader()
    assert reader.feed('```json\n{"mood": "warm", "response": "Good mor') == "Good mor"
    assert reader.speaking
    assert reader.feed('ning.", "goal') == "ning."
    assert not reader.speaking
    assert reader.feed('": "tea"}\n```') == ""
    assert reader.end() == {"mood": "warm", "response": "Good morning.", "goal": "tea"}
    assert reader.complete


@pytest.mark.parametrize(
    ("text", "spoken", "fields"),
    [
        ('{"response": "Yes", "mood": "ca', "Yes", {"response": "Yes"}),
        ('{"response": "Yes', "Yes", {"response": "Yes"}),
        ('{"response": "Yes", "n": 12', "Yes", {"response": "Yes"}),
        ('{"response": "Yes", "n": 1' + "0" * 5000 + "}", "Yes", {"response": "Yes", "n": "1" + "0" * 5000}),
        ('```json\n{"response": "Yes", "sure": True}\n```', "Yes", {"response": "Yes", "sure": True}),
        ('{"a": {"response": "no"}, "response": "yes"}', "yes", {"a": {"response": "no"}, "response": "yes"}),
        ('{"response": "one", "response": "two"}', "one", {"response": "one"}),
        ('{"response": "a" "mood": "b"}', "a", {"response": "a", "mood": "b"}),
        ("{response: 'a', mood: calm, n: 3,}", "a", {"response": "a", "mood": "calm", "n": 3}),
        ('{"response": "line\nbreak \\q \\ud83d\\ude00 \\ud83d."}', "line\nbreak q 😀 �.", None),
        ('[{"response": "listed"}]', "listed", {"response": "listed"}),
        ('{"response": null, "tags": ["a", 1, true]}', "", {"response": None, "tags": ["a", 1, True]}),
        ("Just words.", "Just words.", {"response": "Just words."}),
        ('Here it is: {"response": "yes"}', "Here it is: yes", None),
        ("", "", {}),
        ("  ", "", {}),
        ("{}", "", {}),
    ],
)
def test_careless_replies(text: str, spoken: str, fields: dict[str, Any] | None) -> None:
    reader = ReplyReader()
    assert reader.feed(text) == spoken
    got = reader.end()
    if fields is not None:
        assert got == fields


def test_what_never_closes_takes_neither_for_ever_nor_all_memory() -> None:
    reader = ReplyReader()
    assert len(reader.feed('{"response": "' + "x" * (MAX_OBJECT_CHARACTERS * 2))) <= MAX_OBJECT_CHARACTERS
    assert reader.feed("x" * 1000) == ""
    assert not reader.complete
    deep = ReplyReader()
    deep.feed('{"a": ' + "[" * 5000 + "]" * 5000 + ', "response": "out again"}')
    assert deep.end()["response"] == "out again"
    value, depth = deep.end()["a"], 0
    while value:
        value, depth = value[0], depth + 1
    assert depth < MAX_DEPTH
