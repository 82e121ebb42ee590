"""The knowledge base by its old names, and no old defect: what is disabled is silent, and keys are whole words."""

from __future__ import annotations

import pytest

from harry.compat import knowledgebase_search_async as knowledge
from harry.compat import loaders_async as loaders
from harry.compat import services
from harry.memory.lore.model import Book, Entry, Scope
from harry.memory.store.opening import NAMESPACE
from tests.support.compat_home import CALLERS, home  # noqa: F401  (a fixture)

BOOK = Book(
    "Garden",
    (
        Entry(("tulip", "tulips"), "Tulips grow by the gate.", comment="tulips", priority=5),
        Entry(("art",), "Art is on Mondays.", comment="art"),
        Entry(("rose",), "Roses are out.", enabled=False, comment="roses"),
        Entry((), "The garden is large.", constant=True, comment="always"),
        Entry((), "The garden is secret.", constant=True, enabled=False, comment="never"),
        Entry((r"/rain\s+again/i",), "The roof leaks.", use_regex=True, comment="rain"),
    ),
)


@pytest.fixture(autouse=True)
def book(home) -> None:  # noqa: F811
    async def keep(opened: services.Services) -> None:
        await opened.lore.add_book(Scope(NAMESPACE, "Harry"), BOOK)

    services.portal.call_here(keep)


def fired(text: str) -> list[str]:
    return [each["comment"] for each in knowledge.get_key_matches_sync(text=text)]


def test_everything_is_listed_with_whether_it_is_enabled():
    found = knowledge.load_knowledgebase_sync()
    assert [each["name"] for each in found["categories"]] == ["Garden"]
    assert {each["display_name"]: each["enabled"] for each in found["entries"]} == {
        "tulips": True, "art": True, "roses": False, "always": True, "never": False, "rain": True,
    }  # fmt: skip
    assert knowledge.load_knowledgebase_sync("Rhoda") == {"categories": [], "entries": []}


def test_constant_entries_are_the_enabled_ones():
    assert knowledge.constant_entries_sync() == "The garden is large."


def test_a_disabled_entry_never_fires():
    assert fired("the rose and the roses") == []


def test_keys_are_whole_words_in_any_case():
    assert fired("TULIPS!") == ["tulips"]
    assert fired("start the party") == []
    assert fired("Art?") == ["art"]


def test_patterns_fire():
    assert fired("Rain   AGAIN") == ["rain"]


def test_no_more_than_was_asked_for_and_what_is_worth_most():
    (only,) = knowledge.get_key_matches_sync(text="art, tulips, rain again", max_entries=1)
    assert set(only) == {"key", "content", "comment", "tokenBudget", "budgetPriority", "why"}
    assert knowledge.get_key_matches_sync(text="tulips", max_entries=0) == []


def test_the_recent_conversation_is_what_is_looked_at():
    assert knowledge.kb_entries_sync("Maggie") == ""
    loaders.save_to_fleeting_convo_history_sync("How are the tulips?", "Maggie", "Maggie")
    assert knowledge.kb_entries_sync("Maggie") == "Tulips grow by the gate."
    assert knowledge.kb_entries_sync("Leo") == "", "another's conversation fired it"


@pytest.mark.parametrize("caller", CALLERS)
def test_it_may_be_awaited_under(caller):
    assert CALLERS[caller](knowledge.kb_entries, text="tulips") == "Tulips grow by the gate."
