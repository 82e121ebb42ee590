"""Lorebooks from elsewhere: every format that is read, what survives the way back out, and files that are refused."""

from __future__ import annotations

import base64
import json
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harry.errors import ConfigurationError
from harry.memory.lore.activation import Budget, judge
from harry.memory.lore.importing import MAX_JSON_BYTES, MAX_PICTURE_BYTES, explain_silent, read_book, serialize_book
from harry.memory.lore.model import (
    MAX_CONTENT_CHARACTERS,
    MAX_ENTRIES,
    MAX_KEY_CHARACTERS,
    MAX_KEYS,
    MAX_KEYS_CHARACTERS,
    Book,
    Entry,
    refuse_too_large,
)
from harry.memory.lore.rules import LoreIndex
from tests.support.paths import DATA

BOOKS = DATA / "lore"


def written(folder: Path, content: Any, name: str = "book.json") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return path


def refusal(folder: Path, content: Any) -> str:
    with pytest.raises(ConfigurationError) as refused:
        read_book(written(folder, content))
    return str(refused.value)


# The formats


def test_a_v3_book_comes_back_out_as_it_went_in():
    found = read_book(BOOKS / "book.json")
    assert found.kind == "a V3 lorebook"
    assert json.loads(serialize_book(found.book)) == json.loads((BOOKS / "book.json").read_bytes())


def test_the_fields_of_a_v3_book_mean_what_they_say():
    book = read_book(BOOKS / "book.json").book
    assert (book.name, book.scan_depth, book.token_budget, book.recursive_scanning) == ("The valley", 3, 400, True)
    mill, cat, season, inn = book.entries
    assert mill.keys == ("mill", "watermill")
    assert mill.secondary_keys == ("flood", "river")
    assert (mill.selective, mill.priority, mill.id, mill.insertion_order) == (True, 5, 7, 10)
    assert (cat.use_regex, cat.case_sensitive, cat.id, cat.insertion_order) == (True, True, "cat", 20.5)
    assert season.constant
    assert not inn.enabled


@pytest.mark.parametrize("version", ["2", "3"])
def test_the_book_in_a_card_is_read(tmp_path, version):
    book = json.loads((BOOKS / "book.json").read_bytes())["data"]
    card = {
        "spec": f"chara_card_v{version}",
        "spec_version": f"{version}.0",
        "data": {"name": "Mara", "character_book": book},
    }
    found = read_book(written(tmp_path, card))
    assert found.kind == f"the lorebook of a V{version} card"
    assert found.book == read_book(BOOKS / "book.json").book
    del book["name"]
    assert read_book(written(tmp_path, card)).book.name == "Mara"


def test_a_card_for_a_newer_specification_is_read_with_a_word_about_it(tmp_path):
    card = {"spec": "chara_card_v3", "spec_version": "3.1", "data": {"name": "M", "character_book": {"entries": []}}}
    assert "newer specification" in read_book(written(tmp_path, card)).notes[0]


def test_a_sillytavern_world_is_read():
    found = read_book(BOOKS / "world.json")
    assert (found.kind, found.book.name) == ("a SillyTavern world", "world")
    lantern, harbour = found.book.entries
    assert (lantern.keys, lantern.secondary_keys) == (("lantern", "/lamps?/i"), ("oil",))
    assert (lantern.insertion_order, lantern.comment, lantern.enabled) == (50, "Lantern", True)
    assert not harbour.enabled
    assert lantern.extensions["sillytavern"]["probability"] == 80
    assert lantern.extensions["sillytavern"]["selectiveLogic"] == 2


def test_a_novelai_lorebook_is_read():
    found = read_book(BOOKS / "story.lorebook")
    assert (found.kind, found.book.name) == ("a NovelAI lorebook", "story")
    edda, fog, gull = found.book.entries
    assert (edda.constant, edda.comment, edda.priority) == (True, "Edda", 300)
    assert not fog.enabled
    assert not gull.enabled  # its category is switched off
    assert edda.extensions["novelai"]["loreBiasGroups"] == [{"phrases": [], "bias": 0}]
    assert found.book.extensions["novelai"]["categories"][1]["name"] == "Birds"


@pytest.mark.parametrize("name", ["world.json", "story.lorebook", "book.json"])
def test_what_harry_does_not_know_survives_a_way_out_and_in_again(tmp_path, name):
    book = read_book(BOOKS / name).book
    assert read_book(written(tmp_path, serialize_book(book).encode())).book == book


