"""Long-term memory: what is put into it is found, in its own namespace, until it is deleted or replaced."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.messages import Source, Thought, TurnRecord
from harry.errors import StoreError
from harry.memory.longterm.chunking import MAX_PASSAGE_WORDS, split_passages
from harry.memory.longterm.selection import FLOORS, MAX_MEMORY_CHARACTERS, are_alike, render, select
from harry.memory.longterm.selection import MAX_MEMORIES as MOST_MEMORIES
from harry.memory.longterm.service import Answer, Found, LongTermMemory
from harry.memory.search import index as derived
from harry.memory.store import items as items_module
from harry.memory.store.connection import connect
from harry.memory.store.database import Database
from harry.memory.store.items import MAX_CHANGES, Item, clean, index_records
from harry.memory.store.migrations.registry import MIGRATIONS, migrate, version

AT = 1_700_000_000.0


class FakeEmbedder:
    """Gives each word a direction of its own: texts that share words lie near one another."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def encode(self, texts: list[str]) -> np.ndarray:
        self.texts.extend(texts)
        found = np.zeros((len(texts), 384), np.float32)
        for row, text in enumerate(texts):
            for word in text.lower().split():
                found[row] += np.random.default_rng(sum(map(ord, word))).standard_normal(384)
        return found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9)

    encode_many = encode


def item(identity: str, text: str = "some words", **changes: object) -> Item:
    return replace(Item(identity, text, "ann", "memory", "Ann", AT), **changes)  # type: ignore[arg-type]


@pytest.fixture
async def memory(tmp_path: Path) -> AsyncIterator[LongTermMemory]:
    tables = await Database.open(tmp_path / "harry.sqlite3")
    opened = LongTermMemory(tables, FakeEmbedder())  # type: ignore[arg-type]
    yield opened
    await tables.aclose()


async def ids(memory: LongTermMemory, question: str, namespace: str = "ann", **more: object) -> list[str]:
    answer = await memory.search(question, namespace=namespace, **more)  # type: ignore[arg-type]
    return [found.item.id for found in answer.found]


# Keeping and finding


async def test_what_was_put_is_given_back_as_it_was(memory):
    whole = item("a", heading="Book > One", source="book.md", derived_from=("x", "y"), kind="note")
    await memory.upsert([whole])
    assert await memory.get("ann", "a") == whole
    assert await memory.get("bob", "a") is None


async def test_text_is_found_by_its_words_before_it_has_a_vector(memory):
    await memory.upsert([item("a", "a kitten"), item("b", "a tax form")])
    answer = await memory.search("kitten", namespace="ann")
    assert answer.tier == "words"
    assert answer.found[0].item.id == "a"


async def test_with_vectors_both_tiers_are_told_the_words_first(memory):
    await memory.upsert([item("a", "a kitten"), item("b", "a tax form")])
    assert await memory.embed_missing() == 2
    offered: list[Answer] = []
    answer = await memory.search("kitten", namespace="ann", offer=offered.append)
    assert [each.tier for each in offered] == ["words"]
    assert answer.tier == "both"


async def test_a_known_id_takes_the_new_text_in_its_old_place(memory):
    numbers = await memory.upsert([item("a", "an elephant"), item("b", "a kitten")])
    assert await memory.upsert([item("a", "a giraffe")]) == numbers[:1]
    assert await ids(memory, "elephant") == []
    assert (await ids(memory, "giraffe"))[0] == "a"


async def test_the_same_item_again_changes_nothing(memory):
    await memory.upsert([item("a")])
    await memory.embed_missing()
    await memory.upsert([item("a")])
    assert await memory.embed_missing() == 0


async def test_all_items_are_kept_or_none(memory):
    with pytest.raises(ValueError, match="no text"):
        await memory.upsert([item("a"), item("b", " ")])
    assert await memory.get("ann", "a") is None


@pytest.mark.parametrize(
    "wrong",
    [{"kind": "dream"}, {"id": ""}, {"namespace": ""}, {"text": "\n"}, {"at": float("nan")}, {"speaker": "x" * 5000}],
)
def test_what_cannot_be_kept_is_refused_with_a_sentence(wrong):
    with pytest.raises(ValueError, match=r"\w+ \w+"):
        clean(item("a", **wrong))


