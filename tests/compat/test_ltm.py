"""Long-term memory by its old names, and no old defect: the newest hit stays, ids are any text, deleted is gone."""

from __future__ import annotations

import asyncio
import threading

import pytest

from harry.compat import loaders_async as loaders
from harry.compat import ltm_async as ltm
from tests.support.compat_home import CALLERS, home  # noqa: F401  (a fixture)

pytestmark = pytest.mark.usefixtures("home")

SEARCHES = {
    "memory": (ltm.upsert_sync, ltm.search_sync),
    "book": (ltm.book_upsert_sync, ltm.booksearch_sync),
    "note": (ltm.notes_upsert_sync, ltm.notesearch_sync),
    "test": (ltm.test_upsert_sync, ltm.testsearch_sync),
}


def ids(found):
    return [each["id"] for each in found]


@pytest.mark.parametrize("kind", SEARCHES)
def test_each_kind_is_found_by_its_own_search_alone(kind):
    put, _ = SEARCHES[kind]
    assert put("The tulips are red this year", "t") is True
    for other, (_, find) in SEARCHES.items():
        assert ids(find("red tulips")) == (["t"] if other == kind else [])


@pytest.mark.parametrize("identity", ["116208262025000226", 42, "not a number", "ü/🙂", "a b", "x" * 1000])
def test_ids_may_have_any_form(identity):
    assert ltm.upsert_sync("The tulips are red", identity)
    assert ids(ltm.search_sync("tulips")) == [str(identity)]
    assert ltm.delete_vector_by_id_sync(identity)


def test_a_memory_is_given_whole(home):  # noqa: F811
    ltm.upsert_sync("The tulips\nare red", "t")
    (found,) = ltm.search_sync("tulips")
    assert found["message"] == "The tulips\nare red"
    assert found["kind"] == "memory"
    assert "+" in found["time"][10:] or found["time"].endswith("Z"), "a naive time"
    assert isinstance(found["score"], float)


def test_the_same_id_again_takes_the_place_of_the_old_text():
    ltm.upsert_sync("The tulips are red", "t")
    ltm.upsert_sync("The roses are white", "t")
    assert ltm.search_sync("tulips") == []
    assert ids(ltm.search_sync("roses")) == ["t"]


def test_no_hit_is_dropped_and_the_best_comes_first():
    ltm.upsert_sync("Ann planted red tulips by the gate", "oldest")
    ltm.upsert_sync("The weather was dull", "middle")
    ltm.upsert_sync("We bought tulips", "newest")
    told = ltm.memory_search_sync("who planted red tulips by the gate").splitlines()
    assert told[0] == "Memory from just now: Ann planted red tulips by the gate"
    assert "Memory from just now: We bought tulips" in told


def test_deleting_deletes_and_says_whether_there_was_anything():
    ltm.upsert_sync("The tulips are red", "t")
    assert ltm.delete_vector_by_id_sync("t", "book") is False, "it is no book"
    assert ids(ltm.search_sync("tulips")) == ["t"]
    assert ltm.delete_vector_by_id_sync("t", "memory") is True
    assert ltm.delete_vector_by_id_sync("t") is False
    assert ltm.search_sync("tulips") == []
    with pytest.raises(ValueError, match="no kind"):
        ltm.delete_vector_by_id_sync("t", "conversational_memory.index")


def test_one_users_memories_are_not_anothers():
    ltm.upsert_sync("The tulips are red", "t", "Maggie")
    assert ltm.search_sync("tulips") == []
    assert ltm.delete_vector_by_id_sync("t") is False
    assert ids(ltm.search_sync("tulips", "Maggie")) == ["t"]


def test_journals_are_searched_as_journals():
    loaders.save_journal_sync("I dreamt of tulips")
    ltm.upsert_sync("The tulips are red", "t")
    ltm.journal_upsert_sync("Tulips again", "j")
    told = ltm.journal_search_sync("tulips").splitlines()
    assert sorted(told) == ["Journal from just now: I dreamt of tulips", "Journal from just now: Tulips again"]


def test_nothing_found_is_nothing_and_never_an_error():
    for find in (ltm.search_sync, ltm.booksearch_sync, ltm.notesearch_sync, ltm.testsearch_sync):
        assert find("anything") == []
        assert find("") == []
        assert find("anything", count=0) == []
    assert ltm.memory_search_sync("anything") == ""
    assert ltm.journal_search_sync("") == ""


def test_what_can_never_be_kept_is_said():
    for text in ("", "  \n"):
        with pytest.raises(ValueError, match="no text"):
            ltm.upsert_sync(text, "t")


@pytest.mark.parametrize("caller", CALLERS)
def test_memories_kept_at_once_are_all_kept(caller):
    def keep(first: int) -> None:
        async def main() -> None:
            await asyncio.gather(*(ltm.upsert(f"tulip number {n}", f"{n}") for n in range(first, first + 10)))

        asyncio.run(main())

    threads = [threading.Thread(target=keep, args=(first,)) for first in range(0, 40, 10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(CALLERS[caller](ltm.search, "tulip number", count=100)) == 40