def test_entries_with_the_same_id_are_both_kept(tmp_path):
    book = read_book(written(tmp_path, {"entries": [{"id": 1, "keys": ["a"]}, {"id": 1, "keys": ["b"]}]})).book
    assert [(entry.id, entry.keys) for entry in book.entries] == [(1, ("a",)), (1, ("b",))]


def test_a_book_without_a_name_is_called_after_its_file(tmp_path):
    assert read_book(written(tmp_path, {"entries": []}, "castle.json")).book.name == "castle"


def test_nulls_count_as_left_out_and_a_line_of_secondary_keys_as_several(tmp_path):
    given = {"keys": None, "constant": None, "insertion_order": None, "secondary_keys": "gold, , hoard"}
    entry = read_book(written(tmp_path, {"entries": [given]})).book.entries[0]
    assert entry == Entry(secondary_keys=("gold", "hoard"))


def test_patterns_that_cannot_be_run_are_told_of(tmp_path):
    entries = [{"keys": ["("], "use_regex": True}, {"keys": ["/(?<=a)b/"]}, {"keys": ["("]}]
    assert read_book(written(tmp_path, {"entries": entries})).notes == (
        "2 entries have a pattern that cannot be run and never matches.",
    )


TOLD = "The dragon is called Ember."
WORLD = {"uid": 0, "key": ["dragon"], "content": TOLD, "constant": False, "order": 100, "disable": False}
AGNAI = {"name": "d", "entry": TOLD, "keywords": ["dragon"], "priority": 10, "weight": 20, "enabled": True}
RISU = {
    "key": "dragon, wyrm",
    "comment": "d",
    "content": TOLD,
    "mode": "normal",
    "insertorder": 7,
    "alwaysActive": False,
}


@pytest.mark.parametrize(
    ("book", "kind"),
    [
        ({"kind": "memory", "name": "B", "entries": [AGNAI]}, "an Agnai book"),
        ({"type": "risu", "ver": 1, "data": [{**RISU, "secondkey": "", "selective": False}]}, "a Risu lorebook"),
        ({"data": [RISU]}, "a Risu lorebook"),
        ({"entries": [WORLD]}, "a SillyTavern world"),
        ({"entries": {"5": {"keys": ["dragon"], "content": TOLD}}}, "a lorebook"),
        ({"entries": [{"keys": "wyrm, dragon", "content": TOLD}]}, "a lorebook"),
        ({"entries": [{"keys": ["dragon", None, 7], "content": TOLD, "enabled": "true"}]}, "a lorebook"),
        ({"entries": {"0": {**WORLD, "order": "", "caseSensitive": ""}}}, "a SillyTavern world"),
        ({"entries": {"0": {**WORLD, "order": "12.5", "disable": "no"}}}, "a SillyTavern world"),
        ({"entries": {"0": {**WORLD, "extensions": [], "comment": 12}}}, "a SillyTavern world"),
    ],
)
def test_books_of_many_programs_fire_on_their_keys(tmp_path, book, kind):
    found = read_book(written(tmp_path, book))
    assert (found.kind, found.left_out) == (kind, ())
    index = LoreIndex([found.book])
    fired = judge(index, ["A dragon!"], [index.keys.find("A dragon!")], budget=Budget(1000, len))
    assert [verdict.text for verdict in fired] == [TOLD]
    assert explain_silent(found.book) == []


@pytest.mark.parametrize(
    "bad",
    [
        {"keys": [["x"]], "content": "x"},
        {"keys": ["x"], "enabled": "perhaps"},
        "no entry at all",
        {"keys": ["k"] * (MAX_KEYS + 1), "comment": "long"},
        {"keys": ["x"], "content": "x" * (MAX_CONTENT_CHARACTERS + 1)},
        {"keys": ["x"], "insertion_order": "soon"},
    ],
)
def test_one_bad_entry_is_left_out_alone_and_told(tmp_path, bad):
    good = {"keys": ["dragon"], "content": TOLD}
    found = read_book(written(tmp_path, {"entries": [good, bad, good]}))
    assert [entry.content for entry in found.book.entries] == [TOLD, TOLD]
    assert [left.place for left in found.left_out] == ["number 2"]
    assert found.left_out[0].why


