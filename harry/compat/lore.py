"""The knowledge base under the names of the seed: what `harry.compat.knowledgebase_search_async` stands on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harry.memory.lore.service import KnowledgeBase

BUDGET = 1_000
"""Tokens for entries that are not constant, where the caller does not say."""

_BETWEEN = "\n\n"


async def load_knowledgebase(base: KnowledgeBase) -> dict[str, list[dict[str, Any]]]:
    """Give all books as `categories` and all entries, disabled ones too, as `entries`. Raises `StoreError`."""
    await base.refresh()
    return {
        "categories": [{"id": book.number, "name": book.name, "description": book.description} for book in base.books],
        "entries": [
            {
                "id": entry.number,
                "category": book.number,
                "display_name": entry.title,
                "keys": list(entry.keys),
                "text": entry.content,
                "enabled": entry.enabled,
                "force_activation": entry.constant,
                "budget_priority": entry.worth[0],
            }
            for book in base.books
            for entry in book.entries
        ],
    }


async def constant_entries(base: KnowledgeBase) -> str:
    """Give the content of all constant entries, in the prompt's order, "" if there are none. Raises `StoreError`."""
    return _BETWEEN.join(fired.text for fired in await base.fire([], 0) if fired.constant)


async def get_key_matches(
    base: KnowledgeBase, texts: Sequence[str], *, max_entries: int = 6, budget_tokens: int = BUDGET
) -> list[dict[str, Any]]:
    """Give what `texts` (newest last) speak of, constant entries apart, in the prompt's order.

    Each is `{"key", "content", "comment", "tokenBudget", "budgetPriority", "why"}`; `tokenBudget` is what it takes.
    With more than `max_entries` those of the highest priority stay. Raises `StoreError`.
    """
    found = [fired for fired in await base.fire(texts, budget_tokens) if not fired.constant]
    worthiest = sorted(found, key=lambda fired: fired.entry.worth, reverse=True)[: max(0, max_entries)]
    return [
        {
            "key": next(iter(fired.entry.keys), ""),
            "content": fired.text,
            "comment": fired.entry.comment or "",
            "tokenBudget": fired.tokens,
            "budgetPriority": fired.entry.worth[0],
            "why": fired.why,
        }
        for fired in found
        if fired in worthiest
    ]


async def kb_entries(
    base: KnowledgeBase, texts: Sequence[str], *, max_entries: int = 6, budget_tokens: int = BUDGET
) -> str:
    """Give the contents of `get_key_matches` as one text, "" if there are none. Raises `StoreError`."""
    found = await get_key_matches(base, texts, max_entries=max_entries, budget_tokens=budget_tokens)
    return _BETWEEN.join(entry["content"] for entry in found)