async def test_each_kind_is_searched_by_itself_and_tests_only_when_named(memory):
    kinds = ["memory", "journal", "book", "note", "soc", "test"]
    await memory.upsert([item(kind, "a kitten", kind=kind) for kind in kinds])
    for kind in kinds:
        assert await ids(memory, "kitten", kinds=[kind]) == [kind]
    assert sorted(await ids(memory, "kitten")) == sorted(set(kinds) - {"test"})


async def test_a_change_of_kind_moves_the_item(memory):
    await memory.upsert([item("a", "a kitten")])
    assert await ids(memory, "kitten", kinds=["memory"]) == ["a"]
    await memory.upsert([item("a", "a kitten", kind="note")])
    assert await ids(memory, "kitten", kinds=["memory"]) == []
    assert await ids(memory, "kitten", kinds=["note"]) == ["a"]


NAMES = st.text(min_size=1, max_size=12).filter(str.strip)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(NAMES, NAMES), min_size=1, max_size=8), NAMES)
def test_no_namespace_sees_another(tmp_path_factory, pairs, stranger):
    async def scenario() -> None:
        tables = await Database.open(tmp_path_factory.mktemp("ns") / "h.sqlite3")
        memory = LongTermMemory(tables)
        items = [clean(Item(identity, f"kitten {identity}", namespace)) for namespace, identity in pairs]
        await memory.upsert(items)
        for namespace in {each.namespace for each in items} | {stranger}:
            found = await memory.search("kitten", namespace=namespace, count=100)
            assert {each.item.namespace for each in found.found} <= {namespace}
            wanted = {each.id for each in items if each.namespace == namespace}
            assert {each.item.id for each in found.found} == wanted
        await tables.aclose()

    trio.run(scenario)


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from(["put", "gone", "vec"])), max_size=25), st.booleans()
)
def test_after_any_changes_the_index_finds_what_a_new_one_finds(tmp_path_factory, steps, shelved):
    async def scenario() -> None:
        tables = await Database.open(tmp_path_factory.mktemp("steps") / "h.sqlite3")
        memory, embedder = LongTermMemory(tables, FakeEmbedder()), FakeEmbedder()  # type: ignore[arg-type]
        await memory.upsert([item(f"base{n}", f"kitten number {n}") for n in range(5)])
        await memory.warm("ann", ["memory"])
        for number, (name, step) in enumerate(steps):
            if step == "put":
                await memory.upsert([item(name, f"kitten {name} {number}")])
            elif step == "gone":
                await memory.delete("ann", [name, "base3"])
            else:
                await memory.embed_missing()
            fresh = LongTermMemory(tables, embedder)  # type: ignore[arg-type]
            old = await memory.search("kitten", namespace="ann", kinds=["memory"], count=50)
            new = await fresh.search("kitten", namespace="ann", kinds=["memory"], count=50)
            assert {each.item.id for each in old.found} == {each.item.id for each in new.found}
            assert {each.item.text for each in old.found} == {each.item.text for each in new.found}
        await tables.aclose()

    smallest = derived._MIN_TAIL_ROWS
    derived._MIN_TAIL_ROWS = 3 if shelved else smallest  # with the small one, most changes go to the second shelf
    try:
        trio.run(scenario)
    finally:
        derived._MIN_TAIL_ROWS = smallest


async def test_what_another_process_writes_is_found_at_the_next_search(memory, tmp_path):
    assert await ids(memory, "kitten") == []
    other = connect(tmp_path / "harry.sqlite3", patience=1, writing=True)
    items_module.put(other, item("a", "a kitten"))
    other.close()
    assert await ids(memory, "kitten") == ["a"]


async def test_an_index_that_missed_too_many_changes_is_read_anew(memory, tmp_path):
    await memory.upsert([item("a", "a kitten")])
    assert await ids(memory, "kitten") == ["a"]
    await memory.delete("ann", ["a"])
    await memory.upsert([item("b", "a kitten")])
    other = connect(tmp_path / "harry.sqlite3", patience=1, writing=True)
    other.execute("DELETE FROM change WHERE seq < (SELECT max(seq) FROM change)")
    other.close()
    assert await ids(memory, "kitten") == ["b"]