def test_what_can_never_fire_is_told_with_the_reason(tmp_path):
    entries = [
        {"keys": ["a"], "content": "x"},
        {"keys": ["b"], "content": "x", "enabled": False},
        {"keys": ["c"], "content": " "},
        {"keys": ["?!"], "content": "x"},
        {"keys": [], "content": "x"},
        {"keys": ["("], "content": "x", "use_regex": True},
        {"keys": ["d"], "content": "@@dont_activate\nx"},
        {"keys": [], "content": "x", "constant": True},
    ]
    silent = explain_silent(read_book(written(tmp_path, {"entries": entries})).book)
    assert [verdict.reason for verdict in silent] == [
        "disabled", "empty", "no usable key", "no usable key", "bad pattern", "decorator",
    ]  # fmt: skip


TEXTS = st.text(max_size=10)
ANYTHING = st.recursive(st.none() | st.booleans() | st.integers() | TEXTS, lambda inner: st.lists(inner, max_size=3))
WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)


@given(
    st.builds(
        Entry,
        keys=st.lists(WORDS, max_size=3).map(tuple),
        content=WORDS,
        secondary_keys=st.lists(WORDS, max_size=3).map(tuple),
        enabled=st.booleans(),
        constant=st.booleans(),
        selective=st.booleans(),
        use_regex=st.booleans(),
        case_sensitive=st.none() | st.booleans(),
        insertion_order=st.integers(-(10**12), 10**12) | st.floats(-1e12, 1e12),
        priority=st.none() | st.integers(-(10**12), 10**12),
        id=st.none() | st.integers(-(2**63), 2**63 - 1) | WORDS,
        name=st.none() | WORDS,
        comment=st.none() | WORDS,
        extensions=st.dictionaries(WORDS, st.integers() | WORDS | st.none(), max_size=3),
        extra=st.dictionaries(st.sampled_from(["one", "two"]), st.integers() | WORDS | st.none(), max_size=2),
    )
)
def test_every_entry_comes_back_as_it_was(tmp_path_factory, entry):
    path = written(tmp_path_factory.mktemp("books"), serialize_book(Book("b", (entry,))).encode())
    assert read_book(path).book == Book("b", (entry,))


# Pictures


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def picture(*texts: tuple[bytes, bytes]) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    inside = b"".join(chunk(b"tEXt", keyword + b"\0" + value) for keyword, value in texts)
    return b"\x89PNG\r\n\x1a\n" + header + inside + chunk(b"IDAT", zlib.compress(b"\0\0")) + chunk(b"IEND", b"")


def card(name: str) -> bytes:
    inside = {"spec": "chara_card_v3", "data": {"name": name, "character_book": {"entries": [{"keys": ["é"]}]}}}
    return base64.b64encode(json.dumps(inside, ensure_ascii=False).encode())


def test_the_card_in_a_picture_is_read(tmp_path):
    found = read_book(written(tmp_path, picture((b"Comment", b"x"), (b"chara", card("old"))), "mara.png"))
    assert found.book.name == "old"
    assert found.book.entries[0].keys == ("é",)


def test_the_newer_of_two_cards_in_a_picture_counts(tmp_path):
    assert read_book(written(tmp_path, picture((b"chara", card("old")), (b"ccv3", card("new"))))).book.name == "new"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (picture(), "is a picture without a card"),
        (picture((b"ccv3", b"!!!")), "The card in .* is damaged"),
        (picture((b"ccv3", base64.b64encode(b"{"))), "is not whole JSON"),
        (picture((b"ccv3", card("x")))[:60], "is a picture without a card"),
        (b"\x89PNG\r\n\x1a\n\xff\xff\xff\xfftEXt", "is a picture without a card"),
        (b"\x89PNG\r\n\x1a\n", "is a picture without a card"),
    ],
)
def test_a_picture_without_a_whole_card_is_refused(tmp_path, content, says):
    path = written(tmp_path, content)
    with pytest.raises(ConfigurationError, match=says):
        read_book(path)


