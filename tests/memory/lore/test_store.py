"""Where lore is kept: beside a running Harry, for each namespace and persona apart, and gone when it is deleted."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from harry.errors import ConfigurationError, StoreError
from harry.memory.lore.importing import read_book
from harry.memory.lore.model import Book, Entry, Scope
from harry.memory.lore.store import LoreStore
from harry.memory.store.connection import connect
from harry.memory.store.database import Database
from harry.memory.store.sqlite_store import SqliteStore
from tests.support.paths import DATA

ADA = Scope("ada", "Harry")
BOOKS = DATA / "lore"
ALL = Book("all", tuple(Entry(keys=(word,), content=f"about {word}") for word in ("one", "two", "three")))


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[LoreStore]:
    opened = LoreStore(Database(tmp_path / "harry.sqlite3", patience=0.2))
    yield opened
    await opened._database.aclose()


async def books(store: LoreStore, scope: Scope = ADA) -> list[Book]:
    return (await store.load(scope))[1]


def unnumbered(book: Book) -> Book:
    return replace(book, number=0, entries=tuple(replace(entry, number=0) for entry in book.entries))


@pytest.mark.parametrize("name", ["book.json", "world.json", "story.lorebook"])
async def test_a_book_is_given_back_as_it_was_kept(store, name):
    book = read_book(BOOKS / name).book
    await store.add_book(ADA, book)
    assert [unnumbered(each) for each in await books(store)] == [book]


async def test_text_that_a_file_can_hardly_hold_is_kept(store):
    entry = Entry(keys=("nul\x00", "\U0001f409"), content="a\x00b\nc", extensions={"deep": [{"x": None}]})
    await store.add(ADA, entry, book="notes")
    assert unnumbered((await books(store))[0]).entries == (entry,)
    await store.add(ADA, Entry(keys=("\ud800",), content="\ud800"), book="notes")
    assert (await books(store))[0].entries[1].content == "\ufffd"


async def test_every_change_raises_the_version_and_a_look_does_not(store):
    versions = [await store.version()]
    for change in (
        lambda: store.add_book(ADA, ALL),
        lambda: store.add(ADA, Entry(keys=("x",)), book="all"),
        lambda: store.enable(ADA, [1], enabled=False),
        lambda: store.enable(ADA, [1], enabled=True),
        lambda: store.delete(ADA, [1]),
        lambda: store.delete_book(ADA, "all"),
        lambda: store.erase("ada"),
    ):
        await change()
        await books(store)
        versions.append(await store.version())
    assert versions == sorted(set(versions))
    await books(store)
    assert await store.version() == versions[-1]


async def test_a_change_by_another_process_is_seen(store, tmp_path):
    await store.add_book(ADA, ALL)
    version = await store.version()
    other = LoreStore(Database(tmp_path / "harry.sqlite3"))
    await other.enable(ADA, [2], enabled=False)
    await other._database.aclose()
    assert await store.version() > version
    assert [entry.enabled for entry in (await books(store))[0].entries] == [True, False, True]


async def test_each_namespace_and_persona_has_books_of_its_own(store):
    for scope in (ADA, Scope("ada", "Leo"), Scope("ben", "Harry")):
        await store.add_book(scope, Book("all", (Entry(keys=(f"{scope.namespace} {scope.persona}",)),)))
    assert (await books(store))[0].entries[0].keys == ("ada Harry",)
    assert (await books(store, Scope("ben", "Harry")))[0].entries[0].keys == ("ben Harry",)
    assert await books(store, Scope("ben", "Leo")) == []
    with pytest.raises(ConfigurationError, match="There is no entry 3"):
        await store.delete(ADA, [3])
    with pytest.raises(ConfigurationError, match="There is no entry 1"):
        await store.enable(Scope("ben", "Harry"), [1], enabled=False)


async def test_a_second_book_of_a_name_is_refused_unless_it_shall_take_the_place(store):
    await store.add_book(ADA, ALL)
    with pytest.raises(ConfigurationError, match="There is a book 'all' already"):
        await store.add_book(ADA, ALL)
    assert await store.add_book(ADA, Book("all", (Entry(keys=("new",)),)), replace=True) == 3
    assert [entry.keys for each in await books(store) for entry in each.entries] == [("new",)]


async def test_a_number_is_never_given_twice(store):
    await store.add_book(ADA, ALL)
    await store.delete(ADA, [3])
    assert await store.add(ADA, Entry(keys=("x",)), book="all") == 4


async def test_a_change_with_one_wrong_number_changes_nothing(store):
    await store.add_book(ADA, ALL)
    version = await store.version()
    for wrong in (99, 0, -1, 2**70):
        with pytest.raises(ConfigurationError, match=f"There is no entry {wrong}"):
            await store.delete(ADA, [1, wrong])
        with pytest.raises(ConfigurationError, match=f"There is no entry {wrong}"):
            await store.enable(ADA, [1, wrong], enabled=False)
    assert await store.version() == version
    assert unnumbered((await books(store))[0]) == ALL


async def test_a_book_goes_with_its_last_entry(store):
    await store.add_book(ADA, ALL)
    await store.delete(ADA, [1, 2, 3])
    assert await books(store) == []


async def test_a_deleted_book_is_gone_with_its_entries(store):
    await store.add_book(ADA, ALL)
    assert await store.delete_book(ADA, "all") == 3
    with pytest.raises(ConfigurationError, match="There is no book 'all'"):
        await store.delete_book(ADA, "all")
    with sqlite3.connect(store._database.path) as database:
        assert database.execute("SELECT count(*) FROM lore_entry").fetchone() == (0,)
    database.close()


async def test_what_is_erased_of_a_namespace_is_all_of_it_and_nothing_else(store):
    for scope in (ADA, Scope("ada", "Leo"), Scope("ben", "Harry")):
        await store.add_book(scope, ALL)
    assert await store.erase("ada") == 6
    assert await books(store) == await books(store, Scope("ada", "Leo")) == []
    assert len(await books(store, Scope("ben", "Harry"))) == 1


async def test_what_is_erased_by_its_column_alone_goes_with_its_entries_and_is_noticed(store):
    await store.add_book(ADA, ALL)
    version = await store.version()
    connection = connect(store._database.path, patience=1, writing=True)
    connection.execute("DELETE FROM lore_book WHERE ns = 'ada'")
    assert connection.execute("SELECT count(*) FROM lore_entry").fetchone() == (0,)
    connection.close()
    assert await store.version() > version


async def test_too_much_is_refused_and_what_was_there_stays(store, monkeypatch):
    await store.add_book(ADA, ALL)
    monkeypatch.setattr("harry.memory.lore.model.MAX_ENTRIES", 4)
    with pytest.raises(ConfigurationError, match="6 entries; a persona can have 4"):
        await store.add_book(ADA, replace(ALL, name="more"))
    await store.add(ADA, Entry(keys=("x",)), book="all")
    with pytest.raises(ConfigurationError, match="5 entries"):
        await store.add(ADA, Entry(keys=("y",)), book="all")
    assert [len(each.entries) for each in await books(store)] == [4]
    # What takes the place of the old ones is measured without them.
    assert await store.add_book(ADA, ALL, replace=True) == 4


async def test_lore_stands_beside_thoughts_and_turns_in_one_file(store, tmp_path):
    other = await SqliteStore.open(tmp_path / "harry.sqlite3")
    await store.add_book(ADA, ALL)
    assert await other.history("ada", limit=3) == []
    await other.aclose()
    assert len(await books(store)) == 1


async def test_a_file_that_was_put_in_the_place_of_the_old_one_is_read(store, tmp_path):
    await store.add_book(ADA, ALL)
    assert len(await books(store)) == 1
    other = LoreStore(Database(tmp_path / "other.sqlite3"))
    await other.add_book(ADA, Book("restored", (Entry(keys=("x",)),)))
    await other._database.aclose()
    for old in tmp_path.glob("harry.sqlite3*"):
        old.unlink()
    (tmp_path / "other.sqlite3").rename(store._database.path)
    assert [each.name for each in await books(store)] == ["restored"]


async def test_a_damaged_file_is_said_in_a_sentence(tmp_path):
    (tmp_path / "harry.sqlite3").write_bytes(b"no database at all" * 100)
    store = LoreStore(Database(tmp_path / "harry.sqlite3"))
    with pytest.raises(StoreError, match="is damaged"):
        await store.version()
    with pytest.raises(StoreError, match="is damaged"):
        await store.add_book(ADA, ALL)