async def test_changes_are_not_kept_for_ever(memory, tmp_path):
    await memory.upsert([item(f"{n}", f"word{n}") for n in range(MAX_CHANGES + 50)])
    found = sqlite3.connect(tmp_path / "harry.sqlite3")
    assert found.execute("SELECT count(*) FROM change").fetchone()[0] <= MAX_CHANGES
    found.close()


# Replacing and deleting


async def test_what_is_superseded_is_kept_and_no_longer_found(memory):
    await memory.upsert([item("old", "the rent is 800")])
    await memory.upsert([item("new", "the rent is 900", supersedes="old", at=AT + 5)])
    assert await ids(memory, "rent") == ["new"]
    assert (await memory.get("ann", "old")).valid_to == AT + 5
    await memory.upsert([item("old", "the rent is 800")])
    assert await ids(memory, "rent") == ["new"], "writing the old one again opened it"


async def test_what_was_derived_goes_with_its_origin_and_so_on(memory):
    await memory.upsert(
        [
            item("turn", "a kitten"),
            item("summary", "about a kitten", derived_from=("turn", "other")),
            item("profile", "likes a kitten", derived_from=("summary",)),
            item("mine", "a kitten", namespace="bob", derived_from=("turn",)),
        ]
    )
    assert await memory.delete("ann", ["turn"]) == 3
    assert await ids(memory, "kitten") == []
    assert await ids(memory, "kitten", "bob") == ["mine"]


async def test_items_derived_from_one_another_in_a_circle_can_be_deleted(memory):
    await memory.upsert([item("a", derived_from=("b",)), item("b", derived_from=("a",))])
    assert await memory.delete("ann", ["a"]) == 2


async def test_deleting_what_is_not_there_deletes_nothing(memory):
    assert await memory.delete("ann", ["a"]) == 0


async def test_a_vector_that_holds_something_of_a_deleted_turn_goes_too(memory):
    await memory.upsert([item("a", "secretword"), item("b", "an answer")])
    await memory.embed_missing()
    assert (await memory.count_items("ann"))[0]["with_vector"] == 2
    await memory.delete("ann", ["a"])
    assert (await memory.count_items("ann"))[0]["with_vector"] == 0
    memory.embedder.texts.clear()
    await memory.embed_missing()
    assert not any("secretword" in text for text in memory.embedder.texts)


async def test_a_turn_is_embedded_by_itself_and_after_the_one_before_it(memory):
    await memory.upsert([item("a", "one"), item("b", "two", speaker="Bob"), item("c", "three", at=AT + 9e6)])
    await memory.embed_missing()
    assert memory.embedder.texts == [
        "Ann: one", "Bob: two", "Ann: three", "Ann: one", "Ann: one\nBob: two", "Ann: three",
    ]  # fmt: skip


# Every turn and thought


def turn(name: str, said: str, heard: str = "", amends: str | None = None) -> TurnRecord:
    return TurnRecord(name, "ann", "s", "harry", Source.VOICE, AT, AT + 2, said, heard, heard, False, "done", amends)


async def kept(memory: LongTermMemory, *records: TurnRecord | Thought) -> None:
    await memory._tables.transaction(lambda connection: index_records(connection, records))


async def test_what_was_said_and_what_was_heard_of_the_answer_is_found(memory):
    await kept(memory, turn("t1", "I have a kitten.", " How sweet, a kitten!"), turn("t2", "Good night."))
    assert sorted((await ids(memory, "kitten"))[:2]) == ["t1/heard", "t1/said"]
    assert (await memory.get("ann", "t1/heard")).speaker == "Harry"


async def test_the_same_turn_twice_is_one(memory):
    await kept(memory, turn("t1", "I have a kitten."))
    await kept(memory, turn("t1", "I have a kitten."))
    assert await ids(memory, "kitten") == ["t1/said"]