def test_a_card_larger_than_a_book_may_be_is_refused(tmp_path):
    assert "larger than 8 MB" in refusal(tmp_path, picture((b"ccv3", b"A" * (MAX_JSON_BYTES * 4 // 3 + 8))))


# Files that are no book


def test_half_a_file_is_refused_with_the_place(tmp_path):
    whole = (BOOKS / "book.json").read_bytes()
    for end in (1, 40, len(whole) // 2, len(whole) - 3):
        assert "is not whole JSON" in refusal(tmp_path, whole[:end])
    assert "line 1 column" in refusal(tmp_path, b'{"entries": [')


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is not whole JSON"),
        (b"[]", "holds no lorebook"),
        (b"3", "holds no lorebook"),
        (b"{}", "holds no lorebook"),
        (b'{"spec": "chara_card_v2", "data": {"name": "x"}}', "is a card without a lorebook"),
        (b'{"spec": "chara_card_v2"}', "is a card without a lorebook"),
        (b'{"spec": "lorebook_v3"}', "the whole: "),
        (b'{"spec": "lorebook_v3", "data": []}', "the whole: "),
        (b'{"entries": [{"keys": {"dragon": 1}}]}', "entries number 1 keys: "),
        (b'{"entries": [{"keys": [["x"]]}]}', "entries number 1 keys number 1: "),
        (b'{"entries": [{"enabled": "perhaps"}]}', "entries number 1 enabled: "),
        (b'{"entries": [{"insertion_order": 1e999}]}', "insertion_order"),
        (b'{"entries": [{"insertion_order": NaN}]}', "NaN is no number"),
        (b'{"entries": {"0": {"key": true}}}', "entries 0 key: "),
        (b'{"lorebookVersion": 4, "entries": [3]}', "entries number 1: "),
        (b'{"entries": [{"insertion_order": ' + b"1" * 5000 + b"}]}", "cannot|can be read|insertion_order"),
        (b"[" * 200_000, "nested too deeply"),
        (b"\xff\xfe{\x00", "is not text in UTF-8"),
        (b"PK\x03\x04rest", "is an archive"),
    ],
)
def test_a_file_that_is_no_book_is_refused_in_a_sentence(tmp_path, content, says):
    path = written(tmp_path, content)
    with pytest.raises(ConfigurationError, match=says) as refused:
        read_book(path)
    assert len(str(refused.value)) < 500 + len(str(path))


def test_a_file_that_is_not_there_or_a_folder_is_refused(tmp_path):
    for path in (tmp_path / "nothing.json", tmp_path):
        with pytest.raises(ConfigurationError, match="cannot be read"):
            read_book(path)


def test_a_book_of_ten_megabytes_is_refused(tmp_path):
    assert "larger than 8 MB" in refusal(tmp_path, {"entries": [{"content": "x" * 10_000_000}]})


def test_a_file_is_not_read_beyond_its_largest_size(tmp_path):
    path = tmp_path / "huge.png"
    with path.open("wb") as file:
        file.truncate(MAX_PICTURE_BYTES + 1)
    with pytest.raises(ConfigurationError, match="larger than 32 MB"):
        read_book(path)


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ({"keys": ["k"] * (MAX_KEYS + 1)}, "more than 200 keys"),
        ({"secondary_keys": ["k"] * (MAX_KEYS + 1)}, "more than 200 keys"),
        ({"keys": ["k" * (MAX_KEY_CHARACTERS + 1)]}, "a key of more than 1000 characters"),
        ({"content": "x" * (MAX_CONTENT_CHARACTERS + 1)}, "more than 100000 characters of content"),
    ],
)
def test_an_entry_beyond_its_bounds_is_refused(tmp_path, entry, says):
    assert says in refusal(tmp_path, {"entries": [entry]})


def test_more_than_a_persona_can_have_is_refused():
    entry = Entry(keys=("k" * MAX_KEY_CHARACTERS,) * 10)
    refuse_too_large([Book("b", (entry,) * (MAX_KEYS_CHARACTERS // MAX_KEY_CHARACTERS // 10))])
    with pytest.raises(ConfigurationError, match="All keys together"):
        refuse_too_large([Book("b", (entry,) * (MAX_KEYS_CHARACTERS // MAX_KEY_CHARACTERS // 10 + 1))])
    with pytest.raises(ConfigurationError, match=r"50001 entries"):
        refuse_too_large([Book("b", (Entry(),) * MAX_ENTRIES), Book("c", (Entry(),))])


def test_halves_of_surrogate_pairs_are_mended(tmp_path):
    book = read_book(
        written(tmp_path, rb'{"entries": [{"keys": ["\ud800"], "content": "a\udc00b", "\ud801": 1}]}')
    ).book
    assert book.entries[0].keys == ("\ufffd",)
    assert book.entries[0].content == "a\ufffdb"
    serialize_book(book).encode()
