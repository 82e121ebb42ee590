"""The knowledge base: what a persona knows by keyword, and which entries the recent conversation speaks of.

Plain keys are whole words, whatever their case; entries that are disabled never fire; `harry lore test` says why one
did or did not. Every function raises `harry.errors.StoreError` where the store cannot be used.
"""

from __future__ import annotations

from typing import Any

from harry.compat import lore as lore_seed
from harry.compat.lore import BUDGET
from harry.compat.portal import make_synchronous, port
from harry.compat.services import Services, portal
from harry.memory.conversations.window import DEFAULT_BUDGET_TOKENS as RECENT


@port(portal)
async def load_knowledgebase(services: Services, persona: str | None = None) -> dict[str, list[dict[str, Any]]]:
    """Give all books of a persona as `categories` and all entries, `enabled` or not, as `entries`."""
    return await lore_seed.load_knowledgebase(services.knowledge(persona))


@port(portal)
async def constant_entries(services: Services, persona: str | None = None) -> str:
    """Give the contents of the constant entries that are enabled, as one text; "" if there are none."""
    return await lore_seed.constant_entries(services.knowledge(persona))


@port(portal)
async def get_key_matches(
    services: Services,
    username: str | None = None,
    persona: str | None = None,
    *,
    text: str | None = None,
    max_entries: int = 6,
    budget: int = BUDGET,
) -> list[dict[str, Any]]:
    """Give the entries that the user's recent conversation, or else `text`, speaks of, in the prompt's order.

    Each is `{"key", "content", "comment", "tokenBudget", "budgetPriority", "why"}`. At most `max_entries`, those of the
    highest priority, and at most `budget` tokens together.
    """
    spoken = await _recent_texts(services, username, text)
    return await lore_seed.get_key_matches(
        services.knowledge(persona), spoken, max_entries=max_entries, budget_tokens=budget
    )


@port(portal)
async def kb_entries(
    services: Services,
    username: str | None = None,
    persona: str | None = None,
    *,
    text: str | None = None,
    max_entries: int = 6,
    budget: int = BUDGET,
) -> str:
    """Give the contents of what `get_key_matches` gives as one text; "" if there are none."""
    spoken = await _recent_texts(services, username, text)
    return await lore_seed.kb_entries(
        services.knowledge(persona), spoken, max_entries=max_entries, budget_tokens=budget
    )


async def _recent_texts(services: Services, username: str | None, text: str | None) -> list[str]:
    """Give the texts to look at, the newest last."""
    if text is not None:
        return [text]
    exchanges = await services.rotation.recall_recent(services.user(username), budget=RECENT)
    return [text for exchange in exchanges for text in (exchange.said, exchange.heard) if text.strip()]


load_knowledgebase_sync = make_synchronous(load_knowledgebase)
constant_entries_sync = make_synchronous(constant_entries)
get_key_matches_sync = make_synchronous(get_key_matches)
kb_entries_sync = make_synchronous(kb_entries)