async def test_a_turn_that_amends_takes_the_place_of_the_other(memory):
    await kept(memory, turn("t1", "I have a kit", "Yes?"), turn("t2", "I have a kitten.", amends="t1"))
    assert [each.id for _, each in await memory.list_items("ann")] == ["t2/said"]


async def test_a_thought_is_found_as_such(memory):
    await kept(memory, Thought("x", "ann", "s", "harry", "Harry", AT, "The kitten again."), turn("t", " ", " "))
    assert await ids(memory, "kitten", kinds=["soc"]) == ["x"]
    assert [each.id for _, each in await memory.list_items("ann")] == ["x"]


# Bad input


@pytest.mark.parametrize(
    "text",
    [
        "kitten \x00 behind a NUL",
        "kitten \ud83d half a pair",
        "kitten \U0001f469\u200d\U0001f467",
        "kitten \u202e\u200b\ufeff",
        "kitten " + "a\u0301" * 1000,
        "kitten \u0643\u0644\u0628 \u732b \u0939\u093f",
        "kitten '; DROP TABLE item; --",
        "kitten AND OR NOT NEAR( \" * ^",
    ],
)  # fmt: skip
async def test_a_text_of_any_characters_is_kept_and_found(memory, text):
    await memory.upsert([item(text[7:], text, speaker=text[7:], namespace=text)])
    await memory.embed_missing()
    namespace = clean(item("a", namespace=text)).namespace
    assert len(await ids(memory, text, namespace)) == 1
    assert len(await ids(memory, "kitten", namespace)) == 1


async def test_a_memory_of_a_megabyte_is_kept_whole_and_found(memory):
    text = "kitten " + "word " * 200_000
    await memory.upsert([item("a", text), item("b", "another")])
    await memory.embed_missing()
    assert (await ids(memory, "kitten"))[0] == "a"
    assert (await memory.get("ann", "a")).text == text


# Searching while the user waits


async def test_a_cancelled_search_lets_the_next_one_through(memory):
    await memory.upsert([item("a", "a kitten")])
    with trio.move_on_after(0) as scope:
        await memory.search("kitten", namespace="ann")
    assert scope.cancelled_caught
    assert await ids(memory, "kitten") == ["a"]


async def test_vectors_are_made_when_something_was_noticed(memory):
    async with trio.open_nursery() as nursery:
        await nursery.start(memory.run)
        await memory.upsert([item("a", "a kitten")])
        memory.notice()
        with trio.fail_after(10):
            while not (await memory.count_items())[0]["with_vector"]:
                await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()


async def test_vectors_are_made_once_the_store_is_back_and_nothing_crashes_meanwhile(memory):
    await memory.upsert([item("a", "a kitten")])
    memory._tables.access.trouble = StoreError("The disk is away.")
    async with trio.open_nursery() as nursery:
        await nursery.start(memory.run)
        await trio.sleep(0.05)
        memory._tables.access.trouble = None
        with trio.fail_after(10):
            while not (await memory.count_items())[0]["with_vector"]:
                await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()


async def test_a_store_that_fails_is_a_sentence(tmp_path):
    tables = await Database.open(tmp_path / "h.sqlite3")
    memory = LongTermMemory(tables)
    await tables.aclose()
    with pytest.raises(StoreError):
        await memory.upsert([item("a")])
    with pytest.raises(StoreError):
        await memory.search("a", namespace="ann")


# What reaches the prompt


def found(identity: str, strength: float, text: str = "", **changes: object) -> Found:
    return Found(item(identity, text or f"words of {identity} alone", **changes), 1.0, strength)


@pytest.mark.parametrize("tier", ["both", "words"])
def test_nothing_is_told_unless_one_is_strong(tier):
    first, other = FLOORS[tier]
    assert select(Answer(tier, (found("a", first - 0.01), found("b", first - 0.02)))) == []
    strong = select(Answer(tier, (found("a", first), found("b", other), found("c", other - 0.01))))
    assert [each.item.id for each in strong] == ["a", "b"]


def test_what_says_the_same_is_told_once():
    one, other = found("a", 1.0, "We met in the old harbour."), found("b", 1.0, "we met in the old harbour!")
    assert are_alike(one, other)
    assert not are_alike(one, found("c", 1.0, "We met in the old harbour.", speaker="Bob"))
    assert len(select(Answer("both", (one, other)))) == 1


def test_few_are_told_the_oldest_first_and_none_that_the_prompt_has():
    many = tuple(found(f"t{n}/said", 1.0, at=AT - n) for n in range(9))
    told = [each.item.id for each in select(Answer("both", many), present={"t1"})]
    assert len(told) == MOST_MEMORIES
    assert "t1/said" not in told
    assert told == sorted(told, reverse=True)


def test_a_memory_is_one_line_with_its_age_and_origin():
    line = render(found("a", 1.0, "one\ntwo\x00 three", at=AT), AT + 22 * 86_400)
    assert line == "Memory from 3 weeks ago, Ann: one two\x00 three"
    assert render(found("a", 1.0, "x", speaker="", heading="Book > One"), AT).startswith("Memory from just now, Book")
    assert len(render(found("a", 1.0, "word " * 10_000), AT)) < MAX_MEMORY_CHARACTERS + 60


# Books and notes


def test_passages_know_the_headings_above_them():
    text = "# Tea\nBegin.\n\n## Green\n\nOf Japan.\n\n## Black\nOf Assam.\n# Coffee\nBitter."
    assert [(each.heading, each.text) for each in split_passages(text)] == [
        ("Tea", "Begin."),
        ("Tea > Green", "Of Japan."),
        ("Tea > Black", "Of Assam."),
        ("Coffee", "Bitter."),
    ]


def test_plain_text_has_no_headings_and_code_neither():
    assert [each.heading for each in split_passages("# no heading", markdown=False)] == [""]
    fenced = "# One\n```\n# a comment\n\nx\n```\nafter"
    assert [each.heading for each in split_passages(fenced)] == ["One"]
    assert "# a comment" in split_passages(fenced)[0].text


def test_a_short_note_stays_whole():
    assert len(split_passages("First.\n\nSecond.\n\nThird.", markdown=False)) == 1


def test_a_long_paragraph_is_cut_between_sentences_which_overlap():
    sentences = [f"This is sentence number {n} of the long paragraph." for n in range(100)]
    found_passages = [each.text for each in split_passages(" ".join(sentences), markdown=False)]
    assert len(found_passages) > 3
    for one, following in pairwise(found_passages):
        assert following.startswith(one[one.rindex("This is") :])
    assert all(any(sentence in text for text in found_passages) for sentence in sentences)


@given(st.lists(st.text(alphabet="ab. \n#`", max_size=40), max_size=40))
def test_no_word_of_a_document_is_lost_and_no_passage_is_long(lines):
    document = "\n".join(lines)
    found_passages = split_passages(document, markdown=False)
    assert " ".join(each.text for each in found_passages).split() or not document.split()
    assert all(len(each.text.split()) <= MAX_PASSAGE_WORDS + MAX_PASSAGE_WORDS // 4 for each in found_passages)
    words = [word for each in found_passages for word in each.text.split()]
    assert set(document.split()) == set(words)


def test_a_document_without_an_end_of_sentence_is_cut_too():
    assert all(len(each.text.split()) <= MAX_PASSAGE_WORDS for each in split_passages("word " * 5000, markdown=False))


# The schema


@pytest.mark.parametrize("earlier", range(len(MIGRATIONS)))
def test_a_store_of_every_earlier_version_is_brought_up_to_date(tmp_path, earlier):
    path = tmp_path / "old.sqlite3"
    old = sqlite3.connect(path, isolation_level=None)
    migrate(old, MIGRATIONS[:earlier])
    if earlier:
        old.execute("INSERT INTO thought VALUES (1, 'x', 'ann', 's', 'harry', 'Harry', 1.0, '1970-01-01', 'kept')")
    old.close()
    new = connect(path, patience=1, writing=True)
    assert version(new) == len(MIGRATIONS)
    assert new.execute("SELECT text FROM thought").fetchall() == ([("kept",)] if earlier else [])
    items_module.put(new, item("a"))
    new.close()
